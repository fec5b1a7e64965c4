/* The time room: clocks, sleeping and the timers of processes.
 *
 *   clock.c nanosleep.c        the calls that read clocks, and that sleep
 *   itimer.c posix_timer.c     alarm and setitimer; timer_create
 *
 * The ground floor has the clock (clock.h) and the queue of timers (timer.h).
 *
 * Everything here needs the service lock. */
#ifndef LINUX_TIME_TIME_H
#define LINUX_TIME_TIME_H

#include "services/linux/task.h"

/* The process ends or executes a program: ends its timers (but those of setitimer() at exec), and drops their waiting signals. */
void timers_end(struct process *process, bool exec);

#endif

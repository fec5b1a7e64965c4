/* The time room: clocks, sleeping and the timers of processes.
 *
 *   clock.c nanosleep.c        the calls that read clocks, and that sleep
 *   itimer.c posix_timer.c     alarm and setitimer; timer_create
 *
 * What time it is, the ground floor knows: clock.h; and what is called at a point of time: timer.h.
 *
 * Everything here needs the service lock. */
#ifndef LINUX_TIME_TIME_H
#define LINUX_TIME_TIME_H

#include "services/linux/task.h"

/* The process ends or executes: its timers are gone (those of setitimer() survive exec), and their signals that wait. */
void timers_end(struct process *process, bool exec);

#endif

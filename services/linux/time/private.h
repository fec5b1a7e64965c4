/* What the files of this room share among themselves. Everything with the service lock held, but clock_read(). */
#ifndef LINUX_TIME_PRIVATE_H
#define LINUX_TIME_PRIVATE_H

#include "services/linux/task.h"

enum { ITIMERS = 3, POSIX_TIMERS = 8, NS_PER_US = 1000 };

/* clock.c: reads the clock of that number (CLOCK_*, or one that names a process or a thread). -> 0, -EINVAL. */
int clock_read(struct task *self, int clock, u64 *ns);
/* itimer.c, posix_timer.c: send the signals of the process's timers that are due, and move *next forward to the earliest deadline
 * that is left. */
void itimers_run(struct process *process, u64 now, u64 *next);
void posix_timers_run(struct process *process, u64 now, u64 *next);
/* Deletes all timers of timer_create(). */
void posix_timers_end(struct process *process);

/* Takes its deadline into account for the next thing to be done. */
void interval_note(u64 *next, const struct interval_timer *timer);

#endif

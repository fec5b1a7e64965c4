/* What the files of the time room share. All with the service lock held, but clock_read(). */
#ifndef LINUX_TIME_PRIVATE_H
#define LINUX_TIME_PRIVATE_H

#include "services/linux/task.h"

enum { ITIMERS = 3, NS_PER_US = 1000 };

/* clock.c: reads the clock of that number (CLOCK_*, or one that names a process or a thread). -> 0, -EINVAL. */
int clock_read(struct task *self, int clock, u64 *ns);
/* itimer.c, posix_timer.c: end the timers of a process. */
void itimers_end(struct process *process);
void posix_timers_end(struct process *process);

#endif

/* What the files of the process room share; see program.h, too. */
#ifndef LINUX_PROCESS_PRIVATE_H
#define LINUX_PROCESS_PRIVATE_H

#include "services/linux/process/process.h"

/* exec: ends the other tasks of the process, and waits until self is the only one. -> 0, or -EAGAIN if another task executes a
 * program or the process ends. */
int process_single(struct task *self);
/* Wakes the parent that sleeps in vfork. */
void vfork_done(struct process *process);
/* Wakes up to `count` waiters on a word of self's memory. */
int futex_wake(struct task *self, u64 addr, unsigned count, bool private);
/* The task ends: marks the robust mutexes that it still holds. */
void futex_exit(struct task *self);
extern const struct process_hooks *process_hooks; /* [I] */

#endif

/* What the files of the process room have of each other. Besides: program.h. */
#ifndef LINUX_PROCESS_PRIVATE_H
#define LINUX_PROCESS_PRIVATE_H

#include "services/linux/process/process.h"

/* exec: waits until self is the only task of its process. -> 0, or -EAGAIN if somebody else executes or the process ends. */
int process_single(struct task *self);
/* Lets the parent that sleeps in vfork go on. */
void vfork_done(struct process *process);
/* Wakes up to `count` waiters on a word of self's memory. */
int futex_wake(struct task *self, u64 addr, unsigned count, bool private);
/* The task ends: cleans up after robust mutexes it still holds. */
void futex_exit(struct task *self);
extern const struct process_hooks *process_hooks; /* [I] */

#endif

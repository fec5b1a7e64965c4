/* Birth and death of processes and tasks, and the memory they live in. For the files of this part; others need task.h only.
 * Service lock held throughout. */
#ifndef LINUX_PROCESS_PROCESS_H
#define LINUX_PROCESS_PROCESS_H

#include "services/linux/task.h"

/* --- exit.c --- */

/* Ends the calling task, and with the last one the process. */
_Noreturn void task_exit(struct task *self);
/* exec: waits until self is the only task of its process. -> 0, or -EAGAIN if somebody else executes or the process ends. */
int process_single(struct task *self);
/* Lets the parent that sleeps in vfork go on. */
void vfork_done(struct process *process);

/* --- futex.c --- */

/* Wakes up to `count` waiters on a word of self's memory. */
int futex_wake(struct task *self, u64 addr, unsigned count, bool private);
/* The task ends: cleans up after robust mutexes it still holds. */
void futex_exit(struct task *self);

/* --- exec.c --- */

/* Loads the first program: strings are in the service's memory, lists end with NULL. -> 0 or -errno. */
int exec_first(struct task *self, const char *path, char **argv, char **envp, struct user_frame *frame);

/* --- timer.c --- */

/* The process ends or executes: its timers are gone (interval timers survive exec). */
void timers_end(struct process *process, bool exec);
void timer_init(void);

#endif

/* Birth and death of processes and tasks, and the memory they live in. For the files of this part; others need task.h only.
 * Service lock held throughout. */
#ifndef LINUX_PROCESS_PROCESS_H
#define LINUX_PROCESS_PROCESS_H

#include "services/linux/task.h"

/* What this room calls in rooms behind it. Set once, at the start. */
struct process_hooks {
	/* The task lets its memory go: it ends, or executes a program. */
	void (*memory_left)(struct task *self);
	/* The process ends, or executes a program: its timers go; interval timers survive exec. */
	void (*timers_end)(struct process *process, bool exec);
	/* The leader of a session has ended. */
	void (*session_ended)(u32 session);
	/* Of the first process: its last task is about to let its memory go; it has ended, and with it the service (wait_status). */
	void (*first_ends)(void);
	void (*first_ended)(int wait_status);
};
void process_init(const struct process_hooks *hooks);

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

#endif

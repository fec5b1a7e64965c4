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

/* --- mm.c --- */

enum { MMAP_LOW = 0x10000 }; /* lowest address a program may map */

/* A new empty space for a program. NULL: no memory. */
struct mm *mm_new(const char *name);
/* A copy for fork, copy-on-write. */
struct mm *mm_fork(struct mm *mm, const char *name);
struct mm *mm_share(struct mm *mm);
void mm_put(struct task *self, struct mm *mm);
/* A free range of `bytes` for a mapping, as high as possible below mm->mmap_top. 0: none. */
u64 mm_find(struct mm *mm, u64 bytes);
/* The range below the last one, which is probably free. 0: none. */
u64 mm_guess(struct mm *mm, u64 bytes);
/* The range has become free: a good place to look next time. */
void mm_freed(struct mm *mm, u64 start, u64 bytes);
/* Whether anything is mapped in the range, or it is the kernel's (stacklets). */
bool mm_is_used(struct mm *mm, u64 start, u64 bytes);
/* --- mmap.c, for others that map into a process --- */

/* Whether RLIMIT_AS leaves room for so much more. */
bool mm_limit_allows(struct task *self, u64 bytes);
/* Forgets the private pages of a range. -> 0 or -ENOMEM, if there are gaps in it; the rest is done all the same. */
int mm_forget(struct mm *mm, u64 addr, u64 bytes);

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

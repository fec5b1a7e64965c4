/* The scheduler: which thread runs next, for all processors, in slices of time. A processor with nothing to run is idle on the
 * kernel's own root until an interrupt or a poke. All with the kernel lock.
 *
 * The processor's time is shared in rounds. In a round each thread that wants the processor all the time runs for one slice, one
 * after the other. A thread that has waited and wakes runs before those, first come, first served, as long as the threads of its
 * home space (its process) have run for less than one slice in this round; after that it waits for its turn in the next round like
 * all others. So time is shared by thread, and precedence is given by process:
 *
 *   - A process that needs less than a slice a round waits for the rest of the running thread's slice and for at most one slice of
 *     each other such process, however many threads want the processor all the time, and however many threads those processes have.
 *   - No thread runs for more than a slice a round, whether it waits in between or not, so waking early gains nothing.
 *   - A process shares what is left of its slice with each process that it makes, so making many gains nothing either.
 *
 * Nobody is preempted because another wakes. At the end of its slice a thread that is in a service that is not shielded (the Linux
 * service: in a system call) goes on until it waits, yields or leaves it, at most one slice: it may hold a lock. */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include "types.h"

struct space;
struct thread;

enum { SLICE_NS = 5000000 };

/* The thread may run: queues it and wakes an idle processor if there is one. */
void sched_ready(struct thread *thread);

/* The current thread waits (it is in some queue of waiters already): the processor runs another on its way out. */
void sched_wait(struct thread *thread);

/* The processor's current thread, which has left all calls, ends: charges its home for the time that it ran. */
void sched_leaves(const struct thread *thread);

/* A process makes another: gives it half of what is left of its slice in this round. */
void sched_divide(struct space *from, struct space *to);

/* The current thread's turn is over if another is ready. */
void sched_yield(void);

/* The current thread's slice is over. */
void sched_tick(void);

/* The one way out of the kernel: called at the end of every upcall with the lock held. Chooses the thread to run, deals with
 * what is pending for it, prepares its space, releases the lock. Does not return if there is nothing to run. */
void sched_leave(void);

#endif

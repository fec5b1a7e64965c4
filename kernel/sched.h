/* The scheduler: one queue of ready threads for all processors, first come, first served, in slices of time. A processor
 * with nothing to run is idle on the kernel's own root until an interrupt or a poke. All with the kernel lock. */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include "types.h"

struct thread;

enum { SLICE_NS = 5000000 };

/* The thread may run: queues it and wakes an idle processor if there is one. */
void sched_ready(struct thread *thread);

/* The current thread waits (it is in some queue of waiters already): the processor runs another on its way out. */
void sched_wait(struct thread *thread);

/* The current thread goes to the end of the queue if another is ready. */
void sched_yield(void);

/* The current thread's slice is over. */
void sched_tick(void);

/* The one way out of the kernel: called at the end of every upcall with the lock held. Chooses the thread to run, deals with
 * what is pending for it, prepares its space, releases the lock. Does not return if there is nothing to run. */
void sched_leave(void);

#endif

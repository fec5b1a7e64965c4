/* Time: the clock, deadlines of waiting threads, slices. A processor that adds the earliest deadline arms its own alarm for
 * it, so the earliest one is always covered by some processor. All with the kernel lock. */
#ifndef KERNEL_TIMER_H
#define KERNEL_TIMER_H

#include "types.h"

struct thread;

extern struct clock_info boot_clock; /* [I] */

void timer_init(void);
u64 timer_ns_of_ticks(u64 ticks);
/* Saturates at ~0 - 1. */
u64 timer_ticks_of_ns(u64 ns);
/* Queues thread->wait.deadline. */
void timer_add(struct thread *thread);
/* The current thread starts a fresh slice; make sure it ends when others are ready. */
void timer_new_slice(void);
void timer_arm_slice(void);
/* Arms this processor for the earliest deadline. */
void timer_arm(void);
/* The alarm went off: deadlines that passed. */
void timer_run(void);

#endif

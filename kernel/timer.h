/* Time: the clock, deadlines of waiting threads, slices. The processor that adds a deadline earlier than all others arms its own
 * alarm for it, so some processor always wakes in time for the earliest one. All with the kernel lock. */
#ifndef KERNEL_TIMER_H
#define KERNEL_TIMER_H

#include "cpu.h"
#include "lib/list.h"
#include "types.h"

struct thread;

/* Something that happens to a thread at a time. */
struct timer {
	u64 ticks;
	struct list_node node; /* of the queue, earliest first; in none: off */
	bool is_of_calls;      /* [I] thread->deadline: recall_time_out(); else thread->wait.timer: wait_fail() */
};

extern struct clock_info boot_clock; /* [I] */
/* `test=preempt seed=N` on the command line: slices are short, of random lengths, and end for a thread that is alone too. Where
 * the generator stands; 0: nothing of that. [K] */
extern u64 slice_random;
/* Of the next slice, and of a slice as it should be. */
extern u64 slice_ticks, slice_whole;

/* Sums for struct kernel_stats. [K] */
extern u64 timer_idle_ns, timer_service_ns;

void timer_init(void);
u64 timer_ns_of_ticks(u64 ticks);
/* Saturates at ~0 - 1. */
u64 timer_ticks_of_ns(u64 ns);
/* Queues one that is off. */
void timer_add(struct timer *timer);
/* Does the processor's alarm go off later than that, or not at all? */
static inline bool timer_is_late(const struct cpu *cpu, u64 ticks)
{
	return cpu->armed - 1 >= ticks;
}
/* It goes off at that tick at the latest. The calling processor's. */
void timer_arm_for(u64 ticks);
/* Makes sure that the current thread's slice ends. */
static inline void timer_arm_slice(const struct cpu *cpu)
{
	if (timer_is_late(cpu, cpu->slice_end) && cpu->current)
		timer_arm_for(cpu->slice_end);
}
/* Arms this processor for the earliest deadline. */
void timer_arm(void);
/* The alarm went off: deadlines that passed. */
void timer_run(void);

#endif

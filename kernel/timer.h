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
/* With `test=preempt seed=N` on the command line, slices are short and of random lengths, and end for a thread that is alone too.
 * The state of the random generator; 0: without that option. [K] */
extern u64 slice_random;
/* Length of the next slice, and of a regular one. */
extern u64 slice_ticks, slice_whole;

/* kernel_stats.idle_ns, .service_ns. [K] */
extern u64 timer_idle_ns, timer_service_ns;

void timer_init(void);
u64 timer_ns_of_ticks(u64 ticks);
/* At most ~0 - 1. */
u64 timer_ticks_of_ns(u64 ns);
/* Starts a timer that is off. */
void timer_add(struct timer *timer);
/* Does the processor's alarm go off later than that tick, or not at all? */
static inline bool timer_is_late(const struct cpu *cpu, u64 ticks)
{
	return cpu->armed - 1 >= ticks;
}
/* Makes the calling processor's alarm go off at that tick at the latest. */
void timer_arm_for(u64 ticks);
/* The same for the end of the current thread's slice. */
static inline void timer_arm_slice(const struct cpu *cpu)
{
	if (timer_is_late(cpu, cpu->slice_end) && cpu->current)
		timer_arm_for(cpu->slice_end);
}
/* Arms this processor for the earliest deadline. */
void timer_arm(void);
/* The alarm went off: runs the timers whose time has come. */
void timer_run(void);

#endif

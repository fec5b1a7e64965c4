/* The scheduler: sched.h. */
#include "sched.h"

#include "arch.h"
#include "call.h"
#include "lock.h"
#include "panic.h"
#include "recall.h"
#include "regs.h"
#include "space.h"
#include "thread.h"
#include "timer.h"
#include "tlb.h"

static struct list_node ready = LIST_INIT(ready);
static u32 idle_cpus; /* bit per processor */

/* -> false: no other processor is idle. */
static inline bool poke_idle(void)
{
	u32 others = idle_cpus & ~(1u << cpu_self()->number);
	unsigned number;

	if (!others)
		return false;
	number = (unsigned)__builtin_ctz(others);
	idle_cpus &= ~(1u << number);
	arch_poke(number);
	return true;
}

void sched_ready(struct thread *thread)
{
	ASSERT(thread->state != THREAD_RUNNING && thread->state != THREAD_DEAD);
	thread->state = THREAD_READY;
	list_append(&ready, &thread->queue);
	if (!poke_idle())
		timer_arm_slice();
}

void sched_wait(struct thread *thread)
{
	thread->state = THREAD_WAITING;
}

void sched_yield(void)
{
	if (!list_is_empty(&ready))
		cpu_self()->reschedule = true;
}

/* Takes the current thread off the processor. If it could go on, it goes to the end of the queue. */
static inline void put_current(struct cpu *cpu)
{
	struct thread *thread = cpu->current;

	gate_reset(cpu);
	cpu->current = NULL;
	arch_thread_save(thread);
	if (thread->state == THREAD_RUNNING) {
		thread->state = THREAD_READY;
		list_append(&ready, &thread->queue);
	}
}

static bool take_next(struct cpu *cpu)
{
	struct thread *thread;

	if (list_is_empty(&ready))
		return false;
	thread = container_of(list_first(&ready), struct thread, queue);
	list_remove(&thread->queue);
	thread->state = THREAD_RUNNING;
	thread->cpu = cpu;
	cpu->current = thread;
	cpu->switches++;
	idle_cpus &= ~(1u << cpu->number);
	arch_thread_load(thread);
	timer_new_slice();
	if (!list_is_empty(&ready) || slice_random)
		timer_arm_slice();
	thread_load();
	return true;
}

/* A system is told of an interrupt where it can do something about it: in the space that the thread belongs to. */
static bool is_interrupted(const struct thread *thread)
{
	return (thread->pending & PENDING_INTERRUPT) && thread->space->system &&
		(!thread->depth || thread->space == thread->calls[0].space);
}

/* Deals with what is pending for the current thread; it may be gone or in another space afterwards. */
static void settle(struct cpu *cpu)
{
	struct thread *thread = cpu->current;

	if (thread->space->end != SPACE_ALIVE) {
		thread_unwind(thread);
		return;
	}
	if (!is_interrupted(thread))
		return;
	thread->pending &= ~(u32)PENDING_INTERRUPT;
	cpu->frame->cause = CAUSE_INTERRUPT;
	cpu->frame->flags |= FRAME_FULL;
	call_system();
}

static __attribute__((noinline)) bool is_settled_slowly(struct thread *thread)
{
	if ((thread->pending & PENDING_RECALL) && recall_settle(thread))
		return false;
	return !is_interrupted(thread);
}

static bool is_settled(struct thread *thread)
{
	return thread->space->end == SPACE_ALIVE && (!thread->pending || is_settled_slowly(thread));
}

/* Nothing to run. */
static _Noreturn void go_idle(struct cpu *cpu)
{
	idle_cpus |= 1u << cpu->number;
	arch_space_prepare(NULL, NULL);
	timer_arm();
	kernel_unlock();
	stretch_idle();
	arch_idle();
}

void sched_tick(void)
{
	struct cpu *cpu = cpu_self();

	if (!cpu->current || arch_ticks() < cpu->slice_end)
		return;
	cpu->reschedule = !list_is_empty(&ready) || slice_random;
	/* test=preempt: now and then (it takes long) an idle processor goes on with the thread. */
	if (slice_random >> 60 == 1 && list_is_empty(&ready) && poke_idle()) {
		put_current(cpu);
		go_idle(cpu);
	}
}

/* Something else may run than the current thread. */
static __attribute__((noinline)) void choose(struct cpu *cpu)
{
	for (;;) {
		if (cpu->current && (cpu->reschedule || cpu->current->state != THREAD_RUNNING))
			put_current(cpu);
		cpu->reschedule = false;
		if (!cpu->current && !take_next(cpu))
			go_idle(cpu);
		if (is_settled(cpu->current))
			return;
		settle(cpu);
	}
}

void sched_leave(void)
{
	struct cpu *cpu = cpu_self();
	const struct thread *thread = cpu->current;

	if (!thread || cpu->reschedule || thread->state != THREAD_RUNNING || thread->pending ||
		thread->space->end != SPACE_ALIVE)
		choose(cpu);
	ASSERT(!tlb_pending());
	kernel_unlock();
}

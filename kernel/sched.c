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
#include "work.h"

enum { SPENT_AT_ONCE = 1000 /* threads that one choice may pass over */ };

static struct list_node woken = LIST_INIT(woken);
/* used[turn]: threads whose turn in this round is still to come; used[!turn]: in the next round. */
static struct list_node used[2] = { LIST_INIT(used[0]), LIST_INIT(used[1]) };
static unsigned turn;
static bool is_contended; /* there may be threads in used[] */
static u64 round_number;
static u32 idle_cpus; /* bit per processor */

static inline bool is_anyone_ready(void)
{
	return is_contended || !list_is_empty(&woken);
}

/* Pokes an idle processor. -> false: no other processor is idle. */
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
	const struct cpu *cpu = cpu_self();

	ASSERT(thread->state != THREAD_RUNNING && thread->state != THREAD_DEAD);
	thread->state = THREAD_READY;
	list_append(&woken, &thread->queue);
	if (!poke_idle())
		timer_arm_slice(cpu);
}

void sched_wait(struct thread *thread)
{
	thread->state = THREAD_WAITING;
}

void sched_yield(void)
{
	if (is_anyone_ready())
		cpu_self()->reschedule = true;
}

/* --- how long the threads of a space have run in this round --- */

/* In ticks. */
static u64 *ran(struct space *home)
{
	if (home->round != round_number) {
		home->round = round_number;
		home->ran = 0;
	}
	return &home->ran;
}

static u64 left(struct space *home)
{
	const u64 had = *ran(home);

	return had < slice_whole ? slice_whole - had : 0;
}

/* Charges the current thread's home: the thread leaves the processor while others wait for their turn. */
static __attribute__((noinline)) void charge(const struct cpu *cpu, const struct thread *thread)
{
	*ran(thread_home(thread)) += arch_ticks() - cpu->slice_start;
}

void sched_leaves(const struct thread *thread)
{
	if (is_contended)
		charge(thread->cpu, thread);
}

void sched_divide(struct space *from, struct space *to)
{
	u64 half;

	if (!is_contended)
		return;
	half = left(from) / 2;
	*ran(from) += half;
	*ran(to) = slice_whole - half;
}

/* --- from one to the next --- */

/* Takes the current thread off the processor. If it is not waiting, it gets a turn in the next round. */
static inline void put_current(struct cpu *cpu)
{
	struct thread *thread = cpu->current;

	gate_reset(cpu);
	cpu->current = NULL;
	arch_thread_save(thread);
	thread->pending &= ~(u32)PENDING_YIELD;
	if (thread->state == THREAD_RUNNING) {
		thread->state = THREAD_READY;
		list_append(&used[!turn], &thread->queue);
		is_contended = true;
	}
	if (is_contended)
		charge(cpu, thread);
}

/* Running, it is in no queue. */
static inline struct thread *take_first(struct list_node *list)
{
	struct thread *thread = container_of(list_first(list), struct thread, queue);

	list_unlink(&thread->queue);
	return thread;
}

/* A thread and the ticks that it may run for. */
struct choice {
	struct thread *thread;
	u64 ticks;
};

/* The next thread of the round. If all have had their turn, begins another round. */
static struct choice choose_used(void)
{
	struct thread *thread;

	if (list_is_empty(&used[turn])) {
		turn = !turn;
		round_number++;
	}
	if (list_is_empty(&used[turn])) {
		is_contended = false;
		return (struct choice){ NULL, 0 };
	}
	thread = take_first(&used[turn]);
	is_contended = !list_is_empty(&used[0]) || !list_is_empty(&used[1]);
	return (struct choice){ thread, slice_ticks };
}

/* The first thread that woke and whose home has not used up its slice of this round; or else the next thread of the round. */
static __attribute__((noinline)) struct choice choose_fairly(void)
{
	for (unsigned i = 0; i < SPENT_AT_ONCE && !list_is_empty(&woken); i++) {
		struct thread *thread = take_first(&woken);
		const u64 ticks = min_u64(slice_ticks, left(thread_home(thread)));

		if (ticks)
			return (struct choice){ thread, ticks };
		list_append(&used[!turn], &thread->queue);
	}
	return choose_used();
}

static bool take_next(struct cpu *cpu)
{
	struct choice choice;
	struct thread *thread;

	if (is_contended)
		choice = choose_fairly();
	else if (!list_is_empty(&woken))
		choice = (struct choice){ take_first(&woken), slice_ticks };
	else
		return false;
	thread = choice.thread;
	if (!thread)
		return false;
	thread->state = THREAD_RUNNING;
	thread->cpu = cpu;
	cpu->current = thread;
	cpu->switches++;
	idle_cpus &= ~(1u << cpu->number);
	arch_thread_load(thread);
	cpu->slice_start = arch_ticks();
	cpu->slice_end = cpu->slice_start + choice.ticks;
	if (is_anyone_ready() || slice_random)
		timer_arm_slice(cpu);
	thread_load();
	return true;
}

/* Is the thread to call its system for PENDING_INTERRUPT now? It is in its home space, where the system can act on that. */
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

/* There is no thread to run. */
static _Noreturn void go_idle(struct cpu *cpu)
{
	idle_cpus |= 1u << cpu->number;
	arch_space_prepare(NULL, NULL);
	timer_arm();
	/* Long work that nobody waits for: one step, then it looks again for a thread. */
	if (work_waiting) {
		work_run();
		timer_arm_for(arch_ticks());
	}
	kernel_unlock();
	stretch_idle();
	arch_idle();
}

/* Is the thread in an unshielded service, where it may hold locks that others wait for? Then it may go on until it waits, yields or
 * leaves the service, for one more slice at most. */
static bool is_put_off(struct cpu *cpu)
{
	struct thread *thread = cpu->current;

	if (space_is_peer(thread->space) || (thread->pending & PENDING_YIELD) || slice_random)
		return false;
	thread->pending |= PENDING_YIELD;
	cpu->slice_end = arch_ticks() + slice_whole;
	timer_arm_slice(cpu);
	return true;
}

void sched_tick(void)
{
	struct cpu *cpu = cpu_self();

	if (!cpu->current || arch_ticks() < cpu->slice_end)
		return;
	cpu->reschedule = slice_random || (is_anyone_ready() && !is_put_off(cpu));
	if (work_waiting)
		work_run();
	/* test=preempt: now and then an idle processor goes on with the thread (moving it takes long). */
	if (slice_random >> 60 == 1 && !is_anyone_ready() && poke_idle()) {
		put_current(cpu);
		go_idle(cpu);
	}
}

/* Was the end of its slice put off, and is it now out of the service? */
static bool is_late(const struct thread *thread)
{
	return (thread->pending & PENDING_YIELD) && space_is_peer(thread->space);
}

/* Chooses again what to run; it may be another thread than the current one. */
static __attribute__((noinline)) void choose(struct cpu *cpu)
{
	for (;;) {
		if (cpu->current && (cpu->reschedule || cpu->current->state != THREAD_RUNNING || is_late(cpu->current)))
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

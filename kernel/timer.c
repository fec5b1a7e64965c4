/* Time: timer.h. */
#include "timer.h"

#include "arch.h"
#include "recall.h"
#include "sched.h"
#include "space.h"
#include "thread.h"
#include "wait.h"

struct clock_info boot_clock;
u64 slice_random;

static struct list_node queue = LIST_INIT(queue); /* earliest first */
u64 slice_ticks, slice_whole;
static u64 inverse; /* ticks in a ns << 32 */

void timer_init(void)
{
	arch_clock_init(&boot_clock);
	inverse = ~0ul / boot_clock.mult;
	slice_ticks = slice_whole = timer_ticks_of_ns(boot_clock.base + SLICE_NS) - boot_clock.start;
}

/* Most slices are shorter than a system call takes; some are long enough for programs to get on. */
static void vary_slice(void)
{
	slice_random = slice_random * 6364136223846793005 + 1442695040888963407;
	slice_ticks = timer_ticks_of_ns(boot_clock.base + (slice_random >> 47)) - boot_clock.start;
	slice_ticks >>= (slice_random >> 32) % 9;
}

u64 timer_ns_of_ticks(u64 ticks)
{
	return boot_clock.base + (u64)(((__uint128_t)(ticks - boot_clock.start) * boot_clock.mult) >> 32);
}

u64 timer_ticks_of_ns(u64 ns)
{
	__uint128_t ticks;

	if (ns <= boot_clock.base)
		return boot_clock.start;
	ticks = (((__uint128_t)(ns - boot_clock.base) * inverse) >> 32) + 1 + boot_clock.start;
	return ticks >= ~0ul ? ~0ul - 1 : (u64)ticks;
}

void timer_arm_for(u64 ticks)
{
	struct cpu *cpu = cpu_self();

	if (!timer_is_late(cpu, ticks))
		return;
	cpu->armed = ticks;
	arch_alarm(ticks);
}

static struct timer *timer_of(struct list_node *node)
{
	return container_of(node, struct timer, node);
}

void timer_add(struct timer *timer)
{
	struct list_node *at = &queue;

	/* Most new timers are later than those in the queue: searches from the end. */
	while (at->prev != &queue && timer_of(at->prev)->ticks > timer->ticks)
		at = at->prev;
	list_insert_before(at, &timer->node);
	if (list_first(&queue) == &timer->node)
		timer_arm_for(timer->ticks);
}

void timer_arm(void)
{
	if (!list_is_empty(&queue))
		timer_arm_for(timer_of(list_first(&queue))->ticks);
}

u64 timer_idle_ns, timer_service_ns;

/* Takes a sample: counts the time since the last one for what the processors do now. */
static void take_sample(u64 now)
{
	static u64 last;
	const u64 ns = min_u64(timer_ns_of_ticks(now) - last, SAMPLE_NS);
	bool is_busy = false, is_in_service = false;

	last = timer_ns_of_ticks(now);
	for (unsigned i = 0; i < cpu_count; i++) {
		const struct thread *thread = cpus[i]->current;

		is_busy |= thread != NULL;
		is_in_service |= thread && !space_is_peer(thread->space);
	}
	if (!is_busy)
		timer_idle_ns += ns;
	if (is_in_service)
		timer_service_ns += ns;
}

void timer_run(void)
{
	u64 now = arch_ticks();

	take_sample(now);
	cpu_self()->armed = 0;
	if (slice_random)
		vary_slice();
	while (!list_is_empty(&queue) && timer_of(list_first(&queue))->ticks <= now) {
		struct timer *timer = timer_of(list_first(&queue));

		if (timer->is_of_calls)
			recall_time_out(container_of(timer, struct thread, deadline));
		else
			wait_fail(container_of(timer, struct thread, wait.timer), -E_TIMEDOUT);
	}
	timer_arm();
	if (cpu_self()->current && cpu_self()->slice_end > now)
		timer_arm_slice(cpu_self());
}

/* Time: timer.h. */
#include "timer.h"

#include "arch.h"
#include "sched.h"
#include "thread.h"
#include "wait.h"

struct clock_info boot_clock;

static struct list_node deadlines = LIST_INIT(deadlines); /* earliest first */
static u64 slice_ticks;
static u64 inverse;         /* ticks in a ns << 32 */
static u64 armed[CPUS_MAX]; /* what each processor's alarm is set to; 0 = not set */

void timer_init(void)
{
	arch_clock_init(&boot_clock);
	inverse = ~0ul / boot_clock.mult;
	slice_ticks = timer_ticks_of_ns(boot_clock.base + SLICE_NS) - boot_clock.start;
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

static void arm(u64 ticks)
{
	struct cpu *cpu = cpu_self();

	if (armed[cpu->number] && armed[cpu->number] <= ticks)
		return;
	armed[cpu->number] = ticks;
	arch_alarm(ticks);
}

void timer_add(struct thread *thread)
{
	struct list_node *at = &deadlines;

	/* Most new deadlines are late ones: search from the end. */
	while (at->prev != &deadlines &&
		container_of(at->prev, struct thread, wait.timer)->wait.deadline > thread->wait.deadline)
		at = at->prev;
	list_insert_before(at, &thread->wait.timer);
	if (list_first(&deadlines) == &thread->wait.timer)
		arm(thread->wait.deadline);
}

void timer_new_slice(void)
{
	cpu_self()->slice_end = arch_ticks() + slice_ticks;
}

void timer_arm_slice(void)
{
	if (cpu_self()->current)
		arm(cpu_self()->slice_end);
}

void timer_arm(void)
{
	if (!list_is_empty(&deadlines))
		arm(container_of(list_first(&deadlines), struct thread, wait.timer)->wait.deadline);
}

void timer_run(void)
{
	u64 now = arch_ticks();

	armed[cpu_self()->number] = 0;
	while (!list_is_empty(&deadlines)) {
		struct thread *thread = container_of(list_first(&deadlines), struct thread, wait.timer);

		if (thread->wait.deadline > now)
			break;
		wait_time_out(thread);
	}
	timer_arm();
	if (cpu_self()->current && cpu_self()->slice_end > now)
		arm(cpu_self()->slice_end);
}

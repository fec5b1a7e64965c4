/* Time: the time-stamp counter is the clock, the local timer of each processor is its alarm.
 *
 * The local timer of QEMU (and KVM) runs at 1 GHz of guest time. It is started as early as possible, and compared with the
 * time-stamp counter when the kernel first needs the clock: that gives the counter's frequency. With `-icount shift=0` both count
 * guest instructions, one nanosecond each: a ratio of nearly one is taken for exactly one. */
#include "arch.h"
#include "early.h"
#include "layout.h"
#include "machine.h"
#include "registers.h"

enum {
	CALIBRATE_NS = 1000000, /* the two counters are read within some 100 ns of each other */
	SAME_NS = 20000,
	SAME_PARTS = 500, /* a difference of less than one part in so many counts as none */
};

static u64 first_ticks;
static u64 ns_per_tick; /* << 32 */
static u64 alarms[CPUS_MAX];

u64 arch_ticks(void)
{
	return rdtsc();
}

void clock_start(void)
{
	lapic_timer_start(~0u);
	first_ticks = rdtsc();
}

static bool is_same(u64 a, u64 b)
{
	u64 difference = a > b ? a - b : b - a;

	return difference < b / SAME_PARTS;
}

void arch_clock_init(struct clock_info *clock)
{
	u64 ns, ticks;

	do {
		ns = ~0u - lapic_timer_count();
		ticks = rdtsc() - first_ticks;
	} while (ns < SAME_NS || (ns < CALIBRATE_NS && !is_same(ticks, ns)));
	lapic_timer_start(0);
	ns_per_tick = is_same(ticks, ns) ? 1ul << 32 : (ns << 32) / ticks;
	/* The counter starts with the machine. */
	*clock = (struct clock_info){ .start = 0, .base = 0, .mult = ns_per_tick, .wall = 0 };
	for (unsigned i = 0; i < CPUS_MAX; i++)
		alarms[i] = ~0ul;
}

/* Starts the local timer for the calling processor's alarm; for one too far away, several times in turn. */
static void start_timer(u64 alarm)
{
	u64 now = rdtsc();
	u64 count = alarm > now ? (u64)((unsigned __int128)(alarm - now) * ns_per_tick >> 32) + 1 : 1;

	lapic_timer_start((u32)min_u64(count, ~0u));
}

void arch_alarm(u64 ticks)
{
	alarms[cpu_self()->number] = ticks;
	if (ticks == ~0ul)
		lapic_timer_start(0);
	else
		start_timer(ticks);
}

bool clock_alarm_due(void)
{
	u64 *alarm = &alarms[cpu_self()->number];

	if (*alarm == ~0ul)
		return false;
	if (rdtsc() < *alarm) {
		start_timer(*alarm);
		return false;
	}
	*alarm = ~0ul;
	return true;
}

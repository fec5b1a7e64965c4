/* Statistics: stats.h. */
#include "stats.h"

#include "arch.h"
#include "frame.h"
#include "main.h"
#include "lib/string.h"
#include "space.h"
#include "thread.h"
#include "timer.h"

static struct {
	u32 from, to;
	u64 calls;
} pairs[STATS_PAIRS]; /* a hash table; when it is full, further pairs are counted together */

static u64 other_pairs; /* portal calls between those */
static u64 boot_ticks, boot_ns;

u64 *stats_pair(const struct space *from, const struct space *to)
{
	for (unsigned i = 0; i < STATS_PAIRS; i++) {
		unsigned at = (from->number * 7 + to->number + i) % STATS_PAIRS;

		if (!pairs[at].calls) {
			pairs[at].from = from->number;
			pairs[at].to = to->number;
		} else if (pairs[at].from != from->number || pairs[at].to != to->number) {
			continue;
		}
		return &pairs[at].calls;
	}
	return &other_pairs;
}

void stats_booted(void)
{
	boot_ticks = arch_ticks();
	boot_ns = timer_ns_of_ticks(boot_ticks);
}

static void add_cpu(struct kernel_stats *stats, const struct cpu *cpu)
{
	stats->system_calls += cpu->system_calls + cpu->system.calls;
	stats->native_calls += cpu->native_calls;
	stats->faults += cpu->faults;
	stats->interrupts += cpu->interrupts;
	stats->nmis += cpu->nmis;
	stats->switches += cpu->switches;
	stats->root_writes += cpu->root_writes + cpu->gate->moves;
	stats->tlb_pages += cpu->tlb_pages;
	stats->tlb_spaces += cpu->tlb_spaces;
	stats->tlb_ipis += cpu->tlb_ipis;
	if (cpu->stretch.longest > stats->stretch) {
		stats->stretch = cpu->stretch.longest;
		stats->stretch_cause = cpu->stretch.cause;
	}
}

void stats_collect(struct kernel_stats *stats)
{
	unsigned used = 0;

	memset(stats, 0, sizeof(*stats));
	for (unsigned i = 0; i < cpu_count; i++) {
		gate_count(cpus[i]);
		add_cpu(stats, cpus[i]);
	}
	stats->stretch = timer_ns_of_ticks(boot_clock.start + stats->stretch) - boot_clock.base;
	stats->boot_instructions = boot_ticks;
	stats->boot_ns = boot_ns;
	stats->frames_total = frame_total();
	stats->frames_free = frame_free();
	stats->frames_low = frame_lowest();
	stats->spaces = space_count();
	stats->spaces_made = space_made();
	stats->shielded = shield_on;
	stats->idle_ns = timer_idle_ns;
	stats->service_ns = timer_service_ns;
	list_for_each(node, &threads)
		stats->threads++;
	for (unsigned i = 0; i < STATS_PAIRS; i++) {
		if (!pairs[i].calls)
			continue;
		stats->pairs[used].from = pairs[i].from;
		stats->pairs[used].to = pairs[i].to;
		stats->pairs[used++].calls = pairs[i].calls;
		stats->portal_calls += pairs[i].calls;
	}
	stats->portal_calls += other_pairs;
}

/* Lines by and about spaces: log.h. */
#include "arch.h"
#include "log.h"
#include "space.h"
#include "timer.h"

#define LINE_NS 100000000ul
#define BURST_NS (20 * LINE_NS)

/* Lines under one limit. */
struct flow {
	const char *name;
	u64 due; /* ns: when the last one would have come, had they come at the steady rate */
	u64 dropped;
};

static struct flow drivers = { .name = "drivers" }, programs = { .name = "programs" };

/* The limit that a space's lines are under, NULL: none. */
static struct flow *flow_of(const struct space *space)
{
	if (!space_is_peer(space))
		return NULL;
	return space->manager && !space->manager->manager ? &drivers : &programs;
}

static void say_dropped(struct flow *flow)
{
	if (flow->dropped)
		log_line("log: %lu lines of %s were dropped", flow->dropped, flow->name);
	flow->dropped = 0;
}

bool log_admits(const struct space *space)
{
	struct flow *flow = flow_of(space);
	const u64 now = timer_ns_of_ticks(arch_ticks());

	if (!flow)
		return true;
	if (flow->due >= now + BURST_NS) {
		flow->dropped++;
		return false;
	}
	flow->due = (flow->due > now ? flow->due : now) + LINE_NS;
	say_dropped(flow);
	return true;
}

void log_of(const struct space *space, const char *text, u64 bytes)
{
	char clean[LOG_TEXT_MAX + 1];

	if (!log_admits(space))
		return;
	for (u64 i = 0; i < bytes; i++)
		clean[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	clean[bytes] = 0;
	if (flow_of(space))
		log_line("space %u %s: %s", space->number, space->name, clean);
	else
		log_line("%s", clean);
}

void log_end(void)
{
	say_dropped(&drivers);
	say_dropped(&programs);
}

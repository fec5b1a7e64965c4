/* --stats: what a run has cost, as JSON on the control port. */
#include "abi/services.h"
#include "lib/string.h"
#include "user/runtime/service.h"

#include "linux/call.h"
#include "linux/files.h"
#include "linux/main.h"

enum { TEXT_BYTES = 64 * 1024, NAME_MAX_BYTES = 40 };

struct text {
	char *start;
	u64 bytes;
};

static __attribute__((format(printf, 2, 3))) void put(struct text *text, const char *what, ...)
{
	va_list arguments;
	va_start(arguments, what);
	text->bytes += format_v(text->start + text->bytes, TEXT_BYTES - text->bytes, what, arguments);
	va_end(arguments);
	text->bytes = min_u64(text->bytes, TEXT_BYTES - 1);
}

/* The name of a space as a JSON string; what a string cannot hold as it is becomes a question mark. */
static void put_space(struct text *text, u32 space)
{
	struct space_info info;
	char name[sizeof(info.name) + 1] = { 0 };
	if (call_space_info(space, &info) >= 0)
		memcpy(name, info.name, sizeof(info.name));
	for (char *c = name; *c; c++)
		if (*c < ' ' || *c == '"' || *c == '\\' || *c > '~')
			*c = '?';
	if (name[0])
		put(text, "\"%s\"", name);
	else
		put(text, "\"space %u\"", space);
}

static void put_pairs(struct text *text, const struct kernel_stats *stats)
{
	const char *comma = "";
	put(text, "\"pairs\": [");
	for (unsigned i = 0; i < STATS_PAIRS && stats->pairs[i].calls; i++) {
		put(text, "%s\n  {\"from\": ", comma);
		put_space(text, stats->pairs[i].from);
		put(text, ", \"to\": ");
		put_space(text, stats->pairs[i].to);
		put(text, ", \"calls\": %lu}", (unsigned long)stats->pairs[i].calls);
		comma = ",";
	}
	put(text, "],\n");
}

static void put_number(struct text *text, const char *name, u64 value)
{
	put(text, "\"%s\": %lu,\n", name, (unsigned long)value);
}

static void put_kernel(struct text *text, const struct kernel_stats *stats)
{
	put_number(text, "boot_ns", stats->boot_ns);
	put_number(text, "boot_instructions", stats->boot_instructions);
	put_number(text, "shield", stats->shielded);
	put_number(text, "system_calls", stats->system_calls);
	put_number(text, "native_calls", stats->native_calls);
	put_number(text, "portal_calls", stats->portal_calls);
	put_number(text, "faults", stats->faults);
	put_number(text, "interrupts", stats->interrupts);
	put_number(text, "nmis", stats->nmis);
	put_number(text, "switches", stats->switches);
	put_number(text, "root_writes", stats->root_writes);
	put_number(text, "tlb_pages", stats->tlb_pages);
	put_number(text, "tlb_spaces", stats->tlb_spaces);
	put_number(text, "tlb_ipis", stats->tlb_ipis);
	put_number(text, "frames_total", stats->frames_total);
	put_number(text, "frames_free", stats->frames_free);
	put_number(text, "frames_peak", stats->frames_total - stats->frames_low);
	put_number(text, "spaces", stats->spaces);
	put_number(text, "spaces_made", stats->spaces_made);
	put_number(text, "threads", stats->threads);
	put_number(text, "restarts", stats->restarts);
	put_number(text, "guest_ns", clock_now());
}

void stats_send(void)
{
	static struct kernel_stats stats;
	char line[NAME_MAX_BYTES];
	struct text text = { heap_alloc(TEXT_BYTES), 0 };
	u64 word1;
	if (!text.start)
		return;
	call_stats(&stats, sizeof(stats));
	/* init knows, not the kernel. */
	stats.restarts = (u64)portal_call(service_start->registry, REGISTRY_RESTARTS, 0, 0, 0, 0, 0, &word1);
	put(&text, "{\n");
	put_kernel(&text, &stats);
	put_pairs(&text, &stats);
	text.bytes += calls_report(text.start + text.bytes, TEXT_BYTES - text.bytes - 4);
	put(&text, "\n}\n");
	control_send(line, format(line, sizeof(line), "stats %lu\n", (unsigned long)text.bytes));
	control_send(text.start, text.bytes);
	heap_free(text.start);
}

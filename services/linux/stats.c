/* --stats: what a run has cost, as JSON text on the control port. */
#include "abi/services.h"
#include "lib/string.h"
#include "services/runtime/json.h"
#include "services/runtime/service.h"

#include "services/linux/fs/fs.h"
#include "services/linux/syscall.h"
#include "services/linux/main.h"
#include "services/linux/tty/tty.h"

enum { TEXT_BYTES = 64 * 1024, LINE_BYTES = 40 };

/* The name of a space as a JSON string. */
static void put_space(struct json *json, u32 space)
{
	struct space_info info;
	if (call_space_info(space, &info) >= 0 && info.name[0])
		json_string(json, info.name, sizeof(info.name));
	else
		json_put(json, "\"space %u\"", space);
}

static void put_pairs(struct json *json, const struct kernel_stats *stats)
{
	u64 opened = json_open(json, "pairs");
	for (unsigned i = 0; i < STATS_PAIRS && stats->pairs[i].calls; i++) {
		json_next(json, opened);
		json_put(json, "{\"from\": ");
		put_space(json, stats->pairs[i].from);
		json_put(json, ", \"to\": ");
		put_space(json, stats->pairs[i].to);
		json_put(json, ", \"calls\": %lu}", (unsigned long)stats->pairs[i].calls);
	}
	json_put(json, "],\n");
}

static void put_number(struct json *json, const char *name, u64 value)
{
	json_put(json, "\"%s\": %lu,\n", name, (unsigned long)value);
}

/* The name of what the longest stretch did. */
static const char *stretch_name(u64 cause)
{
	static const char *const names[] = { "", "system call", "system return", "fault", "interrupt", "other" };
	static const char *const calls[] = {
#define ALLOD_CALL(number, name, arguments) [(number)-ALLOD_CALL_FIRST] = #name,
#include "abi/calls.def"
#undef ALLOD_CALL
	};
	u64 call = cause - ALLOD_CALL_FIRST;
	if (cause < ARRAY_SIZE(names))
		return names[cause];
	return call < ARRAY_SIZE(calls) && calls[call] ? calls[call] : "no call";
}

static void put_kernel(struct json *json, const struct kernel_stats *stats)
{
	put_number(json, "boot_ns", stats->boot_ns);
	put_number(json, "boot_instructions", stats->boot_instructions);
	put_number(json, "shield", stats->shielded);
	put_number(json, "system_calls", stats->system_calls);
	put_number(json, "native_calls", stats->native_calls);
	put_number(json, "portal_calls", stats->portal_calls);
	put_number(json, "faults", stats->faults);
	put_number(json, "interrupts", stats->interrupts);
	put_number(json, "nmis", stats->nmis);
	put_number(json, "switches", stats->switches);
	put_number(json, "root_writes", stats->root_writes);
	put_number(json, "tlb_pages", stats->tlb_pages);
	put_number(json, "tlb_spaces", stats->tlb_spaces);
	put_number(json, "tlb_ipis", stats->tlb_ipis);
	put_number(json, "frames_total", stats->frames_total);
	put_number(json, "frames_free", stats->frames_free);
	put_number(json, "frames_peak", stats->frames_total - stats->frames_low);
	put_number(json, "spaces", stats->spaces);
	put_number(json, "spaces_made", stats->spaces_made);
	put_number(json, "threads", stats->threads);
	put_number(json, "restarts", stats->restarts);
	put_number(json, "longest_stretch_ns", stats->stretch);
	json_put(json, "\"longest_stretch\": \"%s\",\n", stretch_name(stats->stretch_cause));
	put_number(json, "guest_ns", clock_now());
}

void stats_send(void)
{
	static struct kernel_stats stats;
	char line[LINE_BYTES];
	struct json json = { heap_alloc(TEXT_BYTES), TEXT_BYTES, 0 };
	u64 word1;
	if (!json.to)
		return;
	call_stats(&stats, sizeof(stats));
	/* Only init knows how often drivers were started again. */
	stats.restarts = (u64)portal_call(service_start->registry, REGISTRY_RESTARTS, 0, 0, 0, 0, 0, &word1);
	json_put(&json, "{\n");
	put_kernel(&json, &stats);
	put_pairs(&json, &stats);
	json.bytes += syscalls_report(json.to + json.bytes, TEXT_BYTES - json.bytes - 4);
	json_put(&json, "\n}\n");
	control_send(line, format(line, sizeof(line), "stats %lu\n", (unsigned long)json.bytes));
	control_send(json.to, json.bytes);
	heap_free(json.to);
}

/* Who may touch what: map.h. init manages all spaces, so the kernel lists everything to it.
 *
 * Other threads run meanwhile. list() returns each list in pieces, each of which is true when it is made. If the last object of a
 * piece has ended when the next piece is asked for, the list is begun again. */
#include "map.h"

#include "services/runtime/copy.h"
#include "services/runtime/json.h"

enum { TRIES = 16, SPACES_MORE = 64 };
#define TEXT_MAX (64ul << 20)

struct map {
	struct json json;
	u64 opened;                /* the list that is being written: see json_open() */
	struct space_info *spaces; /* init, and behind each space those it manages */
	u64 count, size;
	struct kernel_stats stats;
};

union record {
	struct space_info space;
	struct grant_info grant;
	struct portal_info portal;
};

/* Writes one record of a kind of object. -> the number by which list() knows it. */
typedef u64 record_function(struct map *map, u32 space, const union record *records, u64 index);

/* Writes all objects of a kind that a space has; or none, if list() fails. */
static void list_all(struct map *map, enum list_kind kind, u32 space, record_function *function)
{
	static union record records[LIST_MAX];
	const u64 bytes = map->json.bytes, count = map->count;
	i64 got = -E_NOENT;

	for (unsigned tries = 0; got == -E_NOENT && tries < TRIES; tries++) {
		u64 after = 0;

		map->json.bytes = bytes;
		map->count = count;
		while ((got = call_list(kind, space, after, records, LIST_MAX)) > 0)
			for (u64 i = 0; i < (u64)got; i++)
				after = function(map, space, records, i);
	}
}

/* --- spaces --- */

static u64 collect_space(struct map *map, u32 manager, const union record *records, u64 index)
{
	const struct space_info *info = (const struct space_info *)records + index;

	(void)manager;
	if (map->count < map->size)
		map->spaces[map->count++] = *info;
	return info->number;
}

static void collect_spaces(struct map *map)
{
	call_space_info(0, &map->spaces[0]);
	map->count = 1;
	for (u64 i = 0; i < map->count; i++)
		list_all(map, LIST_SPACES, map->spaces[i].number, collect_space);
}

/* What is mapped in the window. */
static void put_window(struct json *json, u32 space)
{
	u64 regions = 0, bytes = 0, writable = 0, executable = 0, shared = 0, at = 0;
	struct region_info region;

	while (call_map_query(space, at, &region) >= 0 && region.end > at) {
		const u64 length = region.end - region.start;

		regions++;
		bytes += length;
		writable += region.flags & RIGHT_W ? length : 0;
		executable += region.flags & RIGHT_X ? length : 0;
		shared += region.flags & MAP_SHARE ? length : 0;
		at = region.end;
	}
	json_put(json,
		"\"window\": {\"regions\": %lu, \"bytes\": %lu, \"writable\": %lu, \"executable\": %lu, \"shared\": %lu}",
		(unsigned long)regions, (unsigned long)bytes, (unsigned long)writable, (unsigned long)executable,
		(unsigned long)shared);
}

/* A list of the names of those flags that are set. */
static void put_flags(struct json *json, u32 flags, const char *const *names, unsigned count)
{
	const char *comma = "";

	json_put(json, "\"flags\": [");
	for (unsigned i = 0; i < count; i++)
		if (flags >> i & 1 && names[i]) {
			json_put(json, "%s\"%s\"", comma, names[i]);
			comma = ", ";
		}
	json_put(json, "]");
}

static void put_quota(struct json *json, const char *name, const struct quota *quota)
{
	json_put(json, ", \"%s\": {\"frames\": %lu, \"spaces\": %lu, \"threads\": %lu, \"grants\": %lu}", name,
		(unsigned long)quota->frames, (unsigned long)quota->spaces, (unsigned long)quota->threads,
		(unsigned long)quota->grants);
}

static void put_space(struct map *map, const struct space_info *info)
{
	static const char *const ends[] = { "alive", "exited", "faulted", "killed" };
	static const char *const flags[] = { "trusted", "devices", NULL, "vas" };
	struct json *json = &map->json;

	json_next(json, map->opened);
	json_put(json, "{\"number\": %u, \"name\": ", info->number);
	json_string(json, info->name, sizeof(info->name));
	json_put(json, ", \"manager\": %u, \"system\": %u, \"threads\": %u, \"frames\": %lu, ", info->manager,
		info->system, info->threads, (unsigned long)info->frames);
	put_flags(json, info->flags, flags, ARRAY_SIZE(flags));
	json_put(json, ", \"end\": \"%s\", ", info->end < ARRAY_SIZE(ends) ? ends[info->end] : "?");
	put_window(json, info->number);
	if (info->limit.frames || info->limit.spaces || info->limit.threads || info->limit.grants) {
		put_quota(json, "limit", &info->limit);
		put_quota(json, "used", &info->used);
	}
	json_put(json, "}");
}

/* --- grants, portals, calls --- */

static u64 put_grant(struct map *map, u32 owner, const union record *records, u64 index)
{
	static const char *const flags[] = { NULL, NULL, NULL, NULL, "pass", "keep", "exact", "call" };
	const struct grant_info *info = (const struct grant_info *)records + index;
	struct json *json = &map->json;

	json_next(json, map->opened);
	json_put(json,
		"{\"number\": %u, \"parent\": %u, \"owner\": %u, \"from\": %u, \"to\": %u, \"rights\": \"%s%s%s%s\", ",
		info->number, info->parent, owner, info->from, info->to, info->flags & RIGHT_R ? "r" : "",
		info->flags & RIGHT_W ? "w" : "", info->flags & RIGHT_X ? "x" : "", info->flags & RIGHT_P ? "p" : "");
	put_flags(json, info->flags | info->of_call << 7, flags, ARRAY_SIZE(flags));
	json_put(json, ", \"start\": %lu, \"bytes\": %lu}", (unsigned long)info->start, (unsigned long)info->bytes);
	return info->number;
}

static u64 put_portal(struct map *map, u32 space, const union record *records, u64 index)
{
	const struct portal_info *info = (const struct portal_info *)records + index;

	json_next(&map->json, map->opened);
	json_put(&map->json, "{\"space\": %u, \"address\": \"0x%lx\", \"entry\": %lu, \"cookie\": \"0x%lx\"}", space,
		(unsigned long)info->address,
		(unsigned long)(info->address & ((1ul << service_start->number_shift) - 1)),
		(unsigned long)info->cookie);
	return info->address;
}

static void put_calls(struct map *map)
{
	u64 others = map->stats.portal_calls;

	map->opened = json_open(&map->json, "calls");
	for (unsigned i = 0; i < STATS_PAIRS && map->stats.pairs[i].calls; i++) {
		json_next(&map->json, map->opened);
		json_put(&map->json, "{\"from\": %u, \"to\": %u, \"calls\": %lu}", map->stats.pairs[i].from,
			map->stats.pairs[i].to, (unsigned long)map->stats.pairs[i].calls);
		others -= map->stats.pairs[i].calls;
	}
	json_put(&map->json, "],\n\"other_calls\": %lu,\n\"system_calls\": %lu", (unsigned long)others,
		(unsigned long)map->stats.system_calls);
}

static void put_of_all(struct map *map, const char *name, enum list_kind kind, record_function *function)
{
	map->opened = json_open(&map->json, name);
	for (u64 i = 0; i < map->count; i++)
		list_all(map, kind, map->spaces[i].number, function);
	json_put(&map->json, "],\n");
}

static void put_all(struct map *map)
{
	collect_spaces(map);
	json_put(&map->json, "{\"number_shift\": %lu, \"window\": %lu, \"shield\": %lu,\n",
		(unsigned long)service_start->number_shift, (unsigned long)service_start->window,
		(unsigned long)map->stats.shielded);
	map->opened = json_open(&map->json, "spaces");
	for (u64 i = 0; i < map->count; i++)
		put_space(map, &map->spaces[i]);
	json_put(&map->json, "],\n");
	put_of_all(map, "grants", LIST_GRANTS, put_grant);
	put_of_all(map, "portals", LIST_PORTALS, put_portal);
	put_calls(map);
}

i64 map_write(u64 buffer, u64 bytes)
{
	static struct map map;
	static struct lock lock;
	i64 result = -E_NOMEM;

	if (bytes > TEXT_MAX)
		bytes = TEXT_MAX;
	lock_acquire(&lock);
	call_stats(&map.stats, sizeof(map.stats));
	map.size = map.stats.spaces + SPACES_MORE;
	map.spaces = pages_alloc(map.size * sizeof(*map.spaces));
	map.json = (struct json){ pages_alloc(bytes), bytes, 0 };
	if (map.spaces && map.json.to) {
		put_all(&map);
		result = copy_out(buffer, map.json.to, map.json.bytes < bytes ? map.json.bytes : bytes);
		if (!result)
			result = (i64)map.json.bytes;
	}
	if (map.spaces)
		pages_free(map.spaces, map.size * sizeof(*map.spaces));
	if (map.json.to)
		pages_free(map.json.to, bytes);
	lock_release(&lock);
	return result;
}

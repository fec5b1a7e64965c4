/* A map as text and as JSON: map.h. */
#include <stdlib.h>
#include <string.h>

#include "map.h"
#include "message.h"

enum { INDENT_MAX = 12, NAME_COLUMNS = 30 };

bool map_is_whole(const struct map *map, const struct map_grant *grant)
{
	return grant->start == 0 && grant->bytes == map->window;
}

bool map_has_flag(const json_t *flags, const char *flag)
{
	const char *text;
	json_t *value;
	size_t index;

	json_array_foreach(flags, index, value)
		if ((text = json_string_value(value)) && !strcmp(text, flag))
			return true;
	return false;
}

char *map_size(uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	unsigned unit = 0;

	for (; value >= 1024; unit++)
		value /= 1024;
	return text_of(unit && value < 9.95 && bytes % (1ull << (10 * unit)) ? "%.1f %s" : "%.0f %s", value,
		units[unit]);
}

/* --- JSON --- */

static void print_list(const json_t *list, FILE *to)
{
	json_t *value;
	size_t index;

	fputs("[", to);
	json_array_foreach(list, index, value) {
		fputs(index ? ",\n  " : "\n  ", to);
		json_dumpf(value, to, JSON_ENCODE_ANY);
	}
	fputs("]", to);
}

char *map_json(const json_t *json)
{
	const char *key, *comma = "{";
	char *text = NULL;
	size_t bytes = 0;
	FILE *to = open_memstream(&text, &bytes);
	json_t *value;

	if (!to)
		out_of_memory();
	json_object_foreach((json_t *)json, key, value) {
		fprintf(to, "%s\"%s\": ", comma, key);
		comma = ",\n";
		if (json_is_array(value))
			print_list(value, to);
		else
			json_dumpf(value, to, JSON_ENCODE_ANY);
	}
	fputs("}\n", to);
	if (fclose(to))
		out_of_memory();
	return text;
}

/* --- text --- */

/* A space by number and name, as "5 bash". -> text to be freed. */
static char *title(const struct map *map, json_int_t number)
{
	const struct map_space *space = map_space(map, number);

	if (!number)
		return text_of("-");
	return text_of("%lld %s", (long long)number, space ? space->name : "(ended)");
}

static void print_size(json_int_t bytes, FILE *to)
{
	char *text = map_size((uint64_t)bytes);

	fprintf(to, "  %9s", text);
	free(text);
}

static void print_flags(const json_t *flags, FILE *to)
{
	json_t *value;
	size_t index;

	json_array_foreach(flags, index, value)
		if (json_is_string(value))
			fprintf(to, "%s%s", index ? " " : "  ", json_string_value(value));
}

/* Limits and use of its account. */
static void print_limits(const struct map_space *space, FILE *to)
{
	static const char *const names[] = { "frames", "spaces", "threads", "grants" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		json_int_t limit = json_integer_value(json_object_get(space->limit, names[i]));

		if (limit > 0)
			fprintf(to, "  %s %lld of %lld", names[i],
				(long long)json_integer_value(json_object_get(space->used, names[i])),
				(long long)limit);
	}
}

static void print_space(const struct map *map, const struct map_space *space, int indent, FILE *to)
{
	char *name = title(map, space->number), *system = title(map, space->system);

	fprintf(to, "%*s%-*s", indent, "", NAME_COLUMNS - indent, name);
	if (space->pid)
		fprintf(to, "  %6lld", (long long)space->pid);
	else
		fprintf(to, "  %6s", "-");
	fprintf(to, "  %-10s  %7lld  %7lld  %7lld", system, (long long)space->threads, (long long)space->frames,
		(long long)space->regions);
	print_size(space->mapped, to);
	print_size(space->writable, to);
	print_size(space->executable, to);
	print_size(space->shared, to);
	print_flags(space->flags, to);
	print_limits(space, to);
	if (strcmp(space->end, "alive") != 0)
		fprintf(to, "  %s", space->end);
	fputc('\n', to);
	free(name);
	free(system);
}

static int indent_of(size_t depth)
{
	return 2 * (int)(depth < INDENT_MAX ? depth : INDENT_MAX);
}

static void print_spaces(const struct map *map, FILE *to)
{
	fprintf(to, "%-*s  %6s  %-10s  %7s  %7s  %7s  %9s  %9s  %9s  %9s  %s\n", NAME_COLUMNS,
		"SPACE, below its manager", "PID", "SYSTEM", "THREADS", "FRAMES", "REGIONS", "MAPPED", "WRITABLE",
		"CODE", "SHARED", "FLAGS, LIMITS");
	for (size_t i = 0; i < map->space_count; i++)
		print_space(map, &map->spaces[map->by_manager.items[i]], indent_of(map->by_manager.depths[i]), to);
}

static void print_grant(const struct map *map, const struct map_grant *grant, int indent, FILE *to)
{
	char *user = title(map, grant->to), *maker = title(map, grant->from), *size = map_size((uint64_t)grant->bytes),
	     *range;
	char rights[] = "----";

	for (unsigned i = 0; i < 4; i++)
		if (strchr(grant->rights, "rwxp"[i]))
			rights[i] = "rwxp"[i];
	if (map_is_whole(map, grant))
		range = text_of("whole window");
	else
		range = text_of("%#llx-%#llx, %s", (long long)grant->start,
			(long long)((uint64_t)grant->start + (uint64_t)grant->bytes), size);
	fprintf(to, "  %*s#%-*lld %s  %-34s  to %-16s by %s", indent, "", INDENT_MAX / 2, (long long)grant->number,
		rights, range, user, maker);
	print_flags(grant->flags, to);
	fputc('\n', to);
	free(user);
	free(maker);
	free(size);
	free(range);
}

static void print_grants(const struct map *map, FILE *to)
{
	json_int_t owner = -1;

	fprintf(to, "\nGRANTS of the memory of each space, below those that they were made from\n");
	for (size_t i = 0; i < map->grant_count; i++) {
		const struct map_grant *grant = &map->grants[map->by_parent.items[i]];

		if (grant->owner != owner) {
			char *name = title(map, grant->owner);

			fprintf(to, "%s\n", name);
			free(name);
		}
		owner = grant->owner;
		print_grant(map, grant, indent_of(map->by_parent.depths[i]), to);
	}
}

/* The spaces that may call the portal by a grant of right p. */
static void print_callers(const struct map *map, const struct map_portal *portal, FILE *to)
{
	const char *comma = "";

	for (size_t i = 0; i < map->grant_count; i++) {
		const struct map_grant *grant = &map->grants[i];
		char *name;

		if (grant->owner != portal->space || !strchr(grant->rights, 'p') || portal->entry - grant->start < 0 ||
			portal->entry - grant->start >= grant->bytes)
			continue;
		name = title(map, grant->to);
		fprintf(to, "%s%s", comma, name);
		comma = ", ";
		free(name);
	}
	fputs(*comma ? "\n" : "-\n", to);
}

static void print_portals(const struct map *map, FILE *to)
{
	fprintf(to, "\n%-*s  %-18s  %-30s  CALLERS, beside its manager and system\n", NAME_COLUMNS, "PORTAL OF",
		"ADDRESS", "FUNCTION");
	for (size_t i = 0; i < map->portal_count; i++) {
		const struct map_portal *portal = &map->portals[i];
		char *name = title(map, portal->space);

		fprintf(to, "%-*s  %-18s  %-30s  ", NAME_COLUMNS, name, portal->address,
			portal->symbol ? portal->symbol : "-");
		print_callers(map, portal, to);
		free(name);
	}
}

static void print_segment(const struct map_segment *segment, FILE *to)
{
	char *size = map_size((uint64_t)segment->bytes);

	fprintf(to, "  segment %-22s  %-4s  %#llx-%#llx, %s\n", segment->name, segment->rights,
		(long long)segment->start, (long long)((uint64_t)segment->start + (uint64_t)segment->bytes), size);
	free(size);
}

static void print_vases(const struct map *map, FILE *to)
{
	struct map_segment segment;
	struct map_attached attached;
	json_t *item;
	size_t index;

	if (map->vas_count)
		fprintf(to, "\n%-*s  MODE  USER:GROUP\n", NAME_COLUMNS, "VAS");
	for (size_t i = 0; i < map->vas_count; i++) {
		const struct map_vas *vas = &map->vases[i];
		char *name = text_of("%lld %s", (long long)vas->space, vas->name);

		fprintf(to, "%-*s  %-4s  %lld:%lld\n", NAME_COLUMNS, name, vas->mode, (long long)vas->user,
			(long long)vas->group);
		free(name);
		json_array_foreach(vas->segments, index, item)
			if (map_segment_of(item, &segment))
				print_segment(&segment, to);
		json_array_foreach(vas->attached, index, item) {
			if (!map_attached_of(item, &attached))
				continue;
			name = title(map, attached.space);
			fprintf(to, "  attached to %-18s  %s\n", name, attached.rights);
			free(name);
		}
	}
}

static void print_calls(const struct map *map, FILE *to)
{
	fprintf(to, "\n%12s  FROM -> TO\n", "PORTAL CALLS");
	for (size_t i = 0; i < map->calls_count; i++) {
		char *from = title(map, map->calls[i].from), *callee = title(map, map->calls[i].to);

		fprintf(to, "%12lld  %s -> %s\n", (long long)map->calls[i].calls, from, callee);
		free(from);
		free(callee);
	}
	if (map->other_calls)
		fprintf(to, "%12lld  between other spaces\n", (long long)map->other_calls);
	fprintf(to, "%12lld  system calls, of all processes\n", (long long)map->system_calls);
}

void map_print_text(const struct map *map, FILE *to)
{
	print_spaces(map, to);
	print_grants(map, to);
	print_portals(map, to);
	print_vases(map, to);
	print_calls(map, to);
}

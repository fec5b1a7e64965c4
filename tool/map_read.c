/* Reading a map: map.h. The file may hold anything, so the type of every member is checked, and that numbers are not negative.
 * References to spaces that are not in the list are allowed: those spaces have ended. */
#include <stdlib.h>
#include <string.h>

#include "map.h"
#include "message.h"

/* The place in the file, for error messages. */
struct reader {
	const char *source, *list;
	size_t index;
	json_error_t error;
};

static void *array_of(size_t count, size_t size)
{
	void *array = calloc(count + 1, size);

	if (!array)
		out_of_memory();
	return array;
}

/* The list of that name; its elements are objects. NULL after a complaint. */
static json_t *list_of(struct reader *reader, const json_t *json, const char *name)
{
	json_t *list = json_object_get(json, name);

	reader->list = name;
	if (!json_is_array(list)) {
		message("%s: not a map: it has no list \"%s\"", reader->source, name);
		return NULL;
	}
	return list;
}

static int refuse(const struct reader *reader, const char *why)
{
	return complaint(EXIT_TOOL, "%s: not a map: %s[%zu]: %s", reader->source, reader->list, reader->index, why);
}

static int bad(const struct reader *reader)
{
	return refuse(reader, reader->error.text);
}

static int negative(const struct reader *reader)
{
	return refuse(reader, "a negative number");
}

/* Is the text safe to show on a terminal? */
static bool is_plain(const char *text)
{
	for (; text && *text; text++)
		if ((unsigned char)*text < ' ' || *text == 127 || (*text == '\xc2' && (unsigned char)text[1] < 0xa0))
			return false;
	return true;
}

static bool are_plain(const json_t *texts)
{
	json_t *text;
	size_t index;

	json_array_foreach(texts, index, text)
		if (!is_plain(json_string_value(text)))
			return false;
	return true;
}

static int unprintable(const struct reader *reader)
{
	return refuse(reader, "a control character");
}

static int read_spaces(struct reader *reader, struct map *map)
{
	json_t *list = list_of(reader, map->json, "spaces"), *item;

	map->spaces = array_of(json_array_size(list), sizeof(*map->spaces));
	json_array_foreach(list, reader->index, item) {
		struct map_space *space = &map->spaces[map->space_count++];

		if (json_unpack_ex(item, &reader->error, 0,
			    "{s:I, s:s, s:I, s:I, s:I, s:I, s:o, s:s, s:{s:I, s:I, s:I, s:I, s:I}, s?o, s?o}", "number",
			    &space->number, "name", &space->name, "manager", &space->manager, "system", &space->system,
			    "threads", &space->threads, "frames", &space->frames, "flags", &space->flags, "end",
			    &space->end, "window", "regions", &space->regions, "bytes", &space->mapped, "writable",
			    &space->writable, "executable", &space->executable, "shared", &space->shared, "limit",
			    &space->limit, "used", &space->used))
			return bad(reader);
		if (space->number < 0 || space->manager < 0 || space->system < 0 || space->threads < 0 ||
			space->frames < 0 || space->regions < 0 || space->mapped < 0 || space->writable < 0 ||
			space->executable < 0 || space->shared < 0)
			return negative(reader);
		if (!is_plain(space->name) || !is_plain(space->end) || !are_plain(space->flags))
			return unprintable(reader);
	}
	return list ? 0 : EXIT_TOOL;
}

static int read_grants(struct reader *reader, struct map *map)
{
	json_t *list = list_of(reader, map->json, "grants"), *item;

	map->grants = array_of(json_array_size(list), sizeof(*map->grants));
	json_array_foreach(list, reader->index, item) {
		struct map_grant *grant = &map->grants[map->grant_count++];

		if (json_unpack_ex(item, &reader->error, 0, "{s:I, s:I, s:I, s:I, s:I, s:s, s:o, s:I, s:I}", "number",
			    &grant->number, "parent", &grant->parent, "owner", &grant->owner, "from", &grant->from,
			    "to", &grant->to, "rights", &grant->rights, "flags", &grant->flags, "start", &grant->start,
			    "bytes", &grant->bytes))
			return bad(reader);
		if (grant->number < 0 || grant->parent < 0 || grant->owner < 0 || grant->from < 0 || grant->to < 0 ||
			grant->start < 0 || grant->bytes < 0)
			return negative(reader);
		if (!are_plain(grant->flags))
			return unprintable(reader);
	}
	return list ? 0 : EXIT_TOOL;
}

static int read_portals(struct reader *reader, struct map *map)
{
	json_t *list = list_of(reader, map->json, "portals"), *item;

	map->portals = array_of(json_array_size(list), sizeof(*map->portals));
	json_array_foreach(list, reader->index, item) {
		struct map_portal *portal = &map->portals[map->portal_count++];

		if (json_unpack_ex(item, &reader->error, 0, "{s:I, s:I, s:s, s?s, s?s}", "space", &portal->space,
			    "entry", &portal->entry, "address", &portal->address, "symbol", &portal->symbol, "file",
			    &portal->file))
			return bad(reader);
		if (portal->space < 0 || portal->entry < 0)
			return negative(reader);
		if (!is_plain(portal->address) || !is_plain(portal->symbol))
			return unprintable(reader);
	}
	return list ? 0 : EXIT_TOOL;
}

static int most_calls(const void *a, const void *b)
{
	const struct map_calls *x = a, *y = b;

	if (x->calls != y->calls)
		return x->calls < y->calls ? 1 : -1;
	return x->from != y->from ? (x->from > y->from) - (x->from < y->from) : (x->to > y->to) - (x->to < y->to);
}

static int read_calls(struct reader *reader, struct map *map)
{
	json_t *list = list_of(reader, map->json, "calls"), *item;

	map->calls = array_of(json_array_size(list), sizeof(*map->calls));
	json_array_foreach(list, reader->index, item) {
		struct map_calls *calls = &map->calls[map->calls_count++];

		if (json_unpack_ex(item, &reader->error, 0, "{s:I, s:I, s:I}", "from", &calls->from, "to", &calls->to,
			    "calls", &calls->calls))
			return bad(reader);
		if (calls->from < 0 || calls->to < 0 || calls->calls < 0)
			return negative(reader);
	}
	qsort(map->calls, map->calls_count, sizeof(*map->calls), most_calls);
	return list ? 0 : EXIT_TOOL;
}

/* Which processes live in the spaces. */
static int read_processes(struct reader *reader, struct map *map)
{
	json_t *list = list_of(reader, map->json, "processes"), *item;
	struct map_space *space;
	json_int_t number, pid;
	const char *exe;

	json_array_foreach(list, reader->index, item) {
		if (json_unpack_ex(item, &reader->error, 0, "{s:I, s:I, s:s}", "space", &number, "pid", &pid, "exe",
			    &exe))
			return bad(reader);
		space = (struct map_space *)map_space(map, number);
		if (!space || space->pid)
			continue;
		space->pid = pid;
		space->exe = exe;
	}
	return list ? 0 : EXIT_TOOL;
}

bool map_segment_of(const json_t *json, struct map_segment *segment)
{
	return json_unpack((json_t *)json, "{s:s, s:I, s:I, s:s}", "name", &segment->name, "start", &segment->start,
		       "bytes", &segment->bytes, "rights", &segment->rights) == 0 &&
		segment->start >= 0 && segment->bytes >= 0 && is_plain(segment->name) && is_plain(segment->rights);
}

bool map_attached_of(const json_t *json, struct map_attached *attached)
{
	return json_unpack((json_t *)json, "{s:I, s:s}", "space", &attached->space, "rights", &attached->rights) == 0 &&
		attached->space >= 0 && is_plain(attached->rights);
}

static int check_vas(const struct reader *reader, const struct map_vas *vas)
{
	struct map_segment segment;
	struct map_attached attached;
	json_t *item;
	size_t index;

	if (!is_plain(vas->name) || !is_plain(vas->mode))
		return unprintable(reader);
	json_array_foreach(vas->segments, index, item)
		if (!map_segment_of(item, &segment))
			return refuse(reader, "a strange segment");
	json_array_foreach(vas->attached, index, item)
		if (!map_attached_of(item, &attached))
			return refuse(reader, "a strange attachment");
	return 0;
}

static int read_vases(struct reader *reader, struct map *map)
{
	json_t *list = list_of(reader, map->json, "vases"), *item;
	int error = list ? 0 : EXIT_TOOL;

	map->vases = array_of(json_array_size(list), sizeof(*map->vases));
	json_array_foreach(list, reader->index, item) {
		struct map_vas *vas = &map->vases[map->vas_count++];

		if (json_unpack_ex(item, &reader->error, 0, "{s:I, s:s, s:s, s:I, s:I, s:o, s:o}", "space", &vas->space,
			    "name", &vas->name, "mode", &vas->mode, "user", &vas->user, "group", &vas->group,
			    "segments", &vas->segments, "attached", &vas->attached))
			return bad(reader);
		error = vas->space < 0 ? negative(reader) : check_vas(reader, vas);
		if (error)
			break;
	}
	return error;
}

static int by_number(const void *a, const void *b)
{
	json_int_t x = (*(struct map_space *const *)a)->number, y = (*(struct map_space *const *)b)->number;

	return (x > y) - (x < y);
}

static void sort_spaces(struct map *map)
{
	map->by_number = array_of(map->space_count, sizeof(map->by_number[0]));
	for (size_t i = 0; i < map->space_count; i++)
		map->by_number[i] = &map->spaces[i];
	qsort(map->by_number, map->space_count, sizeof(map->by_number[0]), by_number);
}

const struct map_space *map_space(const struct map *map, json_int_t number)
{
	const struct map_space key = { .number = number }, *pointer = &key;
	struct map_space **found =
		bsearch(&pointer, map->by_number, map->space_count, sizeof(map->by_number[0]), by_number);

	return found ? *found : NULL;
}

/* --- trees --- */

enum { NONE = -1 };

/* parents[i]: an index below i, or NONE. */
static struct map_order order_of(const ssize_t *parents, size_t count)
{
	struct map_order order = { array_of(count, sizeof(size_t)), array_of(count, sizeof(size_t)) };
	/* Item `count` is above all that have no parent. */
	ssize_t *child = array_of(count, sizeof(*child)), *next = array_of(count, sizeof(*next));
	size_t at = count, depth = 0;

	for (size_t i = 0; i <= count; i++)
		child[i] = next[i] = NONE;
	for (size_t i = count; i-- > 0;) {
		size_t above = parents[i] == NONE ? count : (size_t)parents[i];

		next[i] = child[above];
		child[above] = (ssize_t)i;
	}
	for (size_t done = 0; done < count; done++) {
		if (child[at] != NONE) {
			at = (size_t)child[at];
			depth++;
		} else {
			for (; next[at] == NONE; depth--)
				at = parents[at] == NONE ? count : (size_t)parents[at];
			at = (size_t)next[at];
		}
		order.items[done] = at;
		order.depths[done] = depth - 1;
	}
	free(child);
	free(next);
	return order;
}

static void order_spaces(struct map *map)
{
	ssize_t *parents = array_of(map->space_count, sizeof(*parents));

	for (size_t i = 0; i < map->space_count; i++) {
		const struct map_space *manager = map_space(map, map->spaces[i].manager);

		parents[i] = manager && manager < &map->spaces[i] ? manager - map->spaces : NONE;
	}
	map->by_manager = order_of(parents, map->space_count);
	free(parents);
}

/* Finds a grant's parent, which has the same owner and stands before it, by searching backwards. */
static void order_grants(struct map *map)
{
	ssize_t *parents = array_of(map->grant_count, sizeof(*parents));

	for (size_t i = 0; i < map->grant_count; i++) {
		const struct map_grant *grant = &map->grants[i];

		parents[i] = NONE;
		for (size_t j = i; grant->parent && j-- > 0 && map->grants[j].owner == grant->owner;)
			if (map->grants[j].number == grant->parent) {
				parents[i] = (ssize_t)j;
				break;
			}
	}
	map->by_parent = order_of(parents, map->grant_count);
	free(parents);
}

/* --- all of it --- */

static int read_all(struct reader *reader, struct map *map)
{
	int error;

	if (json_unpack_ex(map->json, &reader->error, 0, "{s:I, s:I, s:I}", "window", &map->window, "other_calls",
		    &map->other_calls, "system_calls", &map->system_calls))
		return complaint(EXIT_TOOL, "%s: not a map: %s", reader->source, reader->error.text);
	error = read_spaces(reader, map);
	sort_spaces(map);
	if (!error)
		error = read_grants(reader, map);
	if (!error)
		error = read_portals(reader, map);
	if (!error)
		error = read_calls(reader, map);
	if (!error)
		error = read_processes(reader, map);
	if (!error)
		error = read_vases(reader, map);
	if (error)
		return error;
	order_spaces(map);
	order_grants(map);
	return 0;
}

int map_read(struct map *map, const char *text, size_t bytes, const char *source)
{
	struct reader reader = { .source = source };
	int error;

	*map = (struct map){ .json = json_loadb(text, bytes, 0, &reader.error) };
	if (!map->json) {
		/* It quotes the file. */
		for (char *c = reader.error.text; *c; c++)
			*c = (unsigned char)*c < ' ' || *c == 127 ? '?' : *c;
		return complaint(EXIT_TOOL, "%s: not a map: line %d: %s", source, reader.error.line, reader.error.text);
	}
	error = read_all(&reader, map);
	if (error)
		map_free(map);
	return error;
}

void map_free(struct map *map)
{
	free(map->spaces);
	free(map->grants);
	free(map->portals);
	free(map->calls);
	free(map->vases);
	free(map->by_number);
	free(map->by_manager.items);
	free(map->by_manager.depths);
	free(map->by_parent.items);
	free(map->by_parent.depths);
	json_decref(map->json);
	*map = (struct map){ 0 };
}

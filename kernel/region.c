/* Sets of regions: region.h. */
#include "region.h"

#include "panic.h"
#include "pool.h"
#include "segment.h"

static struct pool region_pool = POOL_INIT(region_pool, struct region);

/* --- reserving --- */

int region_reserve(struct region_reserve *reserve, unsigned count)
{
	for (reserve->count = 0; reserve->count < count; reserve->count++) {
		struct region *region = pool_alloc(&region_pool);

		if (!region) {
			region_unreserve(reserve);
			return -E_NOMEM;
		}
		reserve->spare[reserve->count] = region;
	}
	return 0;
}

struct region *region_take(struct region_reserve *reserve)
{
	ASSERT(reserve->count);
	return reserve->spare[--reserve->count];
}

void region_unreserve(struct region_reserve *reserve)
{
	while (reserve->count)
		pool_free(&region_pool, reserve->spare[--reserve->count]);
}

void region_free(struct region *region)
{
	pool_free(&region_pool, region);
}

struct region *region_copy(const struct region *region)
{
	struct region *copy = pool_alloc(&region_pool);

	if (copy)
		*copy = *region;
	return copy;
}

/* --- the tree: left < node < right by start; a parent's priority is at least its children's --- */

static u32 next_priority(void)
{
	static u32 state = 0x9e3779b9; /* [K] not secret: the tree only has to stay balanced */

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

/* Splits a tree into what starts below `start` and the rest. */
static void tree_split(struct region *tree, u64 start, struct region **below, struct region **rest)
{
	while (tree)
		if (tree->start < start) {
			*below = tree;
			below = &tree->right;
			tree = tree->right;
		} else {
			*rest = tree;
			rest = &tree->left;
			tree = tree->left;
		}
	*below = *rest = NULL;
}

/* Joins two trees, all of a below all of b. */
static struct region *tree_join(struct region *a, struct region *b)
{
	struct region *root, **link = &root;

	while (a && b)
		if (a->priority >= b->priority) {
			*link = a;
			link = &a->right;
			a = a->right;
		} else {
			*link = b;
			link = &b->left;
			b = b->left;
		}
	*link = a ? a : b;
	return root;
}

static void tree_insert(struct map *map, struct region *region)
{
	struct region **link = &map->root;

	region->priority = next_priority();
	while (*link && (*link)->priority >= region->priority)
		link = region->start < (*link)->start ? &(*link)->left : &(*link)->right;
	tree_split(*link, region->start, &region->left, &region->right);
	*link = region;
}

static void tree_remove(struct map *map, struct region *region)
{
	struct region **link = &map->root;

	while (*link != region)
		link = region->start < (*link)->start ? &(*link)->left : &(*link)->right;
	*link = tree_join(region->left, region->right);
}

struct region *map_find_next(const struct map *map, u64 offset)
{
	struct region *best = NULL;

	for (struct region *region = map->root; region;)
		if (region->end > offset) {
			best = region;
			region = region->left;
		} else {
			region = region->right;
		}
	return best;
}

struct region *map_find(struct map *map, u64 offset)
{
	struct region *region = map->hint;

	if (region && region->start <= offset && offset < region->end)
		return region;
	region = map_find_next(map, offset);
	if (!region || region->start > offset)
		return NULL;
	map->hint = region;
	return region;
}

struct region *region_next(const struct map *map, const struct region *region)
{
	const struct list_node *next = region->order.next;

	return next == &map->regions ? NULL : container_of(next, struct region, order);
}

/* --- changing the set --- */

void region_insert(struct map *map, struct region *region)
{
	struct region *next = map_find_next(map, region->start);

	ASSERT(!next || next->start >= region->end);
	list_insert_before(next ? &next->order : &map->regions, &region->order);
	tree_insert(map, region);
	region->map = map;
	if (region->segment)
		list_append(&region->segment->regions, &region->of_segment);
	else
		list_init(&region->of_segment);
	map->region_count++;
	map->kernel_count += region->flags & REGION_KERNEL ? 1 : 0;
}

void region_detach(struct map *map, struct region *region)
{
	tree_remove(map, region);
	list_remove(&region->order);
	list_remove(&region->of_segment);
	if (map->hint == region)
		map->hint = NULL;
	map->region_count--;
	map->kernel_count -= region->flags & REGION_KERNEL ? 1 : 0;
}

void region_remove(struct map *map, struct region *region)
{
	region_detach(map, region);
	if (region->segment)
		segment_unused(region->segment);
}

/* Does an offset lie inside of a region, and not at its start? */
static struct region *cut_by(const struct map *map, u64 at)
{
	struct region *region = map_find_next(map, at);

	return region && region->start < at ? region : NULL;
}

bool region_is_cut(const struct map *map, u64 at)
{
	return cut_by(map, at);
}

void region_split(struct map *map, u64 at, struct region_reserve *reserve)
{
	struct region *region = cut_by(map, at), *rest;

	if (!region)
		return;
	rest = region_take(reserve);
	*rest = *region;
	region->end = at;
	rest->start = at;
	rest->offset = region->offset + (at - region->start);
	region_insert(map, rest);
}

/* Does b, the neighbour behind a, continue it? */
static bool continues(const struct region *a, const struct region *b)
{
	return a->end == b->start && a->segment == b->segment && a->flags == b->flags && !(a->flags & REGION_KERNEL) &&
		a->offset + (a->end - a->start) == b->offset;
}

/* Makes one region of this and the next if they continue each other. */
static bool merge_next(struct map *map, struct region *region)
{
	struct region *next = region_next(map, region);

	if (!next || !continues(region, next))
		return false;
	/* The segment stays in use by the first. */
	region_detach(map, next);
	region->end = next->end;
	region_free(next);
	return true;
}

void region_merge(struct map *map, u64 start, u64 end)
{
	struct region *region = map_find_next(map, start ? start - 1 : 0);

	while (region && region->start < end)
		if (!merge_next(map, region))
			region = region_next(map, region);
}

void region_merge_around(struct map *map, struct region *region)
{
	struct list_node *before = region->order.prev;

	merge_next(map, region);
	if (before != &map->regions)
		merge_next(map, container_of(before, struct region, order));
}

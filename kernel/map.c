/* Maps: map.h. */
#include "map.h"

#include "account.h"
#include "frame.h"
#include "panic.h"
#include "pool.h"
#include "pt.h"
#include "region.h"
#include "segment.h"
#include "space.h"
#include "tlb.h"

static const u32 MEMORY_RIGHTS = RIGHT_R | RIGHT_W | RIGHT_X;

struct space *map_space(struct map *map)
{
	return container_of(map, struct space, map);
}

void map_init(struct map *map)
{
	*map = (struct map){ 0 };
	list_init(&map->regions);
	radix_init(&map->private, number_shift - PAGE_SHIFT);
}

/* Is [address, address + bytes) whole pages in the lower half of the window? */
static bool is_range(u64 address, u64 bytes)
{
	u64 half = window_bytes() / 2;

	return bytes && is_page_aligned(address | bytes) && address < half && bytes <= half - address;
}

/* Is anything, or anything of the kernel's own, mapped in a range? */
static bool has_region(const struct map *map, u64 start, u64 end)
{
	const struct region *region = map_find_next(map, start);

	return region && region->start < end;
}

static bool has_kernel_region(const struct map *map, u64 start, u64 end)
{
	for (const struct region *r = map_find_next(map, start); r && r->start < end; r = region_next(map, r))
		if (r->flags & REGION_KERNEL)
			return true;
	return false;
}

/* Drops the private frames of a range that no table shows any more. */
static void drop_private(struct map *map, u64 start, u64 end)
{
	u64 index = start >> PAGE_SHIFT, first = index, last = end >> PAGE_SHIFT;
	const struct radix_node *leaf;

	while (index < last && (leaf = radix_next_leaf(&map->private, &index)) && index < last) {
		for (u64 used = leaf->used; used; used &= used - 1) {
			u64 page = index + (u64)__builtin_ctzl(used);

			if (page < first || page >= last)
				continue;
			tlb_put_frame(radix_take(&map->private, page));
			map->private_count--;
			account_refund(map_space(map)->account, ACCOUNT_FRAMES, 1);
		}
		index += RADIX_SLOTS;
	}
}

/* Takes out what is mapped in a range; regions were split at its ends. Leaves the invalidation pending. */
static void take_out(struct map *map, u64 start, u64 end)
{
	struct region *region = map_find_next(map, start), *next;

	if (!region || region->start >= end)
		return;
	pt_clear(map_space(map), start, end);
	drop_private(map, start, end);
	for (; region && region->start < end; region = next) {
		next = region_next(map, region);
		region_remove(map, region);
		region_free(region);
	}
}

void map_destroy(struct map *map)
{
	radix_destroy(&map->private, tlb_put_frame);
	account_refund(map_space(map)->account, ACCOUNT_FRAMES, map->private_count);
	map->private_count = 0;
	while (!list_is_empty(&map->regions)) {
		struct region *region = container_of(list_first(&map->regions), struct region, order);

		region_remove(map, region);
		region_free(region);
	}
}

/* Finds the segment for a new region and judges the request. */
static int check_segment(struct space *caller, u32 number, u64 offset, u64 bytes, u32 flags, struct segment **out)
{
	struct segment *segment;

	*out = NULL;
	if (!number)
		return flags & MAP_SHARE ? -E_INVAL : 0;
	segment = segment_find(number);
	if (!segment || (segment->flags & SEGMENT_DESTROYED))
		return -E_NOENT;
	if (!segment_is_for(segment, caller))
		return -E_PERM;
	if (!is_page_aligned(offset) || offset >> PAGE_SHIFT >= segment->pages ||
		bytes >> PAGE_SHIFT > segment->pages - (offset >> PAGE_SHIFT))
		return -E_INVAL;
	if ((segment->flags & SEGMENT_DEVICE) && !(flags & MAP_SHARE))
		return -E_INVAL;
	*out = segment;
	return 0;
}

/* Does the most that a region with these flags may have include the rights? */
static bool may_have(u32 flags, u32 rights)
{
	return !(MAP_MOST(rights & MEMORY_RIGHTS) & ~flags);
}

/* Adds a region, in place of anything in the way if there is something. */
static int add(struct space *space, u64 start, u64 end, u32 flags, struct segment *segment, u64 offset, bool replaces)
{
	struct map *map = &space->map;
	struct region_reserve reserve;
	struct region *region;

	if (region_reserve(&reserve, 1 + (replaces ? region_splits(map, start, end) : 0)))
		return -E_NOMEM;
	if (replaces) {
		region_split(map, start, &reserve);
		region_split(map, end, &reserve);
		take_out(map, start, end);
	}
	region = region_take(&reserve);
	region->start = start;
	region->end = end;
	region->flags = flags;
	region->segment = segment;
	region->offset = segment ? offset : start;
	region_insert(map, region);
	region_merge_around(map, region);
	region_unreserve(&reserve);
	tlb_commit();
	return 0;
}

int map_add(struct space *caller, struct space *space, u64 address, u64 bytes, u32 flags, u32 segment, u64 offset)
{
	const u32 allowed = MEMORY_RIGHTS | MAP_SHARE | MAP_REPLACE | MAP_MOST_MASK;
	struct segment *object;
	bool replaces;
	int error;

	if (!(flags & MAP_MOST_MASK))
		flags |= MAP_MOST(flags & MAP_SHARE ? flags : MEMORY_RIGHTS);
	if (!is_range(address, bytes) || (flags & ~allowed) || !may_have(flags, flags))
		return -E_INVAL;
	error = check_segment(caller, segment, offset, bytes, flags, &object);
	if (error)
		return error;
	replaces = has_region(&space->map, address, address + bytes);
	if (replaces) {
		if (!(flags & MAP_REPLACE))
			return -E_EXIST;
		if (has_kernel_region(&space->map, address, address + bytes))
			return -E_BUSY;
	}
	return add(space, address, address + bytes, flags & ~(u32)MAP_REPLACE, object, offset, replaces);
}

int map_add_kernel(struct space *space, u64 address, u64 bytes)
{
	if (has_region(&space->map, address, address + bytes))
		return -E_EXIST;
	return add(space, address, address + bytes, RIGHT_R | RIGHT_W | REGION_KERNEL, NULL, 0, false);
}

void map_remove_kernel(struct space *space, u64 address, u64 bytes)
{
	take_out(&space->map, address, address + bytes);
	tlb_commit();
}

int map_remove(struct space *space, u64 address, u64 bytes)
{
	struct map *map = &space->map;
	struct region_reserve reserve;
	const struct region *first;

	if (!is_range(address, bytes))
		return -E_INVAL;
	first = map_find_next(map, address);
	if (!first || first->start >= address + bytes)
		return 0;
	if (first->start == address && first->end == address + bytes && !(first->flags & REGION_KERNEL)) {
		take_out(map, address, address + bytes);
		tlb_commit();
		return 0;
	}
	if (has_kernel_region(map, address, address + bytes))
		return -E_BUSY;
	if (region_reserve(&reserve, region_splits(map, address, address + bytes)))
		return -E_NOMEM;
	region_split(map, address, &reserve);
	region_split(map, address + bytes, &reserve);
	take_out(map, address, address + bytes);
	region_unreserve(&reserve);
	tlb_commit();
	return 0;
}

/* Is all of a range mapped? */
static bool is_mapped(const struct map *map, u64 start, u64 end)
{
	for (const struct region *r = map_find_next(map, start); r && r->start <= start; r = region_next(map, r)) {
		start = r->end;
		if (start >= end)
			return true;
	}
	return false;
}

/* May all regions of a range have the rights? */
static bool may_all_have(const struct map *map, u64 start, u64 end, u32 rights)
{
	for (const struct region *r = map_find_next(map, start); r && r->start < end; r = region_next(map, r))
		if (!may_have(r->flags, rights))
			return false;
	return true;
}

int map_protect(struct space *space, u64 address, u64 bytes, u32 rights)
{
	struct map *map = &space->map;
	u64 end = address + bytes;
	struct region_reserve reserve;

	if (!is_range(address, bytes) || (rights & ~MEMORY_RIGHTS))
		return -E_INVAL;
	if (!is_mapped(map, address, end))
		return -E_NOMEM;
	if (has_kernel_region(map, address, end))
		return -E_BUSY;
	if (!may_all_have(map, address, end, rights))
		return -E_PERM;
	if (region_reserve(&reserve, region_splits(map, address, end)))
		return -E_NOMEM;
	region_split(map, address, &reserve);
	region_split(map, end, &reserve);
	for (struct region *r = map_find_next(map, address); r && r->start < end; r = region_next(map, r)) {
		/* More rights are found by the next fault; fewer must be seen at once. */
		if (r->flags & MEMORY_RIGHTS & ~rights)
			pt_clear(space, r->start, r->end);
		r->flags = (r->flags & ~MEMORY_RIGHTS) | rights;
	}
	region_merge(map, address, end);
	region_unreserve(&reserve);
	tlb_commit();
	return 0;
}

/* Makes the nodes that the private frames of [from, from + bytes) need at another place. */
static int reserve_private(struct map *map, u64 from, u64 bytes, u64 to)
{
	u64 index = from >> PAGE_SHIFT, first = index, last = (from + bytes) >> PAGE_SHIFT;
	const struct radix_node *leaf;

	while (index < last && (leaf = radix_next_leaf(&map->private, &index)) && index < last) {
		for (u64 used = leaf->used; used; used &= used - 1) {
			u64 page = index + (u64)__builtin_ctzl(used), target = page - first + (to >> PAGE_SHIFT);

			if (page < first || page >= last || radix_reserve(&map->private, target))
				continue;
			radix_trim(&map->private, target);
			return -E_NOMEM;
		}
		index += RADIX_SLOTS;
	}
	return 0;
}

/* Removes empty nodes of a range. */
static void trim_private(struct map *map, u64 start, u64 bytes)
{
	u64 index = start >> PAGE_SHIFT, last = (start + bytes) >> PAGE_SHIFT;

	while (index < last && radix_next_leaf(&map->private, &index) && index < last) {
		radix_trim(&map->private, index);
		index += RADIX_SLOTS;
	}
}

static void move_private(struct map *map, u64 from, u64 bytes, u64 to)
{
	u64 index = from >> PAGE_SHIFT, first = index, last = (from + bytes) >> PAGE_SHIFT;
	struct radix_node *leaf;

	while (index < last && (leaf = radix_next_leaf(&map->private, &index)) && index < last) {
		for (u64 used = leaf->used; used; used &= used - 1) {
			u64 slot = (u64)__builtin_ctzl(used), page = index + slot;

			if (page < first || page >= last)
				continue;
			/* Nodes stay until trim_private(): some were reserved and are empty still. */
			leaf->used &= ~(1ul << slot);
			radix_set(&map->private, page - first + (to >> PAGE_SHIFT), leaf->slot[slot]);
		}
		index += RADIX_SLOTS;
	}
	trim_private(map, from, bytes);
}

/* Moves the regions of a range; they were split at its ends. */
static void move_regions(struct map *map, u64 from, u64 bytes, u64 to)
{
	struct region *region;

	while ((region = map_find_next(map, from)) && region->start < from + bytes) {
		region_detach(map, region);
		region->start = region->start - from + to;
		region->end = region->end - from + to;
		if (!region->segment)
			region->offset = region->start;
		region_insert(map, region);
	}
}

int map_move(struct space *space, u64 from, u64 bytes, u64 to)
{
	struct map *map = &space->map;
	struct region_reserve reserve;

	if (!is_range(from, bytes) || !is_range(to, bytes))
		return -E_INVAL;
	if (has_region(map, to, to + bytes) || (from < to + bytes && to < from + bytes))
		return -E_EXIST;
	if (!has_region(map, from, from + bytes))
		return -E_NOENT;
	if (has_kernel_region(map, from, from + bytes))
		return -E_BUSY;
	if (region_reserve(&reserve, region_splits(map, from, from + bytes)))
		return -E_NOMEM;
	if (reserve_private(map, from, bytes, to)) {
		trim_private(map, to, bytes);
		region_unreserve(&reserve);
		return -E_NOMEM;
	}
	region_split(map, from, &reserve);
	region_split(map, from + bytes, &reserve);
	pt_clear(space, from, from + bytes);
	move_private(map, from, bytes, to);
	move_regions(map, from, bytes, to);
	region_merge(map, to, to + bytes);
	region_unreserve(&reserve);
	tlb_commit();
	return 0;
}

/* Shares the private frames of one leaf with another map. */
static int fork_leaf(struct map *from, struct map *to, u64 index, const struct radix_node *leaf)
{
	struct radix_node *copy;
	u64 used = leaf->used;

	if (from->kernel_count)
		for (u64 rest = used; rest; rest &= rest - 1) {
			u64 slot = (u64)__builtin_ctzl(rest);

			if (map_find(from, (index + slot) << PAGE_SHIFT)->flags & REGION_KERNEL)
				used &= ~(1ul << slot);
		}
	if (!used)
		return 0;
	copy = radix_reserve(&to->private, index);
	if (!copy || !account_charge(map_space(to)->account, ACCOUNT_FRAMES, (u64)__builtin_popcountl(used)))
		return -E_NOMEM;
	copy->used = used;
	to->private_count += (u64)__builtin_popcountl(used);
	pt_protect_leaf(map_space(from), index, used);
	for (; used; used &= used - 1) {
		u64 slot = (u64)__builtin_ctzl(used);

		copy->slot[slot] = leaf->slot[slot];
		frame_get(copy->slot[slot]);
	}
	return 0;
}

static int fork_regions(const struct map *from, struct map *to)
{
	list_for_each(node, &from->regions) {
		const struct region *region = container_of(node, struct region, order);
		struct region *copy;

		if (region->flags & REGION_KERNEL)
			continue;
		copy = region_copy(region);
		if (!copy)
			return -E_NOMEM;
		region_insert(to, copy);
	}
	return 0;
}

int map_fork(struct space *from, struct space *to)
{
	const struct radix_node *leaf;
	u64 index = 0;
	int error;

	if (from == to)
		return -E_INVAL;
	if (to->map.region_count)
		return -E_EXIST;
	error = fork_regions(&from->map, &to->map);
	for (; !error && (leaf = radix_next_leaf(&from->map.private, &index)); index += RADIX_SLOTS)
		error = fork_leaf(&from->map, &to->map, index, leaf);
	if (error)
		map_destroy(&to->map);
	/* The entries lost their right to write in any case. */
	tlb_add(from, NULL, 0, window_bytes() / 2);
	pt_clear_copies(from, 0, window_bytes() / 2);
	tlb_commit();
	return error;
}

int map_query(struct space *space, u64 address, struct region_info *info)
{
	const struct region *region = map_find_next(&space->map, address);

	if (!region)
		return -E_NOENT;
	*info = (struct region_info){
		.start = region->start,
		.end = region->end,
		.offset = region->segment ? region->offset : 0,
		.segment = region->segment ? region->segment->number : 0,
		.flags = region->flags & (MEMORY_RIGHTS | MAP_SHARE | MAP_MOST_MASK),
	};
	return 0;
}

/* The first page of a region from `at` on that has a frame; the end of the region if none. */
static u64 next_present(const struct region *region, u64 at)
{
	u64 found = radix_next(&region->map->private, at >> PAGE_SHIFT), behind = region->end >> PAGE_SHIFT;
	/* Page of the window that would show page 0 of the segment: may be below 0. */
	u64 first = (region->start >> PAGE_SHIFT) - (region->offset >> PAGE_SHIFT);

	if (region->segment && segment_is_fixed(region->segment))
		return at;
	if (region->segment) {
		u64 index = radix_next(&region->segment->frames, (at >> PAGE_SHIFT) - first);

		found = min_u64(found, index == RADIX_NONE ? index : index + first);
	}
	return min_u64(found, behind) << PAGE_SHIFT;
}

/* The first page from `at` on that has a frame or that the tables show, before `stop`. */
static u64 next_shown(struct space *space, const struct region *region, u64 at, u64 stop)
{
	const u64 framed = next_present(region, at);
	unsigned level;

	for (stop = min_u64(stop, framed); at < stop; at += PAGE_SIZE) {
		const pte_t *entry = pt_find_entry(space, at, &level);

		if (entry && pte_is_present(*entry))
			break;
	}
	return at;
}

static i64 present_or_shown(struct space *space, const struct region *region, u64 address, u64 *end)
{
	u64 stop = min_u64(region->end, address + PRESENT_LOOK * PAGE_SIZE);
	u64 at = next_shown(space, region, address, stop);

	for (*end = at; *end < stop && next_shown(space, region, *end, *end + PAGE_SIZE) == *end; *end += PAGE_SIZE)
		;
	return at == region->end ? -E_NOENT : (i64)at;
}

i64 map_present(struct space *space, u64 address, bool shown, u64 *end)
{
	const struct region *region = map_find(&space->map, address);
	u64 at;

	if (!region)
		return -E_NOENT;
	if (shown)
		return present_or_shown(space, region, page_down(address), end);
	at = next_present(region, page_down(address));
	if (at == region->end)
		return -E_NOENT;
	*end = at;
	do
		*end += PAGE_SIZE;
	while (*end < at + PRESENT_RUN * PAGE_SIZE && next_present(region, *end) == *end && *end < region->end);
	return (i64)at;
}

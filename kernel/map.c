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
#include "work.h"

enum { REGIONS_AT_ONCE = 64, REGIONS_FREED_AT_ONCE = 16, LEAVES_AT_ONCE = 4 };

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

/* Is anything mapped in a range? */
static bool has_region(const struct map *map, u64 start, u64 end)
{
	const struct region *region = map_find_next(map, start);

	return region && region->start < end;
}

/* Does a range touch that of the stacklets, which is for the kernel only? VASes have no stacklets. */
static bool has_stacklets(struct map *map, u64 start, u64 end)
{
	return start < STACKLET_END && end > STACKLET_BASE && !(map_space(map)->flags & SPACE_VAS);
}

/* Is anything of the kernel's own mapped in a range? */
static bool has_kernel_region(struct map *map, u64 start, u64 end)
{
	return has_stacklets(map, start, end) &&
		has_region(map, max_u64(start, STACKLET_BASE), min_u64(end, STACKLET_END));
}

/* Drops the private frames of a range that no table shows any more, until it is time to stop. -> where it stopped. */
static u64 drop_private(struct map *map, u64 start, u64 end)
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
		if (index < last && work_is_due())
			return index << PAGE_SHIFT;
	}
	return end;
}

/* Unmaps a range, at whose start a region has been split, from the front until it is time to stop. -> where it stopped. The
 * invalidation is pending then. */
static u64 take_out(struct map *map, u64 start, u64 end)
{
	struct region *region = map_find_next(map, start), *next;
	u64 stop;

	for (; region && region->start < end; region = next) {
		u64 last = min_u64(region->end, end);

		next = region_next(map, region);
		stop = pt_clear(map_space(map), region->start, last);
		stop = drop_private(map, region->start, stop);
		if (stop == region->end) {
			region_remove(map, region);
			region_free(region);
		} else {
			region->offset += stop - region->start;
			region->start = stop;
		}
		if (stop < last || (stop < end && work_is_due()))
			return stop;
	}
	return end;
}

bool map_destroy(struct map *map)
{
	if (!radix_destroy(&map->private, frame_put))
		return false;
	account_refund(map_space(map)->account, ACCOUNT_FRAMES, map->private_count);
	map->private_count = 0;
	for (unsigned i = 1; !list_is_empty(&map->regions); i++) {
		struct region *region = container_of(list_first(&map->regions), struct region, order);

		region_remove(map, region);
		region_free(region);
		if (!(i % REGIONS_FREED_AT_ONCE) && work_is_due())
			return false;
	}
	return true;
}

/* Checks a request for a new region, and finds its segment. */
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

/* May a region with these flags have the rights (MAP_MOST)? */
static bool may_have(u32 flags, u32 rights)
{
	return !(MAP_MOST(rights & MEMORY_RIGHTS) & ~flags);
}

/* Adds a region in place of what is mapped there. */
static int add(struct space *space, u64 start, u64 end, u32 flags, struct segment *segment, u64 offset, bool replaces)
{
	struct map *map = &space->map;
	struct region_reserve reserve;
	struct region *region;

	if (region_reserve(&reserve, 1 + (replaces && region_is_cut(map, start))))
		return -E_NOMEM;
	if (replaces) {
		region_split(map, start, &reserve);
		if (take_out(map, start, end) < end) {
			region_unreserve(&reserve);
			tlb_commit();
			return WORK_AGAIN;
		}
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
	if (replaces && !(flags & MAP_REPLACE))
		return -E_EXIST;
	if (has_stacklets(&space->map, address, address + bytes))
		return -E_BUSY;
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
	for (u64 end = address + bytes; address < end;)
		address = take_out(&space->map, address, end);
	tlb_commit();
}

int map_remove(struct space *space, u64 address, u64 bytes)
{
	struct map *map = &space->map;
	struct region_reserve reserve;
	u64 end = address + bytes, stop;

	if (!is_range(address, bytes))
		return -E_INVAL;
	if (has_kernel_region(map, address, end))
		return -E_BUSY;
	if (region_reserve(&reserve, region_is_cut(map, address)))
		return -E_NOMEM;
	region_split(map, address, &reserve);
	stop = take_out(map, address, end);
	region_unreserve(&reserve);
	tlb_commit();
	return stop < end ? WORK_AGAIN : 0;
}

/* Flags in work_place() of map_protect(), beside an address. PLACE_CHECKED: the whole range is mapped and may have the rights.
 * PLACE_REFUSED: a part may not. */
enum { PLACE_CHECKED = 1, PLACE_REFUSED = 2 };

/* May all of a range have the rights? Goes on where *place says. 0, -E_NOMEM: a part is unmapped, -E_PERM, or WORK_AGAIN. */
static int check_protect(const struct map *map, u64 address, u64 end, u32 rights, u64 *place)
{
	u64 at = *place ? page_down(*place) : address, refused = *place & PLACE_REFUSED;
	const struct region *r = map_find_next(map, at);

	for (unsigned i = 1; r && r->start <= at; r = region_next(map, r), i++) {
		if (!(r->flags & REGION_KERNEL) && !may_have(r->flags, rights))
			refused = PLACE_REFUSED;
		at = r->end;
		if (at >= end) {
			*place = address | PLACE_CHECKED;
			return refused ? -E_PERM : 0;
		}
		*place = at | refused;
		if (!(i % REGIONS_AT_ONCE) && work_is_due())
			return WORK_AGAIN;
	}
	return -E_NOMEM;
}

/* Does a region that has other rights have to be split at an offset? */
static bool is_cut_for(const struct map *map, u64 at, u32 rights)
{
	const struct region *region = map_find_next(map, at);

	return region && region->start < at && (region->flags & MEMORY_RIGHTS) != rights &&
		may_have(region->flags, rights);
}

/* Gives the part of a region before an offset new rights; tables show none of it with more. */
static int protect_front(struct map *map, struct region *region, u64 stop, u32 rights, struct region_reserve *reserve)
{
	/* The regions in reserve are for the split at the end of the range. Stopping elsewhere needs another one. */
	if (stop < region->end && !reserve->count && region_reserve(reserve, 1))
		return -E_NOMEM;
	region_split(map, stop, reserve);
	region->flags = (region->flags & ~MEMORY_RIGHTS) | rights;
	return 0;
}

/* Gives the regions from *at on the rights, until it is time to stop. */
static int protect_some(struct map *map, u64 *at, u64 end, u32 rights, struct region_reserve *reserve)
{
	for (struct region *r = map_find_next(map, *at); r && r->start < end; r = region_next(map, r)) {
		u64 last = min_u64(r->end, end);

		*at = last;
		if ((r->flags & MEMORY_RIGHTS) != rights && may_have(r->flags, rights)) {
			/* More rights are found by the next fault; fewer must be seen at once. */
			if (r->flags & MEMORY_RIGHTS & ~rights)
				*at = pt_clear(map_space(map), r->start, last);
			if (protect_front(map, r, *at, rights, reserve))
				return -E_NOMEM;
		}
		if (*at < last || (*at < end && work_is_due()))
			return WORK_AGAIN;
	}
	return 0;
}

int map_protect(struct space *space, u64 address, u64 bytes, u32 rights)
{
	struct map *map = &space->map;
	u64 end = address + bytes, *place = work_place(), at;
	struct region_reserve reserve;
	int error = 0;

	if (!is_range(address, bytes) || (rights & ~MEMORY_RIGHTS))
		return -E_INVAL;
	if (!(*place & PLACE_CHECKED))
		error = check_protect(map, address, end, rights, place);
	if (error)
		return error;
	if (has_kernel_region(map, address, end))
		return -E_BUSY;
	at = page_down(*place);
	if (region_reserve(&reserve, is_cut_for(map, at, rights) + is_cut_for(map, end, rights)))
		return -E_NOMEM;
	if (is_cut_for(map, at, rights))
		region_split(map, at, &reserve);
	error = protect_some(map, &at, end, rights, &reserve);
	region_unreserve(&reserve);
	region_merge(map, page_down(*place), at);
	*place = at | PLACE_CHECKED;
	tlb_commit();
	return error;
}

/* Makes the radix nodes that the private frames of [from, from + bytes) need at their new place. */
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
			/* Empty nodes stay until trim_private(): some of them are reserved. */
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
	if (has_stacklets(map, to, to + bytes))
		return -E_BUSY;
	if (has_region(map, to, to + bytes) || (from < to + bytes && to < from + bytes))
		return -E_EXIST;
	if (!has_region(map, from, from + bytes))
		return -E_NOENT;
	if (has_kernel_region(map, from, from + bytes))
		return -E_BUSY;
	if (region_reserve(&reserve, region_is_cut(map, from) + region_is_cut(map, from + bytes)))
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

/* --- fork ---
 *
 * Copies the parent's regions in the order of their addresses. Between two steps the child has all of the parent's memory up to the
 * end of its own last region, and nothing behind that, where the next step goes on. */

/* Shares the private frames of one leaf, those of pages [first, last), with another map. -> how many, or -E_NOMEM. */
static int fork_leaf(struct map *from, struct map *to, u64 index, const struct radix_node *leaf, u64 first, u64 last)
{
	struct radix_node *copy;
	u64 used = leaf->used;
	int count;

	if (index < first)
		used &= ~0ul << (first - index);
	if (last - index < RADIX_SLOTS)
		used &= ~(~0ul << (last - index));
	if (!used)
		return 0;
	count = __builtin_popcountl(used);
	copy = radix_reserve(&to->private, index);
	if (!copy || !account_charge(map_space(to)->account, ACCOUNT_FRAMES, (u64)count))
		return -E_NOMEM;
	copy->used |= used;
	to->private_count += (u64)count;
	pt_protect_leaf(map_space(from), index, used);
	for (; used; used &= used - 1) {
		u64 slot = (u64)__builtin_ctzl(used);

		copy->slot[slot] = leaf->slot[slot];
		frame_get(copy->slot[slot]);
	}
	return count;
}

/* Copies some regions from *start on; *end becomes where they end. */
static int fork_regions(const struct map *from, struct map *to, u64 start, u64 *end)
{
	const struct region *region = map_find_next(from, start);

	*end = start;
	for (unsigned i = 0; region && i < REGIONS_AT_ONCE; region = region_next(from, region), i++) {
		struct region *copy;

		if (region->flags & REGION_KERNEL)
			region = map_find_next(from, STACKLET_END);
		if (!region)
			break;
		copy = region_copy(region);
		if (!copy)
			return -E_NOMEM;
		if (copy->start < start) {
			copy->offset += start - copy->start;
			copy->start = start;
		}
		region_insert(to, copy);
	}
	*end = region ? region->start : window_bytes() / 2;
	return 0;
}

/* Takes the regions behind an offset out of the child again: their frames were not copied yet. */
static void fork_cut(struct map *to, u64 at)
{
	struct region *region;

	while (!list_is_empty(&to->regions)) {
		region = container_of(to->regions.prev, struct region, order);
		if (region->start < at)
			break;
		region_remove(to, region);
		region_free(region);
	}
	if (!list_is_empty(&to->regions) && region->end > at)
		region->end = at;
}

/* The next leaf from a page on, not of stacklets, which nobody inherits. */
static const struct radix_node *fork_next(const struct map *from, u64 *index)
{
	const struct radix_node *leaf = radix_next_leaf(&from->private, index);

	if (!leaf || !from->kernel_count || *index >= STACKLET_END >> PAGE_SHIFT ||
		*index < STACKLET_BASE >> PAGE_SHIFT)
		return leaf;
	*index = STACKLET_END >> PAGE_SHIFT;
	return radix_next_leaf(&from->private, index);
}

/* Copies a piece of a map. -> 0: that was the last one, WORK_AGAIN with *at = how far it came. */
static int fork_some(struct map *from, struct map *to, u64 *at)
{
	u64 start = *at, index = start >> PAGE_SHIFT, end;
	const struct radix_node *leaf;
	int result = fork_regions(from, to, start, &end);

	while (result >= 0 && (leaf = fork_next(from, &index)) && index < end >> PAGE_SHIFT) {
		result = fork_leaf(from, to, index, leaf, start >> PAGE_SHIFT, end >> PAGE_SHIFT);
		index += RADIX_SLOTS;
		/* A leaf of which nothing was copied, because it is in no region, does not count as a piece. */
		if (result > 0 && !(index % (LEAVES_AT_ONCE * RADIX_SLOTS)) && index < end >> PAGE_SHIFT &&
			work_is_due()) {
			end = index << PAGE_SHIFT;
			fork_cut(to, end);
		}
	}
	if (start)
		region_merge(to, start, start + PAGE_SIZE);
	*at = end;
	return result < 0 ? result : end < window_bytes() / 2 ? WORK_AGAIN : 0;
}

/* Unmaps what a fork that failed has copied. */
static int fork_undo(struct map *to)
{
	u64 half = window_bytes() / 2;

	to->fork = FORK_FAILED;
	if (take_out(to, 0, half) < half)
		return WORK_AGAIN;
	radix_destroy(&to->private, tlb_put_frame);
	to->fork = FORK_NONE;
	return -E_NOMEM;
}

static int fork_on(struct space *from, struct space *to)
{
	struct map *map = &to->map;
	u64 start = 0, at;
	int error;

	if (map->fork == FORK_FAILED)
		return fork_undo(map);
	if (!list_is_empty(&map->regions))
		start = container_of(map->regions.prev, struct region, order)->end;
	at = start;
	map->fork = FORK_COPYING;
	do
		error = fork_some(&from->map, map, &at);
	while (error == WORK_AGAIN && !work_is_due());
	/* The entries lost their right to write in any case. */
	tlb_add(from, NULL, start, window_bytes() / 2);
	pt_clear_copies(from, start, window_bytes() / 2);
	if (!error)
		map->fork = FORK_NONE;
	return error && error != WORK_AGAIN ? fork_undo(map) : error;
}

int map_fork(struct space *from, struct space *to)
{
	int error;

	if (from == to)
		return -E_INVAL;
	if (to->map.region_count && !to->map.fork)
		return -E_EXIST;
	error = fork_on(from, to);
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

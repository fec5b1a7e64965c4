/* Segments: segment.h. */
#include "segment.h"

#include "account.h"
#include "frame.h"
#include "handle.h"
#include "layout.h"
#include "lib/string.h"
#include "map.h"
#include "panic.h"
#include "pool.h"
#include "pt.h"
#include "space.h"
#include "tlb.h"
#include "work.h"

static struct pool segment_pool = POOL_INIT(segment_pool, struct segment);
static struct handle_table segments;
static struct list_node unused = LIST_INIT(unused); /* to be freed: destroyed and not mapped; by segment.owned */

#define SEGMENT_PAGES_MAX (1ul << 30) /* a page number fits a fault's 32 bits */

struct segment *segment_find(u32 number)
{
	return handle_find(&segments, number);
}

bool segment_is_for(const struct segment *segment, const struct space *caller)
{
	return segment->owner && (segment->owner == caller || space_manages(caller, segment->owner));
}

/* -> the number, -E_NOMEM or -E_LIMIT. */
static int make(struct space *owner, u64 pages, u32 flags, pa_t base)
{
	struct segment *segment;

	if (!account_charge(owner->account, ACCOUNT_GRANTS, 1))
		return -E_LIMIT;
	segment = pool_alloc_zeroed(&segment_pool);
	if (segment)
		segment->number = handle_make(&segments, segment);
	if (!segment || !segment->number) {
		if (segment)
			pool_free(&segment_pool, segment);
		account_refund(owner->account, ACCOUNT_GRANTS, 1);
		return -E_NOMEM;
	}
	account_get(owner->account);
	segment->account = owner->account;
	segment->flags = flags;
	segment->owner = owner;
	segment->pages = pages;
	segment->end = ~0ul;
	segment->base = base;
	radix_init(&segment->frames, pages > 1 ? 64 - (unsigned)__builtin_clzl(pages - 1) : 1);
	list_init(&segment->regions);
	list_append(&owner->segments, &segment->owned);
	return (int)segment->number;
}

/* Frees some of a segment that nobody finds any more and no table shows. -> is it freed? */
static bool free_some(struct segment *segment)
{
	/* Of a contiguous segment, `present` counts the frames that are left. */
	while ((segment->flags & SEGMENT_CONTIGUOUS) && segment->pages) {
		tlb_put_frame(pa_ptr((pa_t){ segment->base.v + (--segment->pages << PAGE_SHIFT) }));
		if (!(segment->pages % RADIX_SLOTS) && work_is_due())
			return false;
	}
	if (!radix_destroy(&segment->frames, tlb_put_frame))
		return false;
	account_refund(segment->account, ACCOUNT_FRAMES, segment->present);
	account_refund(segment->account, ACCOUNT_GRANTS, 1);
	account_put(segment->account);
	list_remove(&segment->owned);
	pool_free(&segment_pool, segment);
	work_waiting--;
	return true;
}

bool segment_work(void)
{
	while (!list_is_empty(&unused))
		if (!free_some(container_of(list_first(&unused), struct segment, owned)) || work_is_due())
			break;
	return list_is_empty(&unused);
}

/* Frees a segment that is destroyed and not mapped, its frames after the next invalidation. */
static void release(struct segment *segment)
{
	if (!(segment->flags & SEGMENT_DESTROYED) || !list_is_empty(&segment->regions))
		return;
	handle_drop(&segments, segment->number);
	list_remove(&segment->owned);
	list_append(&unused, &segment->owned);
	work_waiting++;
	segment_work();
}

void segment_unused(struct segment *segment)
{
	release(segment);
}

bool segment_end_space(struct space *space)
{
	while (!list_is_empty(&space->segments)) {
		struct segment *segment = container_of(list_first(&space->segments), struct segment, owned);

		list_remove(&segment->owned);
		segment->owner = NULL;
		segment->flags |= SEGMENT_DESTROYED;
		release(segment);
		if (work_is_due())
			return false;
	}
	return true;
}

int segment_create(struct space *caller, u64 pages, u32 flags)
{
	if (!pages || pages > SEGMENT_PAGES_MAX || (flags & ~(u32)SEGMENT_PAGED))
		return -E_INVAL;
	return make(caller, pages, flags, (pa_t){ 0 });
}

/* The segment that a call of the native interface names, if the caller may use it: segment_is_for(). -E_NOENT, -E_PERM. */
static int find_for(struct space *caller, u32 number, struct segment **out)
{
	struct segment *segment = segment_find(number);

	if (!segment)
		return -E_NOENT;
	if (!segment_is_for(segment, caller))
		return -E_PERM;
	*out = segment;
	return 0;
}

int segment_destroy(struct space *caller, u32 number)
{
	struct segment *segment;
	int error;

	/* It is destroyed already: what is left to do is to free it. */
	if (*work_place()) {
		bool done = segment_work();

		tlb_commit();
		return done ? 0 : WORK_AGAIN;
	}
	*work_place() = 1;
	error = find_for(caller, number, &segment);
	if (error)
		return error;
	if (segment->flags & SEGMENT_DESTROYED)
		return -E_NOENT;
	segment->flags |= SEGMENT_DESTROYED;
	release(segment);
	tlb_commit();
	return list_is_empty(&unused) ? 0 : WORK_AGAIN;
}

static bool is_range(const struct segment *segment, u64 first, u64 count)
{
	return count && first < segment->pages && count <= segment->pages - first;
}

/* Empties the entries of pages [first, first + count) wherever the segment is mapped. */
static void clear_everywhere(struct segment *segment, u64 first, u64 count)
{
	u64 from = first << PAGE_SHIFT, to = (first + count) << PAGE_SHIFT;

	list_for_each(node, &segment->regions) {
		struct region *region = container_of(node, struct region, of_segment);
		u64 low = max_u64(from, region->offset),
		    high = min_u64(to, region->offset + (region->end - region->start));

		if (low < high)
			pt_clear(map_space(region->map), region->start + (low - region->offset),
				region->start + (high - region->offset));
	}
}

/* A frame on the segment's account; NULL if there is none. */
static void *frame_make(const struct segment *segment, void *(*alloc)(void))
{
	void *frame;

	if (!account_charge(segment->account, ACCOUNT_FRAMES, 1))
		return NULL;
	frame = alloc();
	if (!frame)
		account_refund(segment->account, ACCOUNT_FRAMES, 1);
	return frame;
}

/* Gives an absent page a frame. Tables may show the page as zeros until then. -E_NOMEM. */
static int put_frame(struct segment *segment, u64 page, void *frame)
{
	if (radix_set(&segment->frames, page, frame))
		return -E_NOMEM;
	segment->present++;
	if (segment->shows_zeros) {
		clear_everywhere(segment, page, 1);
		tlb_commit();
	}
	return 0;
}

static void drop_frame(struct segment *segment, u64 page)
{
	tlb_put_frame(radix_take(&segment->frames, page));
	segment->present--;
	account_refund(segment->account, ACCOUNT_FRAMES, 1);
}

static void *share_zeros(void)
{
	frame_get(frame_zeros);
	return frame_zeros;
}

/* Supplies one page from an address of the caller (0: zeros). -> 1; 0: the page is present already; or an error. */
static int supply(struct segment *segment, struct space *caller, u64 page, u64 from)
{
	void *frame;
	int error;

	if (radix_find(&segment->frames, page))
		return 0;
	frame = frame_make(segment, from ? frame_alloc_raw : share_zeros);
	if (!frame)
		return -E_NOMEM;
	error = from ? space_read(caller, from, frame, PAGE_SIZE) : 0;
	/* `from` may show this very segment: then reading has made the page present. */
	if (!error && !radix_find(&segment->frames, page)) {
		error = put_frame(segment, page, frame);
		if (!error)
			return 1;
	}
	frame_put(frame);
	account_refund(segment->account, ACCOUNT_FRAMES, 1);
	return error;
}

int segment_supply(struct space *caller, u32 number, u64 first, u64 count, u64 from)
{
	u64 made[SEGMENT_SUPPLY_MAX / 64] = { 0 };
	struct segment *segment;
	int error = find_for(caller, number, &segment);
	bool again = false;

	if (error)
		return error;
	if (segment_is_fixed(segment) || !is_range(segment, first, count) || count > SEGMENT_SUPPLY_MAX)
		return -E_INVAL;
	for (u64 i = 0; i < count && error >= 0 && !again; i++) {
		error = supply(segment, caller, first + i, from ? from + (i << PAGE_SHIFT) : 0);
		if (error > 0)
			made[i / 64] |= 1ul << (i % 64);
		/* The next step passes over the pages that are present, so each step has to supply one that was not. */
		again = error > 0 && i + 1 < count && work_is_due();
	}
	/* On failure, takes out the pages that this step has supplied. The reads may have made tables show them. */
	if (error < 0)
		clear_everywhere(segment, first, count);
	for (u64 i = 0; error < 0 && i < count; i++)
		if (made[i / 64] >> (i % 64) & 1)
			drop_frame(segment, first + i);
	tlb_commit();
	return error < 0 ? error : again ? WORK_AGAIN : 0;
}

int segment_evict(struct space *caller, u32 number, u64 first, u64 count)
{
	struct segment *segment;
	int error = find_for(caller, number, &segment);
	u64 index = first, page;
	struct radix_node *leaf;

	if (error)
		return error;
	if (segment_is_fixed(segment) || !is_range(segment, first, count))
		return -E_INVAL;
	clear_everywhere(segment, first, count);
	while ((leaf = radix_next_leaf(&segment->frames, &index)) && index < first + count) {
		u64 used = leaf->used;

		for (; used; used &= used - 1) {
			page = index + (u64)__builtin_ctzl(used);
			if (page < first || page >= first + count)
				continue;
			drop_frame(segment, page);
		}
		index += RADIX_SLOTS;
	}
	tlb_commit();
	return 0;
}

int segment_end(struct space *caller, u32 number, u64 pages)
{
	struct segment *segment;
	int error = find_for(caller, number, &segment);

	if (error)
		return error;
	if (segment_is_fixed(segment))
		return -E_INVAL;
	segment->end = pages;
	if (pages < segment->pages)
		clear_everywhere(segment, pages, segment->pages - pages);
	tlb_commit();
	return 0;
}

i64 segment_next(struct space *caller, u32 number, u64 page, u64 *end)
{
	struct segment *segment;
	int error = find_for(caller, number, &segment);
	u64 found;

	if (error)
		return error;
	if (segment_is_fixed(segment))
		return -E_INVAL;
	found = page < segment->pages ? radix_next(&segment->frames, page) : RADIX_NONE;
	if (found == RADIX_NONE)
		return -E_NOENT;
	*end = found;
	do
		++*end;
	while (*end < found + PRESENT_RUN && *end < segment->pages && radix_find(&segment->frames, *end));
	return (i64)found;
}

i64 segment_frames(struct space *caller, u32 number)
{
	struct segment *segment;
	int error = find_for(caller, number, &segment);

	return error ? error : (i64)segment->present;
}

static int share_frames(struct segment *from, struct segment *to)
{
	const struct radix_node *leaf;
	u64 index = 0;

	for (; (leaf = radix_next_leaf(&from->frames, &index)); index += RADIX_SLOTS) {
		struct radix_node *copy = radix_reserve(&to->frames, index);

		if (!copy || !account_charge(to->account, ACCOUNT_FRAMES, (u64)__builtin_popcountl(leaf->used)))
			return -E_NOMEM;
		copy->used = leaf->used;
		to->present += (u64)__builtin_popcountl(leaf->used);
		for (u64 used = leaf->used; used; used &= used - 1) {
			u64 slot = (u64)__builtin_ctzl(used);

			copy->slot[slot] = leaf->slot[slot];
			frame_get(copy->slot[slot]);
		}
	}
	return 0;
}

int segment_clone(struct space *caller, u32 number)
{
	struct segment *from, *to;
	int made, error = find_for(caller, number, &from);

	if (error)
		return error;
	if (segment_is_fixed(from) || (from->flags & (SEGMENT_PAGED | SEGMENT_DESTROYED)))
		return -E_INVAL;
	made = segment_create(caller, from->pages, 0);
	if (made < 0)
		return made;
	to = segment_find((u32)made);
	error = share_frames(from, to);
	if (error) {
		segment_destroy(caller, (u32)made);
		return error;
	}
	to->end = from->end;
	/* Empties entries, which may allow writing; faults make them anew, without that right. */
	clear_everywhere(from, 0, from->pages);
	tlb_commit();
	return made;
}

u32 segment_unshare(struct segment *segment, u64 page)
{
	void *frame = radix_find(&segment->frames, page), *copy;

	if (frame_refs(frame) == 1)
		return 0;
	copy = frame == frame_zeros ? frame_alloc() : frame_alloc_raw();
	if (!copy)
		return FAULT_NOMEM;
	if (frame != frame_zeros)
		page_copy(copy, frame);
	clear_everywhere(segment, page, 1);
	radix_set(&segment->frames, page, copy);
	tlb_put_frame(frame);
	tlb_commit();
	return 0;
}

int segment_device(struct space *caller, u64 physical, u64 bytes)
{
	if (!(caller->flags & SPACE_DEVICES))
		return -E_PERM;
	if (!bytes || !is_page_aligned(physical | bytes) || physical + bytes < physical || (physical + bytes) >> 48)
		return -E_INVAL;
	if (frame_is_ram((pa_t){ physical }, bytes))
		return -E_PERM;
	return make(caller, bytes >> PAGE_SHIFT, SEGMENT_DEVICE, (pa_t){ physical });
}

int segment_contiguous(struct space *caller, u64 pages, u64 *physical)
{
	void *block;
	bool charged;
	int number;

	if (!(caller->flags & SPACE_DEVICES))
		return -E_PERM;
	if (!pages || pages > SEGMENT_PAGES_MAX)
		return -E_INVAL;
	charged = account_charge(caller->account, ACCOUNT_FRAMES, pages);
	block = charged ? frame_alloc_contiguous(pages) : NULL;
	if (!block) {
		if (charged)
			account_refund(caller->account, ACCOUNT_FRAMES, pages);
		return -E_NOMEM;
	}
	*physical = ptr_pa(block).v;
	number = make(caller, pages, SEGMENT_CONTIGUOUS, ptr_pa(block));
	if (number > 0) {
		segment_find((u32)number)->present = pages;
		return number;
	}
	for (u64 i = 0; i < pages; i++)
		frame_put((char *)block + (i << PAGE_SHIFT));
	account_refund(caller->account, ACCOUNT_FRAMES, pages);
	return number;
}

int segment_memory(struct space *owner, u64 physical, u64 bytes)
{
	if (!bytes || !is_page_aligned(physical | bytes))
		return -E_INVAL;
	return make(owner, bytes >> PAGE_SHIFT, SEGMENT_MEMORY, (pa_t){ physical });
}

void *segment_present(const struct segment *segment, u64 page)
{
	return radix_find(&segment->frames, page);
}

void *segment_frame(struct segment *segment, u64 page, u32 *why)
{
	void *frame = radix_find(&segment->frames, page);

	if (frame)
		return frame;
	if (segment->flags & SEGMENT_PAGED) {
		*why = segment->owner ? FAULT_PAGER : FAULT_MAPPED;
		return NULL;
	}
	*why = FAULT_NOMEM;
	frame = frame_make(segment, frame_alloc);
	if (!frame)
		return NULL;
	if (put_frame(segment, page, frame)) {
		frame_put(frame);
		account_refund(segment->account, ACCOUNT_FRAMES, 1);
		return NULL;
	}
	return frame;
}

/* Invalidation: tlb.h. */
#include "tlb.h"

#include "arch.h"
#include "grant.h"
#include "panic.h"
#include "space.h"
#include "vas.h"

struct tlb_batch tlb_batch; /* [K] */

/* Widens a noted range, if the result covers the new one and not much more. */
static bool merge(struct tlb_range *range, struct space *owner, struct space *viewer, u64 start, u64 end)
{
	if (range->owner != owner || range->viewer != viewer || start > range->end || end < range->start)
		return false;
	range->start = min_u64(range->start, start);
	range->end = max_u64(range->end, end);
	return true;
}

/* Notes a range when there are ranges already. */
static __attribute__((noinline)) void add_to_others(struct space *owner, struct space *viewer, u64 start, u64 end)
{
	/* Backwards: the last one is the likeliest neighbour. */
	for (unsigned i = tlb_batch.count; i-- > 0;)
		if (merge(&tlb_batch.ranges[i], owner, viewer, start, end))
			return;
	if (tlb_batch.count < TLB_RANGES) {
		tlb_batch.ranges[tlb_batch.count++] = (struct tlb_range){ owner, viewer, start, end };
		return;
	}
	/* No room: widens one of the noted ranges to the whole window, for all viewers. */
	for (unsigned i = 0; i < tlb_batch.count; i++)
		if (tlb_batch.ranges[i].owner == owner &&
			(tlb_batch.ranges[i].viewer == viewer || !tlb_batch.ranges[i].viewer)) {
			tlb_batch.ranges[i].start = 0;
			tlb_batch.ranges[i].end = window_bytes();
			return;
		}
	tlb_commit();
	tlb_add(owner, viewer, start, end);
}

void tlb_add(struct space *owner, struct space *viewer, u64 start, u64 end)
{
	tlb_batch.pending = true;
	if (tlb_batch.count) {
		add_to_others(owner, viewer, start, end);
		return;
	}
	tlb_batch.ranges[0] = (struct tlb_range){ owner, viewer, start, end };
	tlb_batch.count = 1;
}

void tlb_put_frame(void *page)
{
	if (frame_refs(page) > 1) {
		frame_put(page);
		return;
	}
	tlb_batch.pending = true;
	frame_chain_push(&tlb_batch.frames, page);
}

void tlb_gone(struct space *space)
{
	ASSERT(!tlb_batch.gone);
	tlb_batch.gone = space;
	tlb_batch.pending = true;
}

void tlb_commit(void)
{
	if (tlb_batch.count || tlb_batch.gone)
		arch_tlb_commit(&tlb_batch);
	tlb_batch.count = 0;
	tlb_batch.gone = NULL;
	while (!frame_chain_is_empty(&tlb_batch.frames))
		frame_put(frame_chain_pop(&tlb_batch.frames));
	tlb_batch.pending = false;
}

unsigned tlb_range_views(const struct tlb_range *range, const struct space *space, u64 at[2])
{
	const struct space *owner = range->owner;
	bool is_vas = owner->flags & SPACE_VAS;

	if (range->viewer ? space != range->viewer
			  : space != owner && space != owner->system && !grant_exists(owner, space) &&
				!vas_is_attached(owner, space))
		return 0;
	at[0] = globalize(owner->number, range->start);
	if (space != owner && !is_vas)
		return 1;
	at[1] = is_vas ? window_bytes() / 2 + range->start : range->start;
	return 2;
}

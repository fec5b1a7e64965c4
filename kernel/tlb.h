/* TLB invalidation. What must leave the TLBs is collected in one batch. tlb_commit() has the machine invalidate it on all
 * processors concerned, and only then frees the frames that were to be freed. The batch is empty whenever the kernel is left.
 *
 * All functions: under the kernel lock. */
#ifndef KERNEL_TLB_H
#define KERNEL_TLB_H

#include "frame.h"
#include "types.h"

struct space;

/* A range of offsets in one owner's window. The owner sees it at 0 and at its own slot, others see it at the owner's slot; a space
 * that a VAS is attached to sees the VAS in the upper half of its native window. */
struct tlb_range {
	struct space *owner;
	struct space *viewer; /* only what this space sees has changed; NULL: for the owner and all that see the owner's memory */
	u64 start, end;
};

enum { TLB_RANGES = 8 };

struct tlb_batch {
	struct tlb_range ranges[TLB_RANGES];
	unsigned count;
	bool pending; /* there is anything in it */
	/* A space whose root has been emptied, NULL: none. When arch_tlb_commit() returns, no processor uses a translation of it
	 * any more: one that had the root loaded is on the kernel's own root, and copies of the root's entries are empty. */
	struct space *gone;
	struct frame_chain frames; /* frames to drop a reference of afterwards */
};

/* Notes a range. viewer: see struct tlb_range. */
void tlb_add(struct space *owner, struct space *viewer, u64 start, u64 end);
/* Drops a reference of a frame: at once if it is not the last, otherwise after the invalidation. */
void tlb_put_frame(void *page);
/* A space's root has been emptied: no processor may be on it, or on a copy of its entries, after the commit. */
void tlb_gone(struct space *space);
void tlb_commit(void);
extern struct tlb_batch tlb_batch; /* [K] the pending one: for tlb_pending() only */

/* Is something waiting? Never when the kernel is left. */
static inline bool tlb_pending(void)
{
	return tlb_batch.pending;
}

/* For arch_tlb_commit(): can the root of `space` have shown the range? Then at[] receives the addresses of its first
 * byte there (one, or two in the owner itself). -> number of them. */
unsigned tlb_range_views(const struct tlb_range *range, const struct space *space, u64 at[2]);

#endif

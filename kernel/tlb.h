/* Invalidation: what must leave the TLBs is collected in one pending batch; tlb_commit() has the machine invalidate it
 * on all processors concerned and only then frees the frames that were waiting. No call leaves the kernel lock or the
 * kernel with something pending.
 *
 * All functions: under the kernel lock. */
#ifndef KERNEL_TLB_H
#define KERNEL_TLB_H

#include "frame.h"
#include "types.h"

struct space;

/* A range of one owner's window, as offsets. Seen at 0 and at the owner's slot in the owner itself, at the slot in
 * others; of a VAS, also in the upper half of the windows of spaces that it is attached to. */
struct tlb_range {
	struct space *owner;
	struct space *viewer; /* only its view has changed; NULL: that of the owner and of all it is granted or attached to */
	u64 start, end;
};

enum { TLB_RANGES = 8 };

struct tlb_batch {
	struct tlb_range ranges[TLB_RANGES];
	unsigned count;
	bool pending; /* there is anything in it */
	/* Its root has been emptied: when arch_tlb_commit() returns, no processor may use a translation of it any more;
	 * one that has it loaded is on the kernel's own root instead, copies of its entries are emptied. NULL: none. */
	struct space *gone;
	struct frame_chain frames; /* to drop a reference of afterwards */
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

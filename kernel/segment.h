/* Segments: memory objects that can be mapped many times.
 *
 * A segment holds a reference to each of its frames; page tables that show them hold none, so a frame leaves a segment only
 * together with an invalidation (tlb.h). A segment lives until its owner has destroyed it and no region maps it. Its number stands
 * for it as long, so a pager can go on supplying pages of a segment that it has destroyed.
 *
 * The functions named as native calls do what abi/calls.def says, for the space `caller`. Under the kernel lock. */
#ifndef KERNEL_SEGMENT_H
#define KERNEL_SEGMENT_H

#include "lib/list.h"
#include "radix.h"
#include "types.h"

struct account;
struct space;

/* segment.flags besides SEGMENT_PAGED. */
enum {
	SEGMENT_DEVICE = 0x100,     /* registers at `base`: uncached, no frames */
	SEGMENT_CONTIGUOUS = 0x200, /* frames at `base`, all there from the start */
	SEGMENT_MEMORY = 0x400,     /* memory at `base` that is not frames (the boot archive), cached */
	SEGMENT_DESTROYED = 0x800,  /* by its owner: cannot be mapped any more */
};

enum { SEGMENT_SUPPLY_MAX = 512 }; /* pages in one call */

struct segment {
	u32 number, flags;
	struct account *account;  /* [I] of the owner, referenced */
	struct space *owner;      /* [K] NULL once it has ended: absent pages of a paged segment never come */
	u64 pages;                /* [I] */
	u64 end;                  /* [K] pages from here on only the owner may touch: segment_end() */
	pa_t base;                /* [I] device, contiguous */
	struct radix frames;      /* [K] of the other kinds: pages by index */
	u64 present;              /* [K] number of them */
	bool shows_zeros;         /* [K] page tables may show frame_zeros for absent pages: a new frame must replace it there */
	struct list_node regions; /* [K] that map it */
	struct list_node owned;   /* [K] in space.segments */
};

/* -> number of the segment, or -E_*. */
int segment_create(struct space *caller, u64 pages, u32 flags);
int segment_destroy(struct space *caller, u32 number);
int segment_supply(struct space *caller, u32 number, u64 first, u64 count, u64 from);
int segment_evict(struct space *caller, u32 number, u64 first, u64 count);
int segment_end(struct space *caller, u32 number, u64 pages);
/* What segment_present() does: *end is word 1. */
i64 segment_next(struct space *caller, u32 number, u64 page, u64 *end);
i64 segment_frames(struct space *caller, u32 number);
/* A copy, copy-on-write. */
int segment_clone(struct space *caller, u32 number);
int segment_device(struct space *caller, u64 physical, u64 bytes);
/* *physical receives the address of the first frame. */
int segment_contiguous(struct space *caller, u64 pages, u64 *physical);
/* A segment over memory that the kernel set aside for good (the boot archive). -E_INVAL, -E_NOMEM. */
int segment_memory(struct space *owner, u64 physical, u64 bytes);

/* The segment that a number stands for, NULL if none. */
struct segment *segment_find(u32 number);
/* May a space map, supply, evict and destroy it: the owner, or a manager of the owner? */
bool segment_is_for(const struct segment *segment, const struct space *caller);
/* The frame of a page of a segment that is not fixed (below). If the page is absent, makes a zeroed frame, unless a pager has to
 * supply the page. NULL with *why = FAULT_PAGER, FAULT_NOMEM or FAULT_MAPPED (the pager has ended). */
void *segment_frame(struct segment *segment, u64 page, u32 *why);
/* If the frame of a page is shared with clones, replaces it by a copy. -> 0 or FAULT_NOMEM. */
u32 segment_unshare(struct segment *segment, u64 page);
/* A present frame or NULL. */
void *segment_present(const struct segment *segment, u64 page);
/* Called when the last region has left its list: frees a destroyed segment. */
void segment_unused(struct segment *segment);
/* Frees some of the segments that are destroyed and not mapped. -> none is left? */
bool segment_work(void);
/* Destroys all that a space owns. Its maps are gone already. -> false: it was time to stop. */
bool segment_end_space(struct space *space);
/* Is the segment fixed: the frame of each page lies at base + offset? */
static inline bool segment_is_fixed(const struct segment *segment)
{
	return segment->flags & (SEGMENT_DEVICE | SEGMENT_CONTIGUOUS | SEGMENT_MEMORY);
}

#endif

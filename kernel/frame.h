/* Physical memory: frames, their reference counts, and blocks of contiguous frames.
 *
 * Each frame of RAM has an 8-byte record in the frame table, which lies in RAM itself. Free memory is kept in blocks of
 * 1, 2, 4 ... 512 frames (2 MiB) by the buddy rule; memory never used yet is only marked by a cursor for each range of
 * RAM, so that starting up takes the same time whatever the size of the machine. Single freed frames wait in a small
 * stack before they are merged. Callers name a frame by the kernel's pointer to it (layout.h: pa_ptr, ptr_pa).
 *
 * All functions: under the kernel lock. */
#ifndef KERNEL_FRAME_H
#define KERNEL_FRAME_H

#include "types.h"

struct boot_info;

/* Takes over the free memory. At least one range must be large enough for the frame table. Once, first of all. */
void frame_init(const struct boot_info *boot);

/* A frame with one reference, filled with zeros; NULL if there is none. */
void *frame_alloc(void);
/* The same with any content: the caller overwrites all of it before anyone sees it. */
void *frame_alloc_raw(void);
/* Zeroed frames, contiguous and aligned to the next power of two (at most to 2 MiB), each with one reference. Up to 512
 * pages come from anywhere, more only from memory never used before. NULL if there is no such block. */
void *frame_alloc_contiguous(u64 pages);

/* One reference more. */
void frame_get(void *page);
/* One reference less; the last one frees the frame. */
void frame_put(void *page);
/* Number of references of a frame in use. */
u32 frame_refs(const void *page);
/* Does a range have a frame in it that this file manages, or the frame table (not a device, not the kernel's image)? */
bool frame_is_ram(pa_t pa, u64 bytes);

/* The zero frame: page tables show it, read-only, for memory that nobody has written to. It is never given to a device, and has a
 * reference of its own, so that a holder of one more finds it shared and copies it before writing. It does not count among the
 * frames that can be allocated. */
extern void *frame_zeros;

/* Page tables are about to show a frame of a segment with these rights. -> with RIGHT_X: must arch_code_changed() be called first?
 * Not if it was called since the frame was allocated and nobody could write to the frame since. (The kernel itself writes to fresh
 * frames only, and where a space may write.) */
bool frame_show(void *page, u32 rights);

/* From now on freed frames are merged at once, and no allocation takes a short way: see fail.h. */
void frame_keep_none(void);

/* Numbers of frames: all that can be allocated, free now, fewest ever free. */
u64 frame_total(void);
u64 frame_free(void);
u64 frame_lowest(void);

/* A chain of frames in use, linked through the frame table: each can be in one chain at a time. Zero-initialised. */
struct frame_chain {
	u32 head;
};
void frame_chain_push(struct frame_chain *chain, void *page);
/* -> the last one pushed, NULL if the chain is empty. */
void *frame_chain_pop(struct frame_chain *chain);
static inline bool frame_chain_is_empty(const struct frame_chain *chain)
{
	return !chain->head;
}

#endif

/* Where things are in the kernel's half of the address range, and how physical memory is reached.
 *
 *                  4 levels                        5 levels
 *   direct map     from slot 256, random base      from slot 256, random base     all memory, device registers uncached
 *   entry area     0xffffff0000000000 (slot 510)   0xfffe000000000000 (slot 510)  fixed; see entry.h
 *   kernel image   0xffffff8000000000 and up       the same (slot 511)            random base; stacks behind it
 *
 * "Slot" means entry of the top-level table here. The entry area has a slot of its own, so that a shielded root can carry
 * it and nothing else of the kernel. */
#ifndef X86_64_LAYOUT_H
#define X86_64_LAYOUT_H

#include "types.h"

/* Where physical address 0 is visible to the kernel. Set before any C of the portable kernel runs. */
extern u64 direct_map_base;

static inline void *pa_ptr(pa_t pa)
{
	return (void *)(direct_map_base + pa.v);
}

/* Of an address in the direct map. */
static inline pa_t ptr_pa(const void *pointer)
{
	return (pa_t){ (u64)pointer - direct_map_base };
}

/* Paging levels of this processor, 4 or 5, and the bits of a user address. Known when kernel_main() starts. */
extern unsigned paging_levels;
extern unsigned user_address_bits; /* 47 or 56 */

/* Fills a page with zeros, copies one. */
static inline void page_zero(void *page)
{
	u64 words = 512;

	__asm__ volatile("rep stosq" : "+D"(page), "+c"(words) : "a"(0ul) : "memory");
}

static inline void page_copy(void *to, const void *from)
{
	u64 words = 512;

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

/* The pieces of the kernel's image (link.ld). */
extern char kernel_start[], kernel_text[], kernel_rodata[], kernel_data[], kernel_end[];

/* Linked here (link.ld), and never placed above; the image's slot begins at IMAGE_SLOT_BASE. */
#define KERNEL_LINK_BASE 0xffffffff80000000ul
#define IMAGE_SLOT_BASE 0xffffff8000000000ul
#define ENTRY_BASE_4 0xffffff0000000000ul
#define ENTRY_BASE_5 0xfffe000000000000ul
#define DIRECT_MAP_BASE_4 0xffff800000000000ul
#define DIRECT_MAP_BASE_5 0xff00000000000000ul

enum {
	KERNEL_STACK_SIZE = 16 * 1024,
	CACHE_LINE = 64,
	CODE_FOLLOWS_DATA = true, /* the processor itself makes instruction fetches see what was written */
};

#endif

/* Where things are in the kernel's half of the address range (TTBR1), and how physical memory is reached.
 *
 *   direct map     from 0xffff000000000000 on, random base    all memory; device registers as device memory
 *   entry area     0xffffff0000000000 (slot 510), fixed       the trampoline page and its data page; see entry.h
 *   kernel image   0xffffff8000000000 and up (slot 511)       random base; stacks behind it
 *
 * "Slot" means entry of the top-level table. User addresses are TTBR0's: a space's root shows nothing of the kernel. */
#ifndef ARM64_LAYOUT_H
#define ARM64_LAYOUT_H

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

/* Levels of page tables: always 4. */
extern unsigned paging_levels;

/* Fills a page with zeros, copies one. */
static inline void page_zero(void *page)
{
	u64 *at = page;

	for (unsigned i = 0; i < PAGE_SIZE / 64; i++, at += 8)
		__asm__ volatile("stp xzr, xzr, [%0]; stp xzr, xzr, [%0, #16]; stp xzr, xzr, [%0, #32]; stp xzr, xzr, [%0, #48]"
				 : : "r"(at) : "memory");
}

static inline void page_copy(void *to, const void *from)
{
	u64 *d = to;
	const u64 *s = from;

	for (unsigned i = 0; i < PAGE_SIZE / 32; i++, d += 4, s += 4)
		__asm__ volatile("ldp x9, x10, [%1]; ldp x11, x12, [%1, #16]; stp x9, x10, [%0]; stp x11, x12, [%0, #16]"
				 : : "r"(d), "r"(s) : "x9", "x10", "x11", "x12", "memory");
}

/* The pieces of the kernel's image (link.ld). */
extern char kernel_start[], kernel_text[], kernel_rodata[], kernel_data[], kernel_end[];

/* Linked here (link.ld), and never placed above; the image's slot begins at IMAGE_SLOT_BASE. */
#define KERNEL_LINK_BASE 0xffffffff80000000ul
#define IMAGE_SLOT_BASE 0xffffff8000000000ul
#define ENTRY_BASE 0xffffff0000000000ul
#define DIRECT_MAP_BASE 0xffff000000000000ul

enum {
	KERNEL_STACK_SIZE = 16 * 1024,
	CACHE_LINE = 64,
	CODE_FOLLOWS_DATA = false, /* a processor may fetch old instructions: arch_code_changed() */
};

#endif

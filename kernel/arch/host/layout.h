/* Where physical memory is on the host: an array that stands for the RAM of a machine. */
#ifndef LAYOUT_H
#define LAYOUT_H

#include "types.h"

/* Set by host_start() (host.h). */
extern u8 *host_ram;      /* the array */
extern u64 host_ram_base; /* physical address of its first byte */

/* Page-table levels of the machine that is played. */
extern unsigned paging_levels;

static inline void *pa_ptr(pa_t pa)
{
	return host_ram + (pa.v - host_ram_base);
}

static inline pa_t ptr_pa(const void *pointer)
{
	return (pa_t){ (u64)((const u8 *)pointer - host_ram) + host_ram_base };
}

/* A page's 4 KiB as zeros, and a copy of one. */
static inline void page_zero(void *page)
{
	__builtin_memset(page, 0, PAGE_SIZE);
}

static inline void page_copy(void *to, const void *from)
{
	__builtin_memcpy(to, from, PAGE_SIZE);
}

enum { CODE_FOLLOWS_DATA = false };

#endif

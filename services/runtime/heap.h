/* Memory of a service.
 *
 * Small blocks (up to HEAP_SMALL_MAX bytes) are cut from slabs, one size class to a slab; large ones are regions of their
 * own, given back to the kernel when freed. Any thread may call anything here. The layout of the lower half of a window:
 *
 *   0x00400000  image                    (service.ld)
 *   0x40000000  stacklets                (STACKLET_BASE)
 *   0x70000000  in init: the boot archive
 *   0x80000000  slabs                    HEAP_SMALL_BASE
 *   0xb0000000  large blocks, pages_*()  HEAP_LARGE_BASE .. HEAP_LARGE_END
 */
#ifndef RUNTIME_HEAP_H
#define RUNTIME_HEAP_H

#include "types.h"

/* A host test has to put it elsewhere. */
#ifndef HEAP_BASE
#define HEAP_BASE 0x80000000ul
#endif

#define HEAP_SMALL_BASE HEAP_BASE
#define HEAP_SMALL_END (HEAP_BASE + 0x30000000ul)
#define HEAP_LARGE_BASE HEAP_SMALL_END
#define HEAP_LARGE_END (HEAP_BASE + 0x70000000ul)
#define HEAP_SMALL_MAX 8192ul

/* Once, by the runtime. */
void heap_init(void);

/* At least `bytes` bytes with undefined content, aligned to 16. NULL: no memory. */
void *heap_alloc(size_t bytes);
/* The same, zeroed. */
void *heap_zalloc(size_t bytes);
/* A copy of `length` characters with a NUL behind them. */
char *heap_string(const char *text, size_t length);
/* Grows or shrinks a block (NULL: makes one); it may move. NULL: no memory, the old block stays. */
void *heap_realloc(void *block, size_t bytes);
/* NULL is allowed. */
void heap_free(void *block);

/* Whole zeroed pages at an address that is a multiple of PAGE_SIZE; `bytes` is rounded up. NULL: no memory. */
void *pages_alloc(size_t bytes);
/* Maps a piece of a segment at a free place of the large range; flags as for map. NULL: no room. */
void *pages_map(size_t bytes, u32 flags, u32 segment, u64 offset);
/* Gives back what pages_alloc() or pages_map() returned for the same size. */
void pages_free(void *pages, size_t bytes);

#endif

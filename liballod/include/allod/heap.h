/* A heap inside of a segment: malloc for data that lives in a VAS.
 *
 * All that the heap knows of itself is in the memory it manages, at the addresses where everyone sees it; so processes use it one
 * after another and at once, and what one has allocated another may free. No allocator that Debian has can do this: they keep
 * their books in the process.
 *
 *   vas_switch(vid);
 *   struct vas_heap *heap = vas_heap_make((void *)range[0], 1 << 20);      // once
 *   struct node *node = vas_malloc(heap, sizeof(*node));
 *
 * A thread that ends in the middle of a call leaves the heap locked. With a lockable segment (VAS_SHARED_LOCK) that cannot be
 * seen by others before vas_heap_unlock(); there the lock of the heap is never waited for. */
#ifndef ALLOD_HEAP_H
#define ALLOD_HEAP_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vas_heap;

/* Makes a heap in [start, start + bytes), of which nothing is in use. NULL and EINVAL: start is not aligned to 16, or it is too
 * little. */
struct vas_heap *vas_heap_make(void *start, size_t bytes);
/* The heap that starts there; NULL and EINVAL: there is none. */
struct vas_heap *vas_heap_open(void *start);
/* As malloc, calloc, realloc and free, aligned to 16. NULL and ENOMEM. */
void *vas_malloc(struct vas_heap *heap, size_t bytes);
void *vas_calloc(struct vas_heap *heap, size_t count, size_t bytes);
void *vas_realloc(struct vas_heap *heap, void *block, size_t bytes);
void vas_free(struct vas_heap *heap, void *block);
/* Bytes in blocks that are in use. */
size_t vas_heap_used(const struct vas_heap *heap);
/* Opens the lock that a thread held when it ended. The heap may have lost a block by that, and is sound otherwise. */
void vas_heap_unlock(struct vas_heap *heap);
/* Walks all blocks. -> 0, -1 if the heap is not sound. */
int vas_heap_check(const struct vas_heap *heap);

#ifdef __cplusplus
}
#endif

#endif

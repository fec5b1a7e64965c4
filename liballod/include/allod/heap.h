/* A heap inside of a segment: malloc for data that lives in a VAS.
 *
 * The heap keeps all of its state in the memory that it manages, at the same addresses for every process. So processes can use it
 * one after another and at the same time, and one may free what another has allocated. (Other allocators keep their state in the
 * process.)
 *
 *   vas_switch(vid);
 *   struct vas_heap *heap = vas_heap_make((void *)range[0], 1 << 20);      // once
 *   struct node *node = vas_malloc(heap, sizeof(*node));
 *
 * A thread that ends in the middle of a call leaves the heap locked, until another calls vas_heap_unlock(). In a lockable segment
 * (VAS_SHARED_LOCK) no thread ever waits for the lock of the heap, because the lock of the segment keeps others out. */
#ifndef ALLOD_HEAP_H
#define ALLOD_HEAP_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vas_heap;

/* Makes an empty heap in [start, start + bytes). NULL and EINVAL: start is not aligned to 16, or bytes are too few. */
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
/* Opens the lock of a heap whose holder has ended. The heap may have lost a block, and is sound otherwise. */
void vas_heap_unlock(struct vas_heap *heap);
/* Walks all blocks. -> 0, -1 if the heap is not sound. */
int vas_heap_check(const struct vas_heap *heap);

#ifdef __cplusplus
}
#endif

#endif

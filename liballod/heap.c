/* Heaps in segments: allod/heap.h.
 *
 *   heap header | block | block | ... | end mark
 *
 * A block is a header of 16 bytes (its size, the size of the block before it, whether it is in use) and its memory. Free neighbours
 * are joined. Free blocks are in lists by size, 4 lists for each power of two, with a bitmap of those that are not empty; an
 * allocation cuts the first block that is large enough. */
#include <allod/heap.h>

#include <errno.h>
#include <linux/futex.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAGIC 0x70616568646f6c6cull

enum { ALIGNMENT = 16, SIZES = 64, LEAST = 32 };

struct block {
	uint64_t before;               /* bytes of the block before this one, 0: it is the first */
	uint64_t size;                 /* with this header, bit 0: in use */
	struct block *next, *previous; /* of its list, while it is free */
};

struct vas_heap {
	uint64_t magic, used;
	uint32_t lock; /* 0: open, 1: locked, 2: locked and waited for */
	uint32_t unused;
	uint64_t nonempty; /* bitmap of lists */
	struct block *lists[SIZES];
	struct block *first, *end; /* end: an empty block in use */
};

enum { HEADER = offsetof(struct block, next) };

static uint64_t size_of(const struct block *block)
{
	return block->size & ~1ull;
}

static int is_used(const struct block *block)
{
	return block->size & 1;
}

static struct block *block_of(void *memory)
{
	return (struct block *)((char *)memory - HEADER);
}

static struct block *after(const struct block *block)
{
	return (struct block *)((char *)block + size_of(block));
}

/* --- the lock: a word that others may wait on, wherever they are attached --- */

static void lock(struct vas_heap *heap)
{
	uint32_t open = 0;

	if (__atomic_compare_exchange_n(&heap->lock, &open, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(&heap->lock, 2, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &heap->lock, FUTEX_WAIT, 2, NULL, NULL, 0);
}

static void unlock(struct vas_heap *heap)
{
	if (__atomic_exchange_n(&heap->lock, 0, __ATOMIC_RELEASE) == 2)
		syscall(SYS_futex, &heap->lock, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void vas_heap_unlock(struct vas_heap *heap)
{
	unlock(heap);
}

/* --- free blocks --- */

/* The list for blocks of a size: all in the next one are at least as large. */
static unsigned list_of(uint64_t size)
{
	unsigned power = 63 - (unsigned)__builtin_clzll(size),
		 list = (power - 5) * 4 + (unsigned)(size >> (power - 2) & 3);

	return list < SIZES ? list : SIZES - 1;
}

static void list_add(struct vas_heap *heap, struct block *block)
{
	unsigned list = list_of(block->size);

	block->previous = NULL;
	block->next = heap->lists[list];
	if (block->next)
		block->next->previous = block;
	heap->lists[list] = block;
	heap->nonempty |= 1ull << list;
}

static void list_take(struct vas_heap *heap, struct block *block)
{
	unsigned list = list_of(block->size);

	if (block->next)
		block->next->previous = block->previous;
	if (block->previous)
		block->previous->next = block->next;
	else
		heap->lists[list] = block->next;
	if (!heap->lists[list])
		heap->nonempty &= ~(1ull << list);
}

static struct block *find(struct vas_heap *heap, uint64_t size)
{
	unsigned list = list_of(size);
	uint64_t larger = list + 1 < SIZES ? heap->nonempty & ~0ull << (list + 1) : 0;

	for (struct block *block = heap->lists[list]; block; block = block->next)
		if (block->size >= size)
			return block;
	return larger ? heap->lists[__builtin_ctzll(larger)] : NULL;
}

/* Makes a block in use no larger than need be; what is left over becomes free. */
static void cut(struct vas_heap *heap, struct block *block, uint64_t size)
{
	uint64_t rest = size_of(block) - size;
	struct block *left, *next = after(block);

	if (rest < LEAST)
		return;
	block->size = size | 1;
	left = after(block);
	left->before = size;
	left->size = rest;
	if (!is_used(next)) {
		list_take(heap, next);
		left->size += next->size;
	}
	after(left)->before = left->size;
	list_add(heap, left);
}

static void release(struct vas_heap *heap, struct block *block)
{
	struct block *next = after(block), *before = (struct block *)((char *)block - block->before);

	block->size = size_of(block);
	if (!is_used(next)) {
		list_take(heap, next);
		block->size += next->size;
	}
	if (block->before && !is_used(before)) {
		list_take(heap, before);
		before->size += block->size;
		block = before;
	}
	after(block)->before = block->size;
	list_add(heap, block);
}

/* --- calls --- */

struct vas_heap *vas_heap_make(void *start, size_t bytes)
{
	struct vas_heap *heap = start;
	uint64_t from = (sizeof(*heap) + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1),
		 to = bytes & ~(uint64_t)(ALIGNMENT - 1);

	if ((uintptr_t)start % ALIGNMENT || to < from + LEAST + HEADER) {
		errno = EINVAL;
		return NULL;
	}
	memset(heap, 0, sizeof(*heap));
	heap->first = (struct block *)((char *)start + from);
	heap->end = (struct block *)((char *)start + to - HEADER);
	heap->first->before = 0;
	heap->first->size = (uint64_t)((char *)heap->end - (char *)heap->first);
	heap->end->before = heap->first->size;
	heap->end->size = 1;
	list_add(heap, heap->first);
	__atomic_store_n(&heap->magic, MAGIC, __ATOMIC_RELEASE);
	return heap;
}

struct vas_heap *vas_heap_open(void *start)
{
	struct vas_heap *heap = start;

	if (__atomic_load_n(&heap->magic, __ATOMIC_ACQUIRE) == MAGIC)
		return heap;
	errno = EINVAL;
	return NULL;
}

void *vas_malloc(struct vas_heap *heap, size_t bytes)
{
	uint64_t size = (bytes + HEADER + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
	struct block *block = NULL;

	if (size < LEAST)
		size = LEAST;
	if (bytes < 1ull << 48) {
		lock(heap);
		block = find(heap, size);
		if (block) {
			list_take(heap, block);
			block->size |= 1;
			cut(heap, block, size);
			heap->used += size_of(block);
		}
		unlock(heap);
	}
	if (!block) {
		errno = ENOMEM;
		return NULL;
	}
	return (char *)block + HEADER;
}

void *vas_calloc(struct vas_heap *heap, size_t count, size_t bytes)
{
	size_t all;
	void *memory = NULL;

	if (__builtin_mul_overflow(count, bytes, &all))
		errno = ENOMEM;
	else
		memory = vas_malloc(heap, all);
	if (memory)
		memset(memory, 0, all);
	return memory;
}

void vas_free(struct vas_heap *heap, void *memory)
{
	if (!memory)
		return;
	lock(heap);
	heap->used -= size_of(block_of(memory));
	release(heap, block_of(memory));
	unlock(heap);
}

void *vas_realloc(struct vas_heap *heap, void *memory, size_t bytes)
{
	uint64_t has;
	void *moved;

	if (!memory)
		return vas_malloc(heap, bytes);
	has = size_of(block_of(memory)) - HEADER;
	if (bytes <= has && bytes >= has / 2)
		return memory;
	moved = vas_malloc(heap, bytes);
	if (!moved)
		return NULL;
	memcpy(moved, memory, bytes < has ? bytes : has);
	vas_free(heap, memory);
	return moved;
}

size_t vas_heap_used(const struct vas_heap *heap)
{
	return heap->used;
}

int vas_heap_check(const struct vas_heap *heap)
{
	uint64_t before = 0, used = 0, listed = 0, open = 0;

	for (const struct block *block = heap->first; block != heap->end; block = after(block)) {
		if (block > heap->end || block->before != before || size_of(block) < LEAST)
			return -1;
		before = size_of(block);
		used += is_used(block) ? before : 0;
		open += !is_used(block);
	}
	for (unsigned i = 0; i < SIZES; i++) {
		if (!heap->lists[i] != !(heap->nonempty >> i & 1))
			return -1;
		for (const struct block *block = heap->lists[i]; block; block = block->next, listed++)
			if (is_used(block) || list_of(block->size) != i)
				return -1;
	}
	return heap->end->before == before && used == heap->used && open == listed ? 0 : -1;
}

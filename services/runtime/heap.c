/* The heap of a service: heap.h.
 *
 * A slab is SLAB_BYTES of address range, aligned to its size, with its header at the start. A freed block is used again before a
 * new one is cut from the untouched rest of the slab, so pages that were never needed get no frame. A slab with no block in use
 * goes to the list of free slabs and may serve another class.
 *
 * Locks: a class's lock protects its list and the headers of its slabs; `slabs.lock` is taken inside of it. */
#include "heap.h"

#include "lib/list.h"
#include "lib/string.h"
#include "service.h"

enum { SLAB_BYTES = 65536, SLAB_HEADER = 64, LARGE_HEADER = 64 };

static const u16 class_bytes[] = { 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144,
	8192 };

enum { CLASSES = ARRAY_SIZE(class_bytes), STEP_SHIFT = 4, STEPS = HEAP_SMALL_MAX >> STEP_SHIFT };

struct slab {
	struct list_node node; /* in the list of its class if it has room, in the list of free slabs, or in none */
	void *freed;           /* freed blocks, linked by their first word */
	u32 fresh;             /* offset of the first byte never handed out */
	u32 used;              /* blocks in use */
	u32 class;
};

_Static_assert(sizeof(struct slab) <= SLAB_HEADER, "the header fits");

static struct class
{
	struct lock lock;
	struct list_node room; /* slabs with a free block */
} classes[CLASSES];

static struct {
	struct lock lock;
	struct list_node free;
	u64 next; /* first address never used */
} slabs;

/* The class of each size, in steps of 16 bytes. */
static u8 class_of_step[STEPS + 1];

/* Where the search for free pages begins. */
static u64 large_hint = HEAP_LARGE_BASE;

/* Blocks above this size are regions of their own. With `test=fail` all blocks are, so that every allocation can fail, and a block
 * that is not freed shows as a frame that is missing. */
static size_t small_max = HEAP_SMALL_MAX;

void heap_init(void)
{
	unsigned class = 0;

	for (unsigned step = 0; step <= STEPS; step++) {
		if (step << STEP_SHIFT > class_bytes[class])
			class ++;
		class_of_step[step] = class;
	}
	for (unsigned i = 0; i < CLASSES; i++)
		list_init(&classes[i].room);
	list_init(&slabs.free);
	slabs.next = HEAP_SMALL_BASE;
	if (call_fail(0, ~0ul) >= 0)
		small_max = 0;
	service_assert(call_map(service_number(), HEAP_SMALL_BASE, HEAP_SMALL_END - HEAP_SMALL_BASE, RIGHT_R | RIGHT_W,
			       0, 0) >= 0);
}

/* A slab for the class whose lock is held; it is put on the class's list. */
static struct slab *slab_make(unsigned class)
{
	struct slab *slab = NULL;

	lock_acquire(&slabs.lock);
	if (!list_is_empty(&slabs.free)) {
		slab = container_of(list_first(&slabs.free), struct slab, node);
		list_remove(&slab->node);
	} else if (slabs.next < HEAP_SMALL_END) {
		slab = (struct slab *)slabs.next;
		slabs.next += SLAB_BYTES;
	}
	lock_release(&slabs.lock);
	if (!slab)
		return NULL;
	*slab = (struct slab){ .fresh = SLAB_HEADER, .class = class };
	list_prepend(&classes[class].room, &slab->node);
	return slab;
}

/* A block of a slab that has room. */
static void *slab_take(struct slab *slab, u32 bytes)
{
	void *block = slab->freed;

	if (block) {
		slab->freed = *(void **)block;
	} else {
		block = (char *)slab + slab->fresh;
		slab->fresh += bytes;
	}
	slab->used++;
	if (!slab->freed && slab->fresh + bytes > SLAB_BYTES)
		list_remove(&slab->node);
	return block;
}

static void *small_alloc(unsigned class)
{
	struct class *own = &classes[class];
	struct slab *slab;
	void *block = NULL;

	lock_acquire(&own->lock);
	slab = list_is_empty(&own->room) ? slab_make(class) : container_of(list_first(&own->room), struct slab, node);
	if (slab)
		block = slab_take(slab, class_bytes[class]);
	lock_release(&own->lock);
	return block;
}

static struct slab *slab_of(const void *block)
{
	return (struct slab *)round_down((u64)block, SLAB_BYTES);
}

static bool is_small(const void *block)
{
	return (u64)block < HEAP_SMALL_END;
}

static void small_free(void *block)
{
	struct slab *slab = slab_of(block);
	const u32 bytes = class_bytes[slab->class];
	struct class *own = &classes[slab->class];
	bool only;

	lock_acquire(&own->lock);
	if (!slab->freed && slab->fresh + bytes > SLAB_BYTES)
		list_prepend(&own->room, &slab->node);
	*(void **)block = slab->freed;
	slab->freed = block;
	slab->used--;
	/* The last empty slab of a class stays there: otherwise a block allocated and freed in turn would move it back and
	 * forth. */
	only = own->room.next == own->room.prev;
	if (!slab->used && !only) {
		list_remove(&slab->node);
		lock_acquire(&slabs.lock);
		list_prepend(&slabs.free, &slab->node);
		lock_release(&slabs.lock);
	}
	lock_release(&own->lock);
}

/* Bytes a block has room for. */
static size_t block_bytes(const void *block)
{
	if (is_small(block))
		return class_bytes[slab_of(block)->class];
	return *(const u64 *)((const char *)block - LARGE_HEADER) - LARGE_HEADER;
}

static void *large_alloc(size_t bytes)
{
	char *pages;

	if (bytes > HEAP_LARGE_END - HEAP_LARGE_BASE)
		return NULL;
	bytes = round_up(bytes + LARGE_HEADER, PAGE_SIZE);
	pages = pages_alloc(bytes);
	if (!pages)
		return NULL;
	*(u64 *)pages = bytes;
	return pages + LARGE_HEADER;
}

void *heap_alloc(size_t bytes)
{
	if (bytes > small_max)
		return large_alloc(bytes);
	return small_alloc(class_of_step[(bytes + (1 << STEP_SHIFT) - 1) >> STEP_SHIFT]);
}

void *heap_zalloc(size_t bytes)
{
	void *block = heap_alloc(bytes);

	/* Large blocks come zeroed from the kernel. */
	if (block && bytes <= HEAP_SMALL_MAX)
		memset(block, 0, bytes);
	return block;
}

char *heap_string(const char *text, size_t length)
{
	char *copy = heap_alloc(length + 1);
	if (copy) {
		memcpy(copy, text, length);
		copy[length] = 0;
	}
	return copy;
}

void *heap_realloc(void *block, size_t bytes)
{
	size_t old;
	void *fresh;

	if (!block)
		return heap_alloc(bytes);
	old = block_bytes(block);
	if (bytes <= old && bytes >= old / 2)
		return block;
	fresh = heap_alloc(bytes);
	if (!fresh)
		return bytes <= old ? block : NULL;
	memcpy(fresh, block, old < bytes ? old : bytes);
	heap_free(block);
	return fresh;
}

void heap_free(void *block)
{
	if (!block)
		return;
	if (is_small(block))
		small_free(block);
	else
		pages_free((char *)block - LARGE_HEADER, block_bytes(block) + LARGE_HEADER);
}

/* The first free range of that size above `from`, by the kernel's map; 0 if there is none. Another thread may take the range first;
 * then the call that maps there fails. A page on either side stays free: the kernel would join neighbours into one region, and
 * unmapping a part of a region needs memory. */
static u64 range_find(u64 from, u64 bytes)
{
	struct region_info region;

	while (from + bytes + 2 * PAGE_SIZE <= HEAP_LARGE_END) {
		if (call_map_query(service_number(), from, &region) < 0 || region.start >= from + bytes + 2 * PAGE_SIZE)
			return from + PAGE_SIZE;
		from = region.end;
	}
	return 0;
}

void *pages_map(size_t bytes, u32 flags, u32 segment, u64 offset)
{
	u64 from = __atomic_load_n(&large_hint, __ATOMIC_RELAXED), address;
	bool wrapped = false;
	i64 result;

	bytes = round_up(bytes, PAGE_SIZE);
	for (;;) {
		address = range_find(from, bytes);
		if (address) {
			result = call_map(service_number(), address, bytes, flags, segment, offset);
			if (result >= 0)
				break;
			if (result != -E_EXIST)
				return NULL;
			from = address;
		} else if (wrapped) {
			return NULL;
		} else {
			wrapped = true;
			from = HEAP_LARGE_BASE;
		}
	}
	__atomic_store_n(&large_hint, address + bytes, __ATOMIC_RELAXED);
	return (void *)address;
}

void *pages_alloc(size_t bytes)
{
	return pages_map(bytes, RIGHT_R | RIGHT_W, 0, 0);
}

void pages_free(void *pages, size_t bytes)
{
	call_unmap(service_number(), (u64)pages, round_up(bytes, PAGE_SIZE));
}

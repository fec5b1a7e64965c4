/* The heap of <allod/bounded.h> for software tables. It finds the bounds of an object by its address, so most pointers to objects
 * need no table entry.
 *
 *   HEAP   [object   ][object ][object            ] ...   slots in the order in which they were first needed
 *   RESTS  [r00][r0][r0000] ...                           for each 16 bytes `rest` of the object that starts there, else 0
 *
 * Slots are of some ninety sizes, each with a list of free ones. A slot is always larger than its object: the address behind
 * an object is inside of its slot and starts no other. Slots never change their size; what is larger than the largest is
 * malloc()'s. */
#include "bounds.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

enum {
	GRANULE = 16,
	FINE = 1024, /* up to here slots of all multiples of GRANULE, above four sizes from power to power */
	FINE_CLASSES = FINE / GRANULE,
	OBJECT_MAX = (1 << 17) - 1,
	CLASSES = FINE_CLASSES + 7 * 4 + 1,
	STEP = 4 << 20,                                                     /* the heap grows by */
	HEAP_MAX = 4 * (ALLOD_BOUNDS_HEAP - ALLOD_BOUNDS_HEAP_RESTS) >> 20, /* MiB */
};

_Static_assert(sizeof(int32_t) * 4 == GRANULE, "a rest for each granule: a quarter of the heap");

uint64_t allod_bounds_heap_granules;

static struct {
	atomic_bool lock;
	bool full;           /* it cannot grow any more, or was never started */
	char *top;           /* end of the slots made so far */
	void *free[CLASSES]; /* lists: the first word of a free slot is the next one */
} heap = { .full = true, .top = (char *)ALLOD_BOUNDS_HEAP };

static void heap_lock(void)
{
	for (unsigned spins = 0; atomic_exchange_explicit(&heap.lock, true, memory_order_acquire); spins++)
		bounds_pause(spins);
}

static void heap_unlock(void)
{
	atomic_store_explicit(&heap.lock, false, memory_order_release);
}

void bounds_heap_start(void)
{
	heap.full = false;
	pthread_atfork(heap_lock, heap_unlock, heap_unlock);
}

bool bounds_heap_has(const void *p)
{
	return ((uint64_t)p - ALLOD_BOUNDS_HEAP) / GRANULE < allod_bounds_heap_granules;
}

static int32_t *rest_at(const void *p)
{
	return (int32_t *)ALLOD_BOUNDS_HEAP_RESTS + ((uint64_t)p - ALLOD_BOUNDS_HEAP) / GRANULE;
}

/* The list for objects of so many bytes, and how large its slots are. */
static size_t class_of(size_t bytes, size_t *slot)
{
	size_t need = bytes + 1, power, quarter;

	if (need <= FINE) {
		*slot = (need + GRANULE - 1) & -(size_t)GRANULE;
		return *slot / GRANULE;
	}
	power = 63 - (size_t)__builtin_clzl(need - 1); /* 2^power < need <= 2^(power + 1) */
	quarter = 1ul << (power - 2);
	*slot = (need + quarter - 1) & -quarter;
	return FINE_CLASSES + (power - 10) * 4 + (*slot - (1ul << power)) / quarter;
}

static bool map_at(void *at, size_t bytes)
{
	return mmap(at, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) != MAP_FAILED;
}

static bool heap_grow(void)
{
	uint64_t bytes = allod_bounds_heap_granules * GRANULE;
	char *end = (char *)ALLOD_BOUNDS_HEAP + bytes;

	heap.full = heap.full || bytes >> 20 >= HEAP_MAX;
	if (heap.full || !map_at(end, STEP))
		return false;
	if (!map_at(rest_at(end), STEP / 4)) {
		munmap(end, STEP);
		return false;
	}
	__atomic_store_n(&allod_bounds_heap_granules, allod_bounds_heap_granules + STEP / GRANULE, __ATOMIC_RELEASE);
	return true;
}

static char *slot_new(size_t slot)
{
	char *p = heap.top;

	if (p + slot > (char *)ALLOD_BOUNDS_HEAP + allod_bounds_heap_granules * GRANULE && !heap_grow())
		return NULL;
	heap.top += slot;
	return p;
}

void *bounds_heap_alloc(size_t bytes, bool zeroed)
{
	size_t slot, class;
	bool used;
	void *p;

	if (bytes > OBJECT_MAX || (heap.full && !allod_bounds_heap_granules))
		return NULL;
	class = class_of(bytes, &slot);
	heap_lock();
	p = heap.free[class];
	used = p != NULL;
	if (used)
		heap.free[class] = *(void **)p;
	else
		p = slot_new(slot);
	if (p)
		__atomic_store_n(rest_at(p), (int32_t)allod_bounds_make(p, bytes).rest, __ATOMIC_RELAXED);
	heap_unlock();
	if (used && zeroed)
		memset(p, 0, bytes);
	/* Release: a thread that loads the pointer finds the bounds, too. */
	atomic_thread_fence(memory_order_release);
	return p;
}

void bounds_heap_free(void *p)
{
	size_t slot, class = class_of(-(size_t)allod_bounds_heap_rest(p), &slot);

	heap_lock();
	__atomic_store_n(rest_at(p), 0, __ATOMIC_RELAXED);
	*(void **)p = heap.free[class];
	heap.free[class] = p;
	heap_unlock();
}

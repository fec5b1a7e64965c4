/* Bounds of pointers: <allod/bounds.h>. */
#include "bounds.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <allod/pointer.h>

enum { SPINS = 200, HARD_LOCKS = 256 };

#define CLAIMED (1u << 31)

_Static_assert(ALLOD_BOUNDS_DIRECTORY == BOUNDS_SOFT_DIRECTORY, "the inline code knows it");
_Static_assert(offsetof(struct bounds_entry, begun) == BOUNDS_SOFT_MARK, "the inline code addresses entries by it");
_Static_assert(offsetof(struct bounds_entry, ended) == BOUNDS_SOFT_MARK + 4, "likewise");

static enum allod_bounds_back_end back_end;
static bool started;

/* Versions for the processor's tables, whose entries have no room for them. Several locations share one. */
static struct versions {
	_Atomic uint32_t begun, ended;
} hard_versions[HARD_LOCKS];

/* --- starting --- */

static void software_start(void)
{
	if (!bounds_machine_is_able() || bounds_trap_start())
		return;
	back_end = ALLOD_BOUNDS_SOFTWARE;
	bounds_heap_start();
}

/* The inline code reads the directory in any case: with other back ends than `software` this maps one that stays empty. */
static void nothing_start(void)
{
	size_t bytes = allod_present() ? allod_layout.window >> BOUNDS_CHUNK_SHIFT << 3 : BOUNDS_DIRECTORY_BYTES;

	if (mmap((void *)ALLOD_BOUNDS_DIRECTORY, bytes, PROT_READ,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED)
		abort(); /* the program has put something there */
}

void allod_bounds_start(void)
{
	const char *wish = getenv("ALLOD_BOUNDS");

	if (started)
		return;
	started = true;
	if (!wish)
		wish = "";
	/* Another kernel does not know the call, and would not know the traps. */
	if (strcmp(wish, "off") && allod_present()) {
		if (strcmp(wish, "software") && bounds_hard_start())
			back_end = ALLOD_BOUNDS_MPX;
		else if (strcmp(wish, "mpx"))
			software_start();
	}
	if (back_end != ALLOD_BOUNDS_SOFTWARE)
		nothing_start();
}

enum allod_bounds_back_end allod_bounds_back_end(void)
{
	return back_end;
}

/* --- reports --- */

void allod_bounds_report(const void *pointer, size_t bytes, struct allod_bounds bounds)
{
	uint64_t first = (uint64_t)pointer, lower = allod_bounds_lower(bounds), upper = allod_bounds_upper(bounds);

	/* The first byte if it is outside, else the last one of the access: what a processor would check. */
	if (first >= lower && first <= upper)
		first += bytes - 1;
	bounds_trap_report((const void *)first, lower, upper);
}

void allod_bounds_report_words(const void *pointer, size_t bytes, uint64_t base, uint64_t rest)
{
	allod_bounds_report(pointer, bytes, (struct allod_bounds){ base, rest });
}

/* --- versions --- */

void bounds_pause(unsigned spins)
{
	if (spins % SPINS == SPINS - 1)
		sched_yield();
}

static uint32_t version_claim(_Atomic uint32_t *begun)
{
	uint32_t version;

	for (unsigned spins = 0; (version = atomic_fetch_or(begun, CLAIMED)) & CLAIMED; spins++)
		bounds_pause(spins);
	atomic_thread_fence(memory_order_seq_cst);
	return version;
}

static void version_release(_Atomic uint32_t *begun, _Atomic uint32_t *ended, uint32_t version)
{
	version = (version + 1) & ~CLAIMED;
	atomic_store_explicit(ended, version, memory_order_release);
	atomic_store_explicit(begun, version, memory_order_release);
}

/* --- software tables --- */

/* The entry of a location; NULL if it has no table and `make` is false, or none can be made. */
static struct bounds_entry *entry_of(const void *location, bool make)
{
	const uint64_t *directory = (const uint64_t *)ALLOD_BOUNDS_DIRECTORY;
	uint64_t chunk = (uint64_t)location >> BOUNDS_CHUNK_SHIFT, value;

	value = __atomic_load_n(&directory[chunk], __ATOMIC_RELAXED);
	if (!value && make && !bounds_trap_table(location))
		value = __atomic_load_n(&directory[chunk], __ATOMIC_RELAXED);
	return value ? (struct bounds_entry *)(value - BOUNDS_SOFT_MARK + (uint64_t)location * 4) : NULL;
}

static _Atomic uint32_t *begun_of(struct bounds_entry *entry)
{
	return (_Atomic uint32_t *)&entry->begun;
}

static _Atomic uint32_t *ended_of(struct bounds_entry *entry)
{
	return (_Atomic uint32_t *)&entry->ended;
}

#define WORD(member) __atomic_load_n(&(member), __ATOMIC_RELAXED)
#define ACQUIRE_WORD(member) __atomic_load_n(&(member), __ATOMIC_ACQUIRE)
#define SET_WORD(member, value) __atomic_store_n(&(member), value, __ATOMIC_RELAXED)

/* What a pointer has without an entry. */
static struct allod_bounds bounds_without(const void *pointer)
{
	uint64_t rest = allod_bounds_heap_rest(pointer);

	return (struct allod_bounds){ rest ? -(uint64_t)pointer : 0, rest };
}

static bool needs_no_entry(const void *pointer, struct allod_bounds bounds)
{
	struct allod_bounds without = bounds_without(pointer);

	return without.base == bounds.base && without.rest == bounds.rest;
}

static void entry_set(struct bounds_entry *entry, void **location, void *pointer, struct allod_bounds bounds)
{
	uint32_t version = version_claim(begun_of(entry));

	SET_WORD(entry->lower, bounds.base);
	SET_WORD(entry->upper, bounds.rest);
	if (location)
		SET_WORD(*location, pointer);
	SET_WORD(entry->pointer, (uint64_t)pointer);
	version_release(begun_of(entry), ended_of(entry), version);
}

static void software_store(void **location, void *pointer, struct allod_bounds bounds)
{
	struct bounds_entry *entry = entry_of(location, false);

	if (!entry && !needs_no_entry(pointer, bounds))
		entry = entry_of(location, true);
	if (entry)
		entry_set(entry, location, pointer, bounds);
	else
		SET_WORD(*location, pointer);
}

static void *software_load(void **location, struct allod_bounds *bounds)
{
	for (unsigned spins = 0;; spins++) {
		void *pointer = ACQUIRE_WORD(*location);
		struct bounds_entry *entry = entry_of(location, false);
		struct allod_bounds b;
		uint64_t owner;
		uint32_t ended;

		if (!entry) {
			*bounds = bounds_without(pointer);
			return pointer;
		}
		ended = atomic_load_explicit(ended_of(entry), memory_order_acquire);
		pointer = WORD(*location);
		owner = WORD(entry->pointer);
		b.base = WORD(entry->lower);
		b.rest = WORD(entry->upper);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(begun_of(entry), memory_order_relaxed) == ended) {
			*bounds = owner == (uint64_t)pointer ? b : bounds_without(pointer);
			return pointer;
		}
		bounds_pause(spins);
	}
}

/* --- the processor's tables --- */

static struct versions *hard_versions_of(const void *location)
{
	return &hard_versions[(uint64_t)location / 8 % HARD_LOCKS];
}

static void hard_store(void **location, void *pointer, struct allod_bounds bounds)
{
	struct versions *v = hard_versions_of(location);
	uint32_t version = version_claim(&v->begun);

	bounds_hard_store(location, pointer, bounds);
	SET_WORD(*location, pointer);
	version_release(&v->begun, &v->ended, version);
}

static void *hard_load(void **location, struct allod_bounds *bounds)
{
	struct versions *v = hard_versions_of(location);

	for (unsigned spins = 0;; spins++) {
		uint32_t ended = atomic_load_explicit(&v->ended, memory_order_acquire);
		void *pointer = WORD(*location);

		*bounds = bounds_hard_load(location, pointer);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&v->begun, memory_order_relaxed) == ended)
			return pointer;
		bounds_pause(spins);
	}
}

/* --- what the inline code leaves --- */

void allod_bounds_store_slowly(void *location, void *pointer, struct allod_bounds bounds)
{
	if (back_end == ALLOD_BOUNDS_SOFTWARE)
		software_store(location, pointer, bounds);
	else if (back_end == ALLOD_BOUNDS_MPX)
		hard_store(location, pointer, bounds);
	else
		SET_WORD(*(void **)location, pointer);
}

void *allod_bounds_load_slowly(void *location, struct allod_bounds *bounds)
{
	if (back_end == ALLOD_BOUNDS_SOFTWARE)
		return software_load(location, bounds);
	if (back_end == ALLOD_BOUNDS_MPX)
		return hard_load(location, bounds);
	*bounds = allod_bounds_open();
	return WORD(*(void **)location);
}

/* --- ranges --- */

static void word_copy(uint64_t *to, uint64_t *from)
{
	struct allod_bounds b;
	void *pointer = allod_bounds_load(from, &b);

	/* Most words have no bounds. Such a word needs no table, but must drop the bounds of what was there before. */
	allod_bounds_store(to, pointer, b);
}

void *allod_bounds_copy(void *to, const void *from, size_t bytes)
{
	uint64_t a = (uint64_t)to, b = (uint64_t)from;
	size_t front = -a & 7, words;

	/* Pointers keep their bounds only where they are aligned, before and after. */
	if ((a & 7) != (b & 7) || bytes < front + 8)
		return memmove(to, from, bytes);
	words = (bytes - front) / 8;
	if (a <= b || a >= b + bytes) {
		memmove(to, from, front);
		for (size_t i = 0; i < words; i++)
			word_copy((uint64_t *)(a + front) + i, (uint64_t *)(b + front) + i);
		memmove((char *)to + front + words * 8, (const char *)from + front + words * 8,
			bytes - front - words * 8);
	} else {
		memmove((char *)to + front + words * 8, (const char *)from + front + words * 8,
			bytes - front - words * 8);
		for (size_t i = words; i--;)
			word_copy((uint64_t *)(a + front) + i, (uint64_t *)(b + front) + i);
		memmove(to, from, front);
	}
	return to;
}

void allod_bounds_clear(const void *start, size_t bytes)
{
	uint64_t at = ((uint64_t)start + 7) & -8ul, end = ((uint64_t)start + bytes) & -8ul;

	for (; at < end; at += 8) {
		uint64_t *word = (uint64_t *)at;
		struct allod_bounds b;
		void *pointer = allod_bounds_load(word, &b);

		if (!allod_bounds_is_open(b))
			allod_bounds_store(word, pointer, allod_bounds_open());
	}
}

/* The entries of a range in one chunk. */
static void entries_forget(uint64_t at, uint64_t end)
{
	struct bounds_entry *entry = entry_of((void *)at, false);

	for (; entry && at < end; at += 8, entry++)
		if (WORD(entry->pointer) || WORD(entry->lower) || WORD(entry->upper))
			entry_set(entry, NULL, NULL, allod_bounds_open());
}

void bounds_forget(const void *start, size_t bytes)
{
	uint64_t at = ((uint64_t)start + 7) & -8ul, end = ((uint64_t)start + bytes) & -8ul;

	if (back_end != ALLOD_BOUNDS_SOFTWARE) {
		allod_bounds_clear(start, bytes);
		return;
	}
	while (at < end) {
		uint64_t next = (at | (BOUNDS_CHUNK - 1)) + 1;

		entries_forget(at, next < end ? next : end);
		at = next;
	}
}

/* Bounds of pointers: a program says which object a pointer belongs to, and checks accesses; the bounds of pointers that are stored
 * in memory are kept in tables.
 *
 *   struct allod_bounds b = allod_bounds_make(buffer, sizeof(buffer));
 *   *(int *)allod_bounds_check(b, p, sizeof(int)) = 1;     // SIGSEGV, si_code SEGV_BNDERR, if p is outside
 *   allod_bounds_store(&node->text, buffer, b);            // node->text = buffer, and its bounds
 *   char *text = allod_bounds_load(&node->text, &b);       // and back
 *
 * Bounds are values of two words; as long as they are in registers, a check costs a few instructions. The tables cover all of the
 * program's memory, four bytes for each byte. A table is made where it is first needed, by a trap (`abi/bounds.h` has the layout),
 * and freed when the memory that it covers is unmapped. A pointer that code without bounds wrote to memory has none: it is open,
 * and passes every check. So is a pointer loaded from a location that was never stored to.
 *
 * A pointer to the start of an object of the library's heap (<allod/bounded.h>), with the bounds of that object, needs no table
 * entry, because the library finds the bounds by the pointer. It is stored as a plain pointer where there is no table yet; and it
 * has its bounds when it is loaded from a location without an entry for it, even if code without bounds wrote it. There is a gap
 * behind each object, so the address behind one is not the start of the next.
 *
 * Threads: a pointer that one thread stores and others load and store at the same time never comes with the bounds of another.
 * Each table entry has two version numbers. A store sets the top bit of `begun`, writes bounds, pointer and a copy of the pointer,
 * and then adds one to both numbers. A load reads the pointer, `ended`, the copy and the bounds, then `begun`, and begins again
 * unless all agree; only 2^31 stores between two of its instructions could deceive it. Where there is no table, the bounds follow
 * from the pointer alone, which is read first, so that a table made meanwhile is seen. A signal handler must not store to a
 * location that the interrupted thread may be storing to, and a process with several threads should not fork during a store.
 *
 * Back ends, chosen when the program starts, or by the variable ALLOD_BOUNDS in its environment:
 *   mpx       the processor's tables and instructions (BNDLDX, BNDSTX), on processors that have them; versions are kept beside
 *   them.
 *             They are off in signal handlers, after a jump out of one, in sandboxes and in functions that other spaces call:
 *             there loads give open bounds and stores none
 *   software  the library's own tables, of the same geometry; arm64 needs the atomic instructions of Armv8.1 for it
 *   off       no tables: every pointer that is loaded is open. On kernels other than Allod's, and where the other two cannot be had
 *
 * Locations are native addresses (allod/pointer.h), multiples of eight; those of C pointers are. */
#ifndef ALLOD_BOUNDS_H
#define ALLOD_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <allod/bounds_machine.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The negative of the first address; the complement of (last - first). Zeroes: open. */
struct allod_bounds {
	uint64_t base, rest;
};

enum allod_bounds_back_end { ALLOD_BOUNDS_OFF, ALLOD_BOUNDS_SOFTWARE, ALLOD_BOUNDS_MPX };

/* The one in use. */
enum allod_bounds_back_end allod_bounds_back_end(void);
/* Called before main() in every program that includes this file. */
void allod_bounds_start(void);

/* Reports an access outside of bounds: SIGSEGV with SEGV_BNDERR, si_lower, si_upper, and as si_addr its first byte if that is
 * outside, else its last. Returns if a handler of the program's steps over the instruction (ALLOD_BOUNDS_REPORT_BYTES). */
void allod_bounds_report(const void *pointer, size_t bytes, struct allod_bounds bounds) __attribute__((cold, noinline));
/* The same with the members: structures in cold code make compilers keep them in memory everywhere. */
void allod_bounds_report_words(const void *pointer, size_t bytes, uint64_t base, uint64_t rest) __attribute__((cold, noinline));

/* Copies memory that may hold pointers, as memmove(), with their bounds. */
void *allod_bounds_copy(void *to, const void *from, size_t bytes);
/* All pointers in the range become open. */
void allod_bounds_clear(const void *start, size_t bytes);

/* The bounds of an object; one of no bytes has the bounds of one byte. */
static inline struct allod_bounds allod_bounds_make(const void *first, size_t bytes)
{
	struct allod_bounds b = { -(uint64_t)first, ~(uint64_t)(bytes ? bytes - 1 : 0) };
	return b;
}

static inline struct allod_bounds allod_bounds_open(void)
{
	struct allod_bounds b = { 0, 0 };
	return b;
}

static inline bool allod_bounds_is_open(struct allod_bounds b)
{
	return !(b.base | b.rest);
}

/* First and last address. */
static inline uint64_t allod_bounds_lower(struct allod_bounds b)
{
	return -b.base;
}

static inline uint64_t allod_bounds_upper(struct allod_bounds b)
{
	return ~b.rest - b.base;
}

/* Are `bytes` (at least 1) from p on inside? */
static inline bool allod_bounds_hold(struct allod_bounds b, const void *p, size_t bytes)
{
	uint64_t limit, sum;

	return !__builtin_add_overflow(b.rest, (uint64_t)bytes - 1, &limit) &&
		!__builtin_add_overflow((uint64_t)p + b.base, limit, &sum);
}

/* Reports the access if they are not. -> p. For one byte this takes three instructions. */
static inline void *allod_bounds_check(struct allod_bounds b, const void *p, size_t bytes)
{
	if (__builtin_expect(!allod_bounds_hold(b, p, bytes), 0))
		allod_bounds_report_words(p, bytes, b.base, b.rest);
	return (void *)p;
}

/* The bounds of a part of the object: a member, an element. Reports a range that is not part of it. */
static inline struct allod_bounds allod_bounds_narrow(struct allod_bounds b, const void *first, size_t bytes)
{
	allod_bounds_check(b, first, bytes ? bytes : 1);
	return allod_bounds_make(first, bytes);
}

/* The library's heap (<allod/bounded.h>) begins at ALLOD_BOUNDS_HEAP and consists of so many granules of sixteen bytes. Each has
 * 32 bits in an array beside the heap: `rest` of the bounds of the object that starts there, with its sign; 0 if none does. */
#define ALLOD_BOUNDS_HEAP 0x80000000
#define ALLOD_BOUNDS_HEAP_RESTS 0x70000000
extern uint64_t allod_bounds_heap_granules;

/* Of the object of that heap that starts at p; 0 if there is none. */
static inline uint64_t allod_bounds_heap_rest(const void *p)
{
	uint64_t granule = (uint64_t)p - ALLOD_BOUNDS_HEAP;

	granule = granule >> 4 | granule << 60;
	if (granule >= allod_bounds_heap_granules)
		return 0;
	return (uint64_t)(int64_t)__atomic_load_n((const int32_t *)ALLOD_BOUNDS_HEAP_RESTS + granule, __ATOMIC_RELAXED);
}

/* A pointer in memory, whatever type the program gives it. */
typedef void *allod_bounds_word __attribute__((may_alias));

/* The cases that the inline code below does not handle: a table is missing, another thread is at the entry, or another back end is
 * in use. */
void allod_bounds_store_slowly(void *location, void *pointer, struct allod_bounds bounds) __attribute__((cold));
void *allod_bounds_load_slowly(void *location, struct allod_bounds *bounds) __attribute__((cold));

static inline void allod_bounds_store(void *location, void *pointer, struct allod_bounds bounds)
{
	uint64_t base = bounds.base, rest = bounds.rest;

	ALLOD_BOUNDS_TABLE_STORE(location, pointer, base, rest, missing, slow);
	return;
missing:
	if (rest && allod_bounds_heap_rest(pointer) == rest && base == -(uint64_t)pointer) {
		__atomic_store_n((allod_bounds_word *)location, pointer, __ATOMIC_RELAXED);
		return;
	}
slow:
	allod_bounds_store_slowly(location, pointer, bounds);
}

static inline void *allod_bounds_load(const void *location, struct allod_bounds *bounds)
{
	/* Before the directory is looked at: if there is no table then, the pointer was stored without one. */
	void *pointer = __atomic_load_n((const allod_bounds_word *)location, __ATOMIC_ACQUIRE);
	uint64_t base = 0, rest = 0;
	struct allod_bounds slowly;

	ALLOD_BOUNDS_TABLE_LOAD(location, pointer, base, rest, missing, slow);
	goto found;
missing:
	base = -(uint64_t)pointer;
	rest = allod_bounds_heap_rest(pointer);
	if (rest)
		goto found;
slow:
	pointer = allod_bounds_load_slowly((void *)location, &slowly); /* *bounds can stay in registers */
	base = slowly.base;
	rest = slowly.rest;
found:
	__asm__("" : "+r"(base), "+r"(rest)); /* gcc 12 fails to make a vector of what comes right out of an asm goto */
	bounds->base = base;
	bounds->rest = rest;
	return pointer;
}

static __attribute__((constructor, unused)) void allod_bounds_start_here(void)
{
	allod_bounds_start();
}

#ifdef __cplusplus
}
#endif

#endif

/* Pointers that carry their bounds, for C programs that use the accessors below: an allocator and string functions that check.
 *
 *   struct allod_ref name = allod_ref_malloc(16);
 *   allod_ref_strcpy(name, allod_ref_string("seventeen letters"));    // reported: it does not fit
 *   ALLOD_AT(int, numbers, i) = 1;                                    // reported if i is outside
 *   allod_ref_store(&record->name, name);                             // a plain `char *name` in a plain struct
 *   struct allod_ref again = allod_ref_load(&record->name);           // with the bounds it had
 *
 * Every function checks all bytes that it will read and write before it does so, and reports an access outside of bounds
 * (allod_bounds_report()); so it does a string that has no NUL inside of its bounds. A report ends the program, unless a handler of
 * the program's steps over it; then nothing has been written. When memory is copied, the pointers in it keep their bounds. */
#ifndef ALLOD_BOUNDED_H
#define ALLOD_BOUNDED_H

#include <stdlib.h>

#include <allod/bounds.h>

#ifdef __cplusplus
extern "C" {
#endif

struct allod_ref {
	void *at;
	struct allod_bounds bounds;
};

/* A pointer to an object of the program's: a variable, a member, an array. */
static inline struct allod_ref allod_ref_of(const void *object, size_t bytes)
{
	struct allod_ref r;

	/* Hides the object from the compiler, which would warn of accesses that the check reports at run time. */
	__asm__("" : "+r"(object));
	r.at = (void *)object;
	r.bounds = allod_bounds_make(object, bytes);
	return r;
}
/* A pointer to a string, with bounds up to its NUL: for literals, and strings from code that knows nothing of bounds. */
struct allod_ref allod_ref_string(const char *string);
/* No object. */
static inline struct allod_ref allod_ref_null(void)
{
	struct allod_ref r = { NULL, { 0, 0 } };
	return r;
}

/* The object at which r is, as an lvalue: element i from there. */
#define ALLOD_AT(type, r, i) \
	(*({ \
		const struct allod_ref allod_r_ = (r); \
		(type *)allod_at((char *)allod_r_.at, allod_r_.bounds.base, allod_r_.bounds.rest, (ptrdiff_t)(i), sizeof(type)); \
	}))
/* As allod_bounds_check(), written so that the compiler moves what is the same for all elements out of loops. */
static inline __attribute__((always_inline)) void *allod_at(char *at, uint64_t base, uint64_t rest, ptrdiff_t i, size_t bytes)
{
	uint64_t start = (uint64_t)at + base, from = start + (uint64_t)i * bytes, span = ~rest;
	uint64_t starts = span >= bytes - 1 ? span - (bytes - 2) : 0; /* the access may start at so many offsets */
	bool outside = bytes == 1 ? from > span : from >= starts;

	/* A single access is cheaper to check by address. Where the compiler sees that r is at the start of its object, the index
	 * alone decides. */
	if (__builtin_constant_p(i))
		outside = !allod_bounds_hold((struct allod_bounds){ base, rest }, at + i * (ptrdiff_t)bytes, bytes);
	else if (__builtin_constant_p(start) && start == 0)
		outside = (uint64_t)i >= starts / bytes + (starts % bytes != 0);
	if (__builtin_expect(outside, 0))
		allod_bounds_report_words(at + i * (ptrdiff_t)bytes, bytes, base, rest);
	return at + i * (ptrdiff_t)bytes;
}
/* Bytes from r to the end of its bounds; very many if r is open. */
static inline size_t allod_ref_room(struct allod_ref r)
{
	uint64_t sum;

	return __builtin_add_overflow((uint64_t)r.at + r.bounds.base, r.bounds.rest, &sum) ? 0 : -sum;
}
/* r moved by so many bytes. It may be outside of its bounds as long as it is not used. */
static inline struct allod_ref allod_ref_add(struct allod_ref r, ptrdiff_t bytes)
{
	r.at = (char *)r.at + bytes;
	return r;
}
/* A part of the object that r points to, a member, with the bounds of the part. */
static inline struct allod_ref allod_ref_part(struct allod_ref r, ptrdiff_t offset, size_t bytes)
{
	struct allod_ref part = { (char *)r.at + offset, { 0, 0 } };

	part.bounds = allod_bounds_narrow(r.bounds, part.at, bytes);
	return part;
}

/* Pointers in memory. */
static inline void allod_ref_store(void *location, struct allod_ref r)
{
	allod_bounds_store(location, r.at, r.bounds);
}
static inline struct allod_ref allod_ref_load(const void *location)
{
	struct allod_ref r;

	r.at = allod_bounds_load(location, &r.bounds);
	return r;
}

/* As malloc(), calloc(), realloc(), free() and strdup(); a null pointer if there is no memory. With the software back end, objects
 * of less than 128 KiB are in a heap of the library's, where pointers to their starts need no table entries (allod/bounds.h);
 * larger ones are malloc()'s. When memory is freed or moved, the bounds of the pointers that were stored in it are dropped. Freeing
 * a pointer that is not the start of an object is reported. */
void *allod_object_alloc(size_t bytes) __attribute__((malloc));
void *allod_object_zeroed(size_t bytes) __attribute__((malloc));
static inline struct allod_ref allod_ref_malloc(size_t bytes)
{
	return allod_ref_of(allod_object_alloc(bytes), bytes);
}
static inline struct allod_ref allod_ref_calloc(size_t count, size_t bytes)
{
	size_t all;
	bool over = __builtin_mul_overflow(count, bytes, &all);

	return allod_ref_of(over ? NULL : allod_object_zeroed(all), all);
}
struct allod_ref allod_ref_realloc(struct allod_ref r, size_t bytes);
void allod_ref_free(struct allod_ref r);
struct allod_ref allod_ref_strdup(struct allod_ref string);

/* As strcmp(), if the strings differ or both end within `most` bytes; else ALLOD_STRINGS_GO_ON. Reads no byte behind those. */
#define ALLOD_STRINGS_GO_ON 256
int allod_strings_order(const char *a, const char *b, size_t most);
/* For ALLOD_STRINGS_GO_ON: reports that the shorter object has no NUL, and returns 0. Takes words as
 * allod_bounds_report_words(). */
int allod_strings_outside(const char *a, uint64_t base_a, uint64_t rest_a, const char *b, uint64_t base_b, uint64_t rest_b)
	__attribute__((cold));

/* As the functions of the C library. The result is `to`, or a pointer into `string` with the bounds of that. */
struct allod_ref allod_ref_memcpy(struct allod_ref to, struct allod_ref from, size_t bytes);
struct allod_ref allod_ref_memmove(struct allod_ref to, struct allod_ref from, size_t bytes);
struct allod_ref allod_ref_memset(struct allod_ref to, int value, size_t bytes);
int allod_ref_memcmp(struct allod_ref a, struct allod_ref b, size_t bytes);
size_t allod_ref_strlen(struct allod_ref string);
struct allod_ref allod_ref_strcpy(struct allod_ref to, struct allod_ref from);
struct allod_ref allod_ref_strncpy(struct allod_ref to, struct allod_ref from, size_t bytes);
struct allod_ref allod_ref_strcat(struct allod_ref to, struct allod_ref from);
static inline int allod_ref_strcmp(struct allod_ref a, struct allod_ref b)
{
	size_t room_a = allod_ref_room(a), room_b = allod_ref_room(b);
	const char *first = (const char *)a.at, *second = (const char *)b.at;
	int order = allod_strings_order(first, second, room_a < room_b ? room_a : room_b);

	if (__builtin_expect(order == ALLOD_STRINGS_GO_ON, 0))
		return allod_strings_outside(first, a.bounds.base, a.bounds.rest, second, b.bounds.base, b.bounds.rest);
	return order;
}
int allod_ref_strncmp(struct allod_ref a, struct allod_ref b, size_t bytes);
struct allod_ref allod_ref_strchr(struct allod_ref string, int c);
struct allod_ref allod_ref_strstr(struct allod_ref string, struct allod_ref part);

#ifdef __cplusplus
}
#endif

#endif

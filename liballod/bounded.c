/* Pointers that carry their bounds: <allod/bounded.h>. */
#include <allod/bounded.h>

#include <stdlib.h>
#include <string.h>

#include "bounds.h"

/* Whether a range may be used; if not, it was reported, and the program has stepped over that. */
static bool may_use(struct allod_ref r, size_t bytes)
{
	if (!bytes || allod_bounds_hold(r.bounds, r.at, bytes))
		return true;
	allod_bounds_report(r.at, bytes, r.bounds);
	return false;
}

/* The length of a string of at most `most` bytes. -> whether its end, or so many bytes, are inside. */
static bool length_of(struct allod_ref r, size_t most, size_t *length)
{
	size_t room = allod_ref_room(r), limit = most < room ? most : room;

	*length = limit ? strnlen(r.at, limit) : 0;
	return *length < room || *length == most || may_use(r, room + 1);
}

struct allod_ref allod_ref_string(const char *string)
{
	return allod_ref_of(string, strlen(string) + 1);
}

/* --- memory --- */

void *allod_object_alloc(size_t bytes)
{
	void *object = bounds_heap_alloc(bytes, false);

	return object ? object : malloc(bytes);
}

void *allod_object_zeroed(size_t bytes)
{
	void *object = bounds_heap_alloc(bytes, true);

	return object ? object : calloc(1, bytes);
}

/* Bytes of the object that r starts; 0 if it starts none, which is reported. */
static size_t whole(struct allod_ref r)
{
	if (bounds_heap_has(r.at) && allod_bounds_heap_rest(r.at))
		return -(size_t)allod_bounds_heap_rest(r.at);
	if (!bounds_heap_has(r.at) && allod_bounds_lower(r.bounds) == (uint64_t)r.at)
		return allod_ref_room(r);
	allod_bounds_report((char *)allod_bounds_lower(r.bounds) - 1, 1, r.bounds);
	return 0;
}

void allod_ref_free(struct allod_ref r)
{
	size_t bytes = r.at ? whole(r) : 0;

	if (!bytes)
		return;
	bounds_forget(r.at, bytes);
	if (bounds_heap_has(r.at))
		bounds_heap_free(r.at);
	else
		free(r.at);
}

struct allod_ref allod_ref_realloc(struct allod_ref r, size_t bytes)
{
	struct allod_ref new = allod_ref_malloc(bytes);
	size_t old = r.at ? whole(r) : 0;

	if (!r.at || !new.at || !old)
		return new;
	allod_bounds_copy(new.at, r.at, old < bytes ? old : bytes);
	allod_ref_free(r);
	return new;
}

struct allod_ref allod_ref_strdup(struct allod_ref string)
{
	size_t length;
	struct allod_ref copy = length_of(string, SIZE_MAX, &length) ? allod_ref_malloc(length + 1) : allod_ref_null();

	if (copy.at)
		memcpy(copy.at, string.at, length + 1);
	return copy;
}

struct allod_ref allod_ref_memmove(struct allod_ref to, struct allod_ref from, size_t bytes)
{
	if (may_use(from, bytes) && may_use(to, bytes))
		allod_bounds_copy(to.at, from.at, bytes);
	return to;
}

struct allod_ref allod_ref_memcpy(struct allod_ref to, struct allod_ref from, size_t bytes)
{
	return allod_ref_memmove(to, from, bytes);
}

struct allod_ref allod_ref_memset(struct allod_ref to, int value, size_t bytes)
{
	if (may_use(to, bytes))
		memset(to.at, value, bytes);
	return to;
}

int allod_ref_memcmp(struct allod_ref a, struct allod_ref b, size_t bytes)
{
	return may_use(a, bytes) && may_use(b, bytes) ? memcmp(a.at, b.at, bytes) : 0;
}

/* --- strings --- */

size_t allod_ref_strlen(struct allod_ref string)
{
	size_t length;

	length_of(string, SIZE_MAX, &length);
	return length;
}

struct allod_ref allod_ref_strcpy(struct allod_ref to, struct allod_ref from)
{
	size_t length;

	if (length_of(from, SIZE_MAX, &length) && may_use(to, length + 1))
		memmove(to.at, from.at, length + 1);
	return to;
}

struct allod_ref allod_ref_strncpy(struct allod_ref to, struct allod_ref from, size_t bytes)
{
	size_t length;

	if (length_of(from, bytes, &length) && may_use(to, bytes)) {
		memmove(to.at, from.at, length);
		memset((char *)to.at + length, 0, bytes - length);
	}
	return to;
}

struct allod_ref allod_ref_strcat(struct allod_ref to, struct allod_ref from)
{
	size_t length;

	if (length_of(to, SIZE_MAX, &length))
		allod_ref_strcpy(allod_ref_add(to, (ptrdiff_t)length), from);
	return to;
}

int allod_strings_outside(const char *a, uint64_t base_a, uint64_t rest_a, const char *b, uint64_t base_b,
	uint64_t rest_b)
{
	const struct allod_ref first = { (void *)a, { base_a, rest_a } }, second = { (void *)b, { base_b, rest_b } };
	size_t room_a = allod_ref_room(first), room_b = allod_ref_room(second);

	may_use(room_a < room_b ? first : second, (room_a < room_b ? room_a : room_b) + 1);
	return 0;
}

int allod_ref_strncmp(struct allod_ref a, struct allod_ref b, size_t bytes)
{
	/* Only as much as the shorter one has is looked at, its NUL with it. */
	size_t room_a = allod_ref_room(a), room_b = allod_ref_room(b), room = room_a < room_b ? room_a : room_b;
	int order = allod_strings_order(a.at, b.at, bytes < room ? bytes : room);

	if (order != ALLOD_STRINGS_GO_ON)
		return order;
	if (bytes <= room)
		return 0;
	return allod_strings_outside(a.at, a.bounds.base, a.bounds.rest, b.at, b.bounds.base, b.bounds.rest);
}

struct allod_ref allod_ref_strchr(struct allod_ref string, int c)
{
	size_t length;
	const char *found;

	if (!length_of(string, SIZE_MAX, &length))
		return allod_ref_null();
	found = memchr(string.at, c, length + 1);
	return found ? allod_ref_add(string, found - (const char *)string.at) : allod_ref_null();
}

struct allod_ref allod_ref_strstr(struct allod_ref string, struct allod_ref part)
{
	size_t length;
	const char *found;

	if (!length_of(string, SIZE_MAX, &length) || !length_of(part, SIZE_MAX, &length))
		return allod_ref_null();
	found = strstr(string.at, part.at);
	return found ? allod_ref_add(string, found - (const char *)string.at) : allod_ref_null();
}

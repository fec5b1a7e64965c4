/* Pointers that carry their bounds: <allod/bounded.h>. */
#include <allod/bounded.h>

#include <stdlib.h>
#include <string.h>

/* Whether a range may be used; if not, it was reported, and the program has stepped over that. */
static bool may_use(struct allod_ref r, size_t bytes)
{
	if (!bytes || allod_bounds_hold(r.bounds, r.at, bytes))
		return true;
	allod_bounds_report(r.at, bytes, r.bounds);
	return false;
}

/* Bytes from r on that are inside, many if it is open. */
static size_t room_of(struct allod_ref r)
{
	uint64_t sum;

	return __builtin_add_overflow((uint64_t)r.at + r.bounds.base, r.bounds.rest, &sum) ? 0 : -sum;
}

/* The length of a string of at most `most` bytes. -> whether its end, or so many bytes, are inside. */
static bool length_of(struct allod_ref r, size_t most, size_t *length)
{
	size_t room = room_of(r), limit = most < room ? most : room;

	*length = limit ? strnlen(r.at, limit) : 0;
	return *length < room || *length == most || may_use(r, room + 1);
}

struct allod_ref allod_ref_string(const char *string)
{
	return allod_ref_of(string, strlen(string) + 1);
}

/* --- memory --- */

/* Bytes of the object that r starts; 0 if it starts none, which is reported. */
static size_t whole(struct allod_ref r)
{
	if (allod_bounds_lower(r.bounds) == (uint64_t)r.at)
		return room_of(r);
	allod_bounds_report((char *)allod_bounds_lower(r.bounds) - 1, 1, r.bounds);
	return 0;
}

void allod_ref_free(struct allod_ref r)
{
	size_t bytes = r.at ? whole(r) : 0;

	if (!bytes)
		return;
	allod_bounds_clear(r.at, bytes);
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

int allod_bounds_strcmp(const char *a, struct allod_bounds bounds_a, const char *b, struct allod_bounds bounds_b)
{
	const struct allod_ref first = { (void *)a, bounds_a }, second = { (void *)b, bounds_b };
	size_t room_a = room_of(first), room_b = room_of(second), room = room_a < room_b ? room_a : room_b;
	int result = strncmp(a, b, room);

	/* Equal as far as they go: there must be an end. */
	if (!result && (!room || !memchr(a, 0, room)))
		may_use(room_a < room_b ? first : second, room + 1);
	return result;
}

int allod_ref_strncmp(struct allod_ref a, struct allod_ref b, size_t bytes)
{
	/* Only as much as the shorter one has is looked at, its NUL with it. */
	size_t room_a = room_of(a), room_b = room_of(b), room = room_a < room_b ? room_a : room_b;
	size_t limit = bytes < room ? bytes : room;
	int result = limit ? strncmp(a.at, b.at, limit) : 0;

	if (!result && limit < bytes && (!limit || !memchr(a.at, 0, limit)))
		may_use(room_a < room_b ? a : b, room + 1);
	return result;
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

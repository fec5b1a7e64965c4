/* A library that runs in a space of its own: lz.h, and examples/squeeze.c, which loads it.
 *
 * Packed data is a sequence of
 *   0nnnnnnn                     n + 1 bytes follow as they are
 *   1nnnnnnn llllllll hhhhhhhh   n + 4 bytes are the same as those hl + 1 bytes before */
#include <allod/library.h>

#include "lz.h"

enum { SLOTS = 4096, SHORTEST = 4, LONGEST = 131, LITERALS = 128, FARTHEST = 65536 };

struct output {
	unsigned char *at, *end;
};

static long total;

static unsigned hash(const unsigned char *at)
{
	unsigned word = at[0] | (unsigned)at[1] << 8 | (unsigned)at[2] << 16 | (unsigned)at[3] << 24;

	return word * 2654435761u >> 20;
}

static int put_literals(struct output *out, const unsigned char *from, long count)
{
	while (count > 0) {
		long n = count < LITERALS ? count : LITERALS;

		if (out->end - out->at < n + 1)
			return 0;
		*out->at++ = (unsigned char)(n - 1);
		for (long i = 0; i < n; i++)
			*out->at++ = *from++;
		count -= n;
	}
	return 1;
}

static int put_reference(struct output *out, long length, long distance)
{
	if (out->end - out->at < 3)
		return 0;
	*out->at++ = (unsigned char)(0x80 | (length - SHORTEST));
	*out->at++ = (unsigned char)(distance - 1);
	*out->at++ = (unsigned char)((distance - 1) >> 8);
	return 1;
}

static long match_length(const unsigned char *a, const unsigned char *b, const unsigned char *end)
{
	long length = 0;

	while (b + length < end && length < LONGEST && a[length] == b[length])
		length++;
	return length;
}

long lz_pack(const unsigned char *from, long bytes, unsigned char *to, long room)
{
	/* Where strings with a hash were last seen, + 1. */
	static unsigned seen[SLOTS];
	struct output out = { to, to + room };
	long at = 0, literals = 0;

	for (unsigned i = 0; i < SLOTS; i++)
		seen[i] = 0;
	while (at + SHORTEST <= bytes) {
		unsigned *slot = &seen[hash(from + at)];
		long before = (long)*slot - 1, length = 0;

		*slot = (unsigned)at + 1;
		if (before >= 0 && at - before <= FARTHEST)
			length = match_length(from + before, from + at, from + bytes);
		if (length < SHORTEST) {
			at++;
			continue;
		}
		if (!put_literals(&out, from + literals, at - literals) || !put_reference(&out, length, at - before))
			return -1;
		at += length;
		literals = at;
	}
	if (!put_literals(&out, from + literals, bytes - literals))
		return -1;
	total += bytes;
	return out.at - to;
}
ALLOD_EXPORT(lz_pack)

long lz_unpack(const unsigned char *from, long bytes, unsigned char *to, long room)
{
	const unsigned char *end = from + bytes;
	unsigned char *at = to;

	while (from < end) {
		int is_reference = *from & 0x80;
		long length = (*from++ & 0x7f) + (is_reference ? SHORTEST : 1);
		const unsigned char *source = from;

		if (is_reference) {
			if (end - from < 2 || at - to < from[0] + from[1] * 256 + 1)
				return -1;
			source = at - (from[0] + from[1] * 256 + 1);
			from += 2;
		} else {
			if (end - from < length)
				return -1;
			from += length;
		}
		if (to + room - at < length)
			return -1;
		while (length-- > 0)
			*at++ = *source++;
	}
	return at - to;
}
ALLOD_EXPORT(lz_unpack)

unsigned lz_sum(const unsigned char *from, long bytes)
{
	unsigned a = 1, b = 0;

	for (long i = 0; i < bytes; i++) {
		a = (a + from[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}
ALLOD_EXPORT(lz_sum)

long lz_total(void)
{
	return total;
}
ALLOD_EXPORT(lz_total)

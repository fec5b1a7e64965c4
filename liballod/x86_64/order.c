/* Comparing strings of known room, sixteen bytes at a time: the same on both machines. */
#include <allod/bounded.h>

#include <emmintrin.h>

int allod_strings_order(const char *a, const char *b, size_t most)
{
	const unsigned char *s = (const unsigned char *)a, *t = (const unsigned char *)b;

	for (; most >= 16; most -= 16, s += 16, t += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)s), y = _mm_loadu_si128((const __m128i *)t);
		__m128i same = _mm_min_epu8(x, _mm_cmpeq_epi8(x, y)); /* zero where they differ or both end */
		unsigned stops = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(same, _mm_setzero_si128()));

		if (stops)
			return s[__builtin_ctz(stops)] - t[__builtin_ctz(stops)];
	}
	for (; most; most--, s++, t++)
		if (*s != *t || !*s)
			return *s - *t;
	return ALLOD_STRINGS_GO_ON;
}

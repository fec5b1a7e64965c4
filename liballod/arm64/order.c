/* Comparing strings of known room, sixteen bytes at a time: the same on both machines. */
#include <allod/bounded.h>

#include <arm_neon.h>

int allod_strings_order(const char *a, const char *b, size_t most)
{
	const unsigned char *s = (const unsigned char *)a, *t = (const unsigned char *)b;

	for (; most >= 16; most -= 16, s += 16, t += 16) {
		uint8x16_t x = vld1q_u8(s), y = vld1q_u8(t);
		uint8x16_t same = vandq_u8(vceqq_u8(x, y), vtstq_u8(x, x));    /* zero where they differ or both end */
		uint8x8_t narrow = vshrn_n_u16(vreinterpretq_u16_u8(same), 4); /* four bits for each byte */
		uint64_t stops = ~vget_lane_u64(vreinterpret_u64_u8(narrow), 0);

		if (stops)
			return s[__builtin_ctzl(stops) / 4] - t[__builtin_ctzl(stops) / 4];
	}
	for (; most; most--, s++, t++)
		if (*s != *t || !*s)
			return *s - *t;
	return ALLOD_STRINGS_GO_ON;
}

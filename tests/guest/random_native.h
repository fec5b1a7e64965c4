/* Native calls with random arguments, for fuzz.c and storm.c. The seed decides everything. */
#ifndef TESTS_GUEST_RANDOM_NATIVE_H
#define TESTS_GUEST_RANDOM_NATIVE_H

#include <string.h>

#include "native.h"
#include "random_next.h"

static char native_page[8192] __attribute__((aligned(4096)));
static uint64_t native_own; /* number of the space that calls */

/* A number, address, right or range as such calls take. */
static inline uint64_t native_pick(void)
{
	static const uint64_t values[] = { 0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 0x10, 0x20, 0xfff, 0x1000, 0x1001,
		0x2000, 0x400000, 0x401000, 0x40000000, 0x5fffffff, 0x7ffff000, 0x80000000, 0xffffffff, 0x100000000,
		0x1ffffffff, 0x200000000, 0x8000000000, 0xffffffffff, 0x10000000000, 0x7fffffffffff, 0x7ffffffff000,
		0x800000000000, 0xffffffffffffff, 0x100000000000000, 0x7fffffffffffffff, 0x8000000000000000,
		0xff00000000000000, 0xffff800000000000, 0xffffffff80000000, 0xfffffffffffff000, 0xfffffffffffffff8,
		~0ul };
	uint64_t r = random_next();

	switch (r >> 60) {
	case 0:
		return (uintptr_t)native_page + (r & 0xfff);
	case 1:
		return (uintptr_t)native_page;
	case 2:
		return r & 0xff;
	case 3:
		return r & 0xffff;
	case 4:
		return (r & 0xff) << 40 | (r >> 8 & 0xffff) << 8;
	case 5:
		return (r & 0xff) << 33 | 0x400000;
	case 6:
		return r;
	case 7:
		return native_own;
	default:
		return values[(r >> 8) % (sizeof(values) / sizeof(values[0]))];
	}
}

/* That many native calls with anything: the process that makes them may end by a fault or by a call. */
static inline void random_native(uint64_t seed, unsigned calls)
{
	struct space_info info;

	random_seed = seed * 6364136223846793005 + 1442695040888963407;
	if (native(CALL_space_info, 0, (uintptr_t)&info, 0, 0) >= 0)
		native_own = info.number;
	for (unsigned i = 0; i < calls; i++) {
		uint64_t nr = CALL_portal_call + (random_next() >> 20) % 0x68;
		struct space_spec spec = { .flags = random_next() & 7 ? (uint32_t)random_next() & 4
								      : (uint32_t)random_next() & 7,
			.system = random_next() & 1 };
		struct thread_spec thread = { .space = (uint32_t)native_pick(),
			.ip = native_pick(),
			.sp = native_pick(),
			.arg = native_pick(),
			.frame = random_next() & 1 ? native_pick() : 0 };
		uint64_t a = native_pick();

		if (nr == CALL_log)
			continue;
		if (nr == CALL_space_create && random_next() % 4) {
			memcpy(native_page, &spec, sizeof(spec));
			a = (uintptr_t)native_page;
		}
		if (nr == CALL_thread_create && random_next() % 4) {
			memcpy(native_page, &thread, sizeof(thread));
			a = (uintptr_t)native_page;
		}
		if (nr == CALL_segment_create)
			a &= 0xff;
		native6(nr, a, native_pick(), native_pick(), native_pick(), native_pick(), native_pick());
	}
}

#endif

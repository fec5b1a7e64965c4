/* A long random sequence of steps, the same on the host and in the guest. Each two hundred steps print a line with a sum of all
 * that they mixed in, so that the first difference shows where it is. With an argument of the program, `loud` is set and steps
 * print what they do. No expression draws two random numbers: compilers differ in the order. */
#ifndef TESTS_GUEST_SEQUENCE_H
#define TESTS_GUEST_SEQUENCE_H

#include "tap.h"

enum { SEQUENCE_BLOCK = 200 };

static uint64_t seed, sum; /* the program sets the seed */
static bool loud;

static inline uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed >> 5;
}

static inline void mix(uint64_t value)
{
	sum = (sum ^ value) * 0x100000001b3;
}

/* block: what is done before a sum is printed, or NULL. */
static inline void sequence_run(unsigned steps, void (*step)(void), void (*block)(void))
{
	for (unsigned i = 1; i <= steps; i++) {
		if (loud)
			dprintf(1, "%u ", i);
		step();
		if (i % SEQUENCE_BLOCK == 0 && !loud) {
			if (block)
				block();
			dprintf(1, "ok %u steps, %016lx\n", i, (unsigned long)sum);
		}
	}
}

#endif

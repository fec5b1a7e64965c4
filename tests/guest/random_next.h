/* The random numbers of tests: xorshift64 (Marsaglia, 2003). The program sets the seed, which is not 0. */
#ifndef TESTS_GUEST_RANDOM_NEXT_H
#define TESTS_GUEST_RANDOM_NEXT_H

#include <stdint.h>

static uint64_t random_seed = 88172645463325252;

static inline uint64_t random_next(void)
{
	random_seed ^= random_seed << 13;
	random_seed ^= random_seed >> 7;
	random_seed ^= random_seed << 17;
	return random_seed;
}

#endif

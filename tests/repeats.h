/* How often tests that repeat something do it: `make test` as often as they say, `make soak` TEST_TIMES times as often. */
#ifndef TESTS_REPEATS_H
#define TESTS_REPEATS_H

#include <stdlib.h>

static inline unsigned long repeats(unsigned long rounds)
{
	const char *more = getenv("TEST_TIMES");

	return rounds * (more ? strtoul(more, NULL, 10) : 1);
}

#endif

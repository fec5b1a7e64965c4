/* What tests of one space's memory share: the first space, a plain space `s` that it manages, and a short way to map into that. */
#ifndef TESTS_ONE_SPACE_H
#define TESTS_ONE_SPACE_H

#include "core.h"

enum { R = RIGHT_R, W = RIGHT_W, X = RIGHT_X, RW = RIGHT_R | RIGHT_W };

static struct space *first, *s;

static int setup(void **state)
{
	(void)state;
	first = core_first();
	s = core_space(first, 0);
	return 0;
}

/* map_add() for s; `pages` and `offset` are in pages. segment: as segment_create() gave it, 0: private memory. */
static inline int map(u64 address, u64 pages, u32 flags, int segment, u64 offset)
{
	return map_add(first, s, address, pages * PAGE_SIZE, flags, (u32)segment, offset * PAGE_SIZE);
}

#endif

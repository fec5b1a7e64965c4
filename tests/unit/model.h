/* A flat model of spaces: an array of pages for each, without regions, trees, tables or sharing of frames, and the
 * operations of the core done on both, chosen by bytes. What the core answers, what programs then read and write
 * through the oracle, and what the model says must agree after every step. */
#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include "core.h"

/* Where choices come from: given bytes (a fuzzer's), or without end from a seed. */
struct choices {
	const u8 *data; /* NULL: from the seed */
	size_t left;
	u64 seed;
};

/* Runs at most `steps` operations, each followed by all checks if `careful` (else every 64th), then ends all spaces and
 * checks that every frame came back. */
void model_run(struct choices *choices, unsigned steps, bool careful);
/* Makes the tables that stay for good (numbers of spaces, grants, segments), so that frames can be counted. */
void model_prepare(void);

#endif

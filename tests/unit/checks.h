/* Checks of the kernel's structures, for tests: each walks everything and panics on a broken rule. They are compiled together with
 * the file whose structures they judge (tests/unit/checked), in its place. */
#ifndef TESTS_CHECKS_H
#define TESTS_CHECKS_H

#include "space.h"
#include "types.h"

struct map;
struct space;

/* All frames' records and free lists. */
void frame_check(void);
/* The tree, order and sizes of a map's regions. */
void map_check(const struct map *map);
/* May `viewer` be shown what it is not granted by the owner any more? Only between steps. */
bool pt_may_lag(const struct space *owner, const struct space *viewer);
/* Every entry under the roots of a space, by the maps and grants: does one show what it must not? */
void pt_check(const struct space *space);
/* The living spaces in the order of their numbers: the first with a number >= from, NULL if none. */
struct space *space_next(u32 from);
/* Has it ended, but is not freed yet? Between steps others may be shown what it owned. */
bool space_is_ending(u32 number);
/* Ends a space without threads in one go. */
void space_end(struct space *space, enum space_end why, u64 address);
/* Everything that belongs to a space. */
void space_check(struct space *space);
/* All spaces, all frames. */
void space_check_all(void);

#endif

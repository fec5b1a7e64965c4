/* The ordered set of regions of a map, used by map.c: a treap by start and a list by address.
 *
 * Changes that may need more regions first reserve them, so that nothing fails half-way. Under the kernel lock. */
#ifndef KERNEL_REGION_H
#define KERNEL_REGION_H

#include "map.h"
#include "types.h"

/* Regions allocated in advance. */
struct region_reserve {
	struct region *spare[3];
	unsigned count;
};

/* Allocates `count` regions, or (-E_NOMEM) none. */
int region_reserve(struct region_reserve *reserve, unsigned count);
struct region *region_take(struct region_reserve *reserve);
/* Frees those left over. */
void region_unreserve(struct region_reserve *reserve);

/* Does the offset lie inside of a region, so that a cut there must split it? */
bool region_is_cut(const struct map *map, u64 at);
/* Cuts the region that covers an offset and starts before it in two, if there is one. */
void region_split(struct map *map, u64 at, struct region_reserve *reserve);
/* Joins the regions that continue each other, in a range and at its ends. */
void region_merge(struct map *map, u64 start, u64 end);
/* The same for a region and its two neighbours. It may be gone afterwards. */
void region_merge_around(struct map *map, struct region *region);

/* A copy that is in no map, NULL if no frame is free. */
struct region *region_copy(const struct region *region);
/* Puts a region, filled in, into a free place. */
void region_insert(struct map *map, struct region *region);
/* Takes a region out of the tree and the list; the segment still knows it. */
void region_detach(struct map *map, struct region *region);
/* Takes a region out of the map and out of its segment, which may be freed then. */
void region_remove(struct map *map, struct region *region);
void region_free(struct region *region);
/* The region behind another, NULL if none. */
struct region *region_next(const struct map *map, const struct region *region);

#endif

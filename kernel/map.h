/* Maps: the memory that a space owns, as an ordered set of regions, and the private frames behind them. This is the
 * truth; page tables (pt.h) are a cache of it.
 *
 *   region [start, end) -> private frame of the page, else frame of the segment (read-only unless shared),
 *                          else its pager, else a new zero-filled private frame
 *
 * Regions are in a balanced tree (a treap by start) and in a list by address. Neighbours that continue each other are joined into
 * one region. In all spaces but VASes the range of the stacklets is the kernel's: nothing else is mapped there, and the calls below
 * refuse to change what is: -E_BUSY.
 *
 * Addresses are offsets in the window; only the lower half can be mapped. Every call checks and reserves all it needs
 * before it changes anything: one that fails has no effect. Errors besides those named: -E_INVAL for anything
 * misaligned, empty or outside of the half window; -E_NOMEM. All functions: under the kernel lock. */
#ifndef KERNEL_MAP_H
#define KERNEL_MAP_H

#include "lib/list.h"
#include "radix.h"
#include "types.h"

struct segment;
struct space;

enum { PRESENT_RUN = 512, PRESENT_LOOK = 256 };
enum { REGION_KERNEL = 0x1000 }; /* in region.flags, besides RIGHT_*, MAP_SHARE and MAP_MOST */

struct region {
	u64 start, end;
	struct segment *segment; /* NULL: private memory, zero-filled */
	u64 offset;              /* in the segment, bytes; without a segment equal to start */
	u32 flags;               /* RIGHT_*, MAP_SHARE, MAP_MOST(), REGION_KERNEL; no right that MAP_MOST() does not have */
	u32 priority;            /* of the tree */
	struct region *left, *right;
	struct list_node order;      /* in map.regions, by address */
	struct list_node of_segment; /* in segment.regions */
	struct map *map;
};

struct map {
	struct list_node regions;
	struct region *root, *hint; /* hint: the region found last, NULL: none */
	struct radix private;       /* private frames by page number */
	u64 private_count;
	u64 region_count, kernel_count; /* of all, of REGION_KERNEL */
	enum map_fork { FORK_NONE, FORK_COPYING, FORK_FAILED } fork; /* a fork into it is going on in steps, or is being undone */
};

/* The space that a map is part of. */
struct space *map_space(struct map *map);

void map_init(struct map *map);
/* Frees everything; no tables show it any more. -> false: it was time to stop. */
bool map_destroy(struct map *map);

/* map_add() with MAP_REPLACE, map_remove(), map_protect() and map_fork() may also return WORK_AGAIN (work.h). */

/* Maps into `space` a piece of a segment that `caller` owns (0: none). -E_EXIST, -E_NOENT or -E_PERM for the segment.
 * flags: RIGHT_R, W, X and MAP_*. */
int map_add(struct space *caller, struct space *space, u64 address, u64 bytes, u32 flags, u32 segment, u64 offset);
int map_remove(struct space *space, u64 address, u64 bytes);
/* -E_NOMEM if a part of the range is unmapped, -E_PERM if a region in it may not have the rights (MAP_MOST). */
int map_protect(struct space *space, u64 address, u64 bytes, u32 rights);
/* Moves what is mapped in [from, from + bytes). -E_EXIST if the target is not free, -E_NOENT if nothing is there. */
int map_move(struct space *space, u64 from, u64 bytes, u64 to);
/* -E_EXIST if `to` is not empty. */
int map_fork(struct space *from, struct space *to);
int map_query(struct space *space, u64 address, struct region_info *info);
/* Finds the first page that has a frame, from an address on in the region that covers it. -> its address; *end: the end of the run
 * of such pages that begins there, at most PRESENT_RUN. -E_NOENT if there is none. shown: pages without a frame that tables show as
 * zeros count too, and the call looks at no more than PRESENT_LOOK pages: if none counts, result and *end are the address behind
 * these. */
i64 map_present(struct space *space, u64 address, bool shown, u64 *end);

/* As map_add() and map_remove(), for the kernel's own regions: zero-filled, rights rw. */
int map_add_kernel(struct space *space, u64 address, u64 bytes);
void map_remove_kernel(struct space *space, u64 address, u64 bytes);

/* The region that covers an offset, NULL if none. */
struct region *map_find(struct map *map, u64 offset);
/* The first region that ends above an offset, NULL if none. */
struct region *map_find_next(const struct map *map, u64 offset);

#endif

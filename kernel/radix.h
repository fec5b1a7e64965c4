/* A sparse array of pointers, indexed by page number: a tree of nodes with 64 slots and a bitmap of the used ones.
 *
 *   root -> node [6 bits] -> node [6 bits] -> ... -> leaf [6 bits] -> value
 *
 * The height is the same for all values of one tree. A node is freed when it has no values left, but for nodes between
 * radix_reserve() and radix_trim(), and the leaf that radix_take() emptied last, which is often needed again at once. All
 * functions: under the kernel lock. */
#ifndef KERNEL_RADIX_H
#define KERNEL_RADIX_H

#include "types.h"

enum { RADIX_BITS = 6, RADIX_SLOTS = 1 << RADIX_BITS, RADIX_HEIGHT_MAX = 11 };
#define RADIX_NONE UINT64_MAX

struct radix_node {
	u64 used; /* bit i: slot i holds something; other slots have any content */
	void *slot[RADIX_SLOTS];
};

struct radix {
	struct radix_node *root; /* NULL: no values */
	unsigned height;         /* levels of nodes */
	struct radix_node *leaf; /* the leaf used last, NULL: none or gone */
	u64 leaf_first;          /* its first index */
	bool has_emptied;        /* there may be an emptied leaf: */
	u64 emptied;             /* an index that it covers */
};

/* An empty array for indices below 2^bits. */
void radix_init(struct radix *radix, unsigned bits);
/* The value at an index, NULL if there is none. */
void *radix_find(const struct radix *radix, u64 index);
/* Makes the nodes for an index: radix_set() there cannot fail afterwards. -> the leaf, NULL if no frame is free; nodes made until
 * then stay until radix_trim() of the index. */
struct radix_node *radix_reserve(struct radix *radix, u64 index);
/* Removes nodes for an index that hold nothing. */
void radix_trim(struct radix *radix, u64 index);
/* Puts a value (not NULL) at an index, in place of any other. -E_NOMEM leaves the tree as it was. */
int radix_set(struct radix *radix, u64 index, void *value);
/* Takes out the value at an index. -> the value, NULL if there was none. */
void *radix_take(struct radix *radix, u64 index);
/* The leaf that covers *index or the next one behind it that exists; *index becomes its first index. NULL if none. */
struct radix_node *radix_next_leaf(const struct radix *radix, u64 *index);
/* The first index from that one on that has a value, RADIX_NONE if there is none. */
u64 radix_next(const struct radix *radix, u64 index);
/* Frees all nodes after passing each value to drop. -> false: it was time to stop (work.h), the rest is there still. */
bool radix_destroy(struct radix *radix, void (*drop)(void *value));

#endif

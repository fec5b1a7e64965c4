/* Hash tables of objects whose keys programs choose, or that grow with what programs make.
 *
 * Where a key goes depends on two random numbers that nobody learns (multiply-shift: any two keys share a bucket about as seldom
 * as chance has it), so nobody can choose keys that make a chain long. A table grows and shrinks by one bucket at a time with the
 * objects in it (linear hashing), so no insertion takes long, and none fails: without a frame the chains are longer. The number of
 * objects says how large the table is, so that what is given back is what was taken.
 *
 *   buckets  0 .. 63 in the table itself, then 512 in each page
 *   with 2^n <= size < 2^(n+1) a key is in bucket (hash mod 2^(n+1)), or, where there is none yet, (hash mod 2^n)
 *
 * All functions: under the kernel lock. */
#ifndef KERNEL_HASH_H
#define KERNEL_HASH_H

#include "types.h"

enum { HASH_FIRST = 64, HASH_PER_PAGE = 512, HASH_PAGES = 512 };

/* In the object. */
struct hash_node {
	struct hash_node *next;
	u64 key;
};

struct hash {
	u64 count;
	u32 size, mask; /* buckets, 0: none yet; 2^(n+1) - 1 */
	struct hash_node *first[HASH_FIRST];
	struct hash_node **pages[HASH_PAGES];
};

extern u64 hash_salts[2]; /* [I] odd */

/* Once, before the first of all. */
void hash_init(void);

struct hash_node *hash_find(struct hash *hash, u64 key);
/* A key that is not there. */
void hash_insert(struct hash *hash, struct hash_node *node, u64 key);
void hash_remove(struct hash *hash, struct hash_node *node);

#endif

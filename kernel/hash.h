/* Hash tables of objects whose keys programs choose, or whose number programs choose.
 *
 * The hash function depends on two secret random numbers (multiply-shift: two keys collide about as seldom as at random), so no
 * program can choose keys that make a chain long. A table grows and shrinks by one bucket at a time with the objects in it (linear
 * hashing), so no insertion takes long. None fails: when there is no frame the chains grow longer instead. The number of objects
 * alone decides how large a table is to be, so it gives back all frames that it took.
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
	u32 size, mask; /* size: buckets, 0: none yet; mask: 2^(n+1) - 1 */
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

/* Numbers that stand for objects of the kernel: an index with a generation, so that a number is not soon reused.
 *
 * All functions: under the kernel lock. */
#ifndef KERNEL_HANDLE_H
#define KERNEL_HANDLE_H

#include "types.h"

enum { HANDLE_INDEX_BITS = 19, HANDLE_PAGES = (1 << HANDLE_INDEX_BITS) / 256 };

struct handle_entry {
	void *object;   /* NULL: free */
	u32 generation; /* of the next number made here */
	u32 next;       /* free list */
};

struct handle_table {
	struct handle_entry *pages[HANDLE_PAGES];
	u32 made; /* entries that exist */
	u32 free; /* first free entry + 1, 0: none */
};

/* -> a number above 0 that fits an int, 0 if no frame is free or the table is full. */
u32 handle_make(struct handle_table *table, void *object);
/* The object, NULL if the number stands for none. */
void *handle_find(const struct handle_table *table, u32 number);
void handle_drop(struct handle_table *table, u32 number);

#endif

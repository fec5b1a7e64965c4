/* Numbers that stand for objects of the kernel: an index with a generation, so that a number is not soon reused.
 *
 * All functions: under the kernel lock. */
#ifndef KERNEL_HANDLE_H
#define KERNEL_HANDLE_H

#include "types.h"

enum { HANDLE_INDEX_BITS = 19, HANDLE_INDEX_MASK = (1 << HANDLE_INDEX_BITS) - 1 };
enum { HANDLES_PER_PAGE = 256, HANDLE_PAGES = (1 << HANDLE_INDEX_BITS) / HANDLES_PER_PAGE };
enum { HANDLE_GENERATIONS = 1 << (31 - HANDLE_INDEX_BITS) };

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
/* The entry of an index that was given out. */
static inline struct handle_entry *handle_entry_at(const struct handle_table *table, u32 index)
{
	return &table->pages[index / HANDLES_PER_PAGE][index % HANDLES_PER_PAGE];
}

/* Makes a number stand for nothing, but keeps its index. -> the next number of the same index, for handle_renew(). */
static inline u32 handle_lapse(struct handle_table *table, u32 number)
{
	struct handle_entry *entry = handle_entry_at(table, number & HANDLE_INDEX_MASK);

	entry->object = NULL;
	entry->generation = (entry->generation + 1) % HANDLE_GENERATIONS;
	return entry->generation << HANDLE_INDEX_BITS | (number & HANDLE_INDEX_MASK);
}

/* Makes a number that handle_lapse() gave stand for an object. */
static inline void handle_renew(struct handle_table *table, u32 number, void *object)
{
	handle_entry_at(table, number & HANDLE_INDEX_MASK)->object = object;
}

/* Frees a number that stands for an object, or that handle_lapse() gave. */
void handle_drop(struct handle_table *table, u32 number);

#endif

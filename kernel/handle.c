/* Numbers for objects: handle.h. */
#include "handle.h"

#include "frame.h"

enum { PER_PAGE = 256, INDEX_MASK = (1 << HANDLE_INDEX_BITS) - 1, GENERATIONS = 1 << (31 - HANDLE_INDEX_BITS) };
_Static_assert(PER_PAGE * sizeof(struct handle_entry) == PAGE_SIZE, "a page of entries is full");

static struct handle_entry *entry_at(const struct handle_table *table, u32 index)
{
	return &table->pages[index / PER_PAGE][index % PER_PAGE];
}

u32 handle_make(struct handle_table *table, void *object)
{
	struct handle_entry *entry;
	u32 index;

	if (table->free) {
		index = table->free - 1;
	} else {
		/* Entry 0 is never given out: 0 means none. */
		index = table->made ? table->made : 1;
		if (index / PER_PAGE >= HANDLE_PAGES)
			return 0;
		if (!table->pages[index / PER_PAGE])
			table->pages[index / PER_PAGE] = frame_alloc();
		if (!table->pages[index / PER_PAGE])
			return 0;
		table->made = index + 1;
	}
	entry = entry_at(table, index);
	table->free = entry->next;
	entry->next = 0;
	entry->object = object;
	return entry->generation << HANDLE_INDEX_BITS | index;
}

static struct handle_entry *find(const struct handle_table *table, u32 number)
{
	u32 index = number & INDEX_MASK;
	struct handle_entry *entry;

	if (!index || index >= table->made)
		return NULL;
	entry = entry_at(table, index);
	return entry->object && entry->generation == number >> HANDLE_INDEX_BITS ? entry : NULL;
}

void *handle_find(const struct handle_table *table, u32 number)
{
	const struct handle_entry *entry = find(table, number);

	return entry ? entry->object : NULL;
}

void handle_drop(struct handle_table *table, u32 number)
{
	struct handle_entry *entry = find(table, number);

	entry->object = NULL;
	entry->generation = (entry->generation + 1) % GENERATIONS;
	entry->next = table->free;
	table->free = (number & INDEX_MASK) + 1;
}

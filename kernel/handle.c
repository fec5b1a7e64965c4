/* Numbers for objects: handle.h. */
#include "handle.h"

#include "frame.h"

_Static_assert(HANDLES_PER_PAGE * sizeof(struct handle_entry) == PAGE_SIZE, "a page of entries is full");

u32 handle_make(struct handle_table *table, void *object)
{
	struct handle_entry *entry;
	u32 index;

	if (table->free) {
		index = table->free - 1;
	} else {
		/* Entry 0 is never given out: 0 means none. */
		index = table->made ? table->made : 1;
		if (index / HANDLES_PER_PAGE >= HANDLE_PAGES)
			return 0;
		if (!table->pages[index / HANDLES_PER_PAGE])
			table->pages[index / HANDLES_PER_PAGE] = frame_alloc();
		if (!table->pages[index / HANDLES_PER_PAGE])
			return 0;
		table->made = index + 1;
	}
	entry = handle_entry_at(table, index);
	table->free = entry->next;
	entry->next = 0;
	entry->object = object;
	return entry->generation << HANDLE_INDEX_BITS | index;
}

static struct handle_entry *find(const struct handle_table *table, u32 number)
{
	u32 index = number & HANDLE_INDEX_MASK;
	struct handle_entry *entry;

	if (!index || index >= table->made)
		return NULL;
	entry = handle_entry_at(table, index);
	return entry->object && entry->generation == number >> HANDLE_INDEX_BITS ? entry : NULL;
}

void *handle_find(const struct handle_table *table, u32 number)
{
	const struct handle_entry *entry = find(table, number);

	return entry ? entry->object : NULL;
}

void handle_drop(struct handle_table *table, u32 number)
{
	struct handle_entry *entry = handle_entry_at(table, number & HANDLE_INDEX_MASK);

	handle_lapse(table, number);
	entry->next = table->free;
	table->free = (number & HANDLE_INDEX_MASK) + 1;
}

/* Walks a directory of MPX and checks every entry. */
#ifndef TESTS_GUEST_MPX_DIG_H
#define TESTS_GUEST_MPX_DIG_H

#include <stdbool.h>
#include <stdlib.h>

#include "mpx.h"

enum { DIG_PAGE = 4096, DIG_TABLE_PAGES = BOUNDS_TABLE_BYTES / DIG_PAGE };

struct dig {
	unsigned long tables, entries; /* found */
	unsigned long invalid;         /* directory entries that are not empty, and not of a table that is mapped as a whole */
	unsigned long stale;           /* table entries of locations where nothing is mapped */
};

static inline bool dig_is_mapped(uintptr_t address)
{
	unsigned char there;

	return mincore((void *)(address & -(uintptr_t)DIG_PAGE), 1, &there) == 0;
}

static inline void dig_table(struct dig *dig, uint64_t chunk, char *table)
{
	static unsigned char there[DIG_TABLE_PAGES];
	const struct bounds_entry *entry = (const struct bounds_entry *)table;

	if (mincore(table, BOUNDS_TABLE_BYTES, there) < 0) {
		dig->invalid++;
		return;
	}
	for (unsigned i = 0; i < BOUNDS_CHUNK / 8; i++) {
		if (!(there[i / (DIG_PAGE / sizeof(*entry))] & 1))
			i |= DIG_PAGE / sizeof(*entry) - 1;
		else if (entry[i].lower || entry[i].upper || entry[i].pointer) {
			dig->entries++;
			dig->stale += !dig_is_mapped((chunk << BOUNDS_CHUNK_SHIFT) + i * 8);
		}
	}
}

/* All 2 GiB of a directory. */
static inline struct dig dig_directory(const uint64_t *directory)
{
	enum { PER_PAGE = DIG_PAGE / 8 };
	const uint64_t entries = BOUNDS_DIRECTORY_BYTES / 8;
	struct dig dig = { 0, 0, 0, 0 };
	unsigned char *there = malloc(entries / PER_PAGE);

	if (!there || mincore((void *)directory, BOUNDS_DIRECTORY_BYTES, there) < 0)
		dig.invalid++;
	for (uint64_t i = 0; !dig.invalid && i < entries; i++) {
		if (!(there[i / PER_PAGE] & 1)) {
			i |= PER_PAGE - 1;
		} else if (directory[i] & BOUNDS_HARD_VALID) {
			dig.tables++;
			dig_table(&dig, i, (char *)(directory[i] & BOUNDS_HARD_ADDRESS));
		} else {
			dig.invalid += directory[i] != 0;
		}
	}
	free(there);
	return dig;
}

/* -> whether nothing in it is wrong, and it has so many tables. */
static inline bool dig_finds(const uint64_t *directory, unsigned long tables)
{
	struct dig dig = dig_directory(directory);

	if (dig.tables != tables || dig.invalid || dig.stale)
		dprintf(2, "# %lu tables with %lu entries: %lu invalid, %lu stale\n", dig.tables, dig.entries,
			dig.invalid, dig.stale);
	return dig.tables == tables && !dig.invalid && !dig.stale;
}

#endif

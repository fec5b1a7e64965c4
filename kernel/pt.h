/* Page tables: the cache of the truth in maps and grants.
 *
 *   root of space a          tables of a's own         tables of the owner's map
 *   [0]     -> ... level L   [native window]   ==link==> level L-1 -> ... -> pages      (L = pt_link_level)
 *   [slot]  -> ... level L   [a's own slot]    ==link==> the same tables
 *                            [slot of b]       --link--> tables of b's map, rights narrowed in this entry
 *                            [slot of c]       -> edge table of a's own -> copies of c's entries (ragged grants only)
 *
 * An entry of a level covers 2^(12 + 9 * level) bytes; entries of level 0 are pages. Tables of a map are freed when its space ends,
 * not before, so a link stays good as long as the owner lives. Edge tables are freed when they show nothing any more. Any entry may
 * be emptied at any time, with tlb_add(): a fault fills it again.
 *
 * The view of an attached VAS (vas.h) has a root and a first table of links of its own. Their entries are copies of those of the
 * space's main view and change with them, but for the links of the upper half of the native window: these lead to tables of the
 * VAS's map.
 *
 * All functions: under the kernel lock. */
#ifndef KERNEL_PT_H
#define KERNEL_PT_H

#include "pte.h"
#include "types.h"

struct attachment;
struct grant;
struct grant_pair;
struct space;
struct view;

enum { PT_ENTRIES = 512, PT_LINKS_MAX = 16 };

/* The split of addresses: constants after pt_init(). Links are in tables below the root: pt_link_level = pt_levels - 2. */
extern unsigned pt_levels;     /* of the tables */
extern unsigned pt_link_level; /* where maps are linked */
extern unsigned pt_links;      /* links of a whole window */
extern unsigned number_shift;  /* of the space's number in an address */
extern unsigned number_bits;   /* number of spaces = 2^number_bits */

/* Sets them for a number of levels; called by space_init(). */
void pt_init(unsigned levels);

static inline u64 window_bytes(void)
{
	return 1ul << number_shift;
}

/* End of all user addresses. */
static inline u64 user_end(void)
{
	return 1ul << (number_shift + number_bits);
}

static inline u64 address_offset(u64 address)
{
	return address & (window_bytes() - 1);
}

static inline u64 address_number(u64 address)
{
	return address >> number_shift;
}

static inline u64 globalize(u32 number, u64 offset)
{
	return (u64)number << number_shift | offset;
}

/* The entry of the owner's tables for the page at an offset. Makes the tables, and empties a block entry that covers the offset.
 * NULL: no frame free. */
pte_t *pt_entry(struct space *owner, u64 offset);
/* The same for the entry of the level above (2 MiB); NULL also if a table of pages is there already. */
pte_t *pt_block_entry(struct space *owner, u64 offset);
/* The entry of a page (*level = 0) or block (*level = 1) if the tables exist; else NULL. */
pte_t *pt_find_entry(const struct space *owner, u64 offset, unsigned *level);

/* Writes an entry of the owner's tables. If it showed something, empties it and invalidates that first. */
void pt_set(struct space *owner, u64 offset, unsigned level, pte_t *entry, pte_t value);

/* Makes the space's root show its own memory around an address in the native window or its own slot. -E_NOMEM. */
int pt_link_own(struct space *space, u64 address);
/* Makes the viewer's root show the page at an offset of the owner, which the owner's tables show, as far as the grant
 * allows. -E_NOMEM. */
int pt_link_grant(struct space *viewer, struct space *owner, u64 offset, struct grant *grant);

/* Makes an attachment's view show the VAS around an offset, for which the VAS's tables exist. */
void pt_link_vas(struct attachment *attachment, u64 offset);

/* What a view's root shows at an address. -> rights, 0 if nothing; *pa is the address of the byte, *device if uncached. */
u32 pt_lookup(const struct view *view, u64 address, pa_t *pa, bool *device);

/* Empties the entries for a range of offsets in the owner's tables, and their copies in edge tables of others, and notes the range
 * for invalidation. -> where it stopped (work.h): the end of the range, or of a table. */
u64 pt_clear(struct space *owner, u64 start, u64 end);
/* Takes the right to write out of the entries, and copies, that show private frames: those of one leaf of map.private. Notes
 * nothing. */
void pt_protect_leaf(struct space *owner, u64 first_page, u64 used);
/* Shows the grantee the first `pages` pages of a grant's range, as far as the owner's tables show them and the grantee needs no new
 * table for it. */
void pt_show_present(struct grant *grant, unsigned pages);
/* The same for a grant that grant_repeat() makes again, and GRANT_SHOWN_AT_ONCE pages. */
void pt_show_repeated(struct grant *grant);
/* Empties what pair->to sees of a range of pair->owner's window, and notes it. */
void pt_clear_view(struct grant_pair *pair, u64 start, u64 end);
/* Empties the copies of a range of the owner's entries in others' edge tables. */
void pt_clear_copies(struct space *owner, u64 start, u64 end);

/* Makes an empty root. -E_NOMEM. */
int pt_create(struct space *space);
/* The end of a space, in this order: empties its root, and notes that; no grants to the space are left. */
void pt_hide(struct space *space);
/* After tlb_commit(): frees all its tables but the root. -> false: it was time to stop. */
bool pt_destroy(struct space *space);
/* Frees the root, if there is one. */
void pt_drop_root(struct space *space);

/* Makes the root and the links of an attachment; they are its space's tables and end with it. -E_NOMEM. */
int pt_attach(struct attachment *attachment);
/* Has its view show nothing of the VAS any more, and notes it. */
void pt_detach(struct attachment *attachment);

#endif

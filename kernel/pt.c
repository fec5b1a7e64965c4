/* Page tables: pt.h. */
#include "pt.h"

#include "account.h"
#include "arch.h"
#include "frame.h"
#include "grant.h"
#include "layout.h"
#include "lib/string.h"
#include "panic.h"
#include "segment.h"
#include "space.h"
#include "tlb.h"
#include "vas.h"
#include "work.h"

unsigned pt_levels, pt_link_level, pt_links, number_shift, number_bits;

enum { MEMORY_RIGHTS = RIGHT_R | RIGHT_W | RIGHT_X, TABLES_AT_ONCE = 16 };

static unsigned shift_of(unsigned level)
{
	return PAGE_SHIFT + 9 * level;
}

static u64 bytes_of(unsigned level)
{
	return 1ul << shift_of(level);
}

static unsigned index_of(u64 address, unsigned level)
{
	return address >> shift_of(level) & (PT_ENTRIES - 1);
}

void pt_init(unsigned levels)
{
	pt_levels = levels;
	number_shift = pte_number_shift(levels);
	number_bits = pte_user_bits(levels) - number_shift;
	pt_link_level = (number_shift - PAGE_SHIFT) / 9;
	pt_links = 1u << (number_shift - shift_of(pt_link_level));
	ASSERT(pt_links <= PT_LINKS_MAX && pt_link_level < levels - 1);
}

/* The processor may walk the tables at any time: entries are written whole. */
static void entry_write(pte_t *entry, pte_t value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

static pte_t *table_of(pte_t entry)
{
	return pa_ptr(pte_pa(entry));
}

/* A frame for a table on the account of `payer`. */
static pte_t *table_alloc(struct space *payer)
{
	pte_t *table;

	if (!account_charge(payer->account, ACCOUNT_FRAMES, 1))
		return NULL;
	table = frame_alloc();
	if (!table)
		account_refund(payer->account, ACCOUNT_FRAMES, 1);
	return table;
}

/* A new table, freed with the space. */
static pte_t *table_make(struct space *space)
{
	pte_t *table = table_alloc(space);

	if (!table)
		return NULL;
	frame_chain_push(&space->tables, table);
	space->table_count++;
	return table;
}

/* --- tables of maps --- */

/* The table of a map that holds the entry of a level (below pt_link_level) for an offset, made as needed. */
static pte_t *map_table(struct space *owner, u64 offset, unsigned to)
{
	void **top = &owner->tops[offset >> shift_of(pt_link_level)];
	pte_t *table;

	if (!*top)
		*top = table_make(owner);
	table = *top;
	for (unsigned level = pt_link_level - 1; table && level > to; level--) {
		pte_t *entry = &table[index_of(offset, level)];

		if (pte_is_table(*entry, level)) {
			table = table_of(*entry);
			continue;
		}
		table = table_make(owner);
		if (!table)
			return NULL;
		if (pte_is_present(*entry)) {
			u64 block = offset & ~(bytes_of(level) - 1);

			tlb_add(owner, NULL, block, block + bytes_of(level));
			pt_clear_copies(owner, block, block + bytes_of(level));
			entry_write(entry, 0);
			tlb_commit();
		}
		entry_write(entry, pte_make_table(ptr_pa(table), MEMORY_RIGHTS, false));
	}
	return table;
}

pte_t *pt_entry(struct space *owner, u64 offset)
{
	pte_t *table = map_table(owner, offset, 0);

	return table ? &table[index_of(offset, 0)] : NULL;
}

pte_t *pt_block_entry(struct space *owner, u64 offset)
{
	pte_t *table = map_table(owner, offset, 1);
	pte_t *entry = table ? &table[index_of(offset, 1)] : NULL;

	return entry && !pte_is_table(*entry, 1) ? entry : NULL;
}

pte_t *pt_find_entry(const struct space *owner, u64 offset, unsigned *level)
{
	pte_t *table = owner->tops[offset >> shift_of(pt_link_level)];

	for (*level = pt_link_level - 1; table; --*level) {
		pte_t *entry = &table[index_of(offset, *level)];

		if (!pte_is_table(*entry, *level))
			return pte_is_present(*entry) || !*level ? entry : NULL;
		table = table_of(*entry);
	}
	return NULL;
}

void pt_set(struct space *owner, u64 offset, unsigned level, pte_t *entry, pte_t value)
{
	u64 start = offset & ~(bytes_of(level) - 1);

	if (*entry == value)
		return;
	if (pte_is_present(*entry)) {
		/* No processor may ever hold both translations: the old one is invalidated first. */
		entry_write(entry, 0);
		tlb_add(owner, NULL, start, start + bytes_of(level));
		pt_clear_copies(owner, start, start + bytes_of(level));
		tlb_commit();
	}
	entry_write(entry, value);
}

/* --- roots and links --- */

/* Changes an entry of a space's root or of a table of its own, and the copies that the views of attachments have (of the root and
 * of the first table of links). */
static void own_write(struct space *space, pte_t *entry, pte_t value)
{
	const pte_t *root = space->view.root, *table = (const pte_t *)page_down((u64)entry);
	unsigned index = (unsigned)(entry - table);

	entry_write(entry, value);
	list_for_each(node, &space->attachments) {
		struct attachment *a = container_of(node, struct attachment, of_space);

		if (table == root) {
			entry_write((pte_t *)a->view.root + index, value);
			a->view.used[index / 64] |= 1ul << (index % 64);
			arch_root_changed(&a->view, index);
		} else if (table == table_of(root[0])) {
			entry_write(&a->links[index], value);
		}
	}
}

/* The entry of pt_link_level for an address in a space's own tables, tables made as needed. */
static pte_t *link_entry(struct space *space, u64 address)
{
	pte_t *table = space->view.root;

	for (unsigned level = pt_levels - 1; level > pt_link_level; level--) {
		unsigned index = index_of(address, level);

		if (!pte_is_present(table[index])) {
			pte_t *next = table_make(space);

			if (!next)
				return NULL;
			own_write(space, &table[index], pte_make_table(ptr_pa(next), MEMORY_RIGHTS, false));
			if (level == pt_levels - 1) {
				space->view.used[index / 64] |= 1ul << (index % 64);
				arch_root_changed(&space->view, index);
			}
		}
		table = table_of(table[index]);
	}
	return &table[index_of(address, pt_link_level)];
}

/* The same if all tables exist, else NULL. */
static pte_t *link_entry_find(const struct space *space, u64 address)
{
	pte_t *table = space->view.root;

	for (unsigned level = pt_levels - 1; level > pt_link_level; level--) {
		pte_t entry = table[index_of(address, level)];

		if (!pte_is_present(entry))
			return NULL;
		table = table_of(entry);
	}
	return &table[index_of(address, pt_link_level)];
}

int pt_link_own(struct space *space, u64 address)
{
	void *top = space->tops[address_offset(address) >> shift_of(pt_link_level)];
	pte_t *entry = link_entry(space, address);

	if (!entry)
		return -E_NOMEM;
	if (!pte_is_present(*entry))
		own_write(space, entry, pte_make_table(ptr_pa(top), MEMORY_RIGHTS, true));
	return 0;
}

/* The rights that tables have for a grant's rights: page tables cannot show memory that is not readable. */
static u32 memory_rights(u32 rights)
{
	return (rights & MEMORY_RIGHTS) ? (rights & MEMORY_RIGHTS) | RIGHT_R : 0;
}

void pt_link_vas(struct attachment *attachment, u64 offset)
{
	void *top = attachment->vas->tops[offset >> shift_of(pt_link_level)];
	pte_t *entry = &attachment->links[index_of(window_bytes() / 2 + offset, pt_link_level)];

	if (!pte_is_present(*entry))
		entry_write(entry, pte_make_table(ptr_pa(top), memory_rights(attachment->rights), true));
}

/* Is all of what an entry of a level covers granted? (Edge pages of exact grants are always shown page by page.) */
static bool grant_covers(const struct grant *grant, u64 start, u64 bytes, unsigned level)
{
	return !(level && grant->is_exact) && page_down(grant->start) <= start &&
		start + bytes <= page_down(grant->end + PAGE_SIZE - 1);
}

/* Changes an entry of a viewer's own that shows a part of the owner's window. */
static void view_set(struct space *viewer, struct space *owner, u64 offset, unsigned level, pte_t *entry, pte_t value)
{
	u64 start = offset & ~(bytes_of(level) - 1);

	if (*entry == value)
		return;
	if (pte_is_present(*entry)) {
		own_write(viewer, entry, 0);
		tlb_add(owner, viewer, start, start + bytes_of(level));
		tlb_commit();
	}
	own_write(viewer, entry, value);
}

/* The table that an entry of the owner's tables leads to. */
static pte_t owner_below(pte_t entry, u64 offset, unsigned level)
{
	unsigned index = index_of(offset, level - 1);
	pa_t pa = pte_pa(entry);

	if (pte_is_table(entry, level))
		return table_of(entry)[index];
	pa.v += index * bytes_of(level - 1);
	return pte_make_page(pa, level - 1, pte_rights(entry), pte_is_device(entry));
}

/* The entry that a grant makes of the owner's entry of a page or block. */
static pte_t copy_of(struct grant *grant, u64 offset, unsigned level, pte_t theirs)
{
	const void *edge = grant->is_exact ? grant_edge(grant, offset) : NULL;

	if (!grant->has_copies)
		grant_note_copies(grant);
	return pte_make_page(edge ? ptr_pa(edge) : pte_pa(theirs), level,
		pte_rights(theirs) & memory_rights(grant->flags), pte_is_device(theirs));
}

static void remember(struct grant_pair *pair, u64 offset, pte_t *shown)
{
	pair->page = page_down(offset);
	pair->shown = shown;
	pair->theirs = NULL;
}

int pt_link_grant(struct space *viewer, struct space *owner, u64 offset, struct grant *grant)
{
	u32 rights = memory_rights(grant->flags);
	pte_t *entry = link_entry(viewer, globalize(owner->number, offset));
	pte_t theirs = pte_make_table(ptr_pa(owner->tops[offset >> shift_of(pt_link_level)]), MEMORY_RIGHTS, false);

	if (!entry)
		return -E_NOMEM;
	grant->pair->shows = true; /* even if this fails, there may be tables */
	for (unsigned level = pt_link_level;; level--) {
		bool own = pte_is_table(*entry, level) && !pte_is_link(*entry);

		if (!own && grant_covers(grant, offset & ~(bytes_of(level) - 1), bytes_of(level), level)) {
			u32 already = pte_is_link(*entry) ? pte_rights(*entry) : 0;

			if (!level && grant->pair->keeps_tables)
				remember(grant->pair, offset, entry);
			view_set(viewer, owner, offset, level, entry,
				pte_is_table(theirs, level) ? pte_make_table(pte_pa(theirs), rights | already, true)
							    : copy_of(grant, offset, level, theirs));
			return 0;
		}
		if (!own) {
			/* The owner's account is charged: the viewer may not have asked for the grant. */
			pte_t *table = table_alloc(owner);

			if (!table)
				return -E_NOMEM;
			viewer->table_count++;
			view_set(viewer, owner, offset, level, entry,
				pte_make_table(ptr_pa(table), MEMORY_RIGHTS, false));
		}
		entry = &table_of(*entry)[index_of(offset, level - 1)];
		theirs = owner_below(theirs, offset, level);
	}
}

__attribute__((noinline)) void pt_show_present(struct grant *grant, unsigned pages)
{
	struct space *owner = grant->owner, *viewer = grant->to;
	u64 offset = page_down(grant->start);
	struct grant_pair *pair = grant->pair;
	unsigned level;

	/* The same page as at the last call. */
	if (pair->theirs && pair->page == offset && grant->end - offset <= PAGE_SIZE) {
		pair->was = grant->is_exact ? 0 : *pair->theirs;
		pair->as = copy_of(grant, offset, 0, *pair->theirs);
		pair->as_flags = grant->flags;
		if (pte_is_present(*pair->theirs))
			view_set(viewer, owner, offset, 0, pair->shown, pair->as);
		return;
	}
	if (!link_entry_find(viewer, globalize(owner->number, offset)))
		return;
	for (; pages-- && offset < grant->end; offset += PAGE_SIZE) {
		const pte_t *entry = pt_find_entry(owner, offset, &level);

		if (!entry || !pte_is_present(*entry))
			continue;
		if (pt_link_grant(viewer, owner, offset, grant))
			return;
		if (!level && pair->page == offset)
			pair->theirs = entry;
	}
}

void pt_show_repeated(struct grant *grant)
{
	struct grant_pair *pair = grant->pair;
	pte_t theirs = pair->theirs ? *pair->theirs : 0;

	if (pair->page != page_down(grant->start) || grant->end - pair->page > PAGE_SIZE || !pte_is_present(theirs) ||
		theirs != pair->was || pair->as_flags != grant->flags || !grant->has_copies || *pair->shown)
		pt_show_present(grant, GRANT_SHOWN_AT_ONCE);
	else
		entry_write(pair->shown, pair->as);
}

u32 pt_lookup(const struct view *view, u64 address, pa_t *pa, bool *device)
{
	pte_t *table = view->root;
	u32 rights = MEMORY_RIGHTS;

	if (address >= user_end())
		return 0;
	for (unsigned level = pt_levels - 1;; level--) {
		pte_t entry = table[index_of(address, level)];

		rights &= pte_rights(entry);
		if (!rights)
			return 0;
		if (!pte_is_table(entry, level)) {
			pa->v = pte_pa(entry).v + (address & (bytes_of(level) - 1));
			*device = pte_is_device(entry);
			return rights;
		}
		table = table_of(entry);
	}
}

/* --- taking out --- */

/* Loops over the pieces of [start, end) that entries of a level cover: `at` is in each piece, `stop` its end. */
#define for_each_piece(at, stop, start, end, level) \
	for (u64 at = (start), stop = min_u64((end), (at & ~(bytes_of(level) - 1)) + bytes_of(level)); at < (end); \
		at = stop, stop = min_u64((end), at + bytes_of(level)))

/* Empties an entry of a map's tables that is not a table, and widens [*low, *high), the range whose entries were emptied. */
static void clear_entry(pte_t *entry, unsigned level, u64 start, u64 *low, u64 *high)
{
	if (!pte_is_present(*entry))
		return;
	start &= ~(bytes_of(level) - 1);
	*low = min_u64(*low, start);
	*high = max_u64(*high, start + bytes_of(level));
	entry_write(entry, 0);
}

/* Most often it is a single page. */
static void clear_page(struct space *owner, u64 start, u64 *low, u64 *high)
{
	unsigned level;
	pte_t *entry = pt_find_entry(owner, start, &level);

	if (entry)
		clear_entry(entry, level, start, low, high);
}

/* Finds the lowest entry of the owner's tables for an offset, and its level; *entry NULL: there is no table at all. -> end of what
 * the entry covers, or, at level 0, of what its table covers. */
static u64 table_end(const struct space *owner, u64 offset, pte_t **entry, unsigned *level)
{
	pte_t *table = owner->tops[offset >> shift_of(pt_link_level)];

	*level = pt_link_level;
	*entry = NULL;
	while (table && --*level > 0) {
		*entry = &table[index_of(offset, *level)];
		if (!pte_is_table(**entry, *level))
			break;
		table = table_of(**entry);
	}
	if (table && !*level)
		*entry = &table[index_of(offset, 0)];
	return (offset & ~(bytes_of(*level + !*level) - 1)) + bytes_of(*level + !*level);
}

/* Goes on until all is done or it is time to stop. -> where it stopped. */
static u64 clear_range(struct space *owner, u64 start, u64 end, u64 *low, u64 *high)
{
	u64 at = start;

	while (at < end && !(at > start && work_is_due())) {
		pte_t *entry;
		unsigned level;
		u64 stop = min_u64(end, table_end(owner, at, &entry, &level));

		if (level && entry)
			clear_entry(entry, level, at, low, high);
		for (; !level && at < stop; at += PAGE_SIZE)
			clear_entry(entry++, 0, at, low, high);
		at = stop;
	}
	return at;
}

u64 pt_clear(struct space *owner, u64 start, u64 end)
{
	u64 low = ~0ul, high = 0, stop = end;

	if (end - start == PAGE_SIZE)
		clear_page(owner, start, &low, &high);
	else
		stop = clear_range(owner, start, end, &low, &high);
	if (!high)
		return stop;
	tlb_add(owner, NULL, low, high);
	pt_clear_copies(owner, low, high);
	return stop;
}

void pt_protect_leaf(struct space *owner, u64 first_page, u64 used)
{
	unsigned level;
	pte_t *entries = pt_find_entry(owner, first_page << PAGE_SHIFT, &level);

	if (!entries || level)
		return;
	for (; used; used &= used - 1) {
		pte_t *entry = &entries[__builtin_ctzl(used)];

		if (pte_is_present(*entry))
			entry_write(entry, pte_without_write(*entry));
	}
}

static bool is_empty(const pte_t *table)
{
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		if (table[i])
			return false;
	return true;
}

/* The same for an entry of a viewer's own tables that shows another's window; a link is emptied only if asked for. Frees edge
 * tables that show nothing any more. */
static void clear_view(struct grant_pair *pair, pte_t *entry, unsigned level, u64 start, u64 end, bool links)
{
	pte_t *table;

	if (!pte_is_present(*entry))
		return;
	if (pte_is_link(*entry) || !pte_is_table(*entry, level)) {
		if (links || !pte_is_link(*entry))
			own_write(pair->to, entry, 0);
		return;
	}
	table = table_of(*entry);
	for_each_piece(at, stop, start, end, level - 1)
		clear_view(pair, &table[index_of(at, level - 1)], level - 1, at, stop, links);
	if (pair->keeps_tables || !is_empty(table))
		return;
	own_write(pair->to, entry, 0);
	pair->to->table_count--;
	account_refund(pair->owner->account, ACCOUNT_FRAMES, 1);
	tlb_put_frame(table);
}

static __attribute__((noinline)) void clear_views(struct grant_pair *pair, u64 start, u64 end, bool links)
{
	for_each_piece(at, stop, start, end, pt_link_level) {
		pte_t *entry = link_entry_find(pair->to, globalize(pair->owner->number, at));

		if (entry)
			clear_view(pair, entry, pt_link_level, at, stop, links);
	}
}

void pt_clear_view(struct grant_pair *pair, u64 start, u64 end)
{
	bool is_shown = pair->shown && pair->page == start && end - start == PAGE_SIZE;

	if (is_shown)
		entry_write(pair->shown, 0);
	/* Before tables are given back, for after the next commit. */
	tlb_add(pair->owner, pair->to, start, end);
	if (!is_shown)
		clear_views(pair, start, end, true);
}

void pt_clear_copies(struct space *owner, u64 start, u64 end)
{
	list_for_each(node, &owner->viewers) {
		struct grant_pair *pair = container_of(node, struct grant_pair, of_owner);

		if (!pair->has_copies)
			break;
		list_for_each(grant_node, &pair->grants) {
			struct grant *grant = container_of(grant_node, struct grant, of_pair);
			u64 from = max_u64(start, page_down(grant->start)),
			    to = min_u64(end, page_down(grant->end + PAGE_SIZE - 1));

			if (grant->has_copies && from < to)
				clear_views(pair, from, to, false);
		}
	}
}

/* --- life --- */

int pt_create(struct space *space)
{
	space->view.root = table_alloc(space);
	if (!space->view.root)
		return -E_NOMEM;
	arch_root_init(space->view.root);
	space->view.space = space;
	space->table_count = 1;
	return 0;
}

void pt_drop_root(struct space *space)
{
	if (!space->view.root)
		return;
	frame_put(space->view.root);
	account_refund(space->account, ACCOUNT_FRAMES, 1);
}

int pt_attach(struct attachment *attachment)
{
	struct space *space = attachment->view.space;
	const pte_t *first = link_entry(space, 0);
	pte_t *root;

	if (!first || !account_charge(space->account, ACCOUNT_FRAMES, 2))
		return -E_NOMEM;
	root = frame_alloc_raw();
	attachment->links = root ? frame_alloc_raw() : NULL;
	if (!attachment->links) {
		if (root)
			frame_put(root);
		account_refund(space->account, ACCOUNT_FRAMES, 2);
		return -E_NOMEM;
	}
	page_copy(root, space->view.root);
	page_copy(attachment->links, first);
	root[0] = pte_make_table(ptr_pa(attachment->links), MEMORY_RIGHTS, false);
	attachment->view.root = root;
	memcpy(attachment->view.used, space->view.used, sizeof(space->view.used));
	frame_chain_push(&space->tables, root);
	frame_chain_push(&space->tables, attachment->links);
	space->table_count += 2;
	return 0;
}

void pt_detach(struct attachment *attachment)
{
	for (unsigned i = pt_links / 2; i < pt_links; i++)
		entry_write(&attachment->links[i], 0);
	tlb_add(attachment->vas, attachment->view.space, 0, window_bytes() / 2);
}

void pt_hide(struct space *space)
{
	pte_t *root = space->view.root;

	for (unsigned i = 0; i < ARRAY_SIZE(space->view.used); i++) {
		for (u64 used = space->view.used[i]; used; used &= used - 1)
			entry_write(&root[i * 64 + (unsigned)__builtin_ctzl(used)], 0);
		space->view.used[i] = 0;
	}
	memset(space->tops, 0, sizeof(space->tops));
	memset(space->touched, 0, sizeof(space->touched));
	tlb_gone(space);
}

bool pt_destroy(struct space *space)
{
	void *table;

	while ((table = frame_chain_pop(&space->tables))) {
		space->table_count--;
		account_refund(space->account, ACCOUNT_FRAMES, 1);
		frame_put(table);
		if (!(space->table_count % TABLES_AT_ONCE) && work_is_due())
			return false;
	}
	ASSERT(space->table_count == 1);
	return true;
}

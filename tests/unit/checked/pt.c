/* Page tables, and their check: checks.h. */
#include "kernel/pt.c"

#include "tests/unit/checks.h"

/* Is a frame the copy that stands for the page at an offset? */
static bool is_edge(const struct space *owner, const struct space *viewer, u64 offset, pa_t pa)
{
	list_for_each(node, &owner->granted) {
		const struct grant *grant = container_of(node, struct grant, of_owner);
		const void *edge = grant->to == viewer ? grant_edge(grant, offset) : NULL;

		if (edge && ptr_pa(edge).v == pa.v)
			return true;
	}
	return false;
}

static bool is_being_revoked(const struct grant *grant)
{
	while (grant && !grant->is_revoked)
		grant = grant->parent;
	return grant;
}

/* A grant that is being revoked, in steps, gives no right any more; but what was shown by it may show until it is gone. */
bool pt_may_lag(const struct space *owner, const struct space *viewer)
{
	list_for_each(node, &owner->granted) {
		const struct grant *grant = container_of(node, struct grant, of_owner);

		if (grant->to == viewer && is_being_revoked(grant))
			return true;
	}
	return false;
}

/* May the entry of a page, seen at an offset of `owner` by `viewer`, say what it says? */
static void check_page(const struct space *viewer, struct space *owner, u64 offset, pte_t entry, u32 limit)
{
	const struct region *region = map_find(&owner->map, offset);
	u32 rights = pte_rights(entry) & limit;
	const struct segment *segment;
	void *frame;

	ASSERT(region && rights);
	segment = region->segment;
	ASSERT(!(rights & ~(region->flags | RIGHT_R)) && (region->flags & MEMORY_RIGHTS));
	if (viewer != owner && is_edge(owner, viewer, offset, pte_pa(entry)))
		return;
	/* Several grants may allow it together. */
	for (u32 right = RIGHT_R; viewer != owner && right <= RIGHT_X; right <<= 1)
		ASSERT(!(rights & right) || grant_find(owner, viewer, offset, right) || pt_may_lag(owner, viewer));
	frame = radix_find(&owner->map.private, offset >> PAGE_SHIFT);
	if (frame) {
		ASSERT(pte_pa(entry).v == ptr_pa(frame).v);
		ASSERT(!(rights & RIGHT_W) || frame_refs(frame) == 1 || (region->flags & REGION_KERNEL));
		return;
	}
	/* Without a frame it can be one that nobody has written to. */
	if (pa_ptr(pte_pa(entry)) == frame_zeros &&
		(!segment || !segment_present(segment, (offset + region->offset - region->start) >> PAGE_SHIFT))) {
		ASSERT(!(rights & RIGHT_W) &&
			(!segment || (segment->shows_zeros && !(segment->flags & SEGMENT_PAGED))));
		ASSERT(!segment || offset + region->offset - region->start < segment->end << PAGE_SHIFT ||
			segment->owner == owner);
		return;
	}
	ASSERT(segment && (!(rights & RIGHT_W) || (region->flags & MAP_SHARE)));
	offset += region->offset - region->start;
	ASSERT(pte_is_device(entry) == !!(segment->flags & SEGMENT_DEVICE));
	ASSERT(offset >> PAGE_SHIFT < segment->end || segment->owner == owner);
	if (segment_is_fixed(segment)) {
		ASSERT(pte_pa(entry).v == segment->base.v + offset);
		return;
	}
	frame = segment_present(segment, offset >> PAGE_SHIFT);
	ASSERT(frame && pa_ptr(pte_pa(entry)) == frame && (!(rights & RIGHT_W) || frame_refs(frame) == 1));
}

/* An entry of a level, at an address of the viewer, and all below it. */
static void check_entry(const struct space *viewer, pte_t entry, unsigned level, u64 address, u32 limit)
{
	struct space *owner;

	if (!pte_is_present(entry))
		return;
	owner = address_number(address) ? space_find((u32)address_number(address)) : space_find(viewer->number);
	if (level <= pt_link_level)
		if (!owner) {
			ASSERT(space_is_ending((u32)address_number(address)));
			return;
		}
	if (pte_is_link(entry)) {
		u64 offset = address_offset(address);
		pte_t theirs =
			pte_make_table(ptr_pa(owner->tops[offset >> shift_of(pt_link_level)]), MEMORY_RIGHTS, false);

		for (unsigned at = pt_link_level; at > level; at--)
			theirs = owner_below(theirs, offset, at);
		ASSERT(pte_is_table(theirs, level) && pte_pa(theirs).v == pte_pa(entry).v);
		ASSERT(owner != viewer || level == pt_link_level);
	}
	if (pte_is_table(entry, level)) {
		const pte_t *table = table_of(entry);

		ASSERT(frame_refs(table) == 1);
		for (unsigned i = 0; i < PT_ENTRIES; i++)
			check_entry(viewer, table[i], level - 1, address | (u64)i << shift_of(level - 1),
				limit & pte_rights(entry));
		return;
	}
	ASSERT(level <= 1);
	for (u64 at = 0; at < bytes_of(level); at += PAGE_SIZE) {
		pte_t page = level ? owner_below(entry, at, level) : entry;

		check_page(viewer, owner, address_offset(address) + at, page, limit);
	}
}

/* What is its own in an attachment's view. */
static void check_attachment(const struct space *space, const struct attachment *a)
{
	const pte_t *root = a->view.root, *main = space->view.root, *first = table_of(main[0]);
	struct space *vas = a->vas;

	ASSERT(a->view.space == space && table_of(root[0]) == a->links);
	ASSERT(!memcmp(a->view.used, space->view.used, sizeof(space->view.used)));
	ASSERT(!memcmp(root + 1, main + 1, PAGE_SIZE - sizeof(pte_t)));
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		bool upper = i >= pt_links / 2 && i < pt_links;

		ASSERT(!upper || !first[i]);
		ASSERT(upper || a->links[i] == first[i]);
		if (!upper || !a->links[i])
			continue;
		ASSERT(vas && pte_is_link(a->links[i]) && !(pte_rights(a->links[i]) & ~memory_rights(a->rights)));
		check_entry(vas, a->links[i], pt_link_level,
			globalize(vas->number, (u64)(i - pt_links / 2) << shift_of(pt_link_level)), MEMORY_RIGHTS);
	}
}

void pt_check(const struct space *space)
{
	const pte_t *root = space->view.root;

	for (unsigned i = 0; i < ARRAY_SIZE(space->view.used) * 64; i++) {
		if (!(space->view.used[i / 64] >> (i % 64) & 1))
			continue;
		ASSERT(pte_is_table(root[i], pt_levels - 1) && !pte_is_link(root[i]));
		check_entry(space, root[i], pt_levels - 1, (u64)i << shift_of(pt_levels - 1), MEMORY_RIGHTS);
	}
	list_for_each(node, &space->attachments)
		check_attachment(space, container_of(node, struct attachment, of_space));
}

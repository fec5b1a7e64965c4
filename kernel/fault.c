/* Resolving faults against the truth, and the kernel's access to memory of spaces: space.h. */
#include "account.h"
#include "arch.h"
#include "fail.h"
#include "frame.h"
#include "grant.h"
#include "layout.h"
#include "lib/string.h"
#include "panic.h"
#include "pt.h"
#include "segment.h"
#include "space.h"
#include "thread.h"
#include "tlb.h"
#include "vas.h"

enum { MEMORY_RIGHTS = RIGHT_R | RIGHT_W | RIGHT_X, AROUND = 16 /* pages */, KEPT_PART = 64, KEPT_FROM_VAS = 16 };

/* A page of a region as it is now. */
struct page {
	pa_t pa;
	u32 rights; /* that its entry may have; 0: no frame is there */
	bool device;
	void *private; /* its private frame, NULL: it has none */
};

static u32 needed_rights(u32 access)
{
	return access & FAULT_WRITE ? RIGHT_W : access & FAULT_EXEC ? RIGHT_X : RIGHT_R;
}

/* What a region allows; page tables cannot withhold reading from what may be written or executed. */
static u32 region_rights(const struct region *region)
{
	u32 rights = region->flags & MEMORY_RIGHTS;

	return rights ? rights | RIGHT_R : 0;
}

static u64 segment_offset(const struct region *region, u64 offset)
{
	return region->offset + (offset - region->start);
}

/* Is the page at or behind segment_end(), for a map that is not the segment owner's? */
static bool is_behind_end(const struct region *region, u64 offset)
{
	return segment_offset(region, offset) >> PAGE_SHIFT >= region->segment->end &&
		map_space(region->map) != region->segment->owner;
}

/* The frame behind an offset, if there is one. A private frame may be written at once if this map alone has it. (A frame of a
 * kernel region always may: further references only pin it.) */
static struct page page_now(const struct region *region, u64 offset)
{
	void *frame = radix_find(&region->map->private, offset >> PAGE_SHIFT);
	const struct segment *segment = region->segment;
	u32 rights = region_rights(region);

	if (frame) {
		if ((rights & RIGHT_W) && frame_refs(frame) > 1 && !(region->flags & REGION_KERNEL))
			rights &= ~(u32)RIGHT_W;
		return (struct page){ ptr_pa(frame), rights, false, frame };
	}
	if (!segment || is_behind_end(region, offset))
		return (struct page){ { 0 }, 0, false, NULL };
	if (!(region->flags & MAP_SHARE))
		rights &= ~(u32)RIGHT_W;
	if (segment_is_fixed(segment)) {
		pa_t pa = { segment->base.v + page_down(segment_offset(region, offset)) };

		return (struct page){ pa, rights, segment->flags & SEGMENT_DEVICE, NULL };
	}
	frame = segment_present(segment, segment_offset(region, offset) >> PAGE_SHIFT);
	if (!frame)
		return (struct page){ { 0 }, 0, false, NULL };
	if (frame_refs(frame) > 1)
		rights &= ~(u32)RIGHT_W; /* shared with a clone */
	return (struct page){ ptr_pa(frame), rights, false, NULL };
}

/* A page of a region, or a block, is about to be entered into its owner's tables. If the entry makes it executable, and it may have
 * been written since it last was, calls arch_code_changed(); frame_show() knows for frames of segments. Links and copies show
 * entries that came through here, so this covers all code but that in fresh frames and in edge pages of grants. */
static void show_code(const struct region *region, const struct page *page, u64 bytes)
{
	u32 rights = page->rights & (page->private ? RIGHT_X : RIGHT_W | RIGHT_X);
	bool told = false;

	if (CODE_FOLLOWS_DATA || !rights || page->device)
		return;
	if (!page->private && !segment_is_fixed(region->segment))
		told = !frame_show(pa_ptr(page->pa), rights);
	if (!told && (rights & RIGHT_X))
		arch_code_changed(pa_ptr(page->pa), bytes);
}

/* Where arch_code_changed() is needed, a segment's page gets the right to write when it is written to, not before: so frame_show()
 * finds that most programs' text was never writable. */
static void withhold_writing(struct page *page, pte_t entry, u32 access)
{
	if (!CODE_FOLLOWS_DATA && !(access & FAULT_WRITE) && !page->private && !(pte_rights(entry) & RIGHT_W))
		page->rights &= ~(u32)RIGHT_W;
}

/* Shows the zero frame, without the right to write, for a page that nobody has written to. The map holds nothing for the page until
 * the first write, which makes a frame. */
static void show_zeros(const struct region *region, u64 offset, pte_t *entry)
{
	const u32 rights = region_rights(region) & ~(u32)RIGHT_W;

	if (rights & RIGHT_X)
		arch_code_changed(frame_zeros, PAGE_SIZE);
	if (region->segment)
		region->segment->shows_zeros = true;
	pt_set(map_space(region->map), offset, 0, entry, pte_make_page(ptr_pa(frame_zeros), 0, rights, false));
}

/* Enters neighbours of a page that are present and not shown yet. */
static void fill_around(const struct region *region, u64 offset, pte_t *entry)
{
	u64 low = offset & ~(AROUND * PAGE_SIZE - 1);

	entry -= (offset - low) >> PAGE_SHIFT;
	for (u64 at = low; at < low + AROUND * PAGE_SIZE; at += PAGE_SIZE, entry++) {
		struct page page;

		if (at < region->start || at >= region->end || pte_is_present(*entry))
			continue;
		page = page_now(region, at);
		withhold_writing(&page, 0, 0);
		if (!page.rights)
			continue;
		show_code(region, &page, PAGE_SIZE);
		pt_set(map_space(region->map), at, 0, entry, pte_make_page(page.pa, 0, page.rights, page.device));
	}
}

/* A part of the frames is kept from new pages of VASes, which no process's end gives back. */
static __attribute__((noinline)) bool is_short_for_vas(const struct region *region, u64 offset)
{
	return frame_free() < frame_total() / KEPT_FROM_VAS && !page_now(region, offset).rights;
}

/* The last frames are kept from spaces that have a system: the system needs some itself to serve them. */
static bool is_short_of_frames(const struct space *owner, const struct region *region, u64 offset)
{
	if (owner->system)
		return frame_free() < frame_total() / KEPT_PART;
	return (owner->flags & SPACE_VAS) && is_short_for_vas(region, offset);
}

/* Gives the map a private frame of its own at an offset: a copy of what is there, or zeros. */
static u32 make_private(const struct region *region, u64 offset, const struct page *now, pte_t *entry)
{
	struct map *map = region->map;
	struct account *account = map_space(map)->account;
	u64 index = offset >> PAGE_SHIFT;
	void *frame;

	if (!now->private && !account_charge(account, ACCOUNT_FRAMES, 1))
		return FAULT_NOMEM;
	frame = now->rights ? frame_alloc_raw() : frame_alloc();
	if (frame && now->rights)
		page_copy(frame, pa_ptr(now->pa));
	if (!frame || radix_set(&map->private, index, frame)) {
		if (frame)
			frame_put(frame);
		if (!now->private)
			account_refund(account, ACCOUNT_FRAMES, 1);
		return FAULT_NOMEM;
	}
	if (!now->private)
		map->private_count++;
	if (region->flags & RIGHT_X)
		arch_code_changed(frame, PAGE_SIZE);
	pt_set(map_space(map), offset, 0, entry, pte_make_page(ptr_pa(frame), 0, region_rights(region), false));
	if (now->private)
		tlb_put_frame(now->private);
	return 0;
}

/* Shows 2 MiB of contiguous memory at once where addresses allow it. */
static bool fill_block(struct space *owner, const struct region *region, u64 offset)
{
	const u64 bytes = PAGE_SIZE * PT_ENTRIES;
	u64 start = offset & ~(bytes - 1);
	struct page page;
	pte_t *entry;

	if (!(region->flags & MAP_SHARE) || start < region->start || start + bytes > region->end)
		return false;
	page = page_now(region, start);
	if (!page.rights || (page.pa.v & (bytes - 1)))
		return false;
	entry = pt_block_entry(owner, offset);
	if (!entry)
		return false;
	show_code(region, &page, bytes);
	pt_set(owner, start, 1, entry, pte_make_page(page.pa, 1, page.rights, page.device));
	return true;
}

/* Does a page of the region that has no frame read as zeros? Otherwise a pager has to supply it. */
static bool is_zero_filled(const struct region *region)
{
	return !region->segment || !(region->segment->flags & SEGMENT_PAGED);
}

/* Enters the page at an offset into the owner's tables, for an access that the region allows. -> 0 or fault code. */
static u32 fill(struct space *owner, const struct region *region, u64 offset, u32 access)
{
	struct page now;
	pte_t *entry;
	u32 why;

	if (region->segment && segment_is_fixed(region->segment) && fill_block(owner, region, offset))
		return 0;
	entry = pt_entry(owner, offset);
	if (!entry)
		return FAULT_NOMEM;
	now = page_now(region, offset);
	if (!now.rights && region->segment && is_behind_end(region, offset))
		return region->segment->owner ? FAULT_PAGER : FAULT_MAPPED;
	if (!now.rights && !(access & FAULT_WRITE) && is_zero_filled(region)) {
		show_zeros(region, offset, entry);
		return 0;
	}
	if (!now.rights && region->segment && ((region->flags & MAP_SHARE) || !is_zero_filled(region))) {
		if (!segment_frame(region->segment, segment_offset(region, offset) >> PAGE_SHIFT, &why))
			return why;
		now = page_now(region, offset);
	}
	if (now.rights && (access & FAULT_WRITE) && !(now.rights & RIGHT_W) && (region->flags & MAP_SHARE)) {
		why = segment_unshare(region->segment, segment_offset(region, offset) >> PAGE_SHIFT);
		if (why)
			return why;
		now = page_now(region, offset);
	}
	if (!now.rights || ((access & FAULT_WRITE) && !(now.rights & RIGHT_W)))
		return make_private(region, offset, &now, entry);
	withhold_writing(&now, *entry, access);
	show_code(region, &now, PAGE_SIZE);
	pt_set(owner, offset, 0, entry, pte_make_page(now.pa, 0, now.rights, now.device));
	if (!(access & FAULT_WRITE))
		fill_around(region, offset, entry);
	return 0;
}

/* Has a quota run out: that of the running space, of the owner or of the segment? */
static bool is_at_limit(const struct space *running, const struct region *region)
{
	return !account_has_room(running->account) || !account_has_room(map_space(region->map)->account) ||
		(region->segment && !account_has_room(region->segment->account));
}

/* The end of a fault: what the faulting space is told. */
static u32 conclude(const struct space *running, const struct region *region, u64 offset, u32 code, u32 why,
	struct fault *info)
{
	tlb_commit();
	if (why == FAULT_NOMEM && is_at_limit(running, region))
		why |= FAULT_LIMIT;
	if (why == FAULT_PAGER) {
		info->segment = region->segment->number;
		info->page = (u32)(segment_offset(region, offset) >> PAGE_SHIFT);
	}
	return why ? code | why : 0;
}

/* The half of the native window that shows a VAS. */
static __attribute__((noinline)) u32 vas_fault(struct attachment *attachment, u64 offset, u32 access, u32 code,
	struct fault *info)
{
	struct space *vas = attachment->vas;
	struct region *region = vas ? map_find(&vas->map, offset) : NULL;
	u32 why;

	if (!region)
		return code;
	if (needed_rights(access) & ~(region_rights(region) & attachment->rights))
		return code | FAULT_MAPPED;
	if (is_short_for_vas(region, offset))
		return code | FAULT_NOMEM;
	why = fill(vas, region, offset, access);
	if (!why)
		pt_link_vas(attachment, offset);
	return conclude(attachment->view.space, region, offset, code, why, info);
}

u32 view_fault(struct view *view, u64 va, u32 access, struct fault *info)
{
	u32 code = access ? access : FAULT_READ, rights = needed_rights(access), why;
	u64 number = address_number(va), offset = address_offset(va);
	struct space *running = view->space, *owner = running;
	struct grant *grant = NULL;
	struct fault unused;
	struct region *region;

	if (!info)
		info = &unused;
	*info = (struct fault){ .owner = running->number };
	if (va >= user_end() || running->end != SPACE_ALIVE)
		return code;
	if (number && number != running->number) {
		owner = space_find((u32)number);
		grant = owner ? grant_find(owner, running, offset, rights) : NULL;
		if (!grant)
			return code;
		info->owner = owner->number;
	}
	region = map_find(&owner->map, offset);
	if (!region && !number && offset >= window_bytes() / 2 && view != &running->view)
		return vas_fault(view_attachment(view), offset - window_bytes() / 2, access, code, info);
	if (!region)
		return code;
	if (rights & ~region_rights(region))
		return code | FAULT_MAPPED;
	if (is_short_of_frames(owner, region, offset))
		return code | FAULT_NOMEM;
	why = fill(owner, region, offset, access);
	if (!why && (grant ? pt_link_grant(running, owner, offset, grant) : pt_link_own(running, va)))
		why = FAULT_NOMEM;
	return conclude(running, region, offset, code, why, info);
}

/* The view under which the kernel accesses memory of a space: that of the thread that it works for. */
static struct view *view_at(struct space *space, u64 va)
{
	struct thread *thread = cpu_self()->current;

	if (va < window_bytes() / 2 || va >= window_bytes() || !thread || thread->space != space)
		return &space->view;
	return thread_view(thread);
}

static __attribute__((noinline)) void *touch_slowly(struct space *space, u64 va, u32 access)
{
	struct view *view = view_at(space, va);
	u32 rights = needed_rights(access);
	struct fault fault;
	bool device;
	pa_t pa;
	u32 code;

	if ((pt_lookup(view, va, &pa, &device) & rights) != rights) {
		code = view_fault(view, va, access, &fault);
		if ((code && fail_put_off(view, va, access, &fault, code)) ||
			(pt_lookup(view, va, &pa, &device) & rights) != rights)
			return NULL;
	}
	return device ? NULL : pa_ptr(pa);
}

/* The same, quickly, if the space's own tables have an entry that shows a plain page there. */
static __attribute__((noinline)) void *touch_anew(struct space *space, u64 va, u32 access)
{
	u32 rights = needed_rights(access);
	unsigned level;
	const pte_t *entry = va < window_bytes() ? pt_find_entry(space, va, &level) : NULL;

	if (!entry || level)
		return touch_slowly(space, va, access);
	space->touched[va / PAGE_SIZE % PAGES_REMEMBERED].page = page_down(va) + 1;
	space->touched[va / PAGE_SIZE % PAGES_REMEMBERED].entry = entry;
	if ((pte_rights(*entry) & rights) != rights || pte_is_device(*entry))
		return touch_slowly(space, va, access);
	return (char *)pa_ptr(pte_pa(*entry)) + va % PAGE_SIZE;
}

void *space_touch(struct space *space, u64 va, u32 access)
{
	const pte_t *entry = space->touched[va / PAGE_SIZE % PAGES_REMEMBERED].entry;
	u32 rights = needed_rights(access);

	if (space->touched[va / PAGE_SIZE % PAGES_REMEMBERED].page == page_down(va) + 1 &&
		(pte_rights(*entry) & rights) == rights && !pte_is_device(*entry))
		return (char *)pa_ptr(pte_pa(*entry)) + va % PAGE_SIZE;
	return touch_anew(space, va, access);
}

/* Does [va, va + bytes) wrap around or leave the user addresses? */
static bool is_outside(u64 va, u64 bytes)
{
	return va >= user_end() || bytes > user_end() - va;
}

int space_read(struct space *space, u64 va, void *to, u64 bytes)
{
	if (is_outside(va, bytes))
		return -E_FAULT;
	while (bytes) {
		u64 part = min_u64(bytes, PAGE_SIZE - va % PAGE_SIZE);
		const void *from = space_touch(space, va, 0);

		if (!from)
			return -E_FAULT;
		memcpy(to, from, part);
		to = (char *)to + part;
		va += part;
		bytes -= part;
	}
	return 0;
}

int space_write(struct space *space, u64 va, const void *from, u64 bytes)
{
	if (is_outside(va, bytes))
		return -E_FAULT;
	while (bytes) {
		u64 part = min_u64(bytes, PAGE_SIZE - va % PAGE_SIZE);
		void *to = space_touch(space, va, FAULT_WRITE);

		if (!to)
			return -E_FAULT;
		memcpy(to, from, part);
		from = (const char *)from + part;
		va += part;
		bytes -= part;
	}
	return 0;
}

int space_read_u32(struct space *space, u64 va, u32 *value)
{
	const u32 *word;

	if (va % sizeof(u32))
		return space_read(space, va, value, sizeof(*value));
	word = space_touch(space, va, 0);
	if (!word)
		return -E_FAULT;
	*value = __atomic_load_n(word, __ATOMIC_ACQUIRE);
	return 0;
}

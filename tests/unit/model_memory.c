/* Operations on maps and segments for the flat model: model_state.h. */
#include <string.h>

#include "model_state.h"

/* --- maps --- */

/* The most that pages mapped with these flags may ever have. */
static u32 most_of(u32 flags)
{
	if (flags & MAP_MOST_MASK)
		return flags >> 8 & 7;
	return flags & MAP_SHARE ? flags & 7 : 7;
}

static int want_map(int caller, int s, u64 start, u64 bytes, u32 flags, int seg, u64 offset)
{
	const struct model_segment *segment = seg >= 0 ? &model.segments[seg] : NULL;

	if ((flags & 7) & ~most_of(flags))
		return -E_INVAL;
	if (!segment && (flags & MAP_SHARE))
		return -E_INVAL;
	if (segment) {
		if (segment->destroyed)
			return -E_NOENT;
		if (segment->owner != caller && !model_manages(caller, segment->owner))
			return -E_PERM;
		if (offset / PAGE_SIZE >= segment->pages || bytes / PAGE_SIZE > segment->pages - offset / PAGE_SIZE)
			return -E_INVAL;
		if (segment->device && !(flags & MAP_SHARE))
			return -E_INVAL;
	}
	if (model_has_stacklet(&model.spaces[s], start, bytes))
		return flags & MAP_REPLACE ? -E_BUSY : -E_EXIST;
	if (!(flags & MAP_REPLACE))
		for_pages(i, start, bytes)
			if (model.spaces[s].pages[i].mapped)
				return -E_EXIST;
	return 0;
}

void step_map(void)
{
	int caller = model_choose_space(), s = model_choose_space(), seg = (int)model_choose(SEGMENTS) - 2, got, want;
	u64 start, bytes, offset = 0;
	u32 flags = model_choose(8) | (model_choose(2) ? MAP_SHARE : 0) | (model_choose(2) ? MAP_REPLACE : 0) |
		(model_choose(2) ? MAP_MOST(model_choose(8)) : 0);

	if (caller < 0 || s < 0)
		return;
	if (seg >= 0 && !model.segments[seg].number)
		seg = -1;
	if (seg < 0)
		flags &= ~(u32)(model_choose(8) ? MAP_SHARE : 0);
	model_choose_range(&start, &bytes);
	if (bytes > LARGE * PAGE_SIZE)
		return;
	if (seg >= 0)
		offset = model_choose(model_choose(4) ? 4 : SEGMENT_PAGES) * PAGE_SIZE;
	if (seg >= 0 && model.segments[seg].fixed && model.segments[seg].pages >= 512 && model_choose(2)) {
		/* As blocks want it. */
		start = model_cluster_base(3) + 16 * PAGE_SIZE;
		bytes = 512 * PAGE_SIZE;
		offset = model_choose(2) ? 0 : model_choose((u32)model.segments[seg].pages - 511) * PAGE_SIZE;
		if (model.segments[seg].device && model_choose(2))
			offset = 256 * PAGE_SIZE; /* where its registers are aligned */
		flags |= MAP_SHARE | MAP_REPLACE;
	}
	want = want_map(caller, s, start, bytes, flags, seg, offset);
	got = core_steps(map_add(model.spaces[caller].core, model.spaces[s].core, start, bytes, flags,
		seg >= 0 ? model.segments[seg].number : 0, offset));
	if (model_was_injected(got))
		return;
	model_expect(got, want, "map");
	if (got)
		return;
	for_pages(i, start, bytes)
		model.spaces[s].pages[i] = (struct page){
			.mapped = true,
			.share = flags & MAP_SHARE,
			.rights = flags & 7,
			.most = most_of(flags),
			.segment = seg,
			.index = seg >= 0 ? (u32)((offset + model_page_address(i) - start) / PAGE_SIZE) : 0,
		};
}

static bool is_mapped_anywhere(int segment)
{
	for (unsigned s = 0; s < SPACES; s++)
		for (unsigned i = 0; model.spaces[s].core && i < PAGES; i++)
			if (model.spaces[s].pages[i].mapped && model.spaces[s].pages[i].segment == segment)
				return true;
	return false;
}

/* A segment that was destroyed goes with its last page. */
void model_forget_unmapped(void)
{
	for (int i = 0; i < SEGMENTS; i++)
		if (model.segments[i].number && model.segments[i].destroyed && !is_mapped_anywhere(i)) {
			assert_null(segment_find(model.segments[i].number));
			model.segments[i].number = 0;
		}
}

void step_unmap(void)
{
	int s = model_choose_space(), got;
	u64 start, bytes;

	if (s < 0)
		return;
	model_choose_range(&start, &bytes);
	got = core_steps(map_remove(model.spaces[s].core, start, bytes));
	if (model_was_injected(got))
		return;
	model_expect(got, model_has_stacklet(&model.spaces[s], start, bytes) ? -E_BUSY : 0, "unmap");
	if (got)
		return;
	for_pages(i, start, bytes)
		model.spaces[s].pages[i] = (struct page){ .segment = -1 };
}

void step_protect(void)
{
	int s = model_choose_space(), got, want = 0;
	u64 start, bytes, count = 0;
	u32 rights = model_choose(8), beyond = 0;

	if (s < 0)
		return;
	model_choose_range(&start, &bytes);
	for_pages(i, start, bytes) {
		count += model.spaces[s].pages[i].mapped;
		beyond |= rights & ~model.spaces[s].pages[i].most;
	}
	if (beyond)
		want = -E_PERM;
	if (count != bytes / PAGE_SIZE)
		want = -E_NOMEM;
	got = core_steps(map_protect(model.spaces[s].core, start, bytes, rights));
	if (model_was_injected(got))
		return;
	model_expect(got, want, "protect");
	if (got)
		return;
	for_pages(i, start, bytes)
		model.spaces[s].pages[i].rights = rights;
}

void step_move(void)
{
	int s = model_choose_space(), got, want = -E_NOENT;
	u64 start, bytes, to, unused;
	static struct page moved[PAGES];

	if (s < 0)
		return;
	model_choose_range(&start, &bytes);
	model_choose_range(&to, &unused);
	if (bytes > LARGE * PAGE_SIZE || to + bytes > window_bytes() / 2 || (to < start + bytes && start < to + bytes))
		return;
	/* Only targets that the model can see. */
	for (u64 at = to; at < to + bytes; at += PAGE_SIZE) {
		bool known = false;

		for_pages(i, at, PAGE_SIZE)
			known = true;
		if (!known)
			return;
	}
	for_pages(i, start, bytes)
		if (model.spaces[s].pages[i].mapped)
			want = 0;
	for_pages(i, to, bytes)
		if (model.spaces[s].pages[i].mapped)
			want = -E_EXIST;
	got = map_move(model.spaces[s].core, start, bytes, to);
	if (model_was_injected(got))
		return;
	model_expect(got, want, "move");
	if (got)
		return;
	for_pages(i, start, bytes) {
		for_pages(k, model_page_address(i) - start + to, PAGE_SIZE)
			moved[k] = model.spaces[s].pages[i];
		model.spaces[s].pages[i] = (struct page){ .segment = -1 };
	}
	for_pages(k, to, bytes)
		model.spaces[s].pages[k] = moved[k];
}

/* A new space with a copy of another's memory. */
void step_fork(void)
{
	int from = model_choose_space(), to = model_choose_space(), got, want = 0;
	bool stacklets = false;

	if (from < 0 || to < 0)
		return;
	for (unsigned i = 0; i < PAGES; i++)
		if (model.spaces[to].pages[i].mapped)
			want = -E_EXIST;
	for (unsigned i = 0; i < STACKLETS; i++)
		stacklets |= model.spaces[to].stacklet[i];
	if (stacklets)
		want = -E_EXIST;
	if (from == to)
		want = -E_INVAL;
	got = core_steps(map_fork(model.spaces[from].core, model.spaces[to].core));
	if (model_was_injected(got))
		return;
	model_expect(got, want, "fork");
	if (!got)
		memcpy(model.spaces[to].pages, model.spaces[from].pages, sizeof(model.spaces[to].pages));
}

void step_stacklet(void)
{
	int s = model_choose_space(), got;
	u32 thread = model_choose(STACKLETS);
	u64 top, word = 0;
	void *page;

	if (s < 0)
		return;
	if (model_choose(2)) {
		space_stacklet_drop(model.spaces[s].core, thread);
		model.spaces[s].stacklet[thread] = false;
		return;
	}
	got = space_stacklet(model.spaces[s].core, thread, &top, &page);
	if (model_was_injected(got))
		return;
	model_expect(got, 0, "stacklet");
	model.spaces[s].stacklet[thread] = true;
	model_expect((int)core_access(model.spaces[s].core, top - 8, 0, &word), 0, "access to a stacklet");
	assert_ptr_equal(page, space_touch(model.spaces[s].core, top - PAGE_SIZE, FAULT_WRITE));
	model_expect((int)core_access(model.spaces[s].core, top - STACKLET_SIZE, 0, &word), FAULT_READ,
		"access to a guard page");
}

/* --- segments --- */

void step_segment(void)
{
	int owner = model_choose_space(), got;
	u32 kind = model_choose(5), flags = kind == 1 ? SEGMENT_PAGED : 0;
	u64 physical, pages = model_choose(2) ? 1 + model_choose(SMALL) : SEGMENT_PAGES;
	struct model_segment *segment = &model.segments[model_choose(SEGMENTS - 2)];
	bool may = owner >= 0 && (model.spaces[owner].core->flags & SPACE_DEVICES);

	if (owner < 0 || segment->number)
		return;
	if (kind == 2) {
		got = segment_contiguous(model.spaces[owner].core, pages = model_choose(2) ? 512 : 1 + model_choose(8),
			&physical);
		if (got == -E_NOMEM && frame_free() < 3000)
			return;
	} else if (kind == 3) {
		got = segment_device(model.spaces[owner].core, HOST_DEVICE, pages * PAGE_SIZE);
	} else {
		got = segment_create(model.spaces[owner].core, pages, flags);
	}
	if (model_was_injected(got))
		return;
	if ((kind == 2 || kind == 3) && !may) {
		model_expect(got, -E_PERM, "segment of a device");
		return;
	}
	assert_true(got > 0);
	memset(segment, 0, sizeof(*segment));
	segment->number = (u32)got;
	segment->owner = owner;
	segment->pages = pages;
	segment->end = ~0ul;
	segment->paged = flags & SEGMENT_PAGED;
	segment->fixed = kind == 2 || kind == 3;
	segment->device = kind == 3;
}

/* A segment and whether the caller may deal with it. */
static struct model_segment *choose_segment(int caller, int *want)
{
	struct model_segment *segment = &model.segments[model_choose(SEGMENTS - 2)];

	*want = 0;
	if (caller < 0 || !segment->number)
		return NULL;
	if (segment->owner < 0 || (segment->owner != caller && !model_manages(caller, segment->owner)))
		*want = -E_PERM;
	return segment;
}

void step_destroy(void)
{
	int caller = model_choose_space(), want, got;
	struct model_segment *segment = choose_segment(caller, &want);

	if (!segment)
		return;
	if (!want && segment->destroyed)
		want = -E_NOENT;
	got = core_steps(segment_destroy(model.spaces[caller].core, segment->number));
	model_expect(got, want, "destroy");
	if (!got)
		segment->destroyed = true;
}

void step_supply(void)
{
	int caller = model_choose_space(), want, got;
	struct model_segment *segment = choose_segment(caller, &want);
	u64 first = model_choose(SMALL), count = 1 + model_choose(4), values[4];
	unsigned from = model_choose(3) * SMALL + model_choose(SMALL - 4);
	bool absent[4];

	if (!segment)
		return;
	got = segment_supply(model.spaces[caller].core, segment->number, first, count, model_page_address(from));
	if (core_failed() && (got == -E_NOMEM || got == -E_FAULT))
		return;
	if (!want && (segment->fixed || first + count > segment->pages))
		want = -E_INVAL;
	for (u64 i = 0; !want && i < count; i++) {
		absent[i] = !segment->present[first + i];
		if (!absent[i])
			continue;
		if (model_access(caller, caller, from + (unsigned)i, 0, &values[i]))
			want = -E_FAULT;
		else if (model.spaces[caller].pages[from + i].segment >= 0 &&
			model.segments[model.spaces[caller].pages[from + i].segment].device)
			want = -E_FAULT;
		/* Reading may have made this very page present. */
		absent[i] = !segment->present[first + i];
	}
	model_expect(got, want, "supply");
	for (u64 i = 0; !want && i < count; i++)
		if (absent[i]) {
			segment->present[first + i] = true;
			segment->value[first + i] = values[i];
		}
}

void step_evict(void)
{
	int caller = model_choose_space(), want, got;
	struct model_segment *segment = choose_segment(caller, &want);
	u64 first = model_choose(SMALL), count = 1 + model_choose(SMALL);

	if (!segment)
		return;
	if (!want && (segment->fixed || first + count > segment->pages))
		want = -E_INVAL;
	got = segment_evict(model.spaces[caller].core, segment->number, first, count);
	model_expect(got, want, "evict");
	for (u64 i = 0; !got && i < count; i++) {
		segment->present[first + i] = false;
		segment->value[first + i] = 0;
	}
}

void step_shorten(void)
{
	int caller = model_choose_space(), want, got;
	struct model_segment *segment = choose_segment(caller, &want);
	u64 end = model_choose(2) ? model_choose(SMALL) : SEGMENT_PAGES;

	if (!segment)
		return;
	if (!want && segment->fixed)
		want = -E_INVAL;
	got = segment_end(model.spaces[caller].core, segment->number, end);
	model_expect(got, want, "end of a segment");
	if (!got)
		segment->end = end;
}

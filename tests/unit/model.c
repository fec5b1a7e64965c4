/* The flat model: model.h. */
#include "model.h"

#include <stdio.h>
#include <string.h>

enum { SPACES = 6, SEGMENTS = 8, GRANTS = 20, CLUSTERS = 4, SMALL = 24, LARGE = 544, PAGES = 3 * SMALL + LARGE, STACKLETS = 3 };
enum { SEGMENT_PAGES = 800 }; /* blocks of 2 MiB fit at several offsets */

struct page {
	bool mapped, private, share;
	u32 rights;
	int segment; /* in model.segments, -1: none */
	u32 index;   /* page of the segment */
	u64 value;   /* of a private page */
};

struct model_space {
	struct space *core; /* NULL: does not exist */
	int manager;
	struct page pages[PAGES];
	bool stacklet[STACKLETS];
};

struct model_segment {
	u32 number; /* 0: does not exist */
	int owner;  /* -1: has ended */
	u64 pages;
	bool paged, fixed, device, destroyed;
	bool present[SEGMENT_PAGES];
	u64 value[SEGMENT_PAGES];
};

struct model_grant {
	u32 number; /* 0: does not exist */
	int owner, from, to, parent;
	u64 start, end;
	u32 flags;
};

static struct {
	struct model_space spaces[SPACES];
	struct model_segment segments[SEGMENTS];
	struct model_grant grants[GRANTS];
	u64 next_value;
} model;

static struct choices *choices;
static u64 trace; /* number of steps done, for messages */

/* --- choices --- */

static u32 choose(u32 below)
{
	u32 value;

	if (choices->data) {
		value = choices->left ? *choices->data : 0;
		if (choices->left && below > 256) {
			value = (u32)choices->data[0] << 8 | (choices->left > 1 ? choices->data[1] : 0);
			choices->data += choices->left > 1;
			choices->left -= choices->left > 1;
		}
		choices->data += choices->left > 0;
		choices->left -= choices->left > 0;
		return value % below;
	}
	choices->seed = choices->seed * 6364136223846793005u + 1442695040888963407u;
	return (u32)(choices->seed >> 33) % below;
}

/* --- addresses --- */

static u64 cluster_base(unsigned cluster)
{
	switch (cluster) {
	case 0:
		return 0x600000 - SMALL / 2 * PAGE_SIZE; /* around a table's end */
	case 1:
		return 0x80000000 - SMALL / 2 * PAGE_SIZE; /* around 2 GiB */
	case 2:
		return window_bytes() / 2 - SMALL * PAGE_SIZE; /* the end of what can be mapped */
	default:
		return 0xa0000000 - 16 * PAGE_SIZE; /* room for 2 MiB at once */
	}
}

static u64 page_address(unsigned page)
{
	if (page < 3 * SMALL)
		return cluster_base(page / SMALL) + page % SMALL * PAGE_SIZE;
	return cluster_base(3) + (page - 3 * SMALL) * PAGE_SIZE;
}

/* A range of pages that lies in one cluster, or the whole half window. */
static void choose_range(u64 *start, u64 *bytes)
{
	u32 cluster = choose(CLUSTERS), size = cluster < 3 ? SMALL : LARGE, first, count;

	if (choose(40) == 0) {
		*start = 0;
		*bytes = window_bytes() / 2;
		return;
	}
	first = choose(size);
	count = 1 + choose(choose(2) ? size : 6);
	if (cluster == 3 && choose(3) == 0) {
		first = 16;
		count = 512;
	}
	if (count > size - first)
		count = size - first;
	*start = cluster_base(cluster) + first * PAGE_SIZE;
	*bytes = count * PAGE_SIZE;
}

#define for_pages(i, start, bytes) \
	for (unsigned i = 0; i < PAGES; i++) \
		if (page_address(i) >= (start) && page_address(i) - (start) < (bytes))

/* Pages in a range, counted by the model; stacklets in it. */
static bool has_stacklet(const struct model_space *s, u64 start, u64 bytes)
{
	for (unsigned i = 0; i < STACKLETS; i++) {
		u64 at = STACKLET_BASE + i * STACKLET_SIZE;

		if (s->stacklet[i] && at < start + bytes && start < at + STACKLET_SIZE)
			return true;
	}
	return false;
}

static int choose_space(void)
{
	int i = (int)choose(SPACES);

	return model.spaces[i].core ? i : -1;
}

/* A page, most often one that is mapped. */
static unsigned choose_page(int s)
{
	unsigned page = choose(2) ? choose(PAGES) : choose(3 * SMALL);
	bool any = choose(8) == 0;

	for (unsigned i = 0; !any && s >= 0 && i < PAGES && !model.spaces[s].pages[page].mapped; i++)
		page = (page + 1) % PAGES;
	return page;
}

static bool manages(int manager, int s)
{
	for (s = model.spaces[s].manager; s >= 0; s = model.spaces[s].manager)
		if (s == manager)
			return true;
	return false;
}

static bool is_mapped_anywhere(int segment)
{
	for (unsigned s = 0; s < SPACES; s++)
		for (unsigned i = 0; model.spaces[s].core && i < PAGES; i++)
			if (model.spaces[s].pages[i].mapped && model.spaces[s].pages[i].segment == segment)
				return true;
	return false;
}

/* Has the operation failed because an allocation was made to? Then the model stays as it is. */
static bool was_injected(int result)
{
	bool failed = core_failed();

	if (result == -E_NOMEM && failed)
		return true;
	return false;
}

static void expect(int got, int want, const char *what)
{
	if (got != want)
		fail_msg("step %lu: %s gave %d, the model says %d", (unsigned long)trace, what, got, want);
}

/* --- programs --- */

static bool is_granted(int owner, int to, u64 offset, u32 rights)
{
	for (unsigned i = 0; i < GRANTS; i++) {
		const struct model_grant *g = &model.grants[i];
		u32 have = g->flags & (RIGHT_W | RIGHT_X) ? g->flags | RIGHT_R : g->flags;

		if (g->number && g->owner == owner && g->to == to && offset >= page_down(g->start) &&
			offset < page_down(g->end + PAGE_SIZE - 1) && !(rights & ~have))
			return true;
	}
	return false;
}

/* The code a fault must end with, 0 if the access is right. Changes the model as the access does. */
static u32 model_access(int s, int owner, unsigned index, u32 access, u64 *word)
{
	u32 rights = access == FAULT_WRITE ? RIGHT_W : access == FAULT_EXEC ? RIGHT_X : RIGHT_R;
	u32 code = access ? access : FAULT_READ;
	struct page *page = &model.spaces[owner].pages[index];
	struct model_segment *segment = page->segment >= 0 ? &model.segments[page->segment] : NULL;

	if (owner != s && !is_granted(owner, s, page_address(index), rights))
		return code;
	if (!page->mapped)
		return code;
	if (!(page->rights & rights) && !(rights == RIGHT_R && page->rights))
		return code | FAULT_MAPPED;
	if (!page->private && segment && segment->paged && !segment->present[page->index])
		return code | (segment->owner >= 0 ? FAULT_PAGER : FAULT_MAPPED);
	if (!page->private && segment)
		segment->present[page->index] = true;
	if (segment && segment->device)
		return 0;
	if (access != FAULT_WRITE) {
		*word = page->private ? page->value : segment ? segment->value[page->index] : 0;
		return 0;
	}
	if (page->share) {
		segment->value[page->index] = *word;
		return 0;
	}
	page->private = true;
	page->value = *word;
	return 0;
}

/* Before a page changes that is not private yet, its value is the segment's; a write covers one word only, the rest of the
 * page is copied. The model knows one word, so it needs nothing more. */
static void step_access(void)
{
	const u32 kinds[4] = { 0, FAULT_WRITE, FAULT_WRITE, FAULT_EXEC };
	int s = choose_space(), owner = choose_space();
	u32 access = kinds[choose(4)], got, want;
	u64 word = ++model.next_value, model_word = word, va;
	unsigned page;
	bool device;

	if (s < 0)
		return;
	for (unsigned i = 0; i < GRANTS && choose(4); i++)
		if (model.grants[i].number && model.grants[i].to == s)
			owner = model.grants[i].owner;
	if (owner < 0 || choose(3) == 0)
		owner = s;
	page = choose_page(owner);
	va = page_address(page);
	if (owner != s || choose(2))
		va = globalize(model.spaces[owner].core->number, va);
	got = core_access(model.spaces[s].core, va, access, &word);
	if (core_failed() && (got & FAULT_NOMEM))
		return;
	device = model.spaces[owner].pages[page].segment >= 0 &&
		 model.segments[model.spaces[owner].pages[page].segment].device;
	want = model_access(s, owner, page, access, &model_word);
	expect((int)got, (int)want, "access");
	if (!got && !access && !device && word != model_word)
		fail_msg("step %lu: space %d reads %lx at %lx, not %lx", (unsigned long)trace, s, (unsigned long)word,
			(unsigned long)va, (unsigned long)model_word);
}

/* The same by the kernel, for the word at a page's start. */
static void step_kernel_access(void)
{
	int s = choose_space();
	unsigned page = choose_page(s);
	u64 word = ++model.next_value, model_word = word;
	bool write = choose(2);
	u32 want;
	int got;

	if (s < 0)
		return;
	if (write)
		got = space_write(model.spaces[s].core, page_address(page), &word, sizeof(word));
	else
		got = space_read(model.spaces[s].core, page_address(page), &word, sizeof(word));
	if (core_failed() && got == -E_FAULT)
		return;
	if (model.spaces[s].pages[page].mapped && model.spaces[s].pages[page].segment >= 0 &&
		model.segments[model.spaces[s].pages[page].segment].device) {
		expect(got, -E_FAULT, "kernel access to a device");
		return;
	}
	want = model_access(s, s, page, write ? FAULT_WRITE : 0, &model_word);
	expect(got, want ? -E_FAULT : 0, "kernel access");
	if (!got && !write && word != model_word)
		fail_msg("step %lu: the kernel reads another value", (unsigned long)trace);
}

/* --- maps --- */

static int want_map(int caller, int s, u64 start, u64 bytes, u32 flags, int seg, u64 offset)
{
	const struct model_segment *segment = seg >= 0 ? &model.segments[seg] : NULL;

	if (!segment && (flags & MAP_SHARE))
		return -E_INVAL;
	if (segment) {
		if (segment->destroyed)
			return -E_NOENT;
		if (segment->owner != caller && !manages(caller, segment->owner))
			return -E_PERM;
		if (offset / PAGE_SIZE >= segment->pages || bytes / PAGE_SIZE > segment->pages - offset / PAGE_SIZE)
			return -E_INVAL;
		if (segment->device && !(flags & MAP_SHARE))
			return -E_INVAL;
	}
	if (has_stacklet(&model.spaces[s], start, bytes))
		return flags & MAP_REPLACE ? -E_BUSY : -E_EXIST;
	if (!(flags & MAP_REPLACE))
		for_pages(i, start, bytes)
			if (model.spaces[s].pages[i].mapped)
				return -E_EXIST;
	return 0;
}

static void step_map(void)
{
	int caller = choose_space(), s = choose_space(), seg = (int)choose(SEGMENTS) - 2, got, want;
	u64 start, bytes, offset = 0;
	u32 flags = choose(8) | (choose(2) ? MAP_SHARE : 0) | (choose(2) ? MAP_REPLACE : 0);

	if (caller < 0 || s < 0)
		return;
	if (seg >= 0 && !model.segments[seg].number)
		seg = -1;
	if (seg < 0)
		flags &= ~(u32)(choose(8) ? MAP_SHARE : 0);
	choose_range(&start, &bytes);
	if (bytes > LARGE * PAGE_SIZE)
		return;
	if (seg >= 0)
		offset = choose(choose(4) ? 4 : SEGMENT_PAGES) * PAGE_SIZE;
	if (seg >= 0 && model.segments[seg].fixed && model.segments[seg].pages >= 512 && choose(2)) {
		/* As blocks want it. */
		start = cluster_base(3) + 16 * PAGE_SIZE;
		bytes = 512 * PAGE_SIZE;
		offset = choose(2) ? 0 : choose((u32)model.segments[seg].pages - 511) * PAGE_SIZE;
		if (model.segments[seg].device && choose(2))
			offset = 256 * PAGE_SIZE; /* where its registers are aligned */
		flags |= MAP_SHARE | MAP_REPLACE;
	}
	want = want_map(caller, s, start, bytes, flags, seg, offset);
	got = map_add(model.spaces[caller].core, model.spaces[s].core, start, bytes, flags,
		seg >= 0 ? model.segments[seg].number : 0, offset);
	if (was_injected(got))
		return;
	expect(got, want, "map");
	if (got)
		return;
	for_pages(i, start, bytes)
		model.spaces[s].pages[i] = (struct page){
			.mapped = true,
			.share = flags & MAP_SHARE,
			.rights = flags & 7,
			.segment = seg,
			.index = seg >= 0 ? (u32)((offset + page_address(i) - start) / PAGE_SIZE) : 0,
		};
}

/* A segment that was destroyed goes with its last page. */
static void forget_unmapped(void)
{
	for (int i = 0; i < SEGMENTS; i++)
		if (model.segments[i].number && model.segments[i].destroyed && !is_mapped_anywhere(i)) {
			assert_null(segment_find(model.segments[i].number));
			model.segments[i].number = 0;
		}
}

static void step_unmap(void)
{
	int s = choose_space(), got;
	u64 start, bytes;

	if (s < 0)
		return;
	choose_range(&start, &bytes);
	got = map_remove(model.spaces[s].core, start, bytes);
	if (was_injected(got))
		return;
	expect(got, has_stacklet(&model.spaces[s], start, bytes) ? -E_BUSY : 0, "unmap");
	if (got)
		return;
	for_pages(i, start, bytes)
		model.spaces[s].pages[i] = (struct page){ .segment = -1 };
}

static void step_protect(void)
{
	int s = choose_space(), got, want = 0;
	u64 start, bytes, count = 0;
	u32 rights = choose(8);

	if (s < 0)
		return;
	choose_range(&start, &bytes);
	for_pages(i, start, bytes)
		count += model.spaces[s].pages[i].mapped;
	if (count != bytes / PAGE_SIZE)
		want = -E_NOMEM;
	got = map_protect(model.spaces[s].core, start, bytes, rights);
	if (was_injected(got))
		return;
	expect(got, want, "protect");
	if (got)
		return;
	for_pages(i, start, bytes)
		model.spaces[s].pages[i].rights = rights;
}

static void step_move(void)
{
	int s = choose_space(), got, want = -E_NOENT;
	u64 start, bytes, to, unused;
	static struct page moved[PAGES];

	if (s < 0)
		return;
	choose_range(&start, &bytes);
	choose_range(&to, &unused);
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
	if (was_injected(got))
		return;
	expect(got, want, "move");
	if (got)
		return;
	for_pages(i, start, bytes) {
		for_pages(k, page_address(i) - start + to, PAGE_SIZE)
			moved[k] = model.spaces[s].pages[i];
		model.spaces[s].pages[i] = (struct page){ .segment = -1 };
	}
	for_pages(k, to, bytes)
		model.spaces[s].pages[k] = moved[k];
}

/* --- spaces --- */

static void add_grant(u32 number, int owner, int from, int to, int parent, u64 start, u64 end, u32 flags)
{
	for (unsigned i = 0; i < GRANTS; i++)
		if (!model.grants[i].number) {
			model.grants[i] = (struct model_grant){ number, owner, from, to, parent, start, end, flags };
			return;
		}
	fail_msg("no room for a grant");
}

static bool has_room_for_grant(void)
{
	for (unsigned i = 0; i < GRANTS; i++)
		if (!model.grants[i].number)
			return true;
	return false;
}

static void step_create(void)
{
	const u32 trusted = SPACE_TRUSTED | SPACE_DEVICES;
	int creator = choose_space(), s = (int)choose(SPACES), got;
	struct space_spec spec = { .flags = choose(8), .system = choose(2), .name = "made" };
	u32 flags = creator < 0 ? 0 : model.spaces[creator].core->flags;

	if (model.spaces[s].core || !has_room_for_grant())
		return;
	if (creator < 0) {
		spec.flags &= trusted;
		spec.system = 0;
	} else if ((spec.system && !(flags & SPACE_TRUSTED)) || ((spec.flags & trusted) && !(flags & SPACE_DEVICES))) {
		expect(space_create(model.spaces[creator].core, &spec, &model.spaces[s].core), -E_PERM, "create");
		return;
	}
	got = space_create(creator < 0 ? NULL : model.spaces[creator].core, &spec, &model.spaces[s].core);
	if (was_injected(got))
		return;
	expect(got, 0, "create");
	model.spaces[s].manager = creator;
	memset(model.spaces[s].stacklet, 0, sizeof(model.spaces[s].stacklet));
	for (unsigned i = 0; i < PAGES; i++)
		model.spaces[s].pages[i] = (struct page){ .segment = -1 };
	if (spec.flags & SPACE_GRANT_CREATOR) {
		const struct grant *grant = grant_find(model.spaces[s].core, model.spaces[creator].core, 0, RIGHT_W);

		assert_non_null(grant);
		add_grant(grant->number, s, creator, creator, -1, 0, window_bytes(), RIGHT_R | RIGHT_W | GRANT_PASS);
	}
}

static void drop_grant(int index)
{
	model.grants[index].number = 0;
	for (int i = 0; i < GRANTS; i++)
		if (model.grants[i].number && model.grants[i].parent == index)
			drop_grant(i);
}

static void end_space(int s)
{
	struct space *core = model.spaces[s].core;

	space_get(core);
	space_end(core, SPACE_KILLED, 0);
	model.spaces[s].core = NULL;
	for (int i = 0; i < GRANTS; i++)
		if (model.grants[i].number &&
			(model.grants[i].owner == s || model.grants[i].from == s || model.grants[i].to == s))
			drop_grant(i);
	for (int i = 0; i < SEGMENTS; i++)
		if (model.segments[i].number && model.segments[i].owner == s) {
			model.segments[i].owner = -1;
			model.segments[i].destroyed = true;
		}
	for (int i = 0; i < SPACES; i++)
		if (model.spaces[i].core && model.spaces[i].manager == s)
			end_space(i);
	space_put(core);
}

static void step_end(void)
{
	int s = choose_space();

	if (s >= 0 && choose(model.spaces[s].manager < 0 ? 64 : 8) == 0)
		end_space(s);
}

/* A new space with a copy of another's memory. */
static void step_fork(void)
{
	int from = choose_space(), to = choose_space(), got, want = 0;
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
	got = map_fork(model.spaces[from].core, model.spaces[to].core);
	if (was_injected(got))
		return;
	expect(got, want, "fork");
	if (!got)
		memcpy(model.spaces[to].pages, model.spaces[from].pages, sizeof(model.spaces[to].pages));
}

static void step_stacklet(void)
{
	int s = choose_space(), got;
	u32 thread = choose(STACKLETS);
	u64 top, word = 0;
	void *page;

	if (s < 0)
		return;
	if (choose(2)) {
		space_stacklet_drop(model.spaces[s].core, thread);
		model.spaces[s].stacklet[thread] = false;
		return;
	}
	got = space_stacklet(model.spaces[s].core, thread, &top, &page);
	if (was_injected(got))
		return;
	expect(got, 0, "stacklet");
	model.spaces[s].stacklet[thread] = true;
	expect((int)core_access(model.spaces[s].core, top - 8, 0, &word), 0, "access to a stacklet");
	assert_ptr_equal(page, space_touch(model.spaces[s].core, top - PAGE_SIZE, FAULT_WRITE));
	expect((int)core_access(model.spaces[s].core, top - STACKLET_SIZE, 0, &word), FAULT_READ, "access to a guard page");
}

/* --- segments --- */

static void step_segment(void)
{
	int owner = choose_space(), got;
	u32 kind = choose(5), flags = kind == 1 ? SEGMENT_PAGED : 0;
	u64 physical, pages = choose(2) ? 1 + choose(SMALL) : SEGMENT_PAGES;
	struct model_segment *segment = &model.segments[choose(SEGMENTS - 2)];
	bool may = owner >= 0 && (model.spaces[owner].core->flags & SPACE_DEVICES);

	if (owner < 0 || segment->number)
		return;
	if (kind == 2) {
		got = segment_contiguous(model.spaces[owner].core, pages = choose(2) ? 512 : 1 + choose(8), &physical);
		if (got == -E_NOMEM && frame_free() < 3000)
			return;
	} else if (kind == 3) {
		got = segment_device(model.spaces[owner].core, HOST_DEVICE, pages * PAGE_SIZE);
	} else {
		got = segment_create(model.spaces[owner].core, pages, flags);
	}
	if (was_injected(got))
		return;
	if ((kind == 2 || kind == 3) && !may) {
		expect(got, -E_PERM, "segment of a device");
		return;
	}
	assert_true(got > 0);
	memset(segment, 0, sizeof(*segment));
	segment->number = (u32)got;
	segment->owner = owner;
	segment->pages = pages;
	segment->paged = flags & SEGMENT_PAGED;
	segment->fixed = kind == 2 || kind == 3;
	segment->device = kind == 3;
}

/* A segment and whether the caller may deal with it. */
static struct model_segment *choose_segment(int caller, int *want)
{
	struct model_segment *segment = &model.segments[choose(SEGMENTS - 2)];

	*want = 0;
	if (caller < 0 || !segment->number)
		return NULL;
	if (segment->owner < 0 || (segment->owner != caller && !manages(caller, segment->owner)))
		*want = -E_PERM;
	return segment;
}

static void step_destroy(void)
{
	int caller = choose_space(), want, got;
	struct model_segment *segment = choose_segment(caller, &want);

	if (!segment)
		return;
	if (!want && segment->destroyed)
		want = -E_NOENT;
	got = segment_destroy(model.spaces[caller].core, segment->number);
	expect(got, want, "destroy");
	if (!got)
		segment->destroyed = true;
}

static void step_supply(void)
{
	int caller = choose_space(), want, got;
	struct model_segment *segment = choose_segment(caller, &want);
	u64 first = choose(SMALL), count = 1 + choose(4), values[4];
	unsigned from = choose(3) * SMALL + choose(SMALL - 4);
	bool absent[4];

	if (!segment)
		return;
	got = segment_supply(model.spaces[caller].core, segment->number, first, count, page_address(from));
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
	expect(got, want, "supply");
	for (u64 i = 0; !want && i < count; i++)
		if (absent[i]) {
			segment->present[first + i] = true;
			segment->value[first + i] = values[i];
		}
}

static void step_evict(void)
{
	int caller = choose_space(), want, got;
	struct model_segment *segment = choose_segment(caller, &want);
	u64 first = choose(SMALL), count = 1 + choose(SMALL);

	if (!segment)
		return;
	if (!want && (segment->fixed || first + count > segment->pages))
		want = -E_INVAL;
	got = segment_evict(model.spaces[caller].core, segment->number, first, count);
	expect(got, want, "evict");
	for (u64 i = 0; !got && i < count; i++) {
		segment->present[first + i] = false;
		segment->value[first + i] = 0;
	}
}

/* --- grants --- */

static int want_grant(int caller, int owner, int to, u64 start, u64 end, u32 *flags, int *parent)
{
	*parent = -1;
	if (!(*flags & RIGHT_ALL) || to == owner)
		return -E_INVAL;
	if (owner == caller || manages(caller, owner))
		return 0;
	/* Which of several grants is passed on is the core's choice: the first with all of the rights. The model takes over what
	 * the core made after checking that it may. */
	for (int i = 0; i < GRANTS; i++) {
		const struct model_grant *g = &model.grants[i];

		if (g->number && g->owner == owner && g->to == caller && (g->flags & GRANT_PASS) && start >= g->start &&
			end <= g->end)
			*parent = i;
	}
	return *parent < 0 ? -E_PERM : 0;
}

static struct grant *core_grant(int owner, u32 number)
{
	list_for_each(node, &model.spaces[owner].core->granted)
		if (container_of(node, struct grant, of_owner)->number == number)
			return container_of(node, struct grant, of_owner);
	return NULL;
}

static void step_grant(void)
{
	int caller = choose_space(), owner = choose_space(), to = choose_space(), want, got, parent;
	u32 flags = choose(16) | (choose(2) ? GRANT_PASS : 0), wanted = flags;
	const struct grant *made;
	u64 start, bytes;

	if (caller < 0 || to < 0 || !has_room_for_grant())
		return;
	for (unsigned i = 0; i < GRANTS && choose(4); i++)
		if (model.grants[i].number && model.grants[i].to == caller && (model.grants[i].flags & GRANT_PASS))
			owner = model.grants[i].owner;
	if (owner < 0 || choose(2))
		owner = caller;
	choose_range(&start, &bytes);
	if (choose(4) == 0) {
		start += 100;
		bytes = bytes > 200 ? bytes - 200 : bytes;
	}
	if (choose(6) == 0) {
		start = 0;
		bytes = window_bytes();
	}
	want = want_grant(caller, owner, to, start, start + bytes, &flags, &parent);
	got = grant_make(model.spaces[caller].core, globalize(model.spaces[owner].core->number, start), bytes,
		model.spaces[to].core->number, flags);
	if (was_injected(got))
		return;
	if (parent >= 0 && got == -E_PERM)
		return; /* the rights have nothing in common: checked by test_grant.c */
	expect(got < 0 ? got : 0, want, "grant");
	if (got < 0)
		return;
	made = core_grant(owner, (u32)got);
	assert_non_null(made);
	assert_false(made->flags & ~wanted);
	if (made->parent) {
		parent = -1;
		for (int i = 0; i < GRANTS; i++)
			if (model.grants[i].number == made->parent->number)
				parent = i;
		assert_true(parent >= 0 && model.grants[parent].to == caller);
		assert_false(made->flags & ~model.grants[parent].flags);
	} else {
		assert_int_equal(made->flags, wanted);
	}
	add_grant((u32)got, owner, caller, to, parent, start, start + bytes, made->flags);
}

static void step_revoke(void)
{
	int caller = choose_space(), i = (int)choose(GRANTS), want = 0, got;
	const struct model_grant *grant = &model.grants[i];

	if (caller < 0 || !grant->number)
		return;
	if (caller != grant->from && caller != grant->to && !manages(caller, grant->owner) &&
		(caller != grant->owner || (grant->from >= 0 && manages(grant->from, grant->owner))))
		want = -E_PERM;
	got = grant_revoke(model.spaces[caller].core, grant->number);
	expect(got, want, "revoke");
	if (!got)
		drop_grant(i);
}

static void step_portal(void)
{
	int s = choose_space(), caller = choose_space(), got;
	u64 entry = page_address(choose(SMALL)) + 16;
	struct portal *portal;

	if (s < 0 || caller < 0)
		return;
	switch (choose(4)) {
	case 0:
		got = portal_create(model.spaces[s].core, entry, entry + 1);
		assert_true(got == 0 || got == -E_EXIST || got == -E_NOMEM);
		return;
	case 1:
		got = portal_destroy(model.spaces[s].core, entry);
		assert_true(got == 0 || got == -E_NOENT);
		return;
	default:
		got = portal_find(model.spaces[caller].core, globalize(model.spaces[s].core->number, entry), &portal);
		if (got == -E_NOENT)
			return;
		if (s == caller || manages(caller, s) || model.spaces[s].core->system == model.spaces[caller].core) {
			expect(got, 0, "portal_find of an own one");
		} else {
			bool allowed = false;

			for (unsigned i = 0; i < GRANTS; i++)
				allowed |= model.grants[i].number && model.grants[i].owner == s && model.grants[i].to == caller &&
					   (model.grants[i].flags & RIGHT_P) && entry >= model.grants[i].start &&
					   entry < model.grants[i].end;
			expect(got, allowed ? 0 : -E_PERM, "portal_find");
		}
		if (!got)
			assert_true(portal->space == model.spaces[s].core && portal->cookie == entry + 1);
	}
}

/* --- running --- */

static void (*const steps[])(void) = {
	step_access, step_access, step_access, step_access, step_access, step_access, step_access, step_access,
	step_kernel_access, step_map, step_map, step_map, step_unmap, step_protect, step_protect, step_move, step_create,
	step_create, step_end, step_fork, step_stacklet, step_segment, step_destroy, step_supply, step_supply, step_evict,
	step_grant, step_grant, step_revoke, step_portal,
};

static void end_all(void)
{
	for (int i = 0; i < SPACES; i++)
		if (model.spaces[i].core)
			end_space(i);
	forget_unmapped();
	for (unsigned i = 0; i < SEGMENTS; i++)
		assert_int_equal(model.segments[i].number, 0);
	for (unsigned i = 0; i < GRANTS; i++)
		assert_int_equal(model.grants[i].number, 0);
}

void model_prepare(void)
{
	struct space *space = core_first(), *other = core_space(space, SPACE_GRANT_CREATOR);

	assert_true(segment_create(space, 1, 0) > 0);
	assert_true(portal_create(space, 0x1000, 0) == 0);
	/* All numbers that spaces have at first, so that the table of them is complete. */
	for (unsigned i = 0; i < 2100; i++) {
		struct space *brief = core_space(space, 0);

		space_end(brief, SPACE_KILLED, 0);
	}
	space_end(other, SPACE_KILLED, 0);
	space_end(space, SPACE_KILLED, 0);
}

void model_run(struct choices *from, unsigned count, bool careful)
{
	u64 frames = frame_free();

	choices = from;
	host_tlb_flush();
	for (trace = 0; trace < count && (!choices->data || choices->left); trace++) {
		u32 step = choose(ARRAY_SIZE(steps));

		if (choose(16) == 0)
			core_fail_at(1 + choose(6));
		steps[step]();
		core_failed();
		forget_unmapped();
		if (careful || trace % 64 == 0) {
			core_check_tlb();
			space_check_all();
		}
		assert_false(tlb_pending());
	}
	end_all();
	assert_int_equal(frame_free(), frames);
	frame_check();
}

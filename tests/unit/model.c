/* The flat model: model.h. */
#include "model_state.h"

struct model model;
u64 model_step;
static struct choices *choices;

/* --- choices --- */

u32 model_choose(u32 below)
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

u64 model_cluster_base(unsigned cluster)
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

u64 model_page_address(unsigned page)
{
	if (page < 3 * SMALL)
		return model_cluster_base(page / SMALL) + page % SMALL * PAGE_SIZE;
	return model_cluster_base(3) + (page - 3 * SMALL) * PAGE_SIZE;
}

/* A range of pages that lies in one cluster, or the whole half window. */
void model_choose_range(u64 *start, u64 *bytes)
{
	u32 cluster = model_choose(CLUSTERS), size = cluster < 3 ? SMALL : LARGE, first, count;

	if (model_choose(40) == 0) {
		*start = 0;
		*bytes = window_bytes() / 2;
		return;
	}
	first = model_choose(size);
	count = 1 + model_choose(model_choose(2) ? size : 6);
	if (cluster == 3 && model_choose(3) == 0) {
		first = 16;
		count = 512;
	}
	if (count > size - first)
		count = size - first;
	*start = model_cluster_base(cluster) + first * PAGE_SIZE;
	*bytes = count * PAGE_SIZE;
}

bool model_has_stacklet(const struct model_space *s, u64 start, u64 bytes)
{
	for (unsigned i = 0; i < STACKLETS; i++) {
		u64 at = STACKLET_BASE + i * STACKLET_SIZE;

		if (s->stacklet[i] && at < start + bytes && start < at + STACKLET_SIZE)
			return true;
	}
	return false;
}

int model_choose_space(void)
{
	int i = (int)model_choose(SPACES);

	return model.spaces[i].core ? i : -1;
}

/* A page, most often one that is mapped. */
unsigned model_choose_page(int s)
{
	unsigned page = model_choose(2) ? model_choose(PAGES) : model_choose(3 * SMALL);
	bool any = model_choose(8) == 0;

	for (unsigned i = 0; !any && s >= 0 && i < PAGES && !model.spaces[s].pages[page].mapped; i++)
		page = (page + 1) % PAGES;
	return page;
}

bool model_manages(int manager, int s)
{
	for (s = model.spaces[s].manager; s >= 0; s = model.spaces[s].manager)
		if (s == manager)
			return true;
	return false;
}

/* Has the operation failed because an allocation was made to? Then the model stays as it is. */
bool model_was_injected(int result)
{
	bool failed = core_failed();

	if (result == -E_NOMEM && failed)
		return true;
	return false;
}

void model_expect(int got, int want, const char *what)
{
	if (got != want)
		fail_msg("step %lu: %s gave %d, the model says %d", (unsigned long)model_step, what, got, want);
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
u32 model_access(int s, int owner, unsigned index, u32 access, u64 *word)
{
	u32 rights = access == FAULT_WRITE ? RIGHT_W : access == FAULT_EXEC ? RIGHT_X : RIGHT_R;
	u32 code = access ? access : FAULT_READ;
	struct page *page = &model.spaces[owner].pages[index];
	struct model_segment *segment = page->segment >= 0 ? &model.segments[page->segment] : NULL;

	if (owner != s && !is_granted(owner, s, model_page_address(index), rights))
		return code;
	if (!page->mapped)
		return code;
	if (!(page->rights & rights) && !(rights == RIGHT_R && page->rights))
		return code | FAULT_MAPPED;
	if (!page->private && segment && page->index >= segment->end && segment->owner != owner)
		return code | (segment->owner >= 0 ? FAULT_PAGER : FAULT_MAPPED);
	if (!page->private && segment && segment->paged && !segment->present[page->index])
		return code | (segment->owner >= 0 ? FAULT_PAGER : FAULT_MAPPED);
	/* Only writing brings a page into being: what nobody has written to is zeros. */
	if (page->share && access == FAULT_WRITE)
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

/* Before a page changes that is not private yet, its value is the segment's; a write covers one word only, the rest of
 * the page is copied. The model knows one word, so it needs nothing more. */
static void step_access(void)
{
	const u32 kinds[4] = { 0, FAULT_WRITE, FAULT_WRITE, FAULT_EXEC };
	int s = model_choose_space(), owner = model_choose_space();
	u32 access = kinds[model_choose(4)], got, want;
	u64 word = ++model.next_value, model_word = word, va;
	unsigned page;
	bool device;

	if (s < 0)
		return;
	for (unsigned i = 0; i < GRANTS && model_choose(4); i++)
		if (model.grants[i].number && model.grants[i].to == s)
			owner = model.grants[i].owner;
	if (owner < 0 || model_choose(3) == 0)
		owner = s;
	page = model_choose_page(owner);
	va = model_page_address(page);
	if (owner != s || model_choose(2))
		va = globalize(model.spaces[owner].core->number, va);
	got = core_access(model.spaces[s].core, va, access, &word);
	if (core_failed() && (got & FAULT_NOMEM))
		return;
	device = model.spaces[owner].pages[page].segment >= 0 &&
		model.segments[model.spaces[owner].pages[page].segment].device;
	want = model_access(s, owner, page, access, &model_word);
	model_expect((int)got, (int)want, "access");
	if (!got && !access && !device && word != model_word)
		fail_msg("step %lu: space %d reads %lx at %lx, not %lx", (unsigned long)model_step, s,
			(unsigned long)word, (unsigned long)va, (unsigned long)model_word);
}

/* The same by the kernel, for the word at a page's start. */
static void step_kernel_access(void)
{
	int s = model_choose_space();
	unsigned page = model_choose_page(s);
	u64 word = ++model.next_value, model_word = word;
	bool write = model_choose(2);
	u32 want;
	int got;

	if (s < 0)
		return;
	if (write)
		got = space_write(model.spaces[s].core, model_page_address(page), &word, sizeof(word));
	else
		got = space_read(model.spaces[s].core, model_page_address(page), &word, sizeof(word));
	if (core_failed() && got == -E_FAULT)
		return;
	if (model.spaces[s].pages[page].mapped && model.spaces[s].pages[page].segment >= 0 &&
		model.segments[model.spaces[s].pages[page].segment].device) {
		model_expect(got, -E_FAULT, "kernel access to a device");
		return;
	}
	want = model_access(s, s, page, write ? FAULT_WRITE : 0, &model_word);
	model_expect(got, want ? -E_FAULT : 0, "kernel access");
	if (!got && !write && word != model_word)
		fail_msg("step %lu: the kernel reads another value", (unsigned long)model_step);
}

/* --- running --- */

static void (*const steps[])(void) = {
	step_access,
	step_access,
	step_access,
	step_access,
	step_access,
	step_access,
	step_access,
	step_access,
	step_kernel_access,
	step_map,
	step_map,
	step_map,
	step_unmap,
	step_protect,
	step_protect,
	step_move,
	step_create,
	step_create,
	step_end,
	step_fork,
	step_stacklet,
	step_segment,
	step_destroy,
	step_supply,
	step_supply,
	step_evict,
	step_shorten,
	step_grant,
	step_grant,
	step_revoke,
	step_portal,
};

static void end_all(void)
{
	for (int i = 0; i < SPACES; i++)
		if (model.spaces[i].core)
			model_end_space(i);
	model_forget_unmapped();
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
	for (model_step = 0; model_step < count && (!choices->data || choices->left); model_step++) {
		u32 step = model_choose(ARRAY_SIZE(steps));

		core_stop_at(0);
		if (model_choose(16) == 0)
			core_fail_at(1 + model_choose(6));
		else
			core_stop_at(model_choose(4));
		steps[step]();
		core_failed();
		model_forget_unmapped();
		if (careful || model_step % 64 == 0) {
			core_check_tlb();
			space_check_all();
		}
		assert_false(tlb_pending());
	}
	end_all();
	assert_int_equal(frame_free(), frames);
	frame_check();
}

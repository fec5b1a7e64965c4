/* Operations on spaces, grants and portals for the flat model: model_state.h. */
#include <string.h>

#include "model_state.h"

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

static bool has_room_for_grants(unsigned count)
{
	for (unsigned i = 0; i < GRANTS; i++)
		count -= count && !model.grants[i].number;
	return !count;
}

/* A grant that a space was made with. */
static void add_grant_at_birth(int s, struct space *to)
{
	int index = 0;

	while (model.spaces[index].core != to)
		index++;
	list_for_each(node, &model.spaces[s].core->granted) {
		const struct grant *grant = container_of(node, struct grant, of_owner);
		bool known = false;

		for (unsigned i = 0; i < GRANTS; i++)
			known |= model.grants[i].number == grant->number;
		if (known || grant->to != to)
			continue;
		assert_true(grant->start == 0 && grant->end == window_bytes());
		add_grant(grant->number, s, index, index, -1, 0, window_bytes(), RIGHT_R | RIGHT_W | GRANT_PASS);
		return;
	}
	fail_msg("no grant from birth");
}

void step_create(void)
{
	const u32 trusted = SPACE_TRUSTED | SPACE_DEVICES;
	int creator = model_choose_space(), s = (int)model_choose(SPACES), got;
	struct space_spec spec = { .flags = model_choose(8), .system = model_choose(3), .name = "made" };
	u32 flags = creator < 0 ? 0 : model.spaces[creator].core->flags;
	struct space *system = creator < 0 ? NULL : model.spaces[creator].core->system;

	/* An account, but no limit that the model would have to know. */
	if (model_choose(2))
		spec.quota = (struct quota){ 1ul << 40, 1ul << 40, 0, 1ul << 40 };
	if (model.spaces[s].core || !has_room_for_grants(2))
		return;
	if (creator < 0) {
		spec.flags &= trusted;
		spec.system = 0;
	} else if ((spec.system == SYSTEM_OWN && (!(flags & SPACE_TRUSTED) || system)) ||
		(spec.system == SYSTEM_SHARED && (!system || system->end != SPACE_ALIVE)) ||
		((spec.flags & trusted) && !(flags & SPACE_DEVICES))) {
		model_expect(space_create(model.spaces[creator].core, &spec, &model.spaces[s].core), -E_PERM, "create");
		return;
	}
	got = space_create(creator < 0 ? NULL : model.spaces[creator].core, &spec, &model.spaces[s].core);
	if (model_was_injected(got))
		return;
	model_expect(got, 0, "create");
	model.spaces[s].manager = creator;
	memset(model.spaces[s].stacklet, 0, sizeof(model.spaces[s].stacklet));
	for (unsigned i = 0; i < PAGES; i++)
		model.spaces[s].pages[i] = (struct page){ .segment = -1 };
	if (spec.flags & SPACE_GRANT_CREATOR)
		add_grant_at_birth(s, model.spaces[creator].core);
	if (spec.system == SYSTEM_SHARED)
		add_grant_at_birth(s, system);
}

static void drop_grant(int index)
{
	model.grants[index].number = 0;
	for (int i = 0; i < GRANTS; i++)
		if (model.grants[i].number && model.grants[i].parent == index)
			drop_grant(i);
}

void model_end_space(int s)
{
	struct space *core = model.spaces[s].core;

	space_get(core);
	core_end_space(core);
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
			model_end_space(i);
	space_put(core);
}

void step_end(void)
{
	int s = model_choose_space();

	if (s >= 0 && model_choose(model.spaces[s].manager < 0 ? 64 : 8) == 0)
		model_end_space(s);
}

/* --- grants --- */

static int want_grant(int caller, int owner, int to, u64 start, u64 end, u32 *flags, int *parent)
{
	*parent = -1;
	if (!(*flags & RIGHT_ALL) || to == owner)
		return -E_INVAL;
	if (owner == caller || model_manages(caller, owner))
		return 0;
	/* Which of several grants is passed on is the core's choice: the first with all of the rights. The model takes
	 * over what the core made after checking that it may. */
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

void step_grant(void)
{
	int caller = model_choose_space(), owner = model_choose_space(), to = model_choose_space(), want, got, parent;
	u32 flags = model_choose(16) | (model_choose(2) ? GRANT_PASS : 0), wanted = flags;
	const struct grant *made;
	u64 start, bytes;

	if (caller < 0 || to < 0 || !has_room_for_grants(1))
		return;
	for (unsigned i = 0; i < GRANTS && model_choose(4); i++)
		if (model.grants[i].number && model.grants[i].to == caller && (model.grants[i].flags & GRANT_PASS))
			owner = model.grants[i].owner;
	if (owner < 0 || model_choose(2))
		owner = caller;
	model_choose_range(&start, &bytes);
	if (model_choose(4) == 0) {
		start += 100;
		bytes = bytes > 200 ? bytes - 200 : bytes;
	}
	if (model_choose(6) == 0) {
		start = 0;
		bytes = window_bytes();
	}
	want = want_grant(caller, owner, to, start, start + bytes, &flags, &parent);
	got = grant_make(model.spaces[caller].core, globalize(model.spaces[owner].core->number, start), bytes,
		model.spaces[to].core->number, flags);
	if (model_was_injected(got))
		return;
	if (parent >= 0 && got == -E_PERM)
		return; /* the rights have nothing in common: checked by test_grant.c */
	model_expect(got < 0 ? got : 0, want, "grant");
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

void step_revoke(void)
{
	int caller = model_choose_space(), i = (int)model_choose(GRANTS), want = 0, got;
	const struct model_grant *grant = &model.grants[i];

	if (caller < 0 || !grant->number)
		return;
	if (caller != grant->from && caller != grant->to && !model_manages(caller, grant->owner) &&
		(caller != grant->owner || (grant->from >= 0 && model_manages(grant->from, grant->owner))))
		want = -E_PERM;
	got = core_steps(grant_revoke(model.spaces[caller].core, grant->number));
	model_expect(got, want, "revoke");
	if (!got)
		drop_grant(i);
}

void step_portal(void)
{
	int s = model_choose_space(), caller = model_choose_space(), got;
	u64 entry = model_page_address(model_choose(SMALL)) + 16;
	struct portal *portal;

	if (s < 0 || caller < 0)
		return;
	switch (model_choose(4)) {
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
		if (s == caller || model_manages(caller, s) ||
			model.spaces[s].core->system == model.spaces[caller].core) {
			model_expect(got, 0, "portal_find of an own one");
		} else {
			bool allowed = false;

			for (unsigned i = 0; i < GRANTS; i++)
				allowed |= model.grants[i].number && model.grants[i].owner == s &&
					model.grants[i].to == caller && (model.grants[i].flags & RIGHT_P) &&
					entry >= model.grants[i].start && entry < model.grants[i].end;
			model_expect(got, allowed ? 0 : -E_PERM, "portal_find");
		}
		if (!got)
			assert_true(portal->space == model.spaces[s].core && portal->cookie == entry + 1);
	}
}

/* Grants and portals: which memory a grantee sees, chains, revoking, the number of table entries that it takes, which portals may
 * be called. */
#include "core.h"

static struct space *first, *owner, *a, *b;

enum { R = RIGHT_R, W = RIGHT_W, X = RIGHT_X, P = RIGHT_P, RW = RIGHT_R | RIGHT_W };
#define BASE 0x400000ul

static int setup(void **state)
{
	(void)state;
	first = core_first();
	owner = core_space(first, 0);
	a = core_space(first, 0);
	b = core_space(first, 0);
	return map_add(first, owner, BASE, 0x800000, R | W | X, 0, 0);
}

static u64 there(u64 offset)
{
	return globalize(owner->number, offset);
}

/* Entries that a space's own tables hold: links, copies and tables. */
static u64 entries_of(const pte_t *table, unsigned level)
{
	u64 count = 0;

	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		if (!pte_is_present(table[i]))
			continue;
		count++;
		if (pte_is_table(table[i], level) && !pte_is_link(table[i]))
			count += entries_of(pa_ptr(pte_pa(table[i])), level - 1);
	}
	return count;
}

static void test_bad_arguments(void **state)
{
	u64 end = window_bytes();

	(void)state;
	assert_int_equal(grant_make(owner, BASE, 0, a->number, R), -E_INVAL);
	assert_int_equal(grant_make(owner, BASE, 1, a->number, 0), -E_INVAL);
	assert_int_equal(grant_make(owner, BASE, 1, a->number, GRANT_PASS), -E_INVAL);
	assert_int_equal(grant_make(owner, BASE, 1, a->number, 0x100 | R), -E_INVAL);
	assert_int_equal(grant_make(owner, BASE, 1, owner->number, R), -E_INVAL);
	assert_int_equal(grant_make(owner, end - 1, 2, a->number, R), -E_INVAL);
	assert_int_equal(grant_make(owner, BASE, ~0ul, a->number, R), -E_INVAL);
	assert_int_equal(grant_make(owner, user_end(), 1, a->number, R), -E_INVAL);
	assert_int_equal(grant_make(owner, BASE, 1, 9999, R), -E_NOENT);
	assert_int_equal(grant_make(owner, globalize(9999, BASE), 1, a->number, R), -E_NOENT);
	assert_int_equal(grant_make(a, there(BASE), 1, b->number, R), -E_PERM);
	assert_int_equal(grant_revoke(a, 12345), -E_NOENT);
}

static void test_rights(void **state)
{
	int r, w, x, p;

	(void)state;
	r = grant_make(owner, BASE, PAGE_SIZE, a->number, R);
	w = grant_make(owner, BASE + 0x1000, PAGE_SIZE, a->number, W);
	x = grant_make(owner, BASE + 0x2000, PAGE_SIZE, a->number, X);
	p = grant_make(owner, BASE + 0x3000, PAGE_SIZE, a->number, P);
	assert_true(r > 0 && w > 0 && x > 0 && p > 0);
	assert_int_equal(core_code(a, there(BASE), 0), 0);
	assert_int_equal(core_code(a, there(BASE), FAULT_WRITE), FAULT_WRITE);
	assert_int_equal(core_code(a, there(BASE), FAULT_EXEC), FAULT_EXEC);
	assert_int_equal(core_code(a, there(BASE + 0x1000), FAULT_WRITE), 0);
	assert_int_equal(core_code(a, there(BASE + 0x1000), 0), 0);
	assert_int_equal(core_code(a, there(BASE + 0x2000), FAULT_EXEC), 0);
	assert_int_equal(core_code(a, there(BASE + 0x2000), FAULT_WRITE), FAULT_WRITE);
	assert_int_equal(core_code(a, there(BASE + 0x3000), 0), FAULT_READ);
	assert_int_equal(core_code(a, there(BASE + 0x4000), 0), FAULT_READ);
	assert_int_equal(core_code(b, there(BASE), 0), FAULT_READ);
	/* What the owner may not do itself, nobody may by its grant. */
	assert_int_equal(map_protect(owner, BASE + 0x1000, PAGE_SIZE, R), 0);
	assert_int_equal(core_code(a, there(BASE + 0x1000), FAULT_WRITE), FAULT_WRITE | FAULT_MAPPED);
	assert_int_equal(grant_revoke(b, (u32)r), -E_PERM);
	assert_int_equal(grant_revoke(a, (u32)r), 0);
	assert_int_equal(core_code(a, there(BASE), 0), FAULT_READ);
	assert_int_equal(grant_revoke(owner, (u32)w), 0);
	assert_int_equal(grant_revoke(first, (u32)x), 0);
	assert_int_equal(grant_revoke(owner, (u32)x), -E_NOENT);
	assert_int_equal(core_code(a, there(BASE + 0x2000), FAULT_EXEC), FAULT_EXEC);
}

/* A whole window of any size takes as many entries as it has links, whatever is touched in it. */
static void test_whole(void **state)
{
	u64 before, word = 5;
	int grant = grant_make(owner, 0, window_bytes(), a->number, RW | GRANT_PASS);

	(void)state;
	assert_int_equal(map_add(first, owner, 0x80000000, 0x40000000, RW, 0, 0), 0);
	before = entries_of(a->view.root, pt_levels - 1);
	for (u64 at = 0x80000000; at < 0xc0000000; at += 0x400000)
		assert_int_equal(core_code(a, there(at), FAULT_WRITE), 0);
	assert_int_equal(core_code(a, there(BASE), FAULT_WRITE), 0);
	assert_true(entries_of(a->view.root, pt_levels - 1) - before <= pt_links + pt_levels);
	/* What the owner faults in is there for the grantee at once, without a fault. */
	assert_int_equal(core_access(owner, BASE + 0x5000, FAULT_WRITE, &word), 0);
	word = 0;
	{
		u64 pa;
		bool uncached;

		assert_int_equal(core_oracle(a, there(BASE + 0x5000), &pa, &uncached), RW);
		assert_int_equal(*(u64 *)pa_ptr((pa_t){ pa }), 5);
	}
	/* Passed on with less. */
	assert_true(grant_make(a, there(0), window_bytes(), b->number, R) > 0);
	assert_int_equal(core_code(b, there(BASE + 0x5000), 0), 0);
	assert_int_equal(core_code(b, there(BASE + 0x5000), FAULT_WRITE), FAULT_WRITE);
	assert_int_equal(grant_revoke(owner, (u32)grant), 0);
	assert_int_equal(core_code(a, there(BASE + 0x5000), 0), FAULT_READ);
	assert_int_equal(core_code(b, there(BASE + 0x5000), 0), FAULT_READ);
	assert_true(list_is_empty(&owner->granted));
}

/* An aligned piece is a link at its own level; ragged ends are copies, which follow the owner. */
static void test_ragged(void **state)
{
	u64 tables = a->table_count, word;
	int grant = grant_make(owner, BASE + 0x1000, 0x400000, a->number, RW);

	(void)state;
	assert_true(grant > 0);
	assert_int_equal(core_code(a, there(BASE), 0), FAULT_READ);
	assert_int_equal(core_code(a, there(BASE + 0x1000), FAULT_WRITE), 0);
	assert_int_equal(core_code(a, there(BASE + 0x200000), FAULT_WRITE), 0);
	assert_int_equal(core_code(a, there(BASE + 0x400000), FAULT_WRITE), 0);
	assert_int_equal(core_code(a, there(BASE + 0x401000), FAULT_WRITE), FAULT_WRITE);
	word = 9;
	assert_int_equal(core_access(owner, BASE + 0x1000, FAULT_WRITE, &word), 0);
	assert_int_equal(core_access(a, there(BASE + 0x1000), 0, &word), 0);
	assert_int_equal(word, 9);
	assert_int_equal(map_protect(owner, BASE, 0x800000, R), 0);
	assert_int_equal(core_code(a, there(BASE + 0x1000), FAULT_WRITE), FAULT_WRITE | FAULT_MAPPED);
	assert_int_equal(core_code(a, there(BASE + 0x200000), FAULT_WRITE), FAULT_WRITE | FAULT_MAPPED);
	assert_int_equal(core_code(a, there(BASE + 0x1000), 0), 0);
	assert_int_equal(map_remove(owner, BASE, 0x800000), 0);
	assert_int_equal(core_code(a, there(BASE + 0x1000), 0), FAULT_READ);
	assert_int_equal(map_add(first, owner, BASE, 0x800000, RW, 0, 0), 0);
	assert_int_equal(core_access(a, there(BASE + 0x1000), 0, &word), 0);
	assert_int_equal(word, 0);
	assert_int_equal(grant_revoke(owner, (u32)grant), 0);
	/* Edge tables went; those above the links stay. */
	assert_true(a->table_count <= tables + pt_levels - 1 - pt_link_level);
}

/* A wider grant and a narrow one with more rights for one page of it. */
static void test_overlapping(void **state)
{
	int wide = grant_make(owner, 0, window_bytes(), a->number, R), narrow;

	(void)state;
	assert_int_equal(core_code(a, there(BASE + 0x3000), 0), 0);
	assert_int_equal(core_code(a, there(BASE + 0x3000), FAULT_WRITE), FAULT_WRITE);
	narrow = grant_make(owner, BASE + 0x3000, PAGE_SIZE, a->number, W);
	assert_int_equal(core_code(a, there(BASE + 0x3000), FAULT_WRITE), 0);
	assert_int_equal(core_code(a, there(BASE + 0x2000), FAULT_WRITE), FAULT_WRITE);
	assert_int_equal(core_code(a, there(BASE + 0x2000), 0), 0);
	assert_int_equal(grant_revoke(owner, (u32)narrow), 0);
	assert_int_equal(core_code(a, there(BASE + 0x3000), FAULT_WRITE), FAULT_WRITE);
	assert_int_equal(core_code(a, there(BASE + 0x3000), 0), 0);
	assert_int_equal(grant_revoke(owner, (u32)wide), 0);
	assert_int_equal(core_code(a, there(BASE + 0x3000), 0), FAULT_READ);
}

/* Blocks of 2 MiB, seen whole and in part. */
static void test_blocks(void **state)
{
	u64 physical, pa;
	int number = segment_contiguous(first, 512, &physical), whole, part;
	bool uncached;

	(void)state;
	assert_true(number > 0);
	assert_int_equal(map_add(first, owner, 0x80200000, 0x200000, RW | MAP_SHARE, (u32)number, 0), 0);
	part = grant_make(owner, 0x80205000, 2 * PAGE_SIZE, a->number, R);
	assert_int_equal(core_code(a, there(0x80206000), 0), 0);
	assert_int_equal(core_code(a, there(0x80206000), FAULT_WRITE), FAULT_WRITE);
	assert_int_equal(core_code(a, there(0x80207000), 0), FAULT_READ);
	assert_int_equal(core_oracle(a, there(0x80206008), &pa, &uncached), R);
	assert_int_equal(pa, physical + 0x6008);
	whole = grant_make(owner, 0x80200000, 0x200000, b->number, RW);
	assert_int_equal(core_code(b, there(0x80206000), FAULT_WRITE), 0);
	assert_int_equal(core_oracle(b, there(0x803ff000), &pa, &uncached), RW);
	assert_int_equal(map_remove(owner, 0x80206000, PAGE_SIZE), 0);
	assert_int_equal(core_code(a, there(0x80206000), 0), FAULT_READ);
	assert_int_equal(core_code(b, there(0x80206000), 0), FAULT_READ);
	assert_int_equal(core_code(b, there(0x80207000), FAULT_WRITE), 0);
	assert_true(grant_revoke(a, (u32)part) == 0 && grant_revoke(b, (u32)whole) == 0);
}

/* What is granted of a region may be used as the region may, whatever is granted, and the region gets no right by it. */
static void test_of_less(void **state)
{
	int segment = segment_create(first, 1, 0);
	u64 word = 1;

	(void)state;
	assert_int_equal(map_add(first, owner, 0x10000, PAGE_SIZE, R | MAP_SHARE, (u32)segment, 0), 0);
	assert_true(grant_make(owner, there(0x10000), PAGE_SIZE, a->number, RW | X | GRANT_PASS) > 0);
	assert_true(grant_make(a, there(0x10000), PAGE_SIZE, b->number, RW | X) > 0);
	for (unsigned i = 0; i < 2; i++) {
		core_load(i ? b : a, there(0x10000));
		assert_int_equal(core_access(i ? b : a, there(0x10000), FAULT_WRITE, &word),
			FAULT_WRITE | FAULT_MAPPED);
		assert_int_equal(core_code(i ? b : a, there(0x10000), FAULT_EXEC), FAULT_EXEC | FAULT_MAPPED);
	}
	assert_int_equal(map_protect(owner, 0x10000, PAGE_SIZE, RW), -E_PERM);
	assert_int_equal(core_access(b, there(0x10000), FAULT_WRITE, &word), FAULT_WRITE | FAULT_MAPPED);
}

static void test_chain(void **state)
{
	struct space *c = core_space(first, 0);
	const struct grant *grant;
	int to_a, to_b, to_c;

	(void)state;
	to_a = grant_make(owner, BASE, 0x4000, a->number, RW | GRANT_PASS);
	/* No more than what was granted: neither range nor rights. */
	assert_int_equal(grant_make(a, there(BASE), 0x5000, b->number, R), -E_PERM);
	assert_int_equal(grant_make(a, there(BASE - 1), 0x1000, b->number, R), -E_PERM);
	assert_int_equal(grant_make(a, there(BASE), 0x1000, b->number, X), -E_PERM);
	to_b = grant_make(a, there(BASE + 0x1000), 0x2000, b->number, R | X | GRANT_PASS);
	grant = grant_find(owner, b, BASE + 0x1000, R);
	assert_true(grant && grant->flags == (R | GRANT_PASS));
	to_c = grant_make(b, there(BASE + 0x1000), 0x1000, c->number, RW);
	assert_true(to_a > 0 && to_b > 0 && to_c > 0);
	assert_int_equal(core_code(c, there(BASE + 0x1000), 0), 0);
	assert_int_equal(core_code(c, there(BASE + 0x1000), FAULT_WRITE), FAULT_WRITE);
	/* Not passed on with the right to pass on. */
	assert_int_equal(grant_make(c, there(BASE + 0x1000), 0x1000, a->number, R), -E_PERM);
	/* The middle goes, and with it what was made from it. */
	space_end(b, SPACE_KILLED, 0);
	assert_int_equal(core_code(c, there(BASE + 0x1000), 0), FAULT_READ);
	assert_int_equal(grant_revoke(owner, (u32)to_c), -E_NOENT);
	assert_int_equal(core_code(a, there(BASE + 0x1000), FAULT_WRITE), 0);
	space_get(owner);
	space_end(owner, SPACE_KILLED, 0);
	assert_int_equal(core_code(a, there(BASE + 0x1000), 0), FAULT_READ);
	assert_true(list_is_empty(&a->received));
	space_put(owner);
}

/* The manager of a space grants its memory without a grant of its own. */
static void test_by_manager(void **state)
{
	(void)state;
	assert_true(grant_make(first, there(BASE), PAGE_SIZE, a->number, R) > 0);
	assert_true(grant_make(first, there(BASE), PAGE_SIZE, first->number, R) > 0);
	assert_int_equal(core_code(a, there(BASE), 0), 0);
	assert_int_equal(core_code(first, there(BASE), 0), 0);
}

static void test_creator(void **state)
{
	struct space *made = core_space(a, SPACE_GRANT_CREATOR);

	(void)state;
	assert_int_equal(map_add(a, made, BASE, PAGE_SIZE, RW, 0, 0), 0);
	assert_int_equal(core_code(a, globalize(made->number, BASE), FAULT_WRITE), 0);
	assert_int_equal(core_code(a, globalize(made->number, BASE), FAULT_EXEC), FAULT_EXEC);
	assert_true(grant_make(a, globalize(made->number, BASE), 8, b->number, R) > 0);
	/* The space itself cannot end what its manager holds. */
	assert_int_equal(grant_revoke(made, grant_find(made, a, BASE, R)->number), -E_PERM);
	assert_int_equal(grant_revoke(a, grant_find(made, a, BASE, R)->number), 0);
}

/* --- grants of calls --- */

static int for_call(u64 start, u64 bytes, u32 flags, struct grant **grant)
{
	const struct grant_spec spec = { there(start), bytes, flags, 0 };

	return grant_make_for_call(owner, a, &spec, grant);
}

static void end(struct grant *grant)
{
	grant_end(grant);
	tlb_commit();
}

/* What is present is visible at once, from the second call on, and edge tables stay for the next. */
static void test_of_call(void **state)
{
	struct grant *grant;
	u64 physical, free;
	bool uncached;

	(void)state;
	assert_int_equal(for_call(BASE, PAGE_SIZE, RW | 0x100, &grant), -E_INVAL);
	assert_int_equal(for_call(BASE, PAGE_SIZE, RW | GRANT_KEEP | GRANT_EXACT, &grant), -E_INVAL);
	core_store(owner, BASE, 7);
	assert_int_equal(for_call(BASE, PAGE_SIZE, RW, &grant), 0);
	assert_int_equal(core_load(a, there(BASE)), 7);
	end(grant);
	assert_int_equal(core_code(a, there(BASE), 0), FAULT_READ);
	free = frame_free();
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(for_call(BASE, PAGE_SIZE, R, &grant), 0);
		assert_int_equal(core_oracle(a, there(BASE), &physical, &uncached), R);
		assert_int_equal(core_code(a, there(BASE), FAULT_WRITE), FAULT_WRITE);
		end(grant);
		assert_int_equal(core_oracle(a, there(BASE), &physical, &uncached), 0);
	}
	assert_int_equal(frame_free(), free);
	/* With another grant the tables go when the viewer goes. */
	assert_true(grant_make(owner, BASE, PAGE_SIZE, a->number, RW) > 0);
	assert_int_equal(core_load(a, there(BASE)), 7);
	space_end(a, SPACE_KILLED, 0);
}

static void test_exact(void **state)
{
	struct grant *grant, *other;

	(void)state;
	for (u64 at = BASE; at < BASE + 4 * PAGE_SIZE; at += 8)
		core_store(owner, at, at);
	assert_int_equal(for_call(BASE + 16, 2 * PAGE_SIZE, RW | GRANT_EXACT | GRANT_PASS, &grant), 0);
	space_check_all();
	core_check_tlb();
	assert_true(core_load(a, there(BASE + 16)) == BASE + 16 && core_load(a, there(BASE + 8)) == 0);
	assert_true(core_load(a, there(BASE + 0x1008)) == BASE + 0x1008);
	assert_true(core_load(a, there(BASE + 0x2008)) == BASE + 0x2008 && core_load(a, there(BASE + 0x2010)) == 0);
	core_store(a, there(BASE + 24), 1);
	core_store(a, there(BASE + 8), 2);
	core_store(a, there(BASE + 0x1000), 3);
	core_store(a, there(BASE + 0x2008), 4);
	/* Passed on, it is as exact. A second one of the same page shares the copy. */
	assert_true(grant_make(a, there(BASE + 16), 64, b->number, R) > 0);
	assert_true(core_load(b, there(BASE + 24)) == 1 && core_load(b, there(BASE + 80)) == BASE + 80);
	assert_int_equal(for_call(BASE + 0x2100, 16, RW | GRANT_EXACT, &other), 0);
	assert_true(core_load(a, there(BASE + 0x2008)) == 4 && core_load(a, there(BASE + 0x2100)) == BASE + 0x2100);
	space_check_all();
	core_check_tlb();
	core_store(a, there(BASE + 0x2108), 5);
	/* The owner sees nothing of the edges before the end. */
	assert_true(core_load(owner, BASE + 24) == BASE + 24 && core_load(owner, BASE + 0x1000) == 3);
	end(grant);
	assert_true(core_load(owner, BASE + 24) == 1 && core_load(owner, BASE + 8) == BASE + 8);
	assert_true(core_load(owner, BASE + 0x2008) == 4 && core_load(owner, BASE + 0x2108) == BASE + 0x2108);
	assert_int_equal(core_code(b, there(BASE + 24), 0), FAULT_READ);
	assert_int_equal(core_load(a, there(BASE + 0x2108)), 5);
	/* The grantee ends: what it wrote comes back. */
	space_end(a, SPACE_KILLED, 0);
	assert_int_equal(core_load(owner, BASE + 0x2108), 5);
}

/* Code in an edge page is what was copied there, whichever grant shows it first. */
static void test_exact_code(void **state)
{
	struct grant *grant;

	(void)state;
	core_store(owner, BASE, 1);
	core_store(owner, BASE + 8, 2);
	assert_int_equal(core_code(owner, BASE, FAULT_EXEC), 0);
	assert_int_equal(for_call(BASE, 8, R | X | GRANT_EXACT, &grant), 0);
	assert_int_equal(for_call(BASE + 8, 8, R | GRANT_EXACT, &grant), 0);
	assert_int_equal(core_code(a, there(BASE), FAULT_EXEC), 0);
	assert_true(host_code_is_current(grant_edge(grant, BASE)));
}

/* A link to the whole window gives way to the copies, and comes back. */
static void test_exact_and_whole(void **state)
{
	int whole = grant_make(owner, 0, window_bytes(), a->number, R);
	struct grant *grant;

	(void)state;
	core_store(owner, BASE, 1);
	core_store(owner, BASE + 8, 2);
	assert_true(whole > 0 && core_load(a, there(BASE)) == 1);
	assert_int_equal(for_call(BASE + 8, 8, RW | GRANT_EXACT, &grant), 0);
	space_check_all();
	assert_true(core_load(a, there(BASE)) == 0 && core_load(a, there(BASE + 8)) == 2);
	core_store(a, there(BASE + 8), 3);
	/* The owner's page changes below it. */
	assert_int_equal(map_remove(owner, BASE, PAGE_SIZE), 0);
	assert_int_equal(core_code(a, there(BASE), 0), FAULT_READ);
	end(grant);
	assert_int_equal(map_add(first, owner, BASE, PAGE_SIZE, R | W, 0, 0), 0);
	assert_int_equal(core_load(a, there(BASE + 8)), 0);
	space_check_all();
	core_check_tlb();
}

static int do_exact(void *context)
{
	struct grant *grant;
	int error = for_call(BASE + 100, 2 * PAGE_SIZE, RW | GRANT_EXACT, &grant);

	*(struct grant **)context = grant;
	return error;
}

static void check_nothing_made(void *context)
{
	(void)context;
	assert_true(list_is_empty(&owner->granted) && list_is_empty(&owner->made));
}

static void test_exact_failing(void **state)
{
	struct grant *grant;

	(void)state;
	core_store(owner, BASE, 1);
	core_store(owner, BASE + 2 * PAGE_SIZE, 1);
	assert_true(core_fail_each(do_exact, check_nothing_made, &grant) >= 4);
	assert_int_equal(core_load(a, there(BASE + 104)), 0);
	end(grant);
}

/* Of many grantees of one owner each is found as soon. */
static void test_many_grantees(void **state)
{
	enum { COUNT = 500 };
	static struct space *to[COUNT];

	(void)state;
	core_store(owner, BASE, 9);
	for (unsigned i = 0; i < COUNT; i++) {
		to[i] = core_space(first, 0);
		assert_true(grant_make(owner, BASE, 8, to[i]->number, R) > 0);
	}
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(core_load(to[i], there(BASE)), 9);
	assert_true(grant_exists(owner, to[7]) && !grant_exists(to[7], owner) && !grant_exists(owner, b));
	assert_int_equal(map_remove(owner, BASE, PAGE_SIZE), 0);
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(core_code(to[i], there(BASE), 0), FAULT_READ);
}

/* --- portals --- */

static void test_portals(void **state)
{
	struct portal *portal;
	u64 entry = BASE + 0x123;
	int grant;

	(void)state;
	assert_int_equal(portal_create(owner, 0, 1), -E_INVAL);
	assert_int_equal(portal_create(owner, window_bytes(), 1), -E_INVAL);
	assert_int_equal(portal_create(owner, entry, 1), 0);
	assert_int_equal(portal_create(owner, entry, 2), -E_EXIST);
	assert_int_equal(portal_create(owner, entry + 16, 3), 0);
	/* Its own, natively and globally; its manager. */
	assert_int_equal(portal_find(owner, entry, &portal), 0);
	assert_true(portal->space == owner && portal->cookie == 1 && portal->entry == entry);
	assert_int_equal(portal_find(owner, there(entry), &portal), 0);
	assert_int_equal(portal_find(first, there(entry + 16), &portal), 0);
	assert_int_equal(portal->cookie, 3);
	assert_int_equal(portal_find(a, there(entry), &portal), -E_PERM);
	assert_int_equal(portal_find(a, entry, &portal), -E_NOENT);
	assert_int_equal(portal_find(a, user_end(), &portal), -E_NOENT);
	assert_int_equal(portal_find(a, globalize(9999, entry), &portal), -E_PERM);
	/* Right p counts bytes, not pages; reading is not calling. */
	grant = grant_make(owner, entry, 1, a->number, P);
	assert_true(grant > 0 && grant_make(owner, BASE, PAGE_SIZE, a->number, RW | X) > 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(portal_find(a, there(entry), &portal), 0);
		assert_true(portal->space == owner && portal->cookie == 1);
		assert_int_equal(portal_find(a, there(entry + 16), &portal), -E_PERM);
	}
	assert_true(space_may_call(a, there(entry)) && !space_may_call(a, there(entry + 1)));
	assert_int_equal(grant_revoke(owner, (u32)grant), 0);
	assert_int_equal(portal_find(a, there(entry), &portal), -E_PERM);
	assert_true(grant_make(owner, entry, 1, a->number, P) > 0);
	assert_int_equal(portal_find(a, there(entry), &portal), 0);
	assert_int_equal(portal_destroy(owner, entry), 0);
	assert_int_equal(portal_destroy(owner, entry), -E_NOENT);
	assert_int_equal(portal_destroy(owner, window_bytes() + entry + 16), -E_NOENT);
	assert_int_equal(portal_find(a, there(entry), &portal), -E_NOENT);
	assert_int_equal(portal_create(owner, entry, 9), 0);
	assert_int_equal(portal_find(a, there(entry), &portal), 0);
	assert_int_equal(portal->cookie, 9);
	space_get(owner);
	space_end(owner, SPACE_FAULTED, 0);
	assert_int_equal(portal_find(a, there(entry), &portal), -E_PERM);
	space_put(owner);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bad_arguments),
		TEST(test_rights),
		TEST(test_whole),
		TEST(test_ragged),
		TEST(test_overlapping),
		TEST(test_blocks),
		TEST(test_of_less),
		TEST(test_chain),
		TEST(test_by_manager),
		TEST(test_creator),
		TEST(test_of_call),
		TEST(test_exact),
		TEST(test_exact_code),
		TEST(test_exact_and_whole),
		TEST(test_exact_failing),
		TEST(test_many_grantees),
		TEST(test_portals),
	};

	core_start(argc, argv, 32u << 20);
	setup(NULL);
	segment_create(first, 1, 0);
	/* The tables of numbers stay. */
	for (unsigned i = 0; i < 600; i++)
		grant_make(first, 0, 1, core_space(first, 0)->number, R);
	for (unsigned i = 0; i < 4500; i++)
		space_end(core_space(first, 0), SPACE_KILLED, 0);
	core_settle();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

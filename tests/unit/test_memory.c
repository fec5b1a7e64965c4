/* Each allocation of each operation fails once: the operation returns an error, the state is unchanged, no frame is lost. */
#include "core.h"

static struct space *first, *s, *child, *viewer;
static u64 digest, frames;
static u32 segment;
static int result;

#define BASE 0x400000ul
enum { R = RIGHT_R, RW = RIGHT_R | RIGHT_W };

static void touch(struct space *space, u64 va)
{
	core_store(space, va, va);
}

static int setup(void **state)
{
	(void)state;
	first = core_first();
	s = core_space(first, 0);
	child = core_space(first, 0);
	viewer = core_space(first, 0);
	segment = (u32)segment_create(first, 64, 0);
	assert_int_equal(map_add(first, s, BASE, 64 * PAGE_SIZE, RW, 0, 0), 0);
	assert_int_equal(map_add(first, s, BASE + 64 * PAGE_SIZE, 64 * PAGE_SIZE, RW | MAP_SHARE, segment, 0), 0);
	for (u64 i = 0; i < 128; i += 3)
		touch(s, BASE + i * PAGE_SIZE);
	return 0;
}

static void remember(void)
{
	digest = core_digest();
	frames = frame_free();
}

/* Nothing may differ: for operations on the truth. */
static void check_all(void *context)
{
	(void)context;
	assert_int_equal(core_digest(), digest);
	assert_int_equal(frame_free(), frames);
	core_check_tlb();
}

/* Tables, which are a cache, may have been made: for faults. */
static void check_truth(void *context)
{
	(void)context;
	assert_int_equal(core_digest(), digest);
}

static int do_map(void *context)
{
	(void)context;
	/* In the middle of another, of which two pieces remain. */
	return map_add(first, s, BASE + 10 * PAGE_SIZE, 4 * PAGE_SIZE, R | MAP_REPLACE, segment, 0);
}

static int do_unmap(void *context)
{
	(void)context;
	return map_remove(s, BASE + 10 * PAGE_SIZE, 4 * PAGE_SIZE);
}

static int do_protect(void *context)
{
	(void)context;
	return map_protect(s, BASE + 10 * PAGE_SIZE, 4 * PAGE_SIZE, R);
}

static int do_move(void *context)
{
	(void)context;
	return map_move(s, BASE + 10 * PAGE_SIZE, 40 * PAGE_SIZE, 0x81234000);
}

static int do_fork(void *context)
{
	(void)context;
	return map_fork(s, child);
}

static int do_create(void *context)
{
	const struct space_spec spec = { .flags = SPACE_GRANT_CREATOR, .name = "made" };
	struct space *space;

	(void)context;
	result = space_create(first, &spec, &space);
	return result;
}

static int do_grant(void *context)
{
	(void)context;
	return grant_make(s, BASE, 12345, viewer->number, RW);
}

static int do_portal(void *context)
{
	(void)context;
	return portal_create(s, BASE, 1);
}

static int do_segment(void *context)
{
	(void)context;
	return segment_create(s, 100, SEGMENT_PAGED);
}

static int do_contiguous(void *context)
{
	u64 physical;

	(void)context;
	return segment_contiguous(first, 7, &physical);
}

static int do_stacklet(void *context)
{
	u64 top;
	void *page;

	(void)context;
	return space_stacklet(s, 5, &top, &page);
}

static int do_supply(void *context)
{
	int number = *(int *)context;

	return segment_supply(s, (u32)number, 1, 20, BASE + PAGE_SIZE);
}

static unsigned fail_each(int (*operation)(void *), void (*check)(void *), void *context)
{
	unsigned failures;

	remember();
	failures = core_fail_each(operation, check, context);
	core_check_tlb();
	space_check_all();
	return failures;
}

static void test_truth(void **state)
{
	(void)state;
	assert_true(fail_each(do_map, check_all, NULL) >= 2);
	assert_true(fail_each(do_unmap, check_all, NULL) == 0);
}

static void test_unmap(void **state)
{
	(void)state;
	assert_int_equal(fail_each(do_unmap, check_all, NULL), 1);
}

static void test_protect(void **state)
{
	(void)state;
	assert_int_equal(fail_each(do_protect, check_all, NULL), 2);
}

static void test_move(void **state)
{
	(void)state;
	assert_true(fail_each(do_move, check_all, NULL) >= 4);
	assert_int_equal(core_access(s, 0x81234000 + 2 * PAGE_SIZE, 0, &digest), 0);
	assert_int_equal(digest, BASE + 12 * PAGE_SIZE);
}

static void test_fork(void **state)
{
	(void)state;
	assert_true(fail_each(do_fork, check_all, NULL) >= 5);
	assert_int_equal(core_access(child, BASE + 12 * PAGE_SIZE, 0, &digest), 0);
	assert_int_equal(digest, BASE + 12 * PAGE_SIZE);
}

static void test_objects(void **state)
{
	(void)state;
	assert_true(fail_each(do_create, check_all, NULL) >= 3);
	assert_int_equal(result, 0);
	assert_true(fail_each(do_grant, check_all, NULL) >= 1);
	assert_true(fail_each(do_portal, check_all, NULL) >= 1);
	assert_true(fail_each(do_segment, check_all, NULL) >= 1);
	assert_true(fail_each(do_contiguous, check_all, NULL) >= 2);
	assert_true(fail_each(do_stacklet, check_truth, NULL) >= 3);
}

static void test_supply(void **state)
{
	int number = segment_create(s, 64, SEGMENT_PAGED);

	(void)state;
	for (u64 i = 1; i <= 20; i++)
		touch(s, BASE + i * PAGE_SIZE);
	assert_true(fail_each(do_supply, check_truth, &number) >= 20);
	assert_int_equal(segment_find((u32)number)->present, 20);
}

/* Zero-filled pages may have been made: they read as before, but they count. */
static void check_nothing(void *context)
{
	(void)context;
}

/* --- faults: each kind, the tables to be made included --- */

struct fault_case {
	struct space **space;
	u64 offset;
	u32 access;
	bool by_grant;
	bool makes_zeros; /* before the last allocation */
};

static int do_fault(void *context)
{
	const struct fault_case *c = context;
	u64 va = c->by_grant ? globalize(s->number, c->offset) : c->offset;
	u32 code = space_fault(*c->space, va, c->access, NULL);

	assert_true(code == 0 || (code & FAULT_NOMEM));
	return code ? -E_NOMEM : 0;
}

static void test_faults(void **state)
{
	struct fault_case cases[] = {
		{ &child, BASE, 0, false, false },                          /* no tables yet */
		{ &child, BASE, FAULT_WRITE, false, false },                /* copy-on-write */
		{ &s, BASE + PAGE_SIZE, FAULT_WRITE, false, false },        /* zero-fill */
		{ &s, 0x90000000, FAULT_WRITE, false, false },              /* far away */
		{ &s, BASE + 65 * PAGE_SIZE, FAULT_WRITE, false, true },    /* of a segment */
		{ &s, 0xa0000000 + PAGE_SIZE, FAULT_WRITE, false, true },   /* a private copy of a segment's page */
		{ &viewer, BASE + 4 * PAGE_SIZE, FAULT_WRITE, true, true }, /* an edge table */
		{ &viewer, BASE + 65 * PAGE_SIZE, 0, true, true },
		{ &first, 0xb0000000, FAULT_WRITE, true, true }, /* a link */
	};

	(void)state;
	assert_int_equal(map_fork(s, child), 0);
	assert_int_equal(map_add(first, s, 0x90000000, PAGE_SIZE, RW, 0, 0), 0);
	assert_int_equal(map_add(first, s, 0xa0000000, 4 * PAGE_SIZE, RW, segment, 0), 0);
	assert_int_equal(map_add(first, s, 0xb0000000, PAGE_SIZE, RW, 0, 0), 0);
	assert_true(grant_make(s, BASE, 70 * PAGE_SIZE, viewer->number, RW) > 0);
	assert_true(grant_make(s, 0, window_bytes(), first->number, RW) > 0);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 word;

		remember();
		core_fail_each(do_fault, cases[i].makes_zeros ? check_nothing : check_truth, &cases[i]);
		if (cases[i].by_grant)
			cases[i].offset = globalize(s->number, cases[i].offset);
		assert_int_equal(core_access(*cases[i].space, cases[i].offset, cases[i].access, &word), 0);
		space_check_all();
	}
}

static void test_nothing_lost(void **state)
{
	u64 before;

	/* The tests above once more: now every frame must come back. */
	void (*const tests[])(void **) = { test_truth, test_unmap, test_protect, test_move, test_fork, test_objects,
		test_supply, test_faults };

	core_end_all();
	before = frame_free();
	for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
		setup(state);
		tests[i](state);
		core_end_all();
		assert_int_equal(frame_free(), before);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_truth),
		TEST(test_unmap),
		TEST(test_protect),
		TEST(test_move),
		TEST(test_fork),
		TEST(test_objects),
		TEST(test_supply),
		TEST(test_faults),
		TEST(test_nothing_lost),
	};

	core_start(argc, argv, 32u << 20);
	setup(NULL);
	core_space(first, SPACE_GRANT_CREATOR);
	core_settle();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

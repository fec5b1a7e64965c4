/* The batch of invalidations. */
#include "core.h"

static struct space *first, *a, *b;

static void see(struct space *space, u64 page)
{
	host_tlb_add(space, page, 0x1000, RIGHT_R);
}

static bool is_seen(const struct space *space, u64 page)
{
	for (unsigned i = 0; i < HOST_TLB; i++)
		if (host_tlb[i].space == space && host_tlb[i].page == page)
			return true;
	return false;
}

static void test_views(void **state)
{
	const u64 at = 0x7000;
	u64 in_a = globalize(a->number, at);

	(void)state;
	assert_true(grant_make(first, in_a, PAGE_SIZE, b->number, RIGHT_R) > 0);
	see(a, at);
	see(a, in_a);
	see(a, at + PAGE_SIZE);
	see(b, in_a);
	see(b, at);
	see(first, in_a);
	tlb_add(a, NULL, at, at + PAGE_SIZE);
	assert_true(tlb_pending());
	assert_true(is_seen(a, at));
	tlb_commit();
	assert_false(tlb_pending());
	assert_false(is_seen(a, at) || is_seen(a, in_a) || is_seen(b, in_a));
	/* Others' own memory and neighbours stay; so does what a space without grant was told, it cannot have any. */
	assert_true(is_seen(a, at + PAGE_SIZE) && is_seen(b, at) && is_seen(first, in_a));
}

static void test_one_viewer(void **state)
{
	u64 in_a = globalize(a->number, 0x9000);

	(void)state;
	see(a, in_a);
	see(b, in_a);
	tlb_add(a, b, 0x9000, 0xa000);
	tlb_commit();
	assert_true(is_seen(a, in_a));
	assert_false(is_seen(b, in_a));
}

/* More ranges than a batch holds. */
static void test_overflow(void **state)
{
	enum { COUNT = 3 * TLB_RANGES };

	(void)state;
	for (u64 i = 0; i < COUNT; i++)
		see(a, (2 * i + 100) * PAGE_SIZE);
	for (u64 i = 0; i < COUNT; i++)
		tlb_add(a, NULL, (2 * i + 100) * PAGE_SIZE, (2 * i + 101) * PAGE_SIZE);
	tlb_commit();
	for (u64 i = 0; i < COUNT; i++)
		assert_false(is_seen(a, (2 * i + 100) * PAGE_SIZE));
	/* Many owners: nothing in common to widen. */
	for (u64 i = 0; i < COUNT; i++) {
		struct space *owner = i % 3 == 0 ? a : i % 3 == 1 ? b : first;

		see(owner, (2 * i + 100) * PAGE_SIZE);
		tlb_add(owner, i % 2 ? NULL : owner, (2 * i + 100) * PAGE_SIZE, (2 * i + 101) * PAGE_SIZE);
	}
	tlb_commit();
	for (u64 i = 0; i < COUNT; i++) {
		assert_false(is_seen(a, (2 * i + 100) * PAGE_SIZE));
		assert_false(is_seen(b, (2 * i + 100) * PAGE_SIZE));
	}
}

/* A frame waits for the commit; one that others use does not. */
static void test_frames_wait(void **state)
{
	void *page = frame_alloc();
	u64 before = frame_free();

	(void)state;
	frame_get(page);
	tlb_put_frame(page);
	assert_false(tlb_pending());
	assert_int_equal(frame_refs(page), 1);
	tlb_put_frame(page);
	assert_true(tlb_pending());
	assert_int_equal(frame_free(), before);
	tlb_commit();
	assert_int_equal(frame_free(), before + 1);
}

/* Nothing to do costs no invalidation. */
static void test_quiet(void **state)
{
	u64 commits = host_commits;

	(void)state;
	tlb_commit();
	assert_int_equal(map_remove(a, 0x100000, PAGE_SIZE), 0);
	assert_int_equal(map_add(first, a, 0x100000, PAGE_SIZE, RIGHT_R, 0, 0), 0);
	assert_int_equal(map_remove(a, 0x100000, PAGE_SIZE), 0);
	assert_int_equal(host_commits, commits);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_one_viewer),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_frames_wait),
		cmocka_unit_test(test_quiet),
	};

	core_start(argc, argv, 16u << 20);
	first = core_first();
	a = core_space(first, 0);
	b = core_space(first, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

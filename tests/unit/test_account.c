/* Accounts: what is charged, limits that only shrink on the way down, and that everything is given back: account_put() asserts that
 * nothing is left on an account. */
#include "core.h"

#include "account.h"
#include "thread.h"

static struct space *first;

#define BASE 0x400000ul
enum { RW = RIGHT_R | RIGHT_W };

static int setup(void **state)
{
	(void)state;
	first = core_first();
	return 0;
}

static struct space *limited(struct space *creator, struct quota quota)
{
	const struct space_spec spec = { .name = "limited", .quota = quota };
	struct space *space;

	assert_int_equal(space_create(creator, &spec, &space), 0);
	return space;
}

static struct space_info info_of(const struct space *space)
{
	struct space_info info;

	space_info(space, &info);
	return info;
}

static u32 touch(struct space *space, u64 va)
{
	u64 word = 1;

	return core_access(space, va, FAULT_WRITE, &word);
}

static void test_frames(void **state)
{
	struct space *space = limited(first, (struct quota){ .frames = 20 });
	u64 at = BASE, free;

	(void)state;
	assert_true(info_of(space).limit.frames == 20 && info_of(space).used.frames == 1);
	assert_int_equal(map_add(first, space, BASE, 64 * PAGE_SIZE, RW, 0, 0), 0);
	while (!touch(space, at))
		at += PAGE_SIZE;
	assert_int_equal(info_of(space).used.frames, 20);
	assert_int_equal(info_of(space).frames, 20);
	free = frame_free();
	assert_int_equal(touch(space, at), FAULT_WRITE | FAULT_NOMEM | FAULT_LIMIT);
	assert_int_equal(frame_free(), free);
	assert_int_equal(info_of(space).used.frames, 20);
	/* Tables are charged, too; what is given back can be used again. */
	assert_true(at - BASE < 20 * PAGE_SIZE && at > BASE);
	assert_int_equal(map_remove(space, BASE, PAGE_SIZE), 0);
	assert_int_equal(touch(space, at), 0);
	assert_int_equal(touch(space, at + PAGE_SIZE), FAULT_WRITE | FAULT_NOMEM | FAULT_LIMIT);
	assert_int_equal(map_remove(space, BASE, 64 * PAGE_SIZE), 0);
}

/* Pages of a segment are its owner's to pay, as long as it lives. */
static void test_segments(void **state)
{
	struct space *owner = limited(first, (struct quota){ .frames = 10 }), *user = core_space(first, 0);
	int number = segment_create(owner, 64, 0);
	u64 at = BASE;

	(void)state;
	assert_int_equal(map_add(first, user, BASE, 64 * PAGE_SIZE, RW | MAP_SHARE, (u32)number, 0), 0);
	while (!touch(user, at))
		at += PAGE_SIZE;
	assert_int_equal(at, BASE + 9 * PAGE_SIZE);
	assert_true(touch(user, at) & FAULT_NOMEM);
	assert_int_equal(segment_evict(owner, (u32)number, 2, 3), 0);
	assert_int_equal(info_of(owner).used.frames, 7);
	assert_int_equal(touch(user, at), 0);
	/* The segment outlives its owner, and so does the account. */
	space_end(owner, SPACE_KILLED, 0);
	assert_int_equal(touch(user, at + PAGE_SIZE), 0);
	assert_int_equal(touch(user, BASE + 2 * PAGE_SIZE), 0);
	assert_int_equal(touch(user, BASE + 3 * PAGE_SIZE), 0);
	assert_true(touch(user, at + 3 * PAGE_SIZE) & FAULT_NOMEM || !touch(user, at + 4 * PAGE_SIZE));
	assert_int_equal(map_remove(user, BASE, 64 * PAGE_SIZE), 0);
}

static void test_spaces(void **state)
{
	const struct space_spec spec = { .name = "more" };
	struct space *top = limited(first, (struct quota){ .spaces = 4 }), *inner, *space;

	(void)state;
	/* A quota of one is the space alone. */
	inner = limited(top, (struct quota){ .spaces = 1 });
	assert_int_equal(space_create(inner, &spec, &space), -E_LIMIT);
	assert_int_equal(info_of(top).used.spaces, 2);
	assert_int_equal(space_create(top, &spec, &space), 0);
	/* What is asked for beyond the creator's own limit does not help. */
	inner = limited(top, (struct quota){ .spaces = 100 });
	assert_int_equal(info_of(inner).limit.spaces, 4);
	assert_int_equal(space_create(inner, &spec, &space), -E_LIMIT);
	assert_int_equal(info_of(inner).used.spaces, 1);
	space_end(inner, SPACE_KILLED, 0);
	assert_int_equal(space_create(top, &spec, &space), 0);
	assert_int_equal(space_create(top, &spec, &space), -E_LIMIT);
	/* By another's order, but for the limited one. */
	assert_int_equal(space_create_for(first, top, &spec, &space), -E_LIMIT);
	assert_int_equal(space_create(first, &spec, &space), 0);
	assert_int_equal(info_of(first).limit.spaces, 0);
}

static void test_grants(void **state)
{
	struct space *space = limited(first, (struct quota){ .grants = 3 });
	int grant = grant_make(space, BASE, 1, first->number, RIGHT_R), segment;

	(void)state;
	assert_true(grant > 0);
	assert_int_equal(portal_create(space, BASE, 0), 0);
	segment = segment_create(space, 1, 0);
	assert_true(segment > 0);
	assert_int_equal(grant_make(space, BASE, 1, first->number, RIGHT_R), -E_LIMIT);
	assert_int_equal(portal_create(space, BASE + 1, 0), -E_LIMIT);
	assert_int_equal(segment_create(space, 1, 0), -E_LIMIT);
	/* To be granted something costs nothing. */
	assert_true(grant_make(first, BASE, 1, space->number, RIGHT_R) > 0);
	assert_int_equal(grant_revoke(space, (u32)grant), 0);
	assert_int_equal(portal_create(space, BASE + 1, 0), 0);
	assert_int_equal(portal_destroy(space, BASE), 0);
	assert_int_equal(segment_destroy(space, (u32)segment), 0);
	assert_int_equal(info_of(space).used.grants, 1);
}

/* The tables that show a part of another's memory are on the account of who owns that. */
static void test_edge_tables(void **state)
{
	struct space *owner = core_space(first, 0), *viewer = limited(first, (struct quota){ .frames = 4 });

	(void)state;
	assert_int_equal(map_add(first, owner, BASE, 4 * PAGE_SIZE, RW, 0, 0), 0);
	assert_true(grant_make(owner, BASE, PAGE_SIZE, viewer->number, RW) > 0);
	assert_int_equal(touch(viewer, globalize(owner->number, BASE)), 0);
	assert_true(info_of(viewer).used.frames <= 3);
}

static void test_fork(void **state)
{
	struct space *from = core_space(first, 0), *to = limited(first, (struct quota){ .frames = 10 });
	u64 free;

	(void)state;
	assert_int_equal(map_add(first, from, BASE, 64 * PAGE_SIZE, RW, 0, 0), 0);
	for (u64 i = 0; i < 10; i++)
		assert_int_equal(touch(from, BASE + i * PAGE_SIZE), 0);
	free = frame_free();
	assert_int_equal(map_fork(from, to), -E_NOMEM);
	assert_true(frame_free() == free && info_of(to).used.frames == 1);
	assert_int_equal(map_remove(from, BASE, 3 * PAGE_SIZE), 0);
	assert_int_equal(map_fork(from, to), 0);
	assert_int_equal(info_of(to).used.frames, 8);
}

static void test_threads(void **state)
{
	struct space *space = limited(first, (struct quota){ .threads = 2 });
	struct thread *thread;

	(void)state;
	assert_int_equal(thread_create(space, NULL, BASE, 0, 0, &thread), 0);
	assert_int_equal(thread_create(space, NULL, BASE, 0, 0, &thread), 0);
	assert_int_equal(thread_create(space, NULL, BASE, 0, 0, &thread), -E_LIMIT);
	assert_int_equal(info_of(space).used.threads, 2);
	space_kill(space, SPACE_KILLED, 0);
}

static void test_depth(void **state)
{
	const struct space_spec spec = { .name = "deep", .quota = { .frames = 1000 } };
	struct space *space = first;
	unsigned depth = 0;

	(void)state;
	while (!space_create(space, &spec, &space))
		depth++;
	assert_int_equal(depth, ACCOUNT_DEPTH_MAX);
	assert_int_equal(space_create(space, &spec, &space), -E_LIMIT);
	assert_int_equal(info_of(space->manager).used.frames, 2);
}

static int do_create(void *context)
{
	const struct space_spec spec = { .flags = SPACE_GRANT_CREATOR,
		.name = "made",
		.quota = { 100, 100, 100, 100 } };
	struct space *space;

	return space_create(context, &spec, &space);
}

static void check_same(void *context)
{
	assert_int_equal(info_of(context).used.spaces, 1);
	assert_int_equal(info_of(context).used.frames, 1);
}

static void test_failing(void **state)
{
	struct space *space = limited(first, (struct quota){ 100, 100, 100, 100 });

	(void)state;
	assert_true(core_fail_each(do_create, check_same, space) >= 4);
	assert_int_equal(info_of(space).used.spaces, 2);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_frames),
		TEST(test_segments),
		TEST(test_spaces),
		TEST(test_grants),
		TEST(test_edge_tables),
		TEST(test_fork),
		TEST(test_threads),
		TEST(test_depth),
		TEST(test_failing),
	};

	core_start(argc, argv, 32u << 20);
	setup(NULL);
	segment_create(first, 1, 0);
	grant_make(first, 0, 1, core_space(first, 0)->number, RIGHT_R);
	core_settle();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

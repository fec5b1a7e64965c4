/* Hash tables that grow and shrink, and ends of spaces that go on in steps with nobody waiting for them. */
#include "core.h"

#include "hash.h"
#include "thread.h"

enum { KEYS = 3000, STEP = 0x1000 };

static struct space *first;
static struct hash table;
static struct hash_node nodes[KEYS];

static int setup(void **state)
{
	(void)state;
	first = core_first();
	return 0;
}

static void fill(u64 count, u64 stride)
{
	for (u64 i = 0; i < count; i++)
		hash_insert(&table, &nodes[i], i * stride);
	for (u64 i = 0; i < count; i++)
		assert_ptr_equal(hash_find(&table, i * stride), &nodes[i]);
	assert_null(hash_find(&table, count * stride));
}

static void empty(u64 count)
{
	for (u64 i = 0; i < count; i++)
		hash_remove(&table, &nodes[i]);
	assert_int_equal(table.count, 0);
}

/* Buckets come and go with the objects, whatever the keys have in common. */
static void test_grows(void **state)
{
	u64 frames = frame_free(), longest = 0;

	(void)state;
	for (u64 stride = 1; stride < 1ul << 50; stride <<= 7) {
		fill(KEYS, stride);
		assert_int_equal(table.size, KEYS);
		for (u32 i = 0; i < HASH_FIRST; i++) {
			u64 length = 0;

			for (const struct hash_node *node = table.first[i]; node; node = node->next)
				length++;
			longest = max_u64(longest, length);
		}
		empty(KEYS);
		assert_int_equal(frame_free(), frames);
	}
	assert_true(longest < 16);
}

/* Without frames chains are longer, and no more. */
static void test_without_frames(void **state)
{
	(void)state;
	core_fail_at(1);
	fill(KEYS, STEP);
	assert_true(core_failed());
	assert_int_equal(table.size, HASH_FIRST);
	empty(KEYS);
}

/* A space with a bit of everything that takes long, and one that it manages. */
static struct space *make_owner(void)
{
	struct space *owner = core_space(first, SPACE_GRANT_CREATOR), *inner = core_space(owner, SPACE_GRANT_CREATOR);

	assert_int_equal(map_add(owner, owner, 0x100000, 300 * PAGE_SIZE, RIGHT_R | RIGHT_W, 0, 0), 0);
	for (u64 i = 0; i < 300; i++)
		core_store(owner, 0x100000 + i * PAGE_SIZE, i);
	assert_true(segment_create(owner, 10, 0) > 0);
	for (u64 i = 1; i <= 20; i++) {
		assert_int_equal(portal_create(owner, i * STEP, 0), 0);
		assert_true(grant_make(owner, 0x100000 + i, 1, inner->number, RIGHT_R | GRANT_PASS) > 0);
		assert_true(grant_make(inner, globalize(owner->number, 0x100000 + i), 1, first->number, RIGHT_R) > 0);
	}
	assert_int_equal(core_load(inner, globalize(owner->number, 0x100000)), 0);
	return owner;
}

/* It is dead at once; what is left goes step by step, and in the end nothing is missing. */
static void test_end_in_steps(void **state)
{
	u64 frames, spaces = space_count();
	unsigned steps = 0;

	(void)state;
	space_kill(make_owner(), SPACE_KILLED, 0);
	frames = frame_free();
	for (u64 asks = 1; asks <= 3; asks++, steps = 0) {
		struct space *owner = make_owner();
		u32 number = owner->number;

		host_tick_step = WORK_STEP_NS / asks + 1;
		space_kill(owner, SPACE_KILLED, 0);
		assert_null(space_find(number));
		for (; work_waiting; steps++) {
			assert_false(tlb_pending());
			space_check_all();
			core_check_tlb();
			work_run();
		}
		host_tick_step = 0;
		assert_true(steps > 10);
		assert_int_equal(space_count(), spaces);
		assert_int_equal(frame_free(), frames);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_grows),
		TEST(test_without_frames),
		TEST(test_end_in_steps),
	};

	core_start(argc, argv, 32u << 20);
	hash_init();
	setup(NULL);
	space_kill(make_owner(), SPACE_KILLED, 0);
	core_settle();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

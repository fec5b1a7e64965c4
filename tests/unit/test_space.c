/* Spaces: making, numbers, management, references, ending. */
#include "core.h"

#include <string.h>

static struct space *first;

static int setup(void **state)
{
	(void)state;
	first = core_first();
	return 0;
}

static int create(struct space *creator, u32 flags, u32 system)
{
	struct space_spec spec = { .flags = flags, .system = system, .name = "made" };
	struct space *space;
	int error = space_create(creator, &spec, &space);

	if (!error)
		space_end(space, SPACE_KILLED, 0);
	return error;
}

static void test_bad_arguments(void **state)
{
	const struct space_spec process = { .flags = SPACE_TRUSTED, .system = 1, .name = "process" };
	struct space *plain = core_space(first, 0), *space;
	struct space *trusted = core_space(first, SPACE_TRUSTED);

	(void)state;
	assert_int_equal(create(first, 32, 0), -E_INVAL);
	assert_int_equal(create(first, 0, 3), -E_INVAL);
	assert_int_equal(create(first, 0, SYSTEM_SHARED), -E_PERM);
	assert_int_equal(create(NULL, 0, 1), -E_INVAL);
	assert_int_equal(create(NULL, SPACE_GRANT_CREATOR, 0), -E_INVAL);
	assert_int_equal(create(plain, SPACE_DEVICES, 0), -E_PERM);
	assert_int_equal(create(plain, SPACE_TRUSTED, 0), -E_PERM);
	assert_int_equal(create(trusted, SPACE_TRUSTED, 0), -E_PERM);
	assert_int_equal(create(plain, SPACE_GRANT_CREATOR, 0), 0);
	assert_int_equal(create(first, SPACE_TRUSTED | SPACE_DEVICES, 0), 0);
	assert_int_equal(create(trusted, 0, 1), 0);
	assert_int_equal(space_create(core_space(first, SPACE_TRUSTED | SPACE_DEVICES), &process, &space), 0);
	assert_int_equal(create(space, 0, 1), -E_PERM);
	assert_int_equal(create(space, 0, SYSTEM_SHARED), 0);
	assert_int_equal(create(space, SPACE_GRANT_CREATOR, SYSTEM_SHARED), 0);
	space_get(space->system);
	space_end(space->system, SPACE_KILLED, 0);
	assert_int_equal(create(space, 0, SYSTEM_SHARED), -E_PERM);
	space_put(space->system);
}

static void test_info(void **state)
{
	struct space_spec spec = { .name = "a name of 16 by" };
	struct space_info info;
	struct space *space;

	(void)state;
	memset(spec.name, 'x', sizeof(spec.name)); /* without a terminator */
	assert_int_equal(space_create(first, &spec, &space), 0);
	space_info(space, &info);
	assert_int_equal(strlen(info.name), 15);
	assert_true(info.number == space->number && info.manager == first->number && info.end == SPACE_ALIVE);
	assert_int_equal(info.frames, 1);
	assert_int_equal(map_add(first, space, 0x1000, PAGE_SIZE, RIGHT_W, 0, 0), 0);
	assert_int_equal(space_fault(space, 0x1000, FAULT_WRITE, NULL), 0);
	space_info(space, &info);
	assert_true(info.frames > 3);
}

static void test_management(void **state)
{
	struct space *a = core_space(first, 0), *b = core_space(a, 0), *c = core_space(b, 0),
		     *other = core_space(first, 0);

	(void)state;
	assert_true(space_manages(first, c) && space_manages(a, c) && space_manages(b, c));
	assert_false(space_manages(c, b) || space_manages(other, c) || space_manages(c, c) || space_manages(c, first));
	space_end(b, SPACE_EXITED, 0);
	assert_true(space_manages(a, c));
}

/* Who serves a space serves the one that it makes, and may do all in it; the maker manages it and has no grant of it. */
static void test_shared_system(void **state)
{
	const struct space_spec own = { .system = SYSTEM_OWN, .name = "process" },
				shared = { .system = SYSTEM_SHARED, .name = "part" };
	struct space *system = core_space(first, SPACE_TRUSTED), *process, *part, *below;
	u64 word = 3;

	(void)state;
	assert_int_equal(space_create(system, &own, &process), 0);
	assert_int_equal(space_create(process, &shared, &part), 0);
	assert_int_equal(space_create(part, &shared, &below), 0);
	assert_true(part->system == system && below->system == system && part->manager == process);
	assert_true(space_manages(system, below) && space_may_call(system, globalize(part->number, 1)));
	assert_int_equal(map_add(process, part, 0x10000, PAGE_SIZE, RIGHT_R | RIGHT_W, 0, 0), 0);
	assert_int_equal(core_access(system, globalize(part->number, 0x10000), FAULT_WRITE, &word), 0);
	assert_int_equal(core_access(process, globalize(part->number, 0x10000), 0, &word), FAULT_READ);
	assert_int_equal(grant_revoke(part, grant_find(part, system, 0, RIGHT_W)->number), -E_PERM);
}

/* A number comes back late, and not while anyone refers to its space. */
static void test_numbers(void **state)
{
	struct space *held = core_space(first, 0);
	u32 number = held->number, last = number;
	u64 made = space_made(), count = space_count(), address;
	enum space_end why;

	(void)state;
	space_get(held);
	space_end(held, SPACE_EXITED, 0x1234);
	assert_null(space_find(number));
	assert_true(held->end == SPACE_EXITED && held->end_address == 0x1234 && held->number == number);
	assert_int_equal(space_count(), count - 1);
	for (unsigned i = 0; i < 5000; i++) {
		struct space *space = core_space(first, 0);

		assert_true(space->number != number && space->number != last && space->number != first->number);
		assert_ptr_equal(space_find(space->number), space);
		last = space->number;
		space_end(space, SPACE_EXITED, i);
		assert_true(space_ended(first, last, &why, &address) && why == SPACE_EXITED && address == i);
		assert_false(space_ended(held, last, &why, &address));
	}
	assert_false(space_ended(first, number, &why, &address));
	assert_int_equal(space_made(), made + 5000);
	space_put(held);
	assert_null(space_find(0));
	assert_null(space_find(~0u));
}

/* The number range grows when many live at a time. */
static void test_many(void **state)
{
	enum { COUNT = 3000 };
	static struct space *spaces[COUNT];
	u64 count = space_count();

	(void)state;
	for (unsigned i = 0; i < COUNT; i++)
		spaces[i] = core_space(first, 0);
	assert_int_equal(space_count(), count + COUNT);
	for (unsigned i = 0; i < COUNT; i++)
		assert_ptr_equal(space_find(spaces[i]->number), spaces[i]);
	for (unsigned i = 0; i < COUNT; i++)
		space_end(spaces[i], SPACE_KILLED, 0);
}

/* Everything of an ended space is out of reach at once, though threads may still refer to it. */
static void test_end(void **state)
{
	struct space *space = core_space(first, 0);
	u64 word = 7, before;

	(void)state;
	assert_int_equal(map_add(first, space, 0x10000, 0x10000, RIGHT_R | RIGHT_W, 0, 0), 0);
	assert_int_equal(core_access(space, 0x10000, FAULT_WRITE, &word), 0);
	assert_true(portal_create(space, 0x10000, 1) == 0 && segment_create(space, 5, 0) > 0);
	space_get(space);
	before = frame_free();
	space_end(space, SPACE_FAULTED, 0x10);
	assert_true(frame_free() > before + 4);
	assert_int_equal(core_access(space, 0x10000, 0, &word), FAULT_READ);
	assert_int_equal(space_read(space, 0x10000, &word, 8), -E_FAULT);
	assert_int_equal(grant_make(first, 0, 1, space->number, RIGHT_R), -E_NOENT);
	before = frame_free();
	space_put(space);
	assert_true(frame_free() > before);
}

/* A segment of an ended space stays for those who map it. */
static void test_segment_outlives(void **state)
{
	struct space *owner = core_space(first, 0), *user = core_space(first, 0);
	int number = segment_create(owner, 4, 0);
	u64 word = 5;

	(void)state;
	assert_int_equal(map_add(first, user, 0x10000, 0x4000, RIGHT_R | RIGHT_W | MAP_SHARE, (u32)number, 0), 0);
	assert_int_equal(core_access(user, 0x10000, FAULT_WRITE, &word), 0);
	space_end(owner, SPACE_EXITED, 0);
	word = 0;
	assert_int_equal(core_access(user, 0x10000, 0, &word), 0);
	assert_int_equal(word, 5);
	assert_int_equal(core_access(user, 0x11000, FAULT_WRITE, &word), 0);
	assert_int_equal(segment_evict(first, (u32)number, 0, 1), -E_PERM);
	assert_int_equal(map_remove(user, 0x10000, 0x4000), 0);
	assert_null(segment_find((u32)number));
}

/* A root's entries are announced once each, and the bitmap names them. */
static void test_root_changes(void **state)
{
	struct space *space = core_space(first, 0);
	u64 before = host_root_changes, word = 1, entries = 0;

	(void)state;
	assert_int_equal(map_add(first, space, 0x10000, 0x10000, RIGHT_R | RIGHT_W, 0, 0), 0);
	for (u64 at = 0x10000; at < 0x20000; at += PAGE_SIZE) {
		assert_int_equal(core_access(space, at, FAULT_WRITE, &word), 0);
		assert_int_equal(core_access(space, globalize(space->number, at), FAULT_WRITE, &word), 0);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(space->view.used); i++)
		entries += (u64)__builtin_popcountl(space->view.used[i]);
	assert_int_equal(host_root_changes - before, entries);
	assert_true(entries == 1 || entries == 2);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bad_arguments),
		TEST(test_info),
		TEST(test_management),
		TEST(test_shared_system),
		TEST(test_numbers),
		TEST(test_end),
		TEST(test_segment_outlives),
		TEST(test_root_changes),
		TEST(test_many),
	};

	core_start(argc, argv, 64u << 20);
	/* All tables of numbers that the tests will need. */
	setup(NULL);
	segment_create(first, 1, 0);
	core_space(first, SPACE_GRANT_CREATOR);
	for (unsigned i = 0; i < 8; i++)
		test_many(NULL);
	core_settle();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

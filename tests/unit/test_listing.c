/* list(): each object exactly once, in pieces of any size, while others come and go; wrong arguments. */
#include "core.h"

#include "listing.h"

enum { BUFFER = 0x400000, MANY = 3 * LIST_MAX + 1, ALL = 1000 };

static struct space *first, *owner, *a;

static int setup(void **state)
{
	(void)state;
	first = core_first();
	owner = core_space(first, 0);
	a = core_space(first, 0);
	if (map_add(first, first, BUFFER, 0x10000, RIGHT_R | RIGHT_W, 0, 0))
		return -1;
	return map_add(first, owner, BUFFER, 0x10000, RIGHT_R | RIGHT_W, 0, 0);
}

/* Asks for one piece. -> the result; the records are in *records. */
static i64 list(u32 kind, const struct space *space, u64 after, u64 count, void *records, u64 bytes)
{
	i64 result = listing_write(first, kind, space, after, BUFFER, count);

	if (result > 0)
		assert_int_equal(space_read(first, BUFFER, records, (u64)result * bytes), 0);
	return result;
}

static void test_spaces(void **state)
{
	struct space_info info[LIST_MAX];
	struct space *made[MANY];
	u64 told = 0, after = 0;
	i64 count;

	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		made[i] = core_space(owner, 0);
	core_space(made[1], 0); /* another one's */
	space_end(made[0], SPACE_KILLED, 0);
	while ((count = list(LIST_SPACES, owner, after, 1 + told % 40, info, sizeof(info[0]))) > 0) {
		assert_true(count <= LIST_MAX);
		for (i64 i = 0; i < count; i++, told++) {
			assert_int_equal(info[i].number, made[told + 1]->number);
			assert_int_equal(info[i].manager, owner->number);
			assert_int_equal(info[i].system, 0);
		}
		after = info[count - 1].number;
	}
	assert_int_equal(count, 0);
	assert_int_equal(told, MANY - 1);
	assert_int_equal(list(LIST_SPACES, owner, a->number, ALL, info, sizeof(info[0])), -E_NOENT);
	assert_int_equal(list(LIST_SPACES, owner, 1ul << 40, ALL, info, sizeof(info[0])), -E_NOENT);
}

static void test_grants(void **state)
{
	struct grant_info info[LIST_MAX];
	u64 there = globalize(owner->number, BUFFER);
	int top = grant_make(owner, there, 0x2000, a->number, RIGHT_R | RIGHT_W | GRANT_PASS), child, other;

	(void)state;
	child = grant_make(a, there + 0x1000, 100, first->number, RIGHT_R);
	other = grant_make(first, there + 5, 1, a->number, RIGHT_P);
	assert_true(top > 0 && child > 0 && other > 0);
	assert_int_equal(list(LIST_GRANTS, owner, 0, ALL, info, sizeof(info[0])), 3);
	assert_int_equal(info[0].number, top);
	assert_true(info[0].parent == 0 && info[0].from == owner->number && info[0].to == a->number);
	assert_true(info[0].start == BUFFER && info[0].bytes == 0x2000);
	assert_true(info[0].flags == (RIGHT_R | RIGHT_W | GRANT_PASS) && !info[0].of_call);
	assert_true(info[1].number == (u32)child && info[1].parent == (u32)top && info[1].from == a->number);
	assert_true(info[1].to == first->number && info[1].start == BUFFER + 0x1000 && info[1].bytes == 100);
	assert_true(info[2].number == (u32)other && info[2].parent == 0 && info[2].from == first->number);
	assert_int_equal(list(LIST_GRANTS, owner, (u64)child, ALL, info, sizeof(info[0])), 1);
	assert_int_equal(info[0].number, other);
	assert_int_equal(list(LIST_GRANTS, a, (u64)child, ALL, info, sizeof(info[0])), -E_NOENT);
	assert_int_equal(list(LIST_GRANTS, a, 0, ALL, info, sizeof(info[0])), 0);
	assert_int_equal(grant_revoke(owner, (u32)top), 0);
	assert_int_equal(list(LIST_GRANTS, owner, (u64)child, ALL, info, sizeof(info[0])), -E_NOENT);
	assert_int_equal(list(LIST_GRANTS, owner, 0, ALL, info, sizeof(info[0])), 1);
}

static void test_portals(void **state)
{
	struct portal_info info[LIST_MAX];
	u64 address = globalize(owner->number, 0x1000);

	(void)state;
	assert_int_equal(portal_create(owner, 0x1000, 7), 0);
	assert_int_equal(portal_create(owner, 0x2000, ~0ul), 0);
	assert_int_equal(portal_create(a, 0x1000, 9), 0);
	assert_int_equal(list(LIST_PORTALS, owner, 0, ALL, info, sizeof(info[0])), 2);
	assert_true(info[0].address == address && info[0].cookie == 7 && info[1].cookie == ~0ul);
	assert_int_equal(list(LIST_PORTALS, owner, address, ALL, info, sizeof(info[0])), 1);
	assert_int_equal(info[0].address, address + 0x1000);
	assert_int_equal(list(LIST_PORTALS, a, address, ALL, info, sizeof(info[0])), -E_NOENT);
	assert_int_equal(list(LIST_PORTALS, owner, ~0ul, ALL, info, sizeof(info[0])), -E_NOENT);
}

static void test_bad_arguments(void **state)
{
	(void)state;
	assert_int_equal(listing_write(first, 4, owner, 0, BUFFER, 1), -E_INVAL);
	assert_int_equal(listing_write(first, ~0u, owner, 0, BUFFER, 1), -E_INVAL);
	assert_int_equal(listing_write(owner, LIST_THREADS, owner, 0, BUFFER, 1), -E_PERM);
	assert_int_equal(listing_write(first, LIST_SPACES, first, 0, BUFFER, 0), 0);
	assert_int_equal(listing_write(first, LIST_SPACES, first, 0, 0x1000, 1), -E_FAULT);
	assert_int_equal(listing_write(first, LIST_SPACES, first, 0, ~0ul - 8, ~0ul), -E_FAULT);
	assert_int_equal(listing_write(first, LIST_SPACES, first, 0, BUFFER, ~0ul), 2);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_spaces),
		TEST(test_grants),
		TEST(test_portals),
		TEST(test_bad_arguments),
	};

	core_start(argc, argv, 32u << 20);
	setup(NULL);
	portal_create(owner, 0x1000, 0);
	grant_make(first, 0, 1, a->number, RIGHT_R);
	core_settle();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

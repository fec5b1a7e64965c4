/* Tags: their values, when they are flushed, and the values of root registers. */
#include "core.h"

#include "tag.h"

static void test_order(void **state)
{
	struct tag_cpu cpu = { .limit = 4 };
	struct tag a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };

	(void)state;
	assert_false(tag_is_valid(&cpu, &a));
	/* The first of a generation flushes all. */
	assert_int_equal(tag_take(&cpu, &a), TAG_FLUSH_ALL);
	assert_int_equal(a.value, 1);
	assert_int_equal(tag_take(&cpu, &b), TAG_FLUSH_ONE);
	assert_int_equal(tag_take(&cpu, &c), TAG_FLUSH_ONE);
	assert_int_equal(c.value, 3);
	assert_int_equal(tag_take(&cpu, &a), TAG_KEEP);
	/* No tag is left: a new generation, in which nobody else has one. */
	assert_int_equal(tag_take(&cpu, &d), TAG_FLUSH_ALL);
	assert_int_equal(d.value, 1);
	assert_false(tag_is_valid(&cpu, &a));
	assert_true(tag_is_valid(&cpu, &d));
	assert_int_equal(tag_take(&cpu, &b), TAG_FLUSH_ONE);
	assert_int_equal(b.value, 2);
}

static void test_forget(void **state)
{
	struct tag_cpu cpu = { .limit = 100 };
	struct tag a = { 0 }, b = { 0 };
	u32 old;

	(void)state;
	tag_take(&cpu, &a);
	tag_take(&cpu, &b);
	old = a.value;
	tag_forget(&a);
	assert_false(tag_is_valid(&cpu, &a));
	assert_true(tag_is_valid(&cpu, &b));
	assert_int_equal(tag_take(&cpu, &a), TAG_FLUSH_ONE);
	assert_int_not_equal(a.value, old);
}

/* A model: what each tag was last used for since the last flush. No space may find another's translations. */
static void test_never_shared(void **state)
{
	enum { SPACES = 40, LIMIT = 16 };
	struct tag_cpu cpu = { .limit = LIMIT };
	struct tag tags[SPACES] = { { 0 } };
	int holder[LIMIT];
	u64 seed = 5;

	(void)state;
	for (unsigned i = 0; i < LIMIT; i++)
		holder[i] = -1;
	for (unsigned step = 0; step < 20000; step++) {
		int s = (int)((seed = seed * 6364136223846793005u + 1442695040888963407u) >> 40) % SPACES;
		enum tag_flush flush;

		if (step % 7 == 0)
			tag_forget(&tags[s]);
		flush = tag_take(&cpu, &tags[s]);
		if (flush == TAG_FLUSH_ALL)
			for (unsigned i = 0; i < LIMIT; i++)
				holder[i] = -1;
		assert_true(tags[s].value >= 1 && tags[s].value < LIMIT);
		if (flush == TAG_FLUSH_ONE)
			holder[tags[s].value] = -1;
		assert_true(holder[tags[s].value] == -1 || holder[tags[s].value] == s);
		holder[tags[s].value] = s;
	}
}

/* Values as the manuals define them. */
static void test_registers(void **state)
{
	(void)state;
	/* Intel SDM 2.5 and 4.10.4.1: PCID in bits 11:0, bit 63 keeps its translations. */
	assert_int_equal(tag_cr3((pa_t){ 0x12345000 }, 1, false, false), 0x12345002);
	assert_int_equal(tag_cr3((pa_t){ 0x12345000 }, 1, true, false), 0x12345003);
	assert_int_equal(tag_cr3((pa_t){ 0x12345000 }, TAG_PCID_LIMIT - 1, true, true), 0x8000000012345fff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_never_shared),
		cmocka_unit_test(test_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Frames, chains, pools, sparse arrays, numbers for objects. */
#include "core.h"

#include <string.h>

#include "handle.h"
#include "pool.h"
#include "radix.h"

static void test_counts(void **state)
{
	u64 before = frame_free();
	void *a = frame_alloc(), *b = frame_alloc_raw();

	(void)state;
	assert_true(frame_total() >= before && frame_lowest() <= before - 2);
	assert_int_equal(frame_free(), before - 2);
	assert_true(is_page_aligned((u64)a) && a != b);
	for (unsigned i = 0; i < PAGE_SIZE; i++)
		assert_int_equal(((u8 *)a)[i], 0);
	frame_get(a);
	assert_int_equal(frame_refs(a), 2);
	frame_put(a);
	assert_int_equal(frame_free(), before - 2);
	frame_put(a);
	frame_put(b);
	assert_int_equal(frame_free(), before);
	frame_check();
}

/* Every frame can be had exactly once, and goes back. */
static void test_exhaust(void **state)
{
	struct frame_chain chain = { 0 };
	u64 before = frame_free(), taken = 0;
	void *page;

	(void)state;
	while ((page = frame_alloc_raw())) {
		memset(page, 0x77, PAGE_SIZE);
		frame_chain_push(&chain, page);
		taken++;
	}
	assert_int_equal(taken, before);
	assert_int_equal(frame_free(), 0);
	assert_int_equal(frame_lowest(), 0);
	assert_null(frame_alloc());
	assert_null(frame_alloc_contiguous(1));
	frame_check();
	assert_false(frame_chain_is_empty(&chain));
	while ((page = frame_chain_pop(&chain)))
		frame_put(page);
	assert_true(frame_chain_is_empty(&chain));
	assert_int_equal(frame_free(), before);
	frame_check();
}

static void test_contiguous(void **state)
{
	const u64 sizes[] = { 1, 2, 3, 5, 8, 100, 511, 512 };
	u64 before = frame_free();

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		u64 pages = sizes[i], power = 1;
		u8 *block = frame_alloc_contiguous(pages);

		assert_non_null(block);
		while (power < pages)
			power *= 2;
		assert_int_equal(ptr_pa(block).v % (power * PAGE_SIZE), 0);
		assert_int_equal(frame_free(), before - pages);
		frame_check();
		for (u64 k = 0; k < pages * PAGE_SIZE; k += 512)
			assert_int_equal(block[k], 0);
		memset(block, 0x55, pages * PAGE_SIZE);
		for (u64 k = 0; k < pages; k++)
			frame_put(block + (k ^ (pages > 1 && pages % 2 == 0)) * PAGE_SIZE);
		assert_int_equal(frame_free(), before);
		frame_check();
	}
	assert_null(frame_alloc_contiguous(0));
	assert_null(frame_alloc_contiguous(1ul << 40));
}

/* Freed in any order, frames become blocks of 2 MiB again. */
static void test_merging(void **state)
{
	enum { COUNT = 2048 };
	static void *pages[COUNT];
	u64 blocks = 0, again = 0;
	void *first[64];

	(void)state;
	while (blocks < 64 && (first[blocks] = frame_alloc_contiguous(512)))
		blocks++;
	for (u64 i = 0; i < blocks; i++)
		for (u64 k = 0; k < 512; k++)
			frame_put((char *)first[i] + k * PAGE_SIZE);
	for (unsigned i = 0; i < COUNT; i++)
		pages[i] = frame_alloc_raw();
	for (unsigned i = 0; i < COUNT; i++)
		frame_put(pages[i * 1023 % COUNT]);
	while (again < 64 && (first[again] = frame_alloc_contiguous(512)))
		again++;
	assert_int_equal(again, blocks);
	for (u64 i = 0; i < again; i++)
		for (u64 k = 0; k < 512; k++)
			frame_put((char *)first[i] + k * PAGE_SIZE);
	frame_check();
}

static void test_is_ram(void **state)
{
	void *page = frame_alloc_raw();

	(void)state;
	assert_true(frame_is_ram(ptr_pa(page), PAGE_SIZE));
	assert_false(frame_is_ram((pa_t){ HOST_DEVICE }, PAGE_SIZE));
	assert_false(frame_is_ram((pa_t){ 0 }, PAGE_SIZE));
	assert_true(frame_is_ram((pa_t){ 0 }, HOST_DEVICE));
	frame_put(page);
}

static void test_panic_on_double_free(void **state)
{
	jmp_buf back;
	void *page = frame_alloc_raw();

	(void)state;
	frame_put(page);
	host_panic_return = back;
	if (!setjmp(back)) {
		frame_put(page);
		fail_msg("freed twice");
	}
	host_panic_return = NULL;
	assert_non_null(strstr(host_panic_text, "frame->refs"));
}

struct object {
	u64 words[13];
};

static void test_pool(void **state)
{
	enum { COUNT = 1000 };
	static struct object *objects[COUNT];
	struct pool pool = POOL_INIT(pool, struct object);
	u64 before = frame_free();

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (u64 i = 0; i < COUNT; i++) {
			objects[i] = pool_alloc(&pool);
			assert_true((u64)objects[i] % 16 == 0);
			for (unsigned k = 0; k < 13; k++)
				objects[i]->words[k] = i;
		}
		assert_int_equal(pool.objects, COUNT);
		assert_int_equal(before - frame_free(), pool.pages);
		for (u64 i = 0; i < COUNT; i++)
			for (unsigned k = 0; k < 13; k++)
				assert_int_equal(objects[i]->words[k], i);
		for (unsigned i = 0; i < COUNT; i++)
			pool_free(&pool, objects[i * 7 % COUNT]);
		assert_int_equal(pool.objects, 0);
		assert_int_equal(frame_free(), before);
	}
	core_fail_at(1);
	assert_null(pool_alloc(&pool));
	core_failed();
}

static void ignore(void *value)
{
	(void)value;
}

static void test_radix(void **state)
{
	const u64 indices[] = { 0, 1, 63, 64, 65, 4095, 4096, 262143, 262144, 0xfffffff };
	struct radix radix;
	u64 before = frame_free(), index = 0;

	(void)state;
	radix_init(&radix, 28);
	assert_null(radix_find(&radix, 5));
	assert_null(radix_take(&radix, 5));
	assert_null(radix_next_leaf(&radix, &index));
	for (unsigned i = 0; i < ARRAY_SIZE(indices); i++)
		assert_int_equal(radix_set(&radix, indices[i], (void *)(indices[i] + 8)), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(indices); i++)
		assert_ptr_equal(radix_find(&radix, indices[i]), (void *)(indices[i] + 8));
	assert_null(radix_find(&radix, 2));
	assert_null(radix_find(&radix, 1ul << 40));
	/* Leaves in order: 0, 64, 4032, 4096, 262080, 262144, the last. */
	const u64 leaves[] = { 0, 64, 4032, 4096, 262080, 262144, 0xfffffc0 };
	for (unsigned i = 0; i < ARRAY_SIZE(leaves); i++, index += RADIX_SLOTS) {
		assert_non_null(radix_next_leaf(&radix, &index));
		assert_int_equal(index, leaves[i]);
	}
	assert_null(radix_next_leaf(&radix, &index));
	index = 70;
	assert_non_null(radix_next_leaf(&radix, &index));
	assert_int_equal(index, 64);
	for (unsigned i = 0; i + 1 < ARRAY_SIZE(indices); i++) {
		assert_int_equal(radix_next(&radix, indices[i]), indices[i]);
		assert_int_equal(radix_next(&radix, indices[i] + 1), indices[i + 1]);
	}
	assert_int_equal(radix_next(&radix, 0x10000000), RADIX_NONE);
	for (unsigned i = 0; i + 1 < ARRAY_SIZE(indices); i++)
		assert_ptr_equal(radix_take(&radix, indices[i]), (void *)(indices[i] + 8));
	radix_destroy(&radix, ignore);
	assert_int_equal(frame_free(), before);
}

/* Setting fails at any of its allocations without leaving anything. */
static void test_radix_failing(void **state)
{
	struct radix radix;
	u64 before = frame_free();

	(void)state;
	radix_init(&radix, 28);
	for (u64 n = 1;; n++) {
		int error;

		core_fail_at(n);
		error = radix_set(&radix, 123456, &radix);
		if (!core_failed())
			break;
		assert_int_equal(error, -E_NOMEM);
		assert_int_equal(frame_free(), before);
		assert_null(radix.root);
		assert_true(n < 20);
	}
	assert_ptr_equal(radix_take(&radix, 123456), &radix);
	assert_null(radix_find(&radix, 123456));
	/* The leaf emptied last is kept, but no other. */
	assert_int_equal(radix_set(&radix, 654321, &radix), 0);
	assert_ptr_equal(radix_take(&radix, 654321), &radix);
	radix_trim(&radix, 654321);
	assert_null(radix.root);
	assert_int_equal(frame_free(), before);
}

static void test_handles(void **state)
{
	static struct handle_table table;
	enum { COUNT = 1000 };
	u32 numbers[COUNT], again;

	(void)state;
	assert_null(handle_find(&table, 0));
	assert_null(handle_find(&table, 77));
	for (u32 i = 0; i < COUNT; i++) {
		numbers[i] = handle_make(&table, &numbers[i]);
		assert_true(numbers[i] > 0 && numbers[i] <= 0x7fffffff);
	}
	for (u32 i = 0; i < COUNT; i++)
		assert_ptr_equal(handle_find(&table, numbers[i]), &numbers[i]);
	handle_drop(&table, numbers[5]);
	assert_null(handle_find(&table, numbers[5]));
	again = handle_make(&table, &again);
	assert_int_not_equal(again, numbers[5]);
	assert_null(handle_find(&table, numbers[5]));
	assert_ptr_equal(handle_find(&table, again), &again);
	for (u32 i = 0; i < HANDLE_PAGES; i++)
		if (table.pages[i])
			frame_put(table.pages[i]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_contiguous),
		cmocka_unit_test(test_merging),
		cmocka_unit_test(test_exhaust),
		cmocka_unit_test(test_is_ram),
		cmocka_unit_test(test_panic_on_double_free),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_radix),
		cmocka_unit_test(test_radix_failing),
		cmocka_unit_test(test_handles),
	};

	core_start(argc, argv, 32u << 20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

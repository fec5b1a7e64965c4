/* The heap of native services, over the host's mmap() in place of the kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

/* Stands for the machine's header. */
#define RUNTIME_NATIVE_H
/* Clear of the sanitizers' shadow. */
#define HEAP_BASE 0x300000000000ul
#include "services/runtime/types.h"

static i64 native_call0(u64 number);
static i64 native_call1(u64 number, u64 a);
static i64 native_call2(u64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 *word1);
static i64 native_call3(u64 number, u64 a, u64 b, u64 c);
static i64 native_call4(u64 number, u64 a, u64 b, u64 c, u64 d);
static i64 native_call6(u64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f);
static u64 native_ticks(void);

#include "services/runtime/heap.c"
#include "services/runtime/lock.c"

const struct start_info *service_start = &(const struct start_info){ .number = 7 };

/* The regions there are, by address. */
enum { REGIONS_MAX = 4096 };
static struct region {
	u64 start, end;
} regions[REGIONS_MAX];
static unsigned region_count;
static int fail_after = -1; /* calls of map until one fails */

static i64 fake_map(u64 address, u64 bytes)
{
	if (fail_after == 0)
		return -E_NOMEM;
	if (fail_after > 0)
		fail_after--;
	for (unsigned i = 0; i < region_count; i++) {
		if (address < regions[i].end && regions[i].start < address + bytes)
			return -E_EXIST;
	}
	assert_int_not_equal(region_count, REGIONS_MAX);
	assert_ptr_equal(mmap((void *)address, bytes, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0),
		(void *)address);
	regions[region_count++] = (struct region){ address, address + bytes };
	return 0;
}

static i64 fake_unmap(u64 address, u64 bytes)
{
	for (unsigned i = 0; i < region_count; i++) {
		if (regions[i].start != address)
			continue;
		assert_int_equal(regions[i].end, address + bytes);
		regions[i] = regions[--region_count];
		munmap((void *)address, bytes);
		return 0;
	}
	fail_msg("a range was unmapped that was not mapped");
	return 0;
}

static i64 fake_query(u64 address, struct region_info *info)
{
	i64 result = -E_NOENT;

	for (unsigned i = 0; i < region_count; i++) {
		if (regions[i].end > address && (result < 0 || regions[i].start < info->start)) {
			*info = (struct region_info){ .start = regions[i].start, .end = regions[i].end };
			result = 0;
		}
	}
	return result;
}

static i64 native_call0(u64 number)
{
	(void)number;
	return 0;
}

static i64 native_call1(u64 number, u64 a)
{
	(void)number, (void)a;
	return 0;
}

static i64 native_call2(u64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 *word1)
{
	(void)number, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	*word1 = 0;
	return 0;
}

static i64 native_call3(u64 number, u64 a, u64 b, u64 c)
{
	(void)a;
	if (number == CALL_unmap)
		return fake_unmap(b, c);
	if (number == CALL_fail)
		return -E_NOSYS;
	return number == CALL_map_query ? fake_query(b, (struct region_info *)c) : 0;
}

static i64 native_call4(u64 number, u64 a, u64 b, u64 c, u64 d)
{
	(void)number, (void)a, (void)b, (void)c, (void)d;
	return 0;
}

static i64 native_call6(u64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	(void)a, (void)d, (void)e, (void)f;
	return number == CALL_map ? fake_map(b, c) : 0;
}

static u64 native_ticks(void)
{
	return 0;
}

void service_panic(const char *text, ...)
{
	fprintf(stderr, "%s\n", text);
	abort();
}

static void test_sizes(void **state)
{
	(void)state;
	for (size_t bytes = 0; bytes < 20000; bytes += bytes < 300 ? 1 : 97) {
		u8 *block = heap_zalloc(bytes);

		assert_non_null(block);
		assert_int_equal((u64)block % 16, 0);
		assert_true(block_bytes(block) >= bytes);
		for (size_t i = 0; i < bytes; i++)
			assert_int_equal(block[i], 0);
		memset(block, 0xa5, bytes);
		heap_free(block);
	}
	assert_int_equal(region_count, 1);
}

/* Random blocks: none overlaps another, and memory is used again. */
static void test_random(void **state)
{
	enum { BLOCKS = 500 };
	static struct {
		u8 *at;
		size_t bytes;
		u8 fill;
	} blocks[BLOCKS];
	u64 used_once = 0;

	(void)state;
	srand(1);
	for (unsigned turn = 0; turn < 100000; turn++) {
		const unsigned i = (unsigned)rand() % BLOCKS;

		for (size_t at = 0; at < blocks[i].bytes; at++)
			assert_int_equal(blocks[i].at[at], blocks[i].fill);
		if (rand() % 4 == 0) {
			const size_t bytes = (size_t)rand() % 3000, old = blocks[i].bytes;
			u8 *moved = heap_realloc(blocks[i].at, bytes);

			for (size_t at = 0; at < (old < bytes ? old : bytes); at++)
				assert_int_equal(moved[at], blocks[i].fill);
			blocks[i].at = moved;
			blocks[i].bytes = bytes;
		} else {
			heap_free(blocks[i].at);
			blocks[i].bytes = (size_t)rand() % (rand() % 50 ? 600 : 30000);
			blocks[i].at = heap_alloc(blocks[i].bytes);
		}
		assert_non_null(blocks[i].at);
		blocks[i].fill = (u8)rand();
		memset(blocks[i].at, blocks[i].fill, blocks[i].bytes);
		if (turn == 50000)
			used_once = slabs.next;
	}
	assert_true(slabs.next - used_once <= 8 * SLAB_BYTES);
	for (unsigned i = 0; i < BLOCKS; i++)
		heap_free(blocks[i].at);
	assert_int_equal(region_count, 1);
}

static void test_pages(void **state)
{
	char *a = pages_alloc(PAGE_SIZE), *b = pages_alloc(3 * PAGE_SIZE), *c;

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	pages_free(a, PAGE_SIZE);
	large_hint = HEAP_LARGE_BASE;
	c = pages_alloc(2 * PAGE_SIZE); /* does not fit where `a` was */
	assert_ptr_not_equal(c, a);
	pages_free(b, 3 * PAGE_SIZE);
	pages_free(c, 2 * PAGE_SIZE);
	assert_null(pages_alloc(HEAP_LARGE_END - HEAP_LARGE_BASE + PAGE_SIZE));
	assert_null(heap_alloc(~(size_t)0));
	assert_int_equal(region_count, 1);
}

/* Neighbours would become one region of the kernel's. */
static void test_apart(void **state)
{
	char *a = pages_alloc(PAGE_SIZE), *b, *c;

	(void)state;
	assert_true((u64)a > HEAP_LARGE_BASE);
	large_hint = HEAP_LARGE_BASE;
	b = pages_alloc(PAGE_SIZE);
	assert_true((b > a ? b - a : a - b) >= (i64)(2 * PAGE_SIZE));
	/* As with test=fail: no block shares a region. */
	small_max = 0;
	c = heap_zalloc(20);
	assert_int_equal(region_count, 4);
	fail_after = 0;
	assert_null(heap_alloc(1));
	fail_after = -1;
	heap_free(c);
	small_max = HEAP_SMALL_MAX;
	pages_free(a, PAGE_SIZE);
	pages_free(b, PAGE_SIZE);
	assert_int_equal(region_count, 1);
}

static void test_no_memory(void **state)
{
	void *block = heap_alloc(100);

	(void)state;
	fail_after = 0;
	assert_null(heap_alloc(100000));
	assert_null(heap_realloc(block, 100000));
	fail_after = -1;
	heap_free(block);
	assert_int_equal(region_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_apart),
		cmocka_unit_test(test_no_memory),
	};

	heap_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

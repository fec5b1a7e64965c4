/* The heap of liballod: random sequences against a model, every byte of every block watched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "liballod/heap.c"

enum { BYTES = 1 << 18, BLOCKS = 200, STEPS = 60000 };

static _Alignas(64) unsigned char memory[BYTES];
static struct {
	unsigned char *at;
	size_t bytes;
	unsigned char fill;
} blocks[BLOCKS];
static uint64_t seed = 1;

static uint64_t roll(uint64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % below;
}

static void fill(unsigned i)
{
	blocks[i].fill = (unsigned char)roll(256);
	memset(blocks[i].at, blocks[i].fill, blocks[i].bytes);
}

static void look(unsigned i, size_t bytes)
{
	for (size_t b = 0; b < bytes; b++)
		if (blocks[i].at[b] != blocks[i].fill)
			fail_msg("block %u has changed at %zu", i, b);
}

static size_t some_size(void)
{
	return roll(4) ? roll(200) : roll(20000);
}

static void change(struct vas_heap *heap, unsigned i)
{
	size_t bytes = some_size();
	unsigned char *moved = vas_realloc(heap, blocks[i].at, bytes);

	if (!moved) {
		assert_int_equal(errno, ENOMEM);
		return;
	}
	blocks[i].at = moved;
	look(i, bytes < blocks[i].bytes ? bytes : blocks[i].bytes);
	blocks[i].bytes = bytes;
	fill(i);
}

static void step(struct vas_heap *heap)
{
	unsigned i = (unsigned)roll(BLOCKS);

	if (blocks[i].at && roll(3) == 0) {
		change(heap, i);
	} else if (blocks[i].at) {
		look(i, blocks[i].bytes);
		vas_free(heap, blocks[i].at);
		blocks[i].at = NULL;
	} else {
		blocks[i].bytes = some_size();
		blocks[i].at = roll(2) ? vas_malloc(heap, blocks[i].bytes) : vas_calloc(heap, blocks[i].bytes, 1);
		if (!blocks[i].at)
			return;
		assert_int_equal((uintptr_t)blocks[i].at % 16, 0);
		assert_true(blocks[i].at > memory && blocks[i].at + blocks[i].bytes <= memory + BYTES);
		fill(i);
	}
}

static void test_random(void **state)
{
	struct vas_heap *heap = vas_heap_make(memory, BYTES);

	(void)state;
	assert_ptr_equal(vas_heap_open(memory), heap);
	for (unsigned n = 0; n < STEPS; n++) {
		step(heap);
		if (n % 16 == 0)
			assert_int_equal(vas_heap_check(heap), 0);
	}
	for (unsigned i = 0; i < BLOCKS; i++)
		vas_free(heap, blocks[i].at);
	assert_int_equal(vas_heap_check(heap), 0);
	assert_int_equal(vas_heap_used(heap), 0);
	/* It is one block again. */
	assert_non_null(vas_malloc(heap, BYTES - 1024));
}

static void test_limits(void **state)
{
	struct vas_heap *heap;

	(void)state;
	assert_null(vas_heap_make(memory + 8, BYTES - 8));
	assert_null(vas_heap_make(memory, 64));
	memset(memory, 0, 64);
	assert_null(vas_heap_open(memory));
	heap = vas_heap_make(memory, BYTES);
	assert_null(vas_malloc(heap, BYTES));
	assert_null(vas_malloc(heap, SIZE_MAX));
	assert_null(vas_calloc(heap, SIZE_MAX / 2, 4));
	assert_int_equal(errno, ENOMEM);
	assert_non_null(vas_malloc(heap, 0));
	vas_free(heap, NULL);
	/* Mistakes of others are found. */
	((struct block *)((char *)vas_malloc(heap, 100) - HEADER))->size += 16;
	assert_int_equal(vas_heap_check(heap), -1);
}

/* Somebody ended in the middle of a call. */
static void test_left_locked(void **state)
{
	struct vas_heap *heap = vas_heap_make(memory, BYTES);
	void *block = vas_malloc(heap, 100);

	(void)state;
	lock(heap);
	vas_heap_unlock(heap);
	assert_int_equal(heap->lock, 0);
	assert_non_null(vas_malloc(heap, 100));
	heap->lock = 2;
	vas_heap_unlock(heap);
	vas_free(heap, block);
	assert_int_equal(heap->lock, 0);
	assert_int_equal(vas_heap_check(heap), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_left_locked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

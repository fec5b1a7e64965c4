/* The frame table of machines from 24 MiB to 64 GiB. Memory that is not touched costs the host nothing. */
#include <sys/mman.h>

#include "core.h"

#include "arch.h"

#define GIB (1ul << 30)

static void start(const struct boot_info *boot, u64 end)
{
	void *memory = mmap(NULL, end, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_true(memory != MAP_FAILED);
	host_ram = memory;
	host_ram_base = 0;
	frame_init(boot);
	frame_check();
}

static void stop(u64 end)
{
	munmap(host_ram, end);
}

/* 64 GiB with the hole that PCs have below 4 GiB, as QEMU reports it. */
static void test_large(void **state)
{
	struct boot_info boot = { .ram_ranges = 3 };
	u64 end = 65 * GIB, before;
	unsigned char *touched;
	u64 resident = 0;
	void *block, *page;

	(void)state;
	boot.ram[0].start = 0;
	boot.ram[0].bytes = 0x9fc00;
	boot.ram[1].start = 0x2345000;
	boot.ram[1].bytes = 3 * GIB - 0x2345000;
	boot.ram[2].start = 4 * GIB;
	boot.ram[2].bytes = 61 * GIB;
	start(&boot, end);
	/* All but the table itself: 8 bytes for each frame. */
	assert_true(frame_total() > (64 * GIB - 0x2345000 - 140 * (1ul << 20)) / PAGE_SIZE);
	before = frame_free();
	block = frame_alloc_contiguous(4096);
	page = frame_alloc();
	assert_true(block && page && ptr_pa(block).v % (2u << 20) == 0);
	assert_int_equal(frame_free(), before - 4097);
	for (u64 i = 0; i < 4096; i++)
		frame_put((char *)block + i * PAGE_SIZE);
	frame_put(page);
	assert_int_equal(frame_free(), before);
	frame_check();
	assert_false(frame_is_ram((pa_t){ 3 * GIB }, GIB));
	assert_true(frame_is_ram((pa_t){ 4 * GIB }, PAGE_SIZE));
	/* Starting up has not written all over the table. */
	touched = test_malloc(140 * (1ul << 20) / PAGE_SIZE);
	assert_int_equal(mincore(host_ram + 4 * GIB, 140 * (1ul << 20), touched), 0);
	for (u64 i = 0; i < 140 * (1ul << 20) / PAGE_SIZE; i++)
		resident += touched[i] & 1;
	assert_true(resident < 128 + 4096 + 64);
	test_free(touched);
	stop(end);
}

static void test_small(void **state)
{
	struct boot_info boot = { .ram_ranges = 2 };
	u64 end = 24u << 20;

	(void)state;
	boot.ram[0].start = 0x1000;
	boot.ram[0].bytes = 0x9e000;
	boot.ram[1].start = 0x9ff000;
	boot.ram[1].bytes = end - 0x9ff000;
	start(&boot, end);
	assert_true(frame_total() > (end - 0x9ff000 + 0x9e000) / PAGE_SIZE - 20);
	stop(end);
}

/* Ranges that share chunks of 2 MiB, and one within a chunk. */
static void test_ragged(void **state)
{
	struct boot_info boot = { .ram_ranges = 5 };
	u64 end = 64u << 20, total = 0;
	const u64 ranges[][2] = {
		{ 0x1000, 0x5000 },
		{ 0x7000, 0x1000 },
		{ 0x10800, 0x3c0000 },
		{ 0x3f0000, 0x1200000 },
		{ 0x1600000, 0xfff },
	};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		boot.ram[i].start = ranges[i][0];
		boot.ram[i].bytes = ranges[i][1];
	}
	start(&boot, end);
	while (frame_alloc_raw())
		total++;
	frame_check();
	assert_int_equal(total, frame_total());
	stop(end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_ragged),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

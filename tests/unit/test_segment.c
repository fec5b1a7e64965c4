/* Segments as maps show them: pagers, what is supplied, ends, blocks, devices, memory that is there at boot. */
#include "one_space.h"

#include <string.h>

static void test_segments(void **state)
{
	int number = segment_create(first, 8, 0);
	struct space *other = core_space(first, 0);

	(void)state;
	assert_int_equal(map(0x10000, 4, RW | MAP_SHARE, number, 0), 0);
	assert_int_equal(map(0x20000, 4, RW, number, 2), 0);
	assert_int_equal(map_add(first, other, 0x50000, 8 * PAGE_SIZE, RW | MAP_SHARE, (u32)number, 0), 0);
	core_store(s, 0x12000, 7);
	assert_int_equal(core_load(s, 0x20000), 7);
	assert_int_equal(core_load(other, 0x52000), 7);
	/* The private region got a copy of its own only now. */
	core_store(s, 0x20000, 8);
	assert_int_equal(core_load(s, 0x12000), 7);
	core_store(other, 0x52000, 9);
	assert_int_equal(core_load(s, 0x12000), 9);
	assert_int_equal(core_load(s, 0x20000), 8);
	/* It lives on while it is mapped. */
	assert_int_equal(segment_destroy(first, (u32)number), 0);
	assert_int_equal(segment_destroy(first, (u32)number), -E_NOENT);
	assert_int_equal(map(0x30000, 1, R, number, 0), -E_NOENT);
	assert_int_equal(core_load(s, 0x12000), 9);
	assert_int_equal(map_remove(s, 0x10000, 4 * PAGE_SIZE), 0);
	assert_int_equal(map_remove(s, 0x20000, 4 * PAGE_SIZE), 0);
	assert_non_null(segment_find((u32)number));
	assert_int_equal(map_remove(other, 0x50000, 8 * PAGE_SIZE), 0);
	assert_null(segment_find((u32)number));
}

static void test_pager(void **state)
{
	int number = segment_create(first, 600, SEGMENT_PAGED);
	struct fault fault;

	(void)state;
	assert_int_equal(map(0x10000, 8, RW, number, 2), 0);
	assert_int_equal(space_fault(s, 0x13000, FAULT_WRITE, &fault), FAULT_WRITE | FAULT_PAGER);
	assert_true(fault.segment == (u32)number && fault.page == 5 && fault.owner == s->number);
	assert_int_equal(space_fault(s, 0x13000, 0, &fault), FAULT_READ | FAULT_PAGER);
	/* The pager's buffer. */
	assert_int_equal(map_add(first, first, 0x40000, 4 * PAGE_SIZE, RW, 0, 0), 0);
	core_store(first, 0x40000, 50);
	core_store(first, 0x41000, 60);
	assert_int_equal(segment_supply(s, (u32)number, 5, 2, 0x40000), -E_PERM);
	assert_int_equal(segment_supply(first, 999, 5, 2, 0x40000), -E_NOENT);
	assert_int_equal(segment_supply(first, (u32)number, 599, 2, 0x40000), -E_INVAL);
	assert_int_equal(segment_supply(first, (u32)number, 0, SEGMENT_SUPPLY_MAX + 1, 0x40000), -E_INVAL);
	assert_int_equal(segment_supply(first, (u32)number, 0, 5, 0x40000), -E_FAULT);
	assert_int_equal(segment_find((u32)number)->present, 0);
	assert_int_equal(segment_supply(first, (u32)number, 5, 2, 0x40000), 0);
	assert_int_equal(core_load(s, 0x13000), 50);
	assert_int_equal(core_load(s, 0x14000), 60);
	core_store(s, 0x13000, 51);
	/* Pages that are there stay as they are. */
	core_store(first, 0x40000, 70);
	assert_int_equal(segment_supply(first, (u32)number, 5, 1, 0x40000), 0);
	assert_int_equal(core_load(s, 0x13000), 51);
	assert_int_equal(segment_evict(first, (u32)number, 0, 600), 0);
	assert_int_equal(core_load(s, 0x13000), 51);
	assert_int_equal(space_fault(s, 0x14000, 0, &fault), FAULT_READ | FAULT_PAGER);
}

/* Which pages have frames. */
static void test_present(void **state)
{
	int number = segment_create(first, 4096, 0);
	u64 physical, end = 0;

	(void)state;
	assert_int_equal(segment_next(first, (u32)number, 0, &end), -E_NOENT);
	assert_int_equal(segment_frames(first, (u32)number), 0);
	assert_int_equal(segment_supply(first, (u32)number, 5, 3, 0), 0);
	assert_int_equal(segment_supply(first, (u32)number, 4095, 1, 0), 0);
	assert_int_equal(segment_next(first, (u32)number, 0, &end), 5);
	assert_int_equal(end, 8);
	assert_int_equal(segment_next(first, (u32)number, 6, &end), 6);
	assert_int_equal(segment_next(first, (u32)number, 8, &end), 4095);
	assert_int_equal(end, 4096);
	assert_int_equal(segment_next(first, (u32)number, 4096, &end), -E_NOENT);
	assert_int_equal(segment_next(first, (u32)number, RADIX_NONE, &end), -E_NOENT);
	assert_int_equal(segment_frames(first, (u32)number), 4);
	assert_int_equal(segment_evict(first, (u32)number, 6, 1), 0);
	assert_int_equal(segment_next(first, (u32)number, 0, &end), 5);
	assert_int_equal(end, 6);
	assert_int_equal(segment_frames(first, (u32)number), 3);
	assert_int_equal(segment_supply(first, (u32)number, 1024, SEGMENT_SUPPLY_MAX, 0), 0);
	assert_int_equal(segment_supply(first, (u32)number, 1024 + SEGMENT_SUPPLY_MAX, 1, 0), 0);
	assert_int_equal(segment_next(first, (u32)number, 1024, &end), 1024);
	assert_int_equal(end, 1024 + PRESENT_RUN);
	assert_int_equal(segment_next(s, (u32)number, 0, &end), -E_PERM);
	assert_int_equal(segment_frames(s, (u32)number), -E_PERM);
	assert_int_equal(segment_frames(first, 999), -E_NOENT);
	assert_int_equal(segment_next(first, (u32)segment_contiguous(first, 2, &physical), 0, &end), -E_INVAL);
}

/* A segment supplied from a mapping of itself: reading makes the page first. */
static void test_supply_itself(void **state)
{
	int number = segment_create(first, 8, 0);

	(void)state;
	assert_int_equal(map_add(first, first, 0x40000, 8 * PAGE_SIZE, RW | MAP_SHARE, (u32)number, 0), 0);
	assert_int_equal(segment_supply(first, (u32)number, 2, 4, 0x42000), 0);
	assert_int_equal(segment_find((u32)number)->present, 4);
	core_store(first, 0x43000, 5);
	assert_int_equal(core_load(first, 0x43000), 5);
}

/* Behind the end of a segment others find nothing, the owner what it put there. */
static void test_end(void **state)
{
	const u32 kinds[] = { 0, SEGMENT_PAGED };
	struct fault fault;
	u64 physical;

	(void)state;
	assert_int_equal(map_add(first, first, 0x80000, 8 * PAGE_SIZE, RW, 0, 0), 0);
	for (u64 i = 0; i < 2; i++) {
		int number = segment_create(first, 8, kinds[i]);
		u64 shared = 0x10000 + i * 0x100000, private = 0x20000 + i * 0x100000, own = 0x40000 + i * 0x100000;

		assert_int_equal(segment_supply(first, (u32)number, 0, 8, 0x80000), 0);
		assert_int_equal(map(shared, 8, RW | MAP_SHARE, number, 0), 0);
		assert_int_equal(map(private, 8, RW, number, 0), 0);
		assert_int_equal(map_add(first, first, own, 8 * PAGE_SIZE, RW | MAP_SHARE, (u32)number, 0), 0);
		core_store(s, shared + 5 * PAGE_SIZE, 5);
		core_store(s, private + 6 * PAGE_SIZE, 6);
		assert_int_equal(segment_end(s, (u32)number, 3), -E_PERM);
		assert_int_equal(segment_end(first, (u32)number, 3), 0);
		assert_int_equal(core_load(s, shared + 2 * PAGE_SIZE), 0);
		assert_int_equal(space_fault(s, shared + 5 * PAGE_SIZE, 0, &fault), FAULT_READ | FAULT_PAGER);
		assert_true(fault.page == 5 && fault.segment == (u32)number);
		assert_int_equal(space_fault(s, private + 5 * PAGE_SIZE, FAULT_WRITE, NULL), FAULT_WRITE | FAULT_PAGER);
		/* A copy of its own is not the segment's any more. */
		assert_int_equal(core_load(s, private + 6 * PAGE_SIZE), 6);
		assert_int_equal(core_load(first, own + 5 * PAGE_SIZE), 5);
		assert_int_equal(segment_end(first, (u32)number, 6), 0);
		assert_int_equal(core_load(s, shared + 5 * PAGE_SIZE), 5);
	}
	assert_int_equal(segment_end(first, 999, 1), -E_NOENT);
	assert_int_equal(segment_end(first, (u32)segment_contiguous(first, 2, &physical), 1), -E_INVAL);
}

/* When the pager has ended its pages never come. */
static void test_dead_pager(void **state)
{
	struct space *pager = core_space(first, 0);
	int number = segment_create(pager, 8, SEGMENT_PAGED);

	(void)state;
	assert_int_equal(map(0x10000, 8, RW, number, 0), 0);
	space_end(pager, SPACE_FAULTED, 0);
	assert_int_equal(core_code(s, 0x13000, 0), FAULT_READ | FAULT_MAPPED);
	assert_int_equal(map_remove(s, 0x10000, 8 * PAGE_SIZE), 0);
	assert_null(segment_find((u32)number));
}

static void test_blocks(void **state)
{
	const u64 block = PT_ENTRIES * PAGE_SIZE;
	u64 physical, pa, tables = s->table_count;
	int number = segment_contiguous(first, 1024, &physical);
	bool uncached;

	(void)state;
	if (number == -E_NOMEM)
		number = segment_contiguous(first, 512, &physical);
	assert_true(number > 0);
	assert_int_equal(physical % block, 0);
	assert_int_equal(map(0x80200000, 512, RW | MAP_SHARE, number, 0), 0);
	core_store(s, 0x80200000 + 5 * PAGE_SIZE, 5);
	/* One block: no table of pages was needed below the directory. */
	assert_true(s->table_count <= tables + pt_levels - 1);
	assert_int_equal(core_oracle(s, 0x80200000 + 300 * PAGE_SIZE, &pa, &uncached), R | W);
	assert_int_equal(pa, physical + 300 * PAGE_SIZE);
	/* A piece of it is taken out; the rest comes back in pages. */
	assert_int_equal(map_remove(s, 0x80200000 + 7 * PAGE_SIZE, PAGE_SIZE), 0);
	assert_int_equal(core_code(s, 0x80200000 + 7 * PAGE_SIZE, 0), FAULT_READ);
	assert_int_equal(core_load(s, 0x80200000 + 5 * PAGE_SIZE), 5);
	space_check_all();
}

/* Contiguous memory where a block does not fit: at another alignment, and copied on write. */
static void test_no_blocks(void **state)
{
	struct space *child = core_space(first, 0);
	u64 physical, pa;
	int number = segment_contiguous(first, 600, &physical);
	bool uncached;

	(void)state;
	assert_true(number > 0);
	assert_int_equal(map(0x80200000, 512, RW | MAP_SHARE, number, 3), 0);
	core_store(s, 0x80200000, 7);
	assert_int_equal(core_oracle(s, 0x80200000, &pa, &uncached), R | W);
	assert_int_equal(pa, physical + 3 * PAGE_SIZE);
	assert_int_equal(map(0x80600000, 512, RW, number, 0), 0);
	assert_int_equal(core_load(s, 0x80600000 + 3 * PAGE_SIZE), 7);
	core_store(s, 0x80600000 + 3 * PAGE_SIZE, 8);
	assert_int_equal(map_fork(s, child), 0);
	assert_int_equal(core_load(child, 0x80600000), 0);
	assert_int_equal(core_load(child, 0x80600000 + 3 * PAGE_SIZE), 8);
	assert_int_equal(core_load(child, 0x80200000), 7);
}

static void test_device(void **state)
{
	int number = segment_device(first, HOST_DEVICE, 2 * PAGE_SIZE);
	u64 pa, word;
	bool uncached;
	pte_t entry;

	(void)state;
	assert_int_equal(segment_device(s, HOST_DEVICE, PAGE_SIZE), -E_PERM);
	assert_int_equal(segment_device(first, HOST_DEVICE + 4, PAGE_SIZE), -E_INVAL);
	assert_int_equal(segment_device(first, host_ram_base + PAGE_SIZE * 64, PAGE_SIZE), -E_PERM);
	assert_int_equal(segment_contiguous(s, 1, &pa), -E_PERM);
	assert_int_equal(map(0x10000, 1, RW | MAP_SHARE, number, 1), 0);
	assert_int_equal(space_fault(s, 0x10004, FAULT_WRITE, NULL), 0);
	assert_int_equal(core_oracle(s, 0x10004, &pa, &uncached), R | W);
	assert_true(pa == HOST_DEVICE + PAGE_SIZE + 4 && uncached);
	/* Where in the page the fault was says nothing about its entry. */
	assert_int_equal(map(0x20000, 1, R | MAP_SHARE, number, 0), 0);
	assert_int_equal(space_fault(s, 0x20000, 0, NULL), 0);
	entry = *pt_entry(s, 0x20000);
	for (u64 at = 0x20000; at < 0x21000; at++) {
		assert_int_equal(space_fault(s, at, 0, NULL), 0);
		assert_int_equal(*pt_entry(s, 0x20000), entry);
	}
	/* The kernel does not touch registers for anybody. */
	assert_int_equal(space_read(s, 0x10000, &word, 8), -E_FAULT);
	assert_null(space_touch(s, 0x10000, FAULT_WRITE));
}

static void test_memory_segment(void **state)
{
	void *block = frame_alloc_contiguous(2);
	int number = segment_memory(first, ptr_pa(block).v, 2 * PAGE_SIZE);

	(void)state;
	*(u64 *)block = 77;
	assert_int_equal(map(0x10000, 2, R, number, 0), 0);
	assert_int_equal(core_load(s, 0x10000), 77);
	assert_int_equal(map(0x20000, 2, RW, number, 0), 0);
	core_store(s, 0x20000, 78);
	assert_int_equal(core_load(s, 0x10000), 77);
	assert_int_equal(map_remove(s, 0x10000, 0x12000), 0);
	assert_int_equal(segment_destroy(first, (u32)number), 0);
	assert_int_equal(frame_refs(block), 1);
	frame_put(block);
	frame_put((char *)block + PAGE_SIZE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_segments),
		TEST(test_pager),
		TEST(test_present),
		TEST(test_supply_itself),
		TEST(test_end),
		TEST(test_dead_pager),
		TEST(test_blocks),
		TEST(test_no_blocks),
		TEST(test_device),
		TEST(test_memory_segment),
	};

	core_start(argc, argv, 32u << 20);
	/* Tables of numbers stay for good. */
	setup(NULL);
	segment_create(first, 1, 0);
	core_settle();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

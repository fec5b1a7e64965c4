/* Maps and faults: regions, copy-on-write, moving, forking, what programs read and write. */
#include "one_space.h"

#include <string.h>

enum { ALL = MAP_MOST_MASK };

static void test_bad_arguments(void **state)
{
	u64 half = window_bytes() / 2;
	int segment = segment_create(first, 4, 0), device = segment_device(first, HOST_DEVICE, PAGE_SIZE);

	(void)state;
	assert_int_equal(map(0x1001, 1, R, 0, 0), -E_INVAL);
	assert_int_equal(map(0x1000, 0, R, 0, 0), -E_INVAL);
	assert_int_equal(map_add(first, s, 0x1000, 100, R, 0, 0), -E_INVAL);
	assert_int_equal(map(half, 1, R, 0, 0), -E_INVAL);
	assert_int_equal(map(half - PAGE_SIZE, 2, R, 0, 0), -E_INVAL);
	assert_int_equal(map_add(first, s, 0x1000, ~0xffful, R, 0, 0), -E_INVAL);
	assert_int_equal(map(0x1000, 1, RIGHT_P, 0, 0), -E_INVAL);
	assert_int_equal(map(0x1000, 1, RW | MAP_SHARE, 0, 0), -E_INVAL);
	assert_int_equal(map(0x1000, 1, R, 12345, 0), -E_NOENT);
	assert_int_equal(map(0x1000, 2, R, segment, 3), -E_INVAL);
	assert_int_equal(map(0x1000, 1, R, segment, 1ul << 40), -E_INVAL);
	assert_int_equal(map(0x1000, 1, R, device, 0), -E_INVAL);
	assert_int_equal(map_add(s, s, 0x1000, PAGE_SIZE, R, (u32)segment, 0), -E_PERM);
	assert_int_equal(map_remove(s, 1, PAGE_SIZE), -E_INVAL);
	assert_int_equal(map_protect(s, 0x1000, PAGE_SIZE, 8), -E_INVAL);
	assert_int_equal(map_move(s, 0x1000, PAGE_SIZE, half), -E_INVAL);
	assert_int_equal(map_move(s, 0x1000, PAGE_SIZE, 0x8000), -E_NOENT);
	assert_int_equal(map_fork(s, s), -E_INVAL);
	assert_int_equal(s->map.region_count, 0);
}

static void test_regions(void **state)
{
	struct region_info info;

	(void)state;
	assert_int_equal(map_query(s, 0, &info), -E_NOENT);
	assert_int_equal(map(0x10000, 4, RW, 0, 0), 0);
	assert_int_equal(map(0x14000, 4, RW, 0, 0), 0);
	assert_int_equal(map(0xc000, 4, RW, 0, 0), 0);
	assert_int_equal(s->map.region_count, 1);
	assert_int_equal(map(0xb000, 2, RW, 0, 0), -E_EXIST);
	assert_int_equal(map_query(s, 0, &info), 0);
	assert_true(info.start == 0xc000 && info.end == 0x18000 && info.flags == (RW | ALL) && !info.segment &&
		!info.offset);
	assert_int_equal(map_protect(s, 0x12000, 2 * PAGE_SIZE, R), 0);
	assert_int_equal(s->map.region_count, 3);
	assert_int_equal(map_query(s, 0x12fff, &info), 0);
	assert_true(info.start == 0x12000 && info.end == 0x14000 && info.flags == (R | ALL));
	assert_int_equal(map_protect(s, 0x12000, 2 * PAGE_SIZE, RW), 0);
	assert_int_equal(s->map.region_count, 1);
	assert_int_equal(map_remove(s, 0x11000, PAGE_SIZE), 0);
	assert_int_equal(s->map.region_count, 2);
	assert_int_equal(map_protect(s, 0x10000, 3 * PAGE_SIZE, R), -E_NOMEM);
	assert_int_equal(map_query(s, 0x11000, &info), 0);
	assert_int_equal(info.start, 0x12000);
	/* In the middle of one, another kind takes its place. */
	assert_int_equal(map(0x13000, 2, R | MAP_REPLACE, 0, 0), 0);
	assert_int_equal(s->map.region_count, 4);
	assert_int_equal(map_remove(s, 0, window_bytes() / 2), 0);
	assert_int_equal(s->map.region_count, 0);
}

/* Tries to give a page every set of rights. -> the most that it may have. */
static u32 most_at(struct space *space, u64 address)
{
	struct region_info info;
	u32 most = 0;

	assert_int_equal(map_query(space, address, &info), 0);
	for (u32 rights = 0; rights < 8; rights++) {
		int error = map_protect(space, address, PAGE_SIZE, rights);

		assert_true(!error || error == -E_PERM);
		most |= error ? 0 : rights;
	}
	assert_int_equal(map_protect(space, address, PAGE_SIZE, info.flags & 7), 0);
	assert_int_equal(info.flags & MAP_MOST_MASK, MAP_MOST(most));
	return most;
}

/* Whatever is done with a region, it never gets a right that who mapped it did not have. */
static void test_most(void **state)
{
	int segment = segment_create(first, 8, 0);
	struct space *child = core_space(first, 0);
	u64 word = 1;

	(void)state;
	/* Shared, a region may have what it is mapped with, or what the mapper says; a copy may have everything. */
	assert_int_equal(map(0x10000, 4, R | MAP_SHARE, segment, 0), 0);
	assert_int_equal(map(0x20000, 4, R | MAP_SHARE | MAP_MOST(RW), segment, 0), 0);
	assert_int_equal(map(0x30000, 4, R, segment, 0), 0);
	assert_int_equal(map(0x40000, 4, RW, 0, 0), 0);
	assert_int_equal(map(0x50000, 4, R | MAP_MOST(R | X), 0, 0), 0);
	assert_int_equal(map(0x60000, 1, RW | MAP_MOST(R), 0, 0), -E_INVAL);
	assert_int_equal(map(0x60000, 1, RW | MAP_SHARE | MAP_MOST(R), segment, 0), -E_INVAL);
	assert_int_equal(most_at(s, 0x10000), R);
	assert_int_equal(most_at(s, 0x20000), RW);
	assert_int_equal(most_at(s, 0x30000), RW | X);
	assert_int_equal(most_at(s, 0x40000), RW | X);
	assert_int_equal(most_at(s, 0x50000), R | X);
	/* A part that may not have the rights: nothing changes. */
	assert_int_equal(map(0x14000, 4, RW | MAP_SHARE, segment, 4), 0);
	assert_int_equal(map_protect(s, 0x10000, 8 * PAGE_SIZE, RW), -E_PERM);
	assert_int_equal(core_access(s, 0x10000, FAULT_WRITE, &word), FAULT_WRITE | FAULT_MAPPED);
	/* Rights that are given up can be had again. */
	assert_int_equal(map_protect(s, 0x14000, 4 * PAGE_SIZE, 0), 0);
	assert_int_equal(most_at(s, 0x14000), RW);
	/* Pieces and what they grow to, a region that moves, copies of the map, and copies of those. */
	assert_int_equal(map_protect(s, 0x11000, PAGE_SIZE, 0), 0);
	for (u64 at = 0x10000; at < 0x14000; at += PAGE_SIZE)
		assert_int_equal(most_at(s, at), R);
	assert_int_equal(map_protect(s, 0x11000, PAGE_SIZE, R), 0);
	assert_int_equal(map_move(s, 0x11000, 2 * PAGE_SIZE, 0x70000), 0);
	assert_int_equal(most_at(s, 0x71000), R);
	assert_int_equal(map_fork(s, child), 0);
	assert_int_equal(most_at(child, 0x71000), R);
	assert_int_equal(most_at(child, 0x20000), RW);
	/* Mapped once more with the flags that map_query() tells. */
	assert_int_equal(map(0x70000, 1, R | MAP_SHARE | MAP_MOST(R) | MAP_REPLACE, segment, 1), 0);
	assert_int_equal(map_query(s, 0x70000, &(struct region_info){ 0 }), 0);
	assert_int_equal(most_at(s, 0x70000), R);
}

static void test_many_regions(void **state)
{
	(void)state;
	for (u64 i = 0; i < 3000; i++)
		assert_int_equal(map(0x100000 + i * 0x2000, 1, i % 2 ? R : RW, 0, 0), 0);
	assert_int_equal(s->map.region_count, 3000);
	map_check(&s->map);
	for (u64 i = 0; i < 3000; i++)
		assert_non_null(map_find(&s->map, 0x100000 + i * 0x2000));
	assert_null(map_find(&s->map, 0x101000));
	for (u64 i = 0; i < 3000; i += 2)
		assert_int_equal(map_remove(s, 0x100000 + i * 0x2000, PAGE_SIZE), 0);
	map_check(&s->map);
}

/* Pages of a region that have frames, as a string. */
static const char *present(u64 start, u64 pages)
{
	static char text[65];
	u64 at = start, end;

	memset(text, '.', sizeof(text));
	text[pages] = 0;
	for (i64 found; (found = map_present(s, at, false, &end)) >= 0; at = end) {
		assert_true((u64)found >= at && end > (u64)found);
		memset(text + (((u64)found - start) >> PAGE_SHIFT), 'x', (end - (u64)found) >> PAGE_SHIFT);
	}
	assert_int_equal(map_present(s, at, false, &end), -E_NOENT);
	return text;
}

static void test_present(void **state)
{
	int segment = segment_create(first, 8, 0), device = segment_device(first, HOST_DEVICE, PAGE_SIZE);
	u64 end;

	(void)state;
	assert_int_equal(map_present(s, 0x10000, false, &end), -E_NOENT);
	assert_int_equal(map(0x100000, 64, RW, 0, 0), 0);
	assert_string_equal(present(0x100000, 4), "....");
	for (u64 i = 0; i < 64; i += i == 4 ? 1 : 4)
		core_store(s, 0x100000 + i * PAGE_SIZE, 1);
	assert_string_equal(present(0x100000, 16), "x...xx...x...x..");
	assert_int_equal(map_present(s, 0x105001, false, &end), 0x105000);
	assert_int_equal(end, 0x106000);
	/* Of the segment's pages 2 to 7 here some have frames, of the segment's or private. */
	assert_int_equal(map(0x200000, 6, RW, segment, 2), 0);
	assert_int_equal(map(0x300000, 8, RW | MAP_SHARE, segment, 0), 0);
	core_store(s, 0x301000, 1);
	core_store(s, 0x304000, 1);
	core_store(s, 0x203000, 1);
	assert_string_equal(present(0x300000, 8), ".x..x...");
	assert_string_equal(present(0x200000, 6), "..xx..");
	/* Further down in the window than in the segment. */
	assert_int_equal(map(0x1000, 6, RW, segment, 2), 0);
	assert_string_equal(present(0x1000, 6), "..x...");
	assert_int_equal(map_add(first, first, 0x400000, PAGE_SIZE, R | MAP_SHARE, (u32)device, 0), 0);
	assert_int_equal(map_present(first, 0x400000, false, &end), 0x400000);
	/* A long run comes in pieces. */
	assert_int_equal(map(0x1000000, 2 * PRESENT_RUN, RW, 0, 0), 0);
	for (u64 i = 0; i < PRESENT_RUN + 1; i++)
		core_store(s, 0x1000000 + i * PAGE_SIZE, 1);
	assert_int_equal(map_present(s, 0x1000000, false, &end), 0x1000000);
	assert_int_equal(end, 0x1000000 + PRESENT_RUN * PAGE_SIZE);
	assert_int_equal(map_present(s, end, false, &end), 0x1000000 + PRESENT_RUN * PAGE_SIZE);
}

static void test_rights(void **state)
{
	u32 fault = FAULT_MAPPED;

	(void)state;
	assert_int_equal(map(0x1000, 1, 0, 0, 0), 0);
	assert_int_equal(map(0x2000, 1, R, 0, 0), 0);
	assert_int_equal(map(0x3000, 1, RW, 0, 0), 0);
	assert_int_equal(map(0x4000, 1, R | X, 0, 0), 0);
	assert_int_equal(map(0x5000, 1, W, 0, 0), 0);
	assert_int_equal(core_code(s, 0x1000, 0), FAULT_READ | fault);
	assert_int_equal(core_code(s, 0x2000, 0), 0);
	assert_int_equal(core_code(s, 0x2000, FAULT_WRITE), FAULT_WRITE | fault);
	assert_int_equal(core_code(s, 0x3000, FAULT_WRITE), 0);
	assert_int_equal(core_code(s, 0x3000, FAULT_EXEC), FAULT_EXEC | fault);
	assert_int_equal(core_code(s, 0x4000, FAULT_EXEC), 0);
	assert_int_equal(core_code(s, 0x5000, 0), 0);
	assert_int_equal(core_code(s, 0x6000, 0), FAULT_READ);
	assert_int_equal(core_code(s, user_end(), FAULT_WRITE), FAULT_WRITE);
	assert_int_equal(core_code(s, ~7ul, 0), FAULT_READ);
	/* The same through the own slot; not in another's. */
	assert_int_equal(core_code(s, globalize(s->number, 0x2000), 0), 0);
	assert_int_equal(core_code(s, globalize(s->number, 0x2000), FAULT_WRITE), FAULT_WRITE | fault);
	assert_int_equal(core_code(s, globalize(first->number, 0x2000), 0), FAULT_READ);
	/* Less and more. */
	assert_int_equal(map_protect(s, 0x3000, PAGE_SIZE, R), 0);
	assert_int_equal(core_code(s, 0x3000, FAULT_WRITE), FAULT_WRITE | fault);
	assert_int_equal(map_protect(s, 0x3000, PAGE_SIZE, RW), 0);
	assert_int_equal(core_code(s, 0x3000, FAULT_WRITE), 0);
}

static void test_fork(void **state)
{
	struct space *child = core_space(first, 0), *grandchild = core_space(first, 0);
	u64 before;

	(void)state;
	assert_int_equal(map(0x10000, 4, RW, 0, 0), 0);
	core_store(s, 0x10000, 1);
	core_store(s, 0x11000, 2);
	before = frame_free();
	assert_int_equal(map_fork(s, child), 0);
	/* Sharing is cheap: one node, one page of regions at most. */
	assert_true(before - frame_free() <= 2);
	assert_int_equal(core_load(child, 0x10000), 1);
	core_store(child, 0x10000, 10);
	assert_int_equal(core_load(s, 0x10000), 1);
	core_store(s, 0x11000, 20);
	assert_int_equal(core_load(child, 0x11000), 2);
	core_store(s, 0x12000, 30);
	assert_int_equal(core_load(child, 0x12000), 0);
	assert_int_equal(map_fork(child, grandchild), 0);
	assert_int_equal(map_fork(s, grandchild), -E_EXIST);
	assert_int_equal(core_load(grandchild, 0x10000), 10);
	space_end(child, SPACE_EXITED, 0);
	core_check_tlb();
	core_store(grandchild, 0x10000, 100);
	core_store(s, 0x10000, 3);
	assert_int_equal(core_load(grandchild, 0x10000), 100);
}

/* After the child is gone the parent writes its pages without copying them. */
static void test_fork_and_exit(void **state)
{
	struct space *child = core_space(first, 0);
	const void *frame;

	(void)state;
	assert_int_equal(map(0x10000, 1, RW, 0, 0), 0);
	core_store(s, 0x10000, 1);
	frame = radix_find(&s->map.private, 0x10);
	assert_int_equal(map_fork(s, child), 0);
	space_end(child, SPACE_EXITED, 0);
	core_store(s, 0x10000, 2);
	assert_ptr_equal(radix_find(&s->map.private, 0x10), frame);
}

static void test_move(void **state)
{
	(void)state;
	assert_int_equal(map(0x10000, 8, RW, 0, 0), 0);
	for (u64 i = 0; i < 8; i++)
		core_store(s, 0x10000 + i * PAGE_SIZE, i + 1);
	assert_int_equal(map_move(s, 0x12000, 4 * PAGE_SIZE, 0x15000), -E_EXIST);
	assert_int_equal(map_move(s, 0x12000, 4 * PAGE_SIZE, 0x7ff0000), 0);
	assert_int_equal(s->map.region_count, 3);
	assert_int_equal(core_code(s, 0x12000, 0), FAULT_READ);
	for (u64 i = 2; i < 6; i++)
		assert_int_equal(core_load(s, 0x7ff0000 + (i - 2) * PAGE_SIZE), i + 1);
	assert_int_equal(map_move(s, 0x7ff0000, 4 * PAGE_SIZE, 0x12000), 0);
	assert_int_equal(s->map.region_count, 1);
	for (u64 i = 0; i < 8; i++)
		assert_int_equal(core_load(s, 0x10000 + i * PAGE_SIZE), i + 1);
}

static void test_kernel_access(void **state)
{
	char text[3 * PAGE_SIZE], back[3 * PAGE_SIZE];
	u32 word;

	(void)state;
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7);
	assert_int_equal(map(0x10000, 4, RW, 0, 0), 0);
	assert_int_equal(map(0x14000, 1, R, 0, 0), 0);
	assert_int_equal(space_write(s, 0x10123, text, sizeof(text)), 0);
	assert_int_equal(space_read(s, globalize(s->number, 0x10123), back, sizeof(back)), 0);
	assert_memory_equal(text, back, sizeof(text));
	assert_int_equal(space_write(s, 0x13ff0, text, 32), -E_FAULT);
	assert_int_equal(space_read(s, 0x14ff0, back, 32), -E_FAULT);
	assert_int_equal(space_read(s, ~0ul - 8, back, 32), -E_FAULT);
	assert_int_equal(space_read(s, user_end() - 8, back, 32), -E_FAULT);
	assert_int_equal(space_write(s, ~0ul, back, 1), -E_FAULT);
	assert_int_equal(space_read_u32(s, 0x10124, &word), 0);
	assert_memory_equal(&word, text + 1, 4);
	assert_int_equal(space_read_u32(s, 0x10ffe, &word), 0);
	assert_memory_equal(&word, text + 0xffe - 0x123, 4);
	assert_int_equal(space_read_u32(s, 0x14ffe, &word), -E_FAULT);
	assert_int_equal(space_read_u32(s, 0x99999, &word), -E_FAULT);
	assert_int_equal(space_read_u32(s, 0x99998, &word), -E_FAULT);
}

static void test_stacklets(void **state)
{
	struct space *child = core_space(first, 0);
	u64 top, again, before;
	void *page, *page_again;

	(void)state;
	assert_int_equal(space_stacklet(s, 3, &top, &page), 0);
	assert_int_equal(top, STACKLET_BASE + 4 * STACKLET_SIZE);
	assert_int_equal(space_stacklet(s, 3, &again, &page_again), 0);
	assert_true(again == top && page == page_again);
	core_store(s, top - 8, 42);
	assert_int_equal(((u64 *)page)[511], 42);
	/* Pinned as a thread does it, it is still the thread's own. */
	frame_get(page);
	core_store(s, top - 16, 43);
	assert_int_equal(((u64 *)page)[510], 43);
	assert_int_equal(core_code(s, top - STACKLET_SIZE, FAULT_WRITE), FAULT_WRITE);
	assert_int_equal(core_code(s, top - STACKLET_SIZE + PAGE_SIZE, FAULT_WRITE), 0);
	/* Nobody else changes it, and a child does not get it. */
	assert_int_equal(map_remove(s, top - PAGE_SIZE, PAGE_SIZE), -E_BUSY);
	assert_int_equal(map_protect(s, top - PAGE_SIZE, PAGE_SIZE, R), -E_BUSY);
	assert_int_equal(map(top - PAGE_SIZE, 1, RW | MAP_REPLACE, 0, 0), -E_BUSY);
	assert_int_equal(map(top - PAGE_SIZE, 1, RW, 0, 0), -E_EXIST);
	assert_int_equal(map_move(s, top - PAGE_SIZE, PAGE_SIZE, 0x10000), -E_BUSY);
	assert_int_equal(map(0x10000, 1, RW, 0, 0), 0);
	core_store(s, 0x10000, 1);
	assert_int_equal(map_fork(s, child), 0);
	assert_int_equal(child->map.private_count, 1);
	assert_int_equal(child->map.region_count, 1);
	core_store(s, top - 8, 44);
	assert_int_equal(((u64 *)page)[511], 44);
	before = frame_free();
	space_stacklet_drop(s, 3);
	frame_put(page);
	assert_true(frame_free() >= before + 2);
	space_stacklet_drop(s, 3);
	assert_int_equal(core_code(s, top - 8, 0), FAULT_READ);
	/* Nothing else is ever in the way of one. */
	assert_int_equal(map(STACKLET_BASE + 2 * PAGE_SIZE, 1, RW, 0, 0), -E_BUSY);
	assert_int_equal(map(STACKLET_END - PAGE_SIZE, 2, RW, 0, 0), -E_BUSY);
	assert_int_equal(map(STACKLET_END, 1, RW, 0, 0), 0);
	assert_int_equal(map_move(s, STACKLET_END, PAGE_SIZE, STACKLET_BASE), -E_BUSY);
}

/* Pages that are there become visible together with the one wanted. */
static void test_around(void **state)
{
	struct space *child = core_space(first, 0);
	u64 pa;
	bool uncached;

	(void)state;
	assert_int_equal(map(0x100000, 32, RW, 0, 0), 0);
	for (u64 i = 0; i < 32; i += 2)
		core_store(s, 0x100000 + i * PAGE_SIZE, i);
	assert_int_equal(map_fork(s, child), 0);
	assert_int_equal(space_fault(child, 0x104000, 0, NULL), 0);
	assert_int_equal(core_oracle(child, 0x100000, &pa, &uncached), R);
	assert_int_equal(core_oracle(child, 0x10e000, &pa, &uncached), R);
	assert_int_equal(core_oracle(child, 0x101000, &pa, &uncached), 0);
	assert_int_equal(core_oracle(child, 0x110000, &pa, &uncached), 0);
}

/* What is executed is what was written: supplied, copied, written by the pager later, in a frame that was another's.
 * core_access() looks at the fake instruction cache when an entry becomes executable. */
static void test_code(void **state)
{
	struct space *other = core_space(first, 0);
	int number = segment_create(first, 32, SEGMENT_PAGED);
	u64 told;

	(void)state;
	assert_int_equal(map_add(first, first, 0x40000, 4 * PAGE_SIZE, RW, 0, 0), 0);
	assert_int_equal(map_add(first, first, 0x80000, 32 * PAGE_SIZE, RW | MAP_SHARE, (u32)number, 0), 0);
	core_store(first, 0x40000, 50);
	core_store(first, 0x41000, 60);
	assert_int_equal(segment_supply(first, (u32)number, 5, 2, 0x40000), 0);
	assert_int_equal(core_load(first, 0x85000), 50);
	/* Its neighbour becomes executable at the same time. */
	told = host_codes_changed;
	assert_int_equal(map(0x10000, 32, R | X, number, 0), 0);
	assert_int_equal(core_code(s, 0x15000, FAULT_EXEC), 0);
	assert_int_equal(core_code(s, 0x16000, FAULT_EXEC), 0);
	assert_int_equal(host_codes_changed, told + 2);
	/* Nobody can have written to it: another space may have it as it is. */
	assert_int_equal(map_add(first, other, 0x10000, 32 * PAGE_SIZE, R | X, (u32)number, 0), 0);
	assert_int_equal(core_code(other, 0x15000, FAULT_EXEC), 0);
	assert_int_equal(host_codes_changed, told + 2);
	/* The pager may write to it from now on. */
	core_store(first, 0x85000, 51);
	assert_int_equal(map_remove(other, 0x10000, 32 * PAGE_SIZE), 0);
	assert_int_equal(map_add(first, other, 0x10000, 32 * PAGE_SIZE, R | X, (u32)number, 0), 0);
	assert_int_equal(core_code(other, 0x15000, FAULT_EXEC), 0);
	assert_int_equal(host_codes_changed, told + 3);
	/* A copy. */
	assert_int_equal(map_protect(s, 0x15000, PAGE_SIZE, RW), 0);
	core_store(s, 0x15000, 52);
	assert_int_equal(map_protect(s, 0x15000, PAGE_SIZE, R | X), 0);
	assert_int_equal(core_code(s, 0x15000, FAULT_EXEC), 0);
	assert_int_equal(host_codes_changed, told + 4);
	/* Used frames. */
	for (u64 i = 0; i < 40; i++) {
		assert_int_equal(map(0x60000, 1, RW, 0, 0), 0);
		core_store(s, 0x60000, i + 1);
		assert_int_equal(map_protect(s, 0x60000, PAGE_SIZE, R | X), 0);
		assert_int_equal(core_code(s, 0x60000, FAULT_EXEC), 0);
		assert_int_equal(map_remove(s, 0x60000, PAGE_SIZE), 0);
	}
	assert_int_equal(host_codes_changed, told + 44);
	/* Pages that can be written and executed, new and copied after a fork. */
	assert_int_equal(map(0x70000, 1, RW | X, 0, 0), 0);
	assert_int_equal(core_code(s, 0x70000, FAULT_EXEC), 0);
	core_store(s, 0x70000, 53);
	other = core_space(first, 0);
	assert_int_equal(map_fork(s, other), 0);
	assert_int_equal(core_code(other, 0x70000, FAULT_EXEC), 0);
	core_store(other, 0x70000, 53);
	assert_int_equal(core_code(other, 0x70000, FAULT_EXEC), 0);
	assert_true(host_code_is_current(radix_find(&other->map.private, 0x70)));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bad_arguments),
		TEST(test_regions),
		TEST(test_most),
		TEST(test_many_regions),
		TEST(test_present),
		TEST(test_rights),
		TEST(test_fork),
		TEST(test_fork_and_exit),
		TEST(test_move),
		TEST(test_kernel_access),
		TEST(test_stacklets),
		TEST(test_around),
		TEST(test_code),
	};

	core_start(argc, argv, 32u << 20);
	/* Tables of numbers stay for good. */
	setup(NULL);
	segment_create(first, 1, 0);
	core_settle();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

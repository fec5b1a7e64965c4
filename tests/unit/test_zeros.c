/* The zero frame: reading memory that nobody has written to takes no frames. */
#include "one_space.h"

#include "layout.h"

/* Does the software MMU find the frame of zeros there, with those rights and no others? */
static bool shows_zeros(const struct space *space, u64 va, u32 rights)
{
	bool uncached;
	u64 pa;

	return core_oracle(space, va, &pa, &uncached) == rights && page_down(pa) == ptr_pa(frame_zeros).v;
}

/* Reading memory that nobody has written to takes no frame but those of page tables. */
static void test_zeros(void **state)
{
	struct space *child = core_space(first, 0), *peer = core_space(first, 0);
	u64 end, before;

	(void)state;
	assert_int_equal(map(0x100000, 64, RW, 0, 0), 0);
	assert_int_equal(core_load(s, 0x100000), 0);
	before = frame_free();
	for (u64 i = 0; i < 64; i++)
		assert_int_equal(core_load(s, 0x100000 + i * PAGE_SIZE), 0);
	assert_int_equal(frame_free(), before);
	assert_int_equal(s->map.private_count, 0);
	assert_true(shows_zeros(s, 0x103000, R));
	/* They have no frames, but they are there. */
	assert_int_equal(map_present(s, 0x100000, false, &end), -E_NOENT);
	assert_int_equal(map(0x200000, 2 * PRESENT_LOOK, RW, 0, 0), 0);
	assert_int_equal(map_present(s, 0x200000, true, &end), 0x200000 + PRESENT_LOOK * PAGE_SIZE);
	assert_int_equal(end, 0x200000 + PRESENT_LOOK * PAGE_SIZE);
	assert_int_equal(core_load(s, 0x203000), 0);
	core_store(s, 0x204000, 1);
	assert_int_equal(map_present(s, 0x200000, true, &end), 0x203000);
	assert_int_equal(end, 0x205000);
	assert_int_equal(map_present(s, 0x200000 + PRESENT_LOOK * PAGE_SIZE, true, &end), -E_NOENT);
	/* The first write takes a frame, of who writes alone. */
	assert_int_equal(map_fork(s, child), 0);
	assert_int_equal(core_load(child, 0x105000), 0);
	core_store(s, 0x105000, 5);
	assert_int_equal(core_load(child, 0x105000), 0);
	core_store(child, 0x106000, 6);
	assert_int_equal(core_load(s, 0x106000), 0);
	assert_int_equal(core_load(s, 0x105000), 5);
	/* Through a grant, too, and what was shown to read is not what was written to. */
	assert_true(grant_make(s, 0x100000, 64 * PAGE_SIZE, peer->number, RW) > 0);
	assert_int_equal(core_load(peer, globalize(s->number, 0x108008)), 0);
	core_store(peer, globalize(s->number, 0x108008), 8);
	assert_int_equal(core_load(s, 0x108008), 8);
	assert_false(shows_zeros(s, 0x108000, RW));
	/* Rights come and go. */
	assert_int_equal(map_protect(s, 0x103000, PAGE_SIZE, R), 0);
	assert_int_equal(core_load(s, 0x103000), 0);
	assert_int_equal(map_protect(s, 0x103000, PAGE_SIZE, RW), 0);
	core_store(s, 0x103000, 3);
	assert_int_equal(map_protect(s, 0x104000, PAGE_SIZE, R | X), 0);
	assert_int_equal(core_load(s, 0x104000), 0);
	assert_true(shows_zeros(s, 0x104000, R | X));
	for (u64 i = 0; i < PAGE_SIZE; i += sizeof(u64))
		assert_int_equal(*(u64 *)((char *)frame_zeros + i), 0);
}

/* So is it with segments without a pager, and with pages that a pager says are zeros. */
static void test_zeros_of_segments(void **state)
{
	u32 number = (u32)segment_create(first, 64, 0), paged = (u32)segment_create(first, 64, SEGMENT_PAGED);
	struct space *other = core_space(first, 0);
	u64 before;
	int clone;

	(void)state;
	assert_int_equal(map(0x100000, 64, RW | MAP_SHARE, (int)number, 0), 0);
	assert_int_equal(map(0x200000, 64, RW, (int)number, 0), 0);
	assert_int_equal(map_add(first, other, 0x300000, 64 * PAGE_SIZE, R | MAP_SHARE, number, 0), 0);
	assert_int_equal(core_load(s, 0x100000) | core_load(s, 0x200000) | core_load(other, 0x300000), 0);
	before = frame_free();
	for (u64 i = 0; i < 64 * PAGE_SIZE; i += PAGE_SIZE)
		assert_int_equal(
			core_load(s, 0x100000 + i) | core_load(s, 0x200000 + i) | core_load(other, 0x300000 + i), 0);
	assert_int_equal(frame_free(), before);
	assert_int_equal(segment_find(number)->present, 0);
	/* Whoever has seen zeros sees what another writes. */
	core_store(s, 0x101000, 1);
	assert_int_equal(core_load(other, 0x301000), 1);
	assert_int_equal(core_load(s, 0x201000), 1);
	/* A copy is the writer's alone, and the segment has no part in it. */
	core_store(s, 0x202000, 2);
	assert_int_equal(core_load(s, 0x102000) | core_load(other, 0x302000), 0);
	assert_int_equal(segment_find(number)->present, 1);
	/* What is supplied, or evicted again, is seen. */
	assert_int_equal(map_add(first, first, 0x40000, PAGE_SIZE, RW, 0, 0), 0);
	core_store(first, 0x40000, 4);
	assert_int_equal(segment_supply(first, number, 4, 1, 0x40000), 0);
	assert_int_equal(core_load(s, 0x104000) & core_load(other, 0x304000), 4);
	assert_int_equal(segment_evict(first, number, 4, 1), 0);
	assert_int_equal(core_load(s, 0x104000) | core_load(other, 0x304000), 0);
	clone = segment_clone(first, number);
	assert_int_equal(map_add(first, other, 0x400000, 64 * PAGE_SIZE, RW | MAP_SHARE, (u32)clone, 0), 0);
	assert_int_equal(core_load(other, 0x405000), 0);
	core_store(other, 0x405000, 5);
	assert_int_equal(core_load(s, 0x105000), 0);

	assert_int_equal(map_add(first, other, 0x500000, 64 * PAGE_SIZE, RW | MAP_SHARE, paged, 0), 0);
	assert_int_equal(space_fault(other, 0x500000, 0, NULL), FAULT_READ | FAULT_PAGER);
	before = frame_free();
	assert_int_equal(segment_supply(first, paged, 0, 32, 0), 0);
	assert_true(frame_free() + 4 >= before);
	assert_int_equal(core_load(other, 0x507000), 0);
	assert_true(shows_zeros(other, 0x507000, R));
	core_store(other, 0x507000, 7);
	assert_int_equal(core_load(other, 0x507000), 7);
	assert_int_equal(core_load(other, 0x508000), 0);
	assert_int_equal(segment_evict(first, paged, 0, 64), 0);
	assert_int_equal(frame_refs(frame_zeros), 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_zeros),
		TEST(test_zeros_of_segments),
	};

	core_start(argc, argv, 32u << 20);
	/* Tables of numbers stay for good. */
	setup(NULL);
	segment_create(first, 1, 0);
	grant_make(first, 0, PAGE_SIZE, s->number, R);
	core_settle();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Page-table entries: literal values copied by hand from the manuals, and every meaning read back by the oracle. */
#include "core.h"

#include "pte.h"

static u64 memory[16][512]; /* tables at physical 0x1000 * (1 + index) */

static uint64_t read_memory(uint64_t physical)
{
	return memory[physical / PAGE_SIZE - 1][physical % PAGE_SIZE / 8];
}

static bool is_arm64(void)
{
	return pte_number_shift(4) == 34;
}

/* A page at 0x12345000. The values are spelt out from the tables of both manuals. */
static void test_literal(void **state)
{
	const pa_t pa = { 0x12345000 }, block = { 0x12200000 };

	(void)state;
	if (is_arm64()) {
		/* Arm ARM D8.3.2: valid, page, attribute 0, AP[1], inner shareable, AF, nG, PXN. */
		assert_int_equal(pte_make_page(pa, 0, RIGHT_R | RIGHT_W | RIGHT_X, false), 0x0020000012345f43);
		assert_int_equal(pte_make_page(pa, 0, RIGHT_R, false), 0x0060000012345fc3);
		assert_int_equal(pte_make_page(block, 1, RIGHT_R | RIGHT_W, false), 0x0060000012200f41);
		assert_int_equal(pte_make_page(pa, 0, RIGHT_R | RIGHT_W, true), 0x0060000012345c47);
		return;
	}
	/* Intel SDM 4.5.4: P, R/W, U/S, A, D, XD. */
	assert_int_equal(pte_make_page(pa, 0, RIGHT_R | RIGHT_W | RIGHT_X, false), 0x12345067);
	assert_int_equal(pte_make_page(pa, 0, RIGHT_R, false), 0x8000000012345065);
	assert_int_equal(pte_make_page(block, 1, RIGHT_R | RIGHT_W, false), 0x80000000122000e7);
	assert_int_equal(pte_make_page(pa, 0, RIGHT_R | RIGHT_W, true), 0x800000001234507f);
	assert_int_equal(pte_make_table(pa, RIGHT_R | RIGHT_W | RIGHT_X, false), 0x12345027);
}

static void test_read_back(void **state)
{
	(void)state;
	for (u32 rights = 1; rights < 8; rights++)
		for (unsigned level = 0; level < 2; level++)
			for (unsigned device = 0; device < 2; device++) {
				pte_t page = pte_make_page((pa_t){ 0x40000000 }, level, rights, device);
				pte_t table = pte_make_table((pa_t){ 0x5000 }, rights, device);

				assert_true(pte_is_present(page) && pte_is_present(table));
				assert_false(pte_is_table(page, level));
				assert_true(pte_is_table(table, level + 1));
				assert_int_equal(pte_rights(page), rights | RIGHT_R);
				assert_int_equal(pte_rights(table), rights | RIGHT_R);
				assert_int_equal(pte_rights(pte_without_write(page)),
					(rights | RIGHT_R) & ~(u32)RIGHT_W);
				assert_int_equal(pte_pa(page).v, 0x40000000);
				assert_int_equal(pte_pa(table).v, 0x5000);
				assert_int_equal(pte_is_device(page), device);
				assert_int_equal(pte_is_link(table), device);
			}
	assert_false(pte_is_present(0));
	assert_false(pte_is_table(0, 1));
	assert_int_equal(pte_rights(0), 0);
}

/* Every pair of rights, of a table high up and of the page or block below it. */
static void narrowing(unsigned levels, unsigned block_level)
{
	const u64 va = 0x123456789 & ~7ul;
	const u64 target = 0x4000000000;

	for (u32 upper = 1; upper < 8; upper++)
		for (u32 lower = 1; lower < 8; lower++) {
			unsigned table = 0;
			struct mmu_result result;

			for (unsigned level = levels - 1;; level--) {
				u64 *entry = &memory[table][va >> (12 + 9 * level) & 511];

				if (level == block_level) {
					*entry = pte_make_page((pa_t){ target }, level, lower, false);
					break;
				}
				*entry = pte_make_table((pa_t){ (table + 2) * PAGE_SIZE },
					level == levels - 2 ? upper : 7, true);
				table++;
			}
			result = mmu_walk(read_memory, PAGE_SIZE, levels, va);
			assert_false(result.malformed);
			assert_true(result.read);
			assert_int_equal(result.write, !!(upper & lower & RIGHT_W));
			assert_int_equal(result.execute, !!(upper & lower & RIGHT_X));
			assert_int_equal(result.address, target | (va & ((1ul << (12 + 9 * block_level)) - 1)));
		}
}

static void test_narrowing(void **state)
{
	(void)state;
	narrowing(paging_levels, 0);
	narrowing(paging_levels, 1);
}

static void test_split(void **state)
{
	(void)state;
	/* The table of the design: spaces x window. */
	if (is_arm64()) {
		assert_int_equal(1ul << number_bits, 16384);
		assert_int_equal(window_bytes(), 16ul << 30);
	} else if (pt_levels == 5) {
		assert_int_equal(1ul << number_bits, 65536);
		assert_int_equal(window_bytes(), 1ul << 40);
	} else {
		assert_int_equal(1ul << number_bits, 16384);
		assert_int_equal(window_bytes(), 8ul << 30);
	}
	assert_int_equal(address_number(globalize(7, 0x1234)), 7);
	assert_int_equal(address_offset(globalize(7, 0x1234)), 0x1234);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_literal),
		cmocka_unit_test(test_read_back),
		cmocka_unit_test(test_narrowing),
		cmocka_unit_test(test_split),
	};

	core_start(argc, argv, 16u << 20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

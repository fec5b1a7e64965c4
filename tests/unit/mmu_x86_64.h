/* A software memory-management unit for x86-64, 4-level and 5-level paging, from the Intel SDM, volume 3, chapter 4:
 * the oracle that judges page tables. It shares no code with the kernel and knows bits by their numbers in the manual.
 *
 * Fixed by the tests: CR0.WP = 1, EFER.NXE = 1, MAXPHYADDR = 52, no protection keys, CPL = 3. */
#ifndef MMU_H
#define MMU_H

#include <stdbool.h>
#include <stdint.h>

struct mmu_result {
	bool malformed; /* a reserved bit is set: the processor would raise a page fault with RSVD */
	bool read, write, execute;
	bool uncached;
	uint64_t address; /* physical, of the byte */
};

/* Reads 8 bytes of physical memory. */
typedef uint64_t (*mmu_read)(uint64_t physical);

static inline uint64_t mmu_bits(uint64_t value, unsigned high, unsigned low)
{
	return (value >> low) & ((1ull << (high - low + 1)) - 1);
}

/* Table 4-14 and following: which bits must be 0. */
static inline bool mmu_is_malformed(uint64_t entry, unsigned level, bool maps)
{
	if (level >= 4 && (entry >> 7 & 1)) /* PML4E, PML5E: bit 7 is reserved */
		return true;
	if (maps && level == 3) /* 1 GiB page: bits 29:13 */
		return mmu_bits(entry, 29, 13);
	if (maps && level == 2) /* 2 MiB page: bits 20:13 */
		return mmu_bits(entry, 20, 13);
	return false;
}

static inline struct mmu_result mmu_walk(mmu_read read, uint64_t root, unsigned levels, uint64_t va)
{
	struct mmu_result result = { .read = true, .write = true, .execute = true };
	const struct mmu_result nothing = { 0 };
	unsigned top = levels == 5 ? 56 : 47;
	uint64_t table = root;

	/* Canonical: all bits above the top one equal it. */
	if (va >> top != 0 && va >> top != (1ull << (64 - top)) - 1)
		return nothing;
	for (unsigned level = levels; level >= 1; level--) {
		uint64_t index = mmu_bits(va, 12 + 9 * level - 1, 12 + 9 * (level - 1));
		uint64_t entry = read(table + 8 * index);
		bool maps = level == 1 || (level <= 3 && (entry >> 7 & 1));

		if (!(entry & 1))
			return nothing;
		if (mmu_is_malformed(entry, level, maps)) {
			result.malformed = true;
			return result;
		}
		if (!(entry >> 2 & 1))
			result.read = result.write = result.execute = false;
		if (!(entry >> 1 & 1))
			result.write = false;
		if (entry >> 63)
			result.execute = false;
		table = mmu_bits(entry, 51, 12) << 12;
		if (maps) {
			unsigned low = 12 + 9 * (level - 1);

			result.address = (table >> low << low) | mmu_bits(va, low - 1, 0);
			result.uncached =
				(entry >> 4 & 1) && (entry >> 3 & 1); /* PCD and PWT: UC in the PAT's reset value */
			return result;
		}
	}
	return nothing;
}

/* Asks for a native call in a user frame; its result. */
#define frame_result(frame) ((int64_t)(frame)->rax)
#define frame_set_call(frame, call, portal) ((frame)->rax = (call), (frame)->rbx = (portal))

#endif

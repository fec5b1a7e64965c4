/* A software memory-management unit for arm64, stage 1 of EL1&0, 4 KiB granule, 48 bits, TTBR0, from the Arm
 * Architecture Reference Manual, chapter D8: the oracle that judges page tables. It shares no code with the kernel and
 * knows bits by their numbers in the manual.
 *
 * Fixed by the tests: TCR.HPD0 = 0, SCTLR.WXN = 0, MAIR attribute 0 = normal memory, 1 = device. */
#ifndef MMU_H
#define MMU_H

#include <stdbool.h>
#include <stdint.h>

struct mmu_result {
	bool malformed; /* an invalid encoding, or an attribute that cannot work */
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

/* Lookup levels are 0 to 3 here, as in the manual. */
static inline struct mmu_result mmu_walk(mmu_read read, uint64_t root, unsigned levels, uint64_t va)
{
	struct mmu_result result = { .read = true, .write = true, .execute = true };
	const struct mmu_result nothing = { 0 };
	bool el0 = true;
	uint64_t table = root;

	if (levels != 4 || va >> 48)
		return nothing;
	for (unsigned level = 0; level <= 3; level++) {
		unsigned low = 39 - 9 * level;
		uint64_t entry = read(table + 8 * mmu_bits(va, low + 8, low));
		bool descriptor_table = level < 3 && (entry & 3) == 3;

		if (!(entry & 1))
			return nothing;
		if (descriptor_table) {
			if (entry >> 62 & 1) /* APTable[1]: no writes below */
				result.write = false;
			if (entry >> 61 & 1) /* APTable[0]: nothing for EL0 below */
				el0 = false;
			if (entry >> 60 & 1) /* UXNTable */
				result.execute = false;
			table = mmu_bits(entry, 47, 12) << 12;
			continue;
		}
		/* A block at levels 1 and 2 (01), a page at level 3 (11); 01 at level 3 is reserved. */
		if ((level == 3) != ((entry & 3) == 3) || level == 0) {
			result.malformed = true;
			return result;
		}
		if (mmu_bits(entry, 47, low) << low !=
			mmu_bits(entry, 47, 12) << 12) /* RES0 bits of a block's address */
			result.malformed = true;
		if (!(entry >> 10 & 1)) /* the access flag is not managed by hardware here: an access faults */
			return nothing;
		if (!(entry >> 6 & 1)) /* AP[1] */
			el0 = false;
		if (entry >> 7 & 1) /* AP[2] */
			result.write = false;
		if (entry >> 54 & 1) /* UXN */
			result.execute = false;
		result.uncached = mmu_bits(entry, 4, 2) == 1;
		if (mmu_bits(entry, 4, 2) > 1 || (!result.uncached && mmu_bits(entry, 9, 8) != 3))
			result.malformed = true; /* no such attribute; normal memory must be inner shareable */
		if (!(entry >> 11 & 1) || !(entry >> 53 & 1))
			result.malformed = true; /* user pages are non-global, and never executable by the kernel */
		result.address = (mmu_bits(entry, 47, low) << low) | mmu_bits(va, low - 1, 0);
		if (!el0)
			result.read = result.write = result.execute = false;
		return result;
	}
	return nothing;
}

/* Asks for a native call in a user frame; its result. */
#define frame_result(frame) ((int64_t)(frame)->x[0])
#define frame_set_call(frame, call, portal) ((frame)->x[8] = (call), (frame)->x[9] = (portal))

#endif

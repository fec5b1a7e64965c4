/* Page-table entries of arm64, 4 KiB granule, 48-bit addresses: bits <-> meaning. Pure: no state, no instructions; also
 * compiled on other hosts for tests. (Arm ARM, section D8.3.) Level 0 here is the pages' level, 3 in Arm's counting.
 *
 * An entry that is a table limits the rights of all entries below it; the same functions write and read that limit. */
#ifndef PTE_H
#define PTE_H

#include "types.h"

typedef u64 pte_t;

#define PTE_VALID (1ul << 0)
#define PTE_TABLE (1ul << 1)            /* and of pages; blocks lack it */
#define PTE_ATTRIBUTE_DEVICE (1ul << 2) /* index 1 in MAIR: Device-nGnRE; index 0 is normal write-back memory */
#define PTE_USER (1ul << 6)
#define PTE_READ_ONLY (1ul << 7)
#define PTE_INNER_SHAREABLE (3ul << 8)
#define PTE_ACCESSED (1ul << 10)
#define PTE_NOT_GLOBAL (1ul << 11)
#define PTE_GUARDED (1ul << 50) /* of the kernel's text only */
#define PTE_NO_PRIVILEGED_EXECUTE (1ul << 53)
#define PTE_NO_EXECUTE (1ul << 54)
#define PTE_LINK (1ul << 55) /* ignored by the processor: the table belongs to another map */
#define PTE_TABLE_NO_PRIVILEGED_EXECUTE (1ul << 59)
#define PTE_TABLE_NO_EXECUTE (1ul << 60)
#define PTE_TABLE_READ_ONLY (1ul << 62)
#define PTE_ADDRESS 0x0000fffffffff000ul

/* Number of bits of user addresses, and which of them are the offset in a window; the levels are always 4. */
static inline unsigned pte_user_bits(unsigned levels)
{
	(void)levels;
	return 48;
}

static inline unsigned pte_number_shift(unsigned levels)
{
	(void)levels;
	return 34;
}

/* The lowest bits of the number in an address, from bit 4 on; other bits with them. */
static inline u64 pte_number_bits(u64 address)
{
	return address >> 30;
}

static inline bool pte_is_present(pte_t pte)
{
	return pte & PTE_VALID;
}

static inline bool pte_is_table(pte_t pte, unsigned level)
{
	return (pte & PTE_VALID) && level > 0 && (pte & PTE_TABLE);
}

/* Does a table belong to another map? */
static inline bool pte_is_link(pte_t pte)
{
	return pte & PTE_LINK;
}

static inline pa_t pte_pa(pte_t pte)
{
	return (pa_t){ pte & PTE_ADDRESS };
}

/* A page (level 0) or block that user code sees with rights (RIGHT_*; not 0). */
static inline pte_t pte_make_page(pa_t pa, unsigned level, u32 rights, bool device)
{
	return pa.v | PTE_VALID | PTE_USER | PTE_ACCESSED | PTE_NOT_GLOBAL | PTE_NO_PRIVILEGED_EXECUTE |
		(level > 0 ? 0 : PTE_TABLE) | (rights & RIGHT_W ? 0 : PTE_READ_ONLY) |
		(rights & RIGHT_X ? 0 : PTE_NO_EXECUTE) | (device ? PTE_ATTRIBUTE_DEVICE : PTE_INNER_SHAREABLE);
}

/* A table of the next lower level, whose pages user code sees with at most these rights. The bits of pages that a table
 * descriptor ignores (user, read-only, no-execute) are set alike, so that one function reads the rights of both. */
static inline pte_t pte_make_table(pa_t pa, u32 rights, bool link)
{
	return pa.v | PTE_VALID | PTE_TABLE | PTE_USER | PTE_TABLE_NO_PRIVILEGED_EXECUTE |
		(rights & RIGHT_W ? 0 : PTE_TABLE_READ_ONLY | PTE_READ_ONLY) |
		(rights & RIGHT_X ? 0 : PTE_TABLE_NO_EXECUTE | PTE_NO_EXECUTE) | (link ? PTE_LINK : 0);
}

/* RIGHT_R, W and X of user code in an entry. */
static inline u32 pte_rights(pte_t pte)
{
	if (!(pte & PTE_VALID) || !(pte & PTE_USER))
		return 0;
	return RIGHT_R | (pte & PTE_READ_ONLY ? 0 : RIGHT_W) | (pte & PTE_NO_EXECUTE ? 0 : RIGHT_X);
}

/* Of a page or block. */
static inline pte_t pte_without_write(pte_t pte)
{
	return pte | PTE_READ_ONLY;
}

static inline bool pte_is_device(pte_t pte)
{
	return pte & PTE_ATTRIBUTE_DEVICE;
}

#endif

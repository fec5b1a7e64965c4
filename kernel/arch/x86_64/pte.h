/* Page-table entries of x86-64: bits <-> meaning. Pure: no state, no instructions; also compiled on other hosts for
 * tests. (Intel SDM volume 3, section 4.5.) Level 0 entries are pages, level 1 may be blocks of 2 MiB.
 *
 * An entry that is a table limits the rights of all entries below it; the same functions write and read that limit. */
#ifndef PTE_H
#define PTE_H

#include "types.h"

typedef u64 pte_t;

#define PTE_PRESENT (1ul << 0)
#define PTE_WRITE (1ul << 1)
#define PTE_USER (1ul << 2)
#define PTE_WRITE_THROUGH (1ul << 3)
#define PTE_UNCACHED (1ul << 4)
#define PTE_ACCESSED (1ul << 5)
#define PTE_DIRTY (1ul << 6)
#define PTE_BLOCK (1ul << 7)
#define PTE_GLOBAL (1ul << 8)
#define PTE_LINK (1ul << 55) /* ignored by the processor: the table belongs to another map */
#define PTE_NO_EXECUTE (1ul << 63)
#define PTE_ADDRESS 0x000ffffffffff000ul

/* Number of bits of user addresses, and which of them are the offset in a window, for a number of levels. */
static inline unsigned pte_user_bits(unsigned levels)
{
	return levels == 5 ? 56 : 47;
}

static inline unsigned pte_number_shift(unsigned levels)
{
	return levels == 5 ? 40 : 33;
}

/* The lowest bits of the number in an address, from bit 4 on, whatever the levels; other bits with them. */
static inline u64 pte_number_bits(u64 address)
{
	return address >> 29 ^ address >> 36;
}

static inline bool pte_is_present(pte_t pte)
{
	return pte & PTE_PRESENT;
}

static inline bool pte_is_table(pte_t pte, unsigned level)
{
	return (pte & PTE_PRESENT) && level > 0 && !(pte & PTE_BLOCK);
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

/* A page (level 0) or block that user code sees with rights (RIGHT_*; not 0). Accessed and dirty are set beforehand, so
 * that the processor never writes to tables. */
static inline pte_t pte_make_page(pa_t pa, unsigned level, u32 rights, bool device)
{
	return pa.v | PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_DIRTY | (rights & RIGHT_W ? PTE_WRITE : 0) |
		(rights & RIGHT_X ? 0 : PTE_NO_EXECUTE) | (level > 0 ? PTE_BLOCK : 0) |
		(device ? PTE_UNCACHED | PTE_WRITE_THROUGH : 0);
}

/* A table of the next lower level, whose pages user code sees with at most these rights. */
static inline pte_t pte_make_table(pa_t pa, u32 rights, bool link)
{
	return pa.v | PTE_PRESENT | PTE_USER | PTE_ACCESSED | (rights & RIGHT_W ? PTE_WRITE : 0) |
		(rights & RIGHT_X ? 0 : PTE_NO_EXECUTE) | (link ? PTE_LINK : 0);
}

/* RIGHT_R, W and X of user code in an entry. */
static inline u32 pte_rights(pte_t pte)
{
	if (!(pte & PTE_PRESENT) || !(pte & PTE_USER))
		return 0;
	return RIGHT_R | (pte & PTE_WRITE ? RIGHT_W : 0) | (pte & PTE_NO_EXECUTE ? 0 : RIGHT_X);
}

static inline pte_t pte_without_write(pte_t pte)
{
	return pte & ~PTE_WRITE;
}

static inline bool pte_is_device(pte_t pte)
{
	return pte & PTE_UNCACHED;
}

#endif

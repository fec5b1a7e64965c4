/* The shield: deciding on it, and looking at what the trampoline's table shows.
 *
 * auto: off on processors that say that user mode cannot read what the tables map for the kernel alone (CSV3), and on the
 * cores that are known for it without saying so. That EL0 cannot find out by timing what is mapped is E0PD's work, which is
 * on whenever the processor has it (cpu.c). */
#include "shield.h"

#include "arch.h"
#include "entry.h"
#include "layout.h"
#include "lib/string.h"
#include "machine.h"
#include "pte.h"
#include "registers.h"

enum { IMPLEMENTER_ARM = 0x41 };

/* Part numbers of Arm cores that predate CSV3 and are not affected: A35, A53, A55, A57, A72, A73. */
static const u16 safe_parts[] = { 0xd04, 0xd03, 0xd05, 0xd07, 0xd08, 0xd09 };

static bool is_safe_processor(void)
{
	u64 id = read_sysreg(midr_el1);

	if (id_field(read_sysreg(id_aa64pfr0_el1), ID_PFR0_CSV3_SHIFT))
		return true;
	for (unsigned i = 0; i < ARRAY_SIZE(safe_parts); i++)
		if ((id >> 24 & 0xff) == IMPLEMENTER_ARM && (id >> 4 & 0xfff) == safe_parts[i])
			return true;
	return false;
}

bool shield_is_wanted(const char *wish)
{
	return strcmp(wish, "off") && !(!strcmp(wish, "auto") && is_safe_processor());
}

bool arch_shield_init(const char *wish)
{
	(void)wish; /* early.c has read it: the kernel's tables depend on it */
	return machine.shield;
}

/* --- the list of what is visible --- */

struct walk {
	struct shield_page *list;
	unsigned entries, count, leaks;
};

/* Does it look like an address in the image, the stacks behind it or the direct map? */
static bool is_kernel_address(u64 word)
{
	u64 image_end = machine.stacks[machine.processors - 1];
	u64 memory_end = 0;

	if (word >= (u64)kernel_start && word < image_end)
		return true;
	for (unsigned i = 0; i < machine.boot.ram_ranges; i++)
		memory_end = max_u64(memory_end, machine.boot.ram[i].start + machine.boot.ram[i].bytes);
	return word >= direct_map_base && word < direct_map_base + memory_end;
}

static void scan(struct walk *walk, pa_t pa)
{
	const u8 *bytes = pa_ptr(pa);

	for (unsigned i = 0; i + 8 <= PAGE_SIZE; i++) {
		u64 word;

		memcpy(&word, bytes + i, sizeof(word));
		walk->leaks += is_kernel_address(word);
	}
}

static void note_page(struct walk *walk, u64 va, u64 entry, unsigned level)
{
	u64 bytes = PAGE_SIZE << (9 * level);
	pa_t pa = { entry & PTE_ADDRESS & ~(bytes - 1) };

	if (walk->count < walk->entries)
		walk->list[walk->count] = (struct shield_page){ va, pa.v, bytes, !(entry & PTE_READ_ONLY),
			!(entry & PTE_NO_PRIVILEGED_EXECUTE) };
	walk->count++;
	for (u64 i = 0; i < bytes; i += PAGE_SIZE)
		scan(walk, (pa_t){ pa.v + i });
}

static void walk_table(struct walk *walk, const u64 *table, unsigned level, u64 va)
{
	for (u64 i = 0; i < 512; i++) {
		u64 at = va | i << (PAGE_SHIFT + 9 * level);

		if (pte_is_table(table[i], level))
			walk_table(walk, pa_ptr(pte_pa(table[i])), level - 1, at);
		else if (table[i] & PTE_VALID)
			note_page(walk, at, table[i], level);
	}
}

unsigned arch_shield_list(struct shield_page *list, unsigned entries, unsigned *leaks)
{
	struct walk walk = { .list = list, .entries = entries };

	walk_table(&walk, pa_ptr((pa_t){ machine.tramp }), paging_levels - 1, 0xffff000000000000ul);
	*leaks = walk.leaks;
	return walk.count;
}

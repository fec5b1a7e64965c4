/* The shield: deciding on it, and looking at what the trampoline's table shows.
 *
 * auto: off on processors whose registers say that user mode cannot read what the tables map for the kernel alone (CSV3), and on
 * cores that are known to be so. It does not matter whether user mode can find out by timing what is mapped, and so where the
 * kernel is: against that there is E0PD, which is on whenever the processor has it (cpu.c), and the shield, which is on by default.
 * docs/registers.md has the list and what is chosen on each model, for a test. */
#include "shield.h"

#include "arch.h"
#include "entry.h"
#include "layout.h"
#include "lib/string.h"
#include "log.h"
#include "machine.h"
#include "pte.h"
#include "registers.h"

enum { ARM = 0x41, BROADCOM = 0x42, CAVIUM = 0x43, HISILICON = 0x48, NVIDIA = 0x4e, QUALCOMM = 0x51 };

/* MIDR_EL1: implementer and part number. */
#define CORE(implementer, part) ((implementer) << 12 | (part))
#define CORE_OF(id) CORE((u32)(id) >> 24, (u32)(id) >> 4 & 0xfff)

static const u32 safe_cores[] = {
	CORE(ARM, 0xd03),       /* Cortex-A53 */
	CORE(ARM, 0xd04),       /* A35 */
	CORE(ARM, 0xd05),       /* A55 */
	CORE(ARM, 0xd07),       /* A57 */
	CORE(ARM, 0xd08),       /* A72 */
	CORE(ARM, 0xd09),       /* A73 */
	CORE(BROADCOM, 0x100),  /* Brahma-B53 */
	CORE(BROADCOM, 0x516),  /* Vulcan */
	CORE(CAVIUM, 0x0af),    /* ThunderX2 */
	CORE(HISILICON, 0xd01), /* TSV110 */
	CORE(NVIDIA, 0x004),    /* Carmel */
	CORE(QUALCOMM, 0x801),  /* Kryo 2xx silver */
	CORE(QUALCOMM, 0x803),  /* 3xx silver */
	CORE(QUALCOMM, 0x805),  /* 4xx silver */
};

static bool says_csv3(void)
{
	return id_field(read_sysreg(id_aa64pfr0_el1), ID_PFR0_CSV3_SHIFT);
}

static bool is_safe_core(void)
{
	u32 core = CORE_OF(read_sysreg(midr_el1));

	for (unsigned i = 0; i < ARRAY_SIZE(safe_cores); i++)
		if (core == safe_cores[i])
			return true;
	return false;
}

bool shield_is_wanted(const char *wish)
{
	return strcmp(wish, "off") && !(!strcmp(wish, "auto") && (says_csv3() || is_safe_core()));
}

bool arch_shield_init(const char *wish)
{
	/* Decided already, by early.c: the kernel's tables depend on it. */
	if (!strcmp(wish, "auto"))
		log_line("shield auto: CSV3 %u, safe core %u, E0PD %u", says_csv3(), is_safe_core(),
			id_field(read_register(ID_AA64MMFR2_EL1), ID_MMFR2_E0PD_SHIFT));
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

/* The shield: deciding on it, patching the entry code, and looking at what a shielded root shows. */
#include "shield.h"

#include "arch.h"
#include "early.h"
#include "entry.h"
#include "layout.h"
#include "lib/string.h"
#include "machine.h"
#include "pte.h"
#include "registers.h"

bool shield_active = true;

/* Processors that do not let user mode read what its tables map for the kernel alone. */
static bool is_safe_processor(void)
{
	struct cpuid id = cpuid(0, 0);
	bool amd = id.ebx == 0x68747541 && id.edx == 0x69746e65 && id.ecx == 0x444d4163; /* "AuthenticAMD" */

	if (amd)
		return true;
	return (cpuid(7, 0).edx & CPUID7_EDX_ARCH_CAPABILITIES) &&
		(rdmsr(MSR_ARCH_CAPABILITIES) & ARCH_CAPABILITIES_RDCL_NO);
}

/* A kernel image address as the direct map shows it, where it can be written. */
static u8 *writable(const void *address)
{
	return pa_ptr((pa_t){ machine.image + (u64)((const char *)address - kernel_start) });
}

bool arch_shield_init(const char *wish)
{
	shield_active = strcmp(wish, "off") && !(!strcmp(wish, "auto") && is_safe_processor());
	if (shield_active)
		return true;
	for (const struct entry_patch *p = entry_patches; p != entry_patches_end; p++)
		memcpy(writable((const char *)&p->place + p->place), p->code, sizeof(p->code));
	cpuid(0, 0); /* makes the processor fetch anew */
	return false;
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

static void note_page(struct walk *walk, u64 va, u64 entry, unsigned level, bool writable_page, bool executable)
{
	u64 bytes = PAGE_SIZE << (9 * level);
	pa_t pa = { entry & PTE_ADDRESS & ~(bytes - 1) };

	if (walk->count < walk->entries)
		walk->list[walk->count] = (struct shield_page){ va, pa.v, bytes, writable_page, executable };
	walk->count++;
	for (u64 i = 0; i < bytes; i += PAGE_SIZE)
		scan(walk, (pa_t){ pa.v + i });
}

/* Rights come from all levels: supervisor if one says so, writable and executable if all do. */
static void walk_table(struct walk *walk, const u64 *table, unsigned level, u64 va, u64 rights)
{
	for (u64 i = 0; i < 512; i++) {
		u64 entry = table[i], at = va | i << (PAGE_SHIFT + 9 * level);
		u64 below = (rights & entry & (PTE_USER | PTE_WRITE)) | ((rights | entry) & PTE_NO_EXECUTE);

		if (!(entry & PTE_PRESENT))
			continue;
		if (level == paging_levels - 1 && i >= 256)
			at |= -1ul << (PAGE_SHIFT + 9 * paging_levels);
		if (level && !(entry & PTE_BLOCK))
			walk_table(walk, pa_ptr((pa_t){ entry & PTE_ADDRESS }), level - 1, at, below);
		else if (!(below & PTE_USER))
			note_page(walk, at, entry, level, below & PTE_WRITE, !(below & PTE_NO_EXECUTE));
	}
}

unsigned arch_shield_list(struct shield_page *list, unsigned entries, unsigned *leaks)
{
	struct walk walk = { .list = list, .entries = entries };

	walk_table(&walk, pa_ptr((pa_t){ machine.tops[cpu_self()->number] }), paging_levels - 1, 0,
		PTE_USER | PTE_WRITE);
	*leaks = walk.leaks;
	return walk.count;
}

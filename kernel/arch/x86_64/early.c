/* The kernel's tables and its place in virtual memory: early.h.
 *
 * This code runs before relocations are applied: it must not use pointers that are part of initialised data. Addresses of
 * symbols are physical here. */
#include "early.h"

#include "entry.h"
#include "layout.h"
#include "main.h"
#include "pte.h"
#include "registers.h"

struct elf_relocation {
	u64 offset, info;
	i64 addend;
};
extern const struct elf_relocation kernel_relocations[], kernel_relocations_end[];

/* Of boot.S. */
struct early_boot {
	u64 cr3, cr4;
};

struct early_result {
	u64 ip, sp;
};

const struct early_result *early_start(const struct pvh_start_info *info, const struct early_boot *boot);

struct machine machine __attribute__((section(".data")));

static u64 next_page; /* physical: the next page to be used for a table or a stack */

enum { BLOCK_SHIFT = 21, GIANT_SHIFT = 30, RELOCATION_RELATIVE = 8 };

static void *take_pages(unsigned count)
{
	u64 *pages = (u64 *)next_page;

	next_page += count * PAGE_SIZE;
	for (unsigned i = 0; i < count * PAGE_SIZE / 8; i++)
		pages[i] = 0;
	return pages;
}

static u64 *table_entry(u64 root, u64 va, unsigned level)
{
	u64 *table = (u64 *)root;

	for (unsigned l = machine.levels - 1;; l--) {
		u64 *entry = &table[(va >> (PAGE_SHIFT + 9 * l)) & 511];

		if (l == level)
			return entry;
		if (!*entry)
			*entry = (u64)take_pages(1) | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED;
		table = (u64 *)(*entry & PTE_ADDRESS);
	}
}

static void map_pages(u64 root, u64 va, u64 pa, u64 bytes, u64 flags)
{
	for (u64 i = 0; i < bytes; i += PAGE_SIZE)
		*table_entry(root, va + i, 0) = (pa + i) | PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY | flags;
}

static u64 random_bits(void)
{
	static u64 state;
	struct cpuid id = cpuid(1, 0);
	u64 value = 0;

	if (id.ecx & CPUID1_ECX_RDRAND)
		rdrand(&value);
	/* A multiplication mixes the time-stamp in, for machines without a random number instruction. */
	state = (state ^ value ^ rdtsc()) * 0x9e3779b97f4a7c15ul;
	return state ^ state >> 29;
}

/* Random bases; with `nokaslr` those that gdb expects (link.ld). */
static void choose_places(void)
{
	bool five = machine.levels == 5;
	u64 image_places = (KERNEL_LINK_BASE - IMAGE_SLOT_BASE) >> BLOCK_SHIFT;
	u64 direct_places = five ? 1ul << 20 : 1ul << 15;

	machine.entry = five ? ENTRY_BASE_5 : ENTRY_BASE_4;
	machine.direct_map = five ? DIRECT_MAP_BASE_5 : DIRECT_MAP_BASE_4;
	if (boot_has_option(machine.command_line, "nokaslr"))
		return;
	machine.slide = -((random_bits() % image_places) << BLOCK_SHIFT);
	machine.direct_map += (random_bits() % direct_places) << GIANT_SHIFT;
}

static void map_direct(u64 start, u64 end)
{
	bool giant = cpuid(0x80000001, 0).edx & CPUID81_EDX_GIANT_PAGES;
	u64 block = 1ul << BLOCK_SHIFT,
	    flags = PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY | PTE_BLOCK | PTE_NO_EXECUTE;

	for (u64 pa = start & -block; pa < end;) {
		if (giant && !(pa & ((1ul << GIANT_SHIFT) - 1)) && end - pa >= 1ul << GIANT_SHIFT) {
			*table_entry(machine.kernel_root, machine.direct_map + pa, 2) = pa | flags;
			pa += 1ul << GIANT_SHIFT;
		} else {
			*table_entry(machine.kernel_root, machine.direct_map + pa, 1) = pa | flags;
			pa += block;
		}
	}
}

static void map_device(u64 pa)
{
	*table_entry(machine.kernel_root, machine.direct_map + pa, 1) = (pa & -(1ul << BLOCK_SHIFT)) | PTE_PRESENT |
		PTE_WRITE | PTE_ACCESSED | PTE_DIRTY | PTE_BLOCK | PTE_NO_EXECUTE | PTE_UNCACHED | PTE_WRITE_THROUGH;
}

static void map_piece(const char *start, const char *end, u64 flags)
{
	u64 va = KERNEL_LINK_BASE + machine.slide + (u64)(start - kernel_start);

	map_pages(machine.kernel_root, va, (u64)start, (u64)(end - start), flags);
}

/* The image with the rights of its pieces, and behind it the stacks with a hole before each. */
static void map_image(void)
{
	u64 stack = KERNEL_LINK_BASE + machine.slide + (u64)(kernel_end - kernel_start);

	map_piece(kernel_start, kernel_text, PTE_WRITE | PTE_NO_EXECUTE);
	map_piece(kernel_text, kernel_rodata, 0);
	map_piece(kernel_rodata, kernel_data, PTE_NO_EXECUTE);
	map_piece(kernel_data, kernel_end, PTE_WRITE | PTE_NO_EXECUTE);
	for (unsigned i = 0; i < machine.processors; i++) {
		stack += PAGE_SIZE;
		map_pages(machine.kernel_root, stack, (u64)take_pages(KERNEL_STACK_SIZE / PAGE_SIZE), KERNEL_STACK_SIZE,
			PTE_WRITE | PTE_NO_EXECUTE);
		stack += KERNEL_STACK_SIZE;
		machine.stacks[i] = stack;
	}
}

/* The entry area as a root shows it: kernel_root all of it, a shielded root what belongs to one processor. */
static void map_entry_area(u64 root)
{
	map_pages(root, machine.entry, (u64)entry_text, (u64)(entry_text_end - entry_text), 0);
	map_pages(root, machine.entry + ENTRY_IDT, (u64)idt, PAGE_SIZE, PTE_NO_EXECUTE);
}

static u64 take_tops(void)
{
	while (next_page % (TOPS * PAGE_SIZE))
		next_page += PAGE_SIZE;
	return (u64)take_pages(TOPS);
}

static void map_processors(void)
{
	map_entry_area(machine.kernel_root);
	for (unsigned i = 0; i < machine.processors; i++) {
		u64 va = machine.entry + ENTRY_PAGES + i * (u64)ENTRY_STRIDE;
		u64 pa = (u64)take_pages(1 + KERNEL_PAGES);

		machine.tops[i] = take_tops();
		for (u64 top = 0; top < TOPS; top++) {
			map_entry_area(machine.tops[i] + top * PAGE_SIZE);
			map_pages(machine.tops[i] + top * PAGE_SIZE, va, pa, PAGE_SIZE, PTE_WRITE | PTE_NO_EXECUTE);
		}
		map_pages(machine.kernel_root, va, pa, (1 + KERNEL_PAGES) * PAGE_SIZE, PTE_WRITE | PTE_NO_EXECUTE);
	}
}

static void add_memory(u64 start, u64 end)
{
	boot_add_ram(&machine.boot, max_u64(start, 2 * REAL_MODE_PAGE), end);
}

static void apply_relocations(void)
{
	for (const struct elf_relocation *r = kernel_relocations; r != kernel_relocations_end; r++)
		if ((u32)r->info == RELOCATION_RELATIVE)
			*(u64 *)(r->offset - KERNEL_LINK_BASE + kernel_start) = (u64)r->addend + machine.slide;
}

const struct early_result *early_start(const struct pvh_start_info *info, const struct early_boot *boot)
{
	static struct early_result result;
	u64 *boot_root = (u64 *)boot->cr3;

	machine.early_ticks = rdtsc();
	machine.levels = boot->cr4 & CR4_LA57 ? 5 : 4;
	machine.image = (u64)kernel_start;
	firmware_read(info);
	choose_places();
	next_page = (u64)kernel_end;
	machine.kernel_root = (u64)take_pages(1);
	map_image();
	map_processors();
	firmware_memory(info, map_direct);
	map_device(LAPIC_ADDRESS);
	map_device(IOAPIC_ADDRESS);
	firmware_memory(info, add_memory);
	for (unsigned i = 256; i < 512; i++)
		boot_root[i] = ((u64 *)machine.kernel_root)[i];
	machine.boot.kernel = (u64)kernel_start;
	machine.boot.kernel_end = next_page;
	apply_relocations();
	result.ip = KERNEL_LINK_BASE + machine.slide + (u64)((char *)machine_start - kernel_start);
	result.sp = machine.stacks[0];
	return &result;
}

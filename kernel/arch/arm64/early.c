/* The kernel's tables and its place in virtual memory: early.h.
 *
 * First this applies the relocations for the place where the image was loaded, so that the rest of this file and libfdt can be
 * ordinary C; at the end it applies them for the place where the image will run. Addresses of symbols are physical here. */
#include "early.h"

#include "entry.h"
#include "layout.h"
#include "machine.h"
#include "main.h"
#include "pte.h"
#include "registers.h"
#include "shield.h"

struct elf_relocation {
	u64 offset, info;
	i64 addend;
};
extern const struct elf_relocation kernel_relocations[], kernel_relocations_end[];

/* Known to boot.S. */
struct early_result {
	u64 ip, sp, ttbr1;
};

const struct early_result *early_start(const void *tree);

struct machine machine __attribute__((section(".data")));

static u64 next_page; /* physical: the next page to be used for a table or a stack */

enum { BLOCK_SHIFT = 21, GIANT_SHIFT = 30, RELOCATION_RELATIVE = 1027, TOP_LEVEL = 3 };
enum { NOP = 0xd503201f };

#define FLAGS_ALL (PTE_VALID | PTE_ACCESSED | PTE_NO_EXECUTE)
#define FLAGS_MEMORY (FLAGS_ALL | PTE_INNER_SHAREABLE)
#define FLAGS_TEXT (FLAGS_MEMORY | PTE_READ_ONLY)
#define FLAGS_RODATA (FLAGS_MEMORY | PTE_READ_ONLY | PTE_NO_PRIVILEGED_EXECUTE)
#define FLAGS_DATA (FLAGS_MEMORY | PTE_NO_PRIVILEGED_EXECUTE)
#define FLAGS_DEVICE (FLAGS_ALL | PTE_NO_PRIVILEGED_EXECUTE | PTE_ATTRIBUTE_DEVICE)

static void *take_pages(unsigned count)
{
	u64 *pages = (u64 *)next_page;

	next_page += count * PAGE_SIZE;
	for (unsigned i = 0; i < count * PAGE_SIZE / 8; i++)
		pages[i] = 0;
	return pages;
}

/* Kernel pages are not global while the shield is on: no translation of theirs outlives the kernel's tag. */
static u64 global_flag(void)
{
	return machine.shield ? PTE_NOT_GLOBAL : 0;
}

/* Text whose indirect jumps the processor checks (BTI), if it can. */
static u64 guarded_flag(void)
{
	return id_field(read_sysreg(id_aa64pfr1_el1), ID_PFR1_BRANCH_TARGETS_SHIFT) ? PTE_GUARDED : 0;
}

static u64 *table_entry(u64 root, u64 va, unsigned level)
{
	u64 *table = (u64 *)root;

	for (unsigned l = TOP_LEVEL;; l--) {
		u64 *entry = &table[(va >> (PAGE_SHIFT + 9 * l)) & 511];

		if (l == level)
			return entry;
		if (!*entry)
			*entry = (u64)take_pages(1) | PTE_VALID | PTE_TABLE;
		table = (u64 *)(*entry & PTE_ADDRESS);
	}
}

static void map_pages(u64 root, u64 va, u64 pa, u64 bytes, u64 flags)
{
	for (u64 i = 0; i < bytes; i += PAGE_SIZE)
		*table_entry(root, va + i, 0) = (pa + i) | flags | PTE_TABLE | global_flag();
}

static u64 random_bits(void)
{
	static u64 state;
	u64 value = 0;

	random_instruction(&value);
	/* A multiplication mixes the clock in, for machines without anything better. */
	state = (state ^ value ^ machine.seed ^ read_sysreg(cntvct_el0)) * 0x9e3779b97f4a7c15ul;
	return state ^ state >> 29;
}

/* Random bases; with `nokaslr` those that gdb expects (link.ld). */
static void choose_places(void)
{
	u64 image_places = (KERNEL_LINK_BASE - IMAGE_SLOT_BASE) >> BLOCK_SHIFT;

	machine.direct_map = DIRECT_MAP_BASE;
	if (boot_has_option(machine.command_line, "nokaslr"))
		return;
	machine.slide = -((random_bits() % image_places) << BLOCK_SHIFT);
	machine.direct_map += (random_bits() % (1ul << 16)) << GIANT_SHIFT;
}

static void map_direct(u64 start, u64 end)
{
	u64 block = 1ul << BLOCK_SHIFT, giant = 1ul << GIANT_SHIFT;

	for (u64 pa = start & -block; pa < end;) {
		unsigned level = !(pa & (giant - 1)) && end - pa >= giant ? 2 : 1;

		*table_entry(machine.kernel_root, machine.direct_map + pa, level) = pa | FLAGS_DATA | global_flag();
		pa += level == 2 ? giant : block;
	}
}

static void map_device(u64 pa, u64 bytes)
{
	if (pa)
		map_pages(machine.kernel_root, machine.direct_map + page_down(pa), page_down(pa), bytes, FLAGS_DEVICE);
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

	map_piece(kernel_start, kernel_text, FLAGS_DATA);
	map_piece(kernel_text, kernel_rodata, FLAGS_TEXT | guarded_flag());
	map_piece(kernel_rodata, kernel_data, FLAGS_RODATA);
	map_piece(kernel_data, kernel_end, FLAGS_DATA);
	for (unsigned i = 0; i < machine.processors; i++) {
		stack += PAGE_SIZE;
		map_pages(machine.kernel_root, stack, (u64)take_pages(KERNEL_STACK_SIZE / PAGE_SIZE), KERNEL_STACK_SIZE,
			FLAGS_DATA);
		stack += KERNEL_STACK_SIZE;
		machine.stacks[i] = stack;
	}
}

/* The three tables one after the other, the first at an even page: see entry.h. */
static void make_roots(void)
{
	next_page += next_page & PAGE_SIZE;
	machine.tramp = (u64)take_pages(3);
	machine.kernel_root = machine.tramp + ROOT_STEP;
	machine.zero = machine.tramp + 2 * ROOT_STEP;
	map_pages(machine.tramp, ENTRY_BASE, (u64)entry_text, PAGE_SIZE, FLAGS_TEXT | guarded_flag());
	map_pages(machine.kernel_root, ENTRY_BASE, (u64)entry_text, PAGE_SIZE, FLAGS_TEXT | guarded_flag());
	map_pages(machine.kernel_root, ENTRY_BASE + ENTRY_DATA, (u64)entry_data, PAGE_SIZE, FLAGS_RODATA);
	for (unsigned i = 0; i < machine.processors; i++) {
		const struct cpu_area *area = cpu_area(i);
		u64 pa = (u64)take_pages(AREA_PAGES);

		map_pages(machine.kernel_root, (u64)area, pa, AREA_PAGES * PAGE_SIZE, FLAGS_DATA);
		map_pages(machine.tramp, (u64)&area->gate, pa + offsetof(struct cpu_area, gate), PAGE_SIZE, FLAGS_DATA);
	}
}

/* Instructions that this processor does not have become NOPs. */
static void take_out(u32 *from, const u32 *to)
{
	for (u32 *at = from; at < to; at++)
		*at = NOP;
	code_changed((u64)from, (u64)to);
}

/* Where the image is. The compiler must not make "kernel_start - something" a constant that needs a relocation itself. */
static u64 image_base(void)
{
	u64 base = (u64)kernel_start;

	__asm__("" : "+r"(base));
	return base;
}

/* For an image at the address it was linked for + slide. */
static void apply_relocations(u64 slide)
{
	u64 base = image_base();

	for (const struct elf_relocation *r = kernel_relocations; r != kernel_relocations_end; r++)
		if ((u32)r->info == RELOCATION_RELATIVE)
			*(u64 *)(r->offset - KERNEL_LINK_BASE + base) = (u64)r->addend + slide;
}

const struct early_result *early_start(const void *tree)
{
	static struct early_result result;
	struct boot_info *boot = &machine.boot;
	bool off, automatic;

	apply_relocations(image_base() - KERNEL_LINK_BASE);
	machine.image = image_base();
	firmware_read(tree);
	off = boot_has_option(machine.command_line, "shield=off");
	automatic = boot_has_option(machine.command_line, "shield=auto");
	machine.shield = shield_is_wanted(off ? "off" : automatic ? "auto" : "on");
	choose_places();
	next_page = (u64)kernel_end;
	make_roots();
	map_image();
	for (unsigned i = 0; i < boot->ram_ranges; i++)
		map_direct(boot->ram[i].start, boot->ram[i].start + boot->ram[i].bytes);
	map_device(machine.uart, PAGE_SIZE);
	map_device(machine.distributor, GIC_DISTRIBUTOR_BYTES);
	map_device(machine.gic_cpu,
		machine.gic == 3 ? machine.processors * (u64)GIC_REDISTRIBUTOR_BYTES : 2 * PAGE_SIZE);
	boot->kernel = (u64)kernel_start;
	boot->kernel_end = next_page;
	apply_relocations(machine.slide);
	if (!signs_addresses()) {
		take_out(entry_key_in, entry_key_in_end);
		take_out(entry_key_out, entry_key_out_end);
	}
	result.ip = KERNEL_LINK_BASE + machine.slide + (u64)((char *)machine_start - kernel_start);
	result.sp = machine.stacks[0];
	result.ttbr1 = machine.kernel_root;
	return &result;
}

/* Reads the device tree: memory, processors, the boot archive, the devices that the kernel itself uses. */
#include <libfdt.h>

#include "early.h"
#include "lib/string.h"
#include "main.h"
#include "panic.h"

/* libfdt's objects are compiled with a stack protector. */
extern u64 __stack_chk_guard;
_Noreturn void __stack_chk_fail(void);

u64 __stack_chk_guard = 0x5bd1e995a7c63d0ful;

_Noreturn void __stack_chk_fail(void)
{
	panic("libfdt has overrun its stack");
}

/* Cell number `at` of a property as a number of `cells` cells (1 or 2). */
static u64 read_cells(const fdt32_t *data, unsigned at, unsigned cells)
{
	u64 value = 0;

	for (unsigned i = 0; i < cells; i++)
		value = value << 32 | fdt32_to_cpu(data[at + i]);
	return value;
}

/* A property that is one number of one or two cells; 0 if it is not there. */
static u64 read_number(const void *tree, int node, const char *name)
{
	int bytes;
	const fdt32_t *data = fdt_getprop(tree, node, name, &bytes);

	return data ? read_cells(data, 0, (unsigned)bytes / 4) : 0;
}

/* Pair number `at` of addresses and sizes of a node; false if there are fewer. */
static bool read_range(const void *tree, int node, unsigned at, u64 *start, u64 *bytes)
{
	int parent = fdt_parent_offset(tree, node), length;
	unsigned address_cells = (unsigned)fdt_address_cells(tree, parent),
		 size_cells = (unsigned)fdt_size_cells(tree, parent);
	const fdt32_t *data = fdt_getprop(tree, node, "reg", &length);
	unsigned cells = address_cells + size_cells;

	if (!data || (at + 1) * cells * 4 > (unsigned)length)
		return false;
	*start = read_cells(data, at * cells, address_cells);
	*bytes = read_cells(data, at * cells + address_cells, size_cells);
	return true;
}

/* The address of range `at` of the first device of a kind; 0 if there is none. */
static u64 find_device(const void *tree, const char *kind, unsigned at)
{
	int node = fdt_node_offset_by_compatible(tree, -1, kind);
	u64 start, bytes;

	return node >= 0 && read_range(tree, node, at, &start, &bytes) ? start : 0;
}

static void read_chosen(const void *tree)
{
	int node = fdt_path_offset(tree, "/chosen");
	const char *line = node < 0 ? NULL : fdt_getprop(tree, node, "bootargs", NULL);

	if (node < 0)
		return;
	if (line)
		strlcpy(machine.command_line, line, sizeof(machine.command_line));
	machine.seed = read_number(tree, node, "kaslr-seed");
	machine.boot.archive = read_number(tree, node, "linux,initrd-start");
	machine.boot.archive_bytes = read_number(tree, node, "linux,initrd-end") - machine.boot.archive;
}

static bool is_kind(const void *tree, int node, const char *kind)
{
	const char *type = fdt_getprop(tree, node, "device_type", NULL);

	return type && !strcmp(type, kind);
}

static void add_memory(const void *tree, int node)
{
	u64 start, bytes;

	for (unsigned i = 0; read_range(tree, node, i, &start, &bytes); i++)
		boot_add_ram(&machine.boot, start, start + bytes);
}

static void read_memory_and_processors(const void *tree)
{
	int node, depth = 0;

	for (node = fdt_next_node(tree, -1, &depth); node >= 0; node = fdt_next_node(tree, node, &depth)) {
		if (is_kind(tree, node, "memory"))
			add_memory(tree, node);
		if (is_kind(tree, node, "cpu") && machine.processors < CPUS_MAX)
			machine.affinity[machine.processors++] = read_number(tree, node, "reg");
	}
	if (!machine.processors)
		machine.processors = 1;
}

static void read_firmware(const void *tree)
{
	int node = fdt_path_offset(tree, "/psci");
	const char *method = node < 0 ? NULL : fdt_getprop(tree, node, "method", NULL);

	machine.firmware_call = method && !strcmp(method, "smc");
}

void firmware_read(const void *tree)
{
	if (fdt_check_header(tree))
		return;
	read_chosen(tree);
	read_memory_and_processors(tree);
	read_firmware(tree);
	machine.uart = find_device(tree, "arm,pl011", 0);
	machine.distributor = find_device(tree, "arm,gic-v3", 0);
	machine.gic_cpu = find_device(tree, "arm,gic-v3", 1);
	machine.gic = 3;
	if (machine.distributor)
		return;
	machine.gic = 2;
	machine.distributor = find_device(tree, "arm,cortex-a15-gic", 0);
	machine.gic_cpu = find_device(tree, "arm,cortex-a15-gic", 1);
}

/* Reads what the loader (PVH) and QEMU's configuration device tell: memory, processors, the boot archive, the command line.
 *
 * This code runs before relocations are applied, like early.c. */
#include "early.h"
#include "registers.h"

struct pvh_start_info {
	u32 magic, version, flags, modules;
	u64 module_list, command_line, rsdp, memory_map;
	u32 memory_map_entries, unused;
};

struct pvh_module {
	u64 start, bytes, command_line, unused;
};

struct pvh_memory {
	u64 start, bytes;
	u32 type, unused;
};

enum { PVH_RAM = 1 };

/* QEMU tells the number of processors through its configuration device; without one there is one processor. */
static unsigned count_processors(void)
{
	unsigned count;

	outw(FW_CFG_SELECT, FW_CFG_SIGNATURE);
	if (inb(FW_CFG_DATA) != 'Q' || inb(FW_CFG_DATA) != 'E')
		return 1;
	outw(FW_CFG_SELECT, FW_CFG_PROCESSORS);
	count = inb(FW_CFG_DATA);
	count |= (unsigned)inb(FW_CFG_DATA) << 8;
	return count > CPUS_MAX ? CPUS_MAX : count ? count : 1;
}

void firmware_read(const struct pvh_start_info *info)
{
	const struct pvh_module *modules = (const void *)info->module_list;
	const char *line = (const char *)info->command_line;

	machine.processors = count_processors();
	for (unsigned i = 0; line && line[i] && i + 1 < sizeof(machine.command_line); i++)
		machine.command_line[i] = line[i];
	if (info->modules) {
		machine.boot.archive = modules[0].start;
		machine.boot.archive_bytes = modules[0].bytes;
	}
}

void firmware_memory(const struct pvh_start_info *info, void (*take)(u64 start, u64 end))
{
	const struct pvh_memory *memory = (const void *)info->memory_map;

	for (unsigned i = 0; i < info->memory_map_entries; i++)
		if (memory[i].type == PVH_RAM)
			take(memory[i].start, memory[i].start + memory[i].bytes);
}

/* SMMUv3: iommu.h. A stream table of one page, one context, stage 1 with 39 bits of addresses, a queue of commands and one of
 * events. */
#include "iommu.h"

enum {
	REG_CONTROL = 0x20 / 4,
	REG_CONTROL_DONE = 0x24 / 4,
	REG_STREAMS = 0x80 / 4,
	REG_STREAMS_FORMAT = 0x88 / 4,
	REG_COMMANDS = 0x90 / 4,
	REG_COMMANDS_WRITTEN = 0x98 / 4,
	REG_COMMANDS_READ = 0x9c / 4,
	REG_EVENTS = 0xa0 / 4,
	REG_EVENTS_WRITTEN = 0x100a8 / 4,
	REG_EVENTS_READ = 0x100ac / 4,
	REGISTERS_BYTES = 0x20000,
	CONTROL_ON = 1 | 4 | 8, /* translation, events, commands */
	STREAMS_LOG2 = 6,
	COMMANDS_LOG2 = 8,
	EVENTS_LOG2 = 7,
	STREAM_STAGE_1 = 5 << 1 | 1,
	COMMAND_FORGET_STREAMS = 0x04,
	COMMAND_FORGET_TRANSLATIONS = 0x30,
	COMMAND_SYNC = 0x46,
};

/* Context: 39 bits in the first half, no second half, valid; 64-bit tables, 44 bits of physical addresses; faults are told
 * and end in an abort. */
#define CONTEXT (25ul | 1ul << 30 | 1ul << 31 | 4ul << 32 | 1ul << 41 | 1ul << 45 | 1ul << 46)

const u64 pci_configuration = 0x4010000000, pci_memory = 0x10000000;
const u64 iommu_table_bits = 3, iommu_page_bits = 3 | 1 << 6 | 1 << 10; /* for all, accessed */

static volatile u32 *registers;
static u64 *commands, *events;

static void set_wide(unsigned number, u64 value)
{
	*(volatile u64 *)(registers + number) = value;
}

/* The queue is never full: each command is waited for. */
static void command(u64 low, u64 high)
{
	const u32 at = registers[REG_COMMANDS_WRITTEN], next = (at + 1) & ((2u << COMMANDS_LOG2) - 1);
	u64 *entry = &commands[2 * (at & ((1u << COMMANDS_LOG2) - 1))];

	entry[0] = low;
	entry[1] = high;
	native_barrier();
	registers[REG_COMMANDS_WRITTEN] = next;
	while (registers[REG_COMMANDS_READ] != next)
		native_relax();
}

void iommu_invalidate(void)
{
	command(COMMAND_FORGET_STREAMS, 31);
	command(COMMAND_FORGET_TRANSLATIONS, 0);
	command(COMMAND_SYNC, 0);
}

u64 *iommu_start(unsigned function)
{
	u64 streams_physical, context_physical, top_physical, commands_physical, events_physical;
	u64 *streams = memory_map(&streams_physical), *context = memory_map(&context_physical);
	u64 *top = memory_map(&top_physical);

	service_assert(function < 1 << STREAMS_LOG2);
	registers = device_map(0x09050000, REGISTERS_BYTES);
	commands = memory_map(&commands_physical);
	events = memory_map(&events_physical);
	context[0] = CONTEXT;
	context[1] = top_physical;
	streams[8 * function] = context_physical | STREAM_STAGE_1;
	set_wide(REG_STREAMS, streams_physical);
	registers[REG_STREAMS_FORMAT] = STREAMS_LOG2;
	set_wide(REG_COMMANDS, commands_physical | COMMANDS_LOG2);
	set_wide(REG_EVENTS, events_physical | EVENTS_LOG2);
	registers[REG_CONTROL] = CONTROL_ON;
	while (registers[REG_CONTROL_DONE] != CONTROL_ON)
		native_relax();
	iommu_invalidate();
	return top;
}

bool iommu_refused(u64 *address)
{
	const u32 written = registers[REG_EVENTS_WRITTEN], read = registers[REG_EVENTS_READ];

	if (written == read)
		return false;
	*address = events[4 * (read & ((1u << EVENTS_LOG2) - 1)) + 2] & ~0xffful;
	registers[REG_EVENTS_READ] = written;
	return true;
}

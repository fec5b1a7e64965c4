/* VT-d: iommu.h. Tables of 3 levels, registers programmed without queues. */
#include "iommu.h"

enum {
	REG_CAPABILITIES = 0x08 / 4,
	REG_EXTENDED = 0x10 / 4,
	REG_COMMAND = 0x18 / 4,
	REG_STATUS = 0x1c / 4,
	REG_ROOT = 0x20 / 4,
	REG_CONTEXT = 0x28 / 4,
	REG_FAULT = 0x34 / 4,
	FAULT_PENDING = 2,
	ENTRY_READ_WRITE = 3,
	LEVELS = 3,
};

#define COMMAND_TRANSLATE (1u << 31)
#define COMMAND_ROOT (1u << 30)
#define INVALIDATE (1ull << 63)
#define CONTEXT_GLOBAL (1ull << 61)
#define TLB_GLOBAL (1ull << 60)

const u64 pci_configuration = 0xb0000000, pci_memory;

static volatile u32 *registers;
static u64 *top;

static volatile u64 *wide(u64 number)
{
	return (volatile u64 *)(registers + number);
}

static void invalidate(void)
{
	volatile u64 *tlb = wide((*wide(REG_EXTENDED) >> 8 & 0x3ff) * 4 + 2);

	*wide(REG_CONTEXT) = INVALIDATE | CONTEXT_GLOBAL;
	while (*wide(REG_CONTEXT) & INVALIDATE)
		native_relax();
	*tlb = INVALIDATE | TLB_GLOBAL;
	while (*tlb & INVALIDATE)
		native_relax();
}

static void command(u32 bit)
{
	registers[REG_COMMAND] = registers[REG_STATUS] | bit;
	while (!(registers[REG_STATUS] & bit))
		native_relax();
}

void iommu_start(unsigned function)
{
	u64 root_physical, context_physical, top_physical;
	u64 *root = memory_map(&root_physical), *context = memory_map(&context_physical);

	registers = device_map(0xfed90000, PAGE_SIZE);
	top = memory_map(&top_physical);
	root[0] = context_physical | 1;
	context[2 * function] = top_physical | 1;
	context[2 * function + 1] = 1 << 8 | (LEVELS - 2);
	*wide(REG_ROOT) = root_physical;
	command(COMMAND_ROOT);
	invalidate();
	command(COMMAND_TRANSLATE);
}

void iommu_allow(u64 physical, bool allow)
{
	static u64 *tables[LEVELS]; /* there is only one page, so one path */
	u64 *table = top, table_physical;

	for (unsigned level = LEVELS - 1; level > 0; level--) {
		u64 *entry = &table[physical >> (12 + 9 * level) & 511];

		if (!*entry) {
			tables[level] = memory_map(&table_physical);
			*entry = table_physical | ENTRY_READ_WRITE;
		}
		table = tables[level];
	}
	table[physical >> 12 & 511] = allow ? physical | ENTRY_READ_WRITE : 0;
	invalidate();
}

bool iommu_refused(u64 *address)
{
	const u64 at = (*wide(REG_CAPABILITIES) >> 24 & 0x3ff) * 4;

	if (!(registers[REG_FAULT] & FAULT_PENDING))
		return false;
	*address = *wide(at) & ~0xffful;
	registers[at + 3] = 1u << 31;
	return true;
}

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
};

#define COMMAND_TRANSLATE (1u << 31)
#define COMMAND_ROOT (1u << 30)
#define INVALIDATE (1ull << 63)
#define CONTEXT_GLOBAL (1ull << 61)
#define TLB_GLOBAL (1ull << 60)

const u64 pci_configuration = 0xb0000000, pci_memory;
const u64 iommu_table_bits = 3, iommu_page_bits = 3; /* read, write */

static volatile u32 *registers;

static volatile u64 *wide(u64 number)
{
	return (volatile u64 *)(registers + number);
}

void iommu_invalidate(void)
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

u64 *iommu_start(unsigned function)
{
	u64 root_physical, context_physical, top_physical;
	u64 *root = memory_map(&root_physical), *context = memory_map(&context_physical);
	u64 *top = memory_map(&top_physical);

	registers = device_map(0xfed90000, PAGE_SIZE);
	root[0] = context_physical | 1;
	context[2 * function] = top_physical | 1;
	context[2 * function + 1] = 1 << 8 | (IOMMU_LEVELS - 2);
	*wide(REG_ROOT) = root_physical;
	command(COMMAND_ROOT);
	iommu_invalidate();
	command(COMMAND_TRANSLATE);
	return top;
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

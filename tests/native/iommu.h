/* The machine's IOMMU as a program in user mode drives it (MACHINE/iommu.c): one domain, for one device, with addresses that
 * are physical ones. Its tables have 512 entries and three levels on both machines; dma.c fills them. */
#ifndef NATIVE_IOMMU_H
#define NATIVE_IOMMU_H

#include "services/runtime/service.h"

/* Where PCI configuration space is; where BARs can be put, if nobody has put them anywhere. */
extern const u64 pci_configuration, pci_memory;

/* Maps registers, in this space only. */
volatile void *device_map(u64 physical, u64 bytes);
/* Zeroed memory for devices, in this space only. */
void *memory_map(u64 *physical);

enum { IOMMU_LEVELS = 3 };

/* Switches translation on: device `function` (bus 0) reaches nothing, for the table that is returned is empty. */
u64 *iommu_start(unsigned function);
/* What entries for tables and for pages have beside the address. */
extern const u64 iommu_table_bits, iommu_page_bits;
/* After a change of tables. */
void iommu_invalidate(void);
/* Has an access been refused since the last call? *address: of one. */
bool iommu_refused(u64 *address);

#endif

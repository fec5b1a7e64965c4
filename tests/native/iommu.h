/* The machine's IOMMU as a program in user mode drives it (MACHINE/iommu.c): one domain, for one device, with addresses that
 * are physical ones. */
#ifndef NATIVE_IOMMU_H
#define NATIVE_IOMMU_H

#include "user/runtime/service.h"

/* Where PCI configuration space is; where BARs can be put, if nobody has put them anywhere. */
extern const u64 pci_configuration, pci_memory;

/* Maps registers, in this space only. */
volatile void *device_map(u64 physical, u64 bytes);
/* Zeroed memory for devices, in this space only. */
void *memory_map(u64 *physical);

/* Switches translation on: device `function` (bus 0) reaches nothing. */
void iommu_start(unsigned function);
/* Lets the device reach the page, the same one each time, or not any more. */
void iommu_allow(u64 physical, bool allow);
/* Has an access been refused since the last call? *address: of one. */
bool iommu_refused(u64 *address);

#endif

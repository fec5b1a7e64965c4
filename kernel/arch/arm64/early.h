/* Before the kernel is in virtual memory: early.c runs where the loader put the image, one to one, with the MMU on. It makes
 * the kernel's tables at random places and leaves what it found in `machine`. */
#ifndef ARM64_EARLY_H
#define ARM64_EARLY_H

#include "arch.h"
#include "types.h"

struct machine {
	unsigned processors;
	bool shield;               /* decided early: the kernel's pages are global without it */
	u64 tramp, kernel_root, zero; /* physical: the three tables of entry.h */
	u64 slide;                 /* of the image, from the address it was linked for */
	u64 direct_map;            /* its base */
	u64 image;                 /* physical address of the image */
	u64 stacks[CPUS_MAX];      /* end of the kernel stack */
	u64 affinity[CPUS_MAX];    /* MPIDR_EL1 of each processor */
	/* Of the device tree: */
	unsigned gic;              /* version, 2 or 3 */
	u64 distributor;           /* physical */
	u64 gic_cpu;               /* version 2: the processors' interface; 3: the first redistributor */
	u64 uart;                  /* PL011; 0: none */
	u64 seed;                  /* for random numbers */
	bool firmware_call;        /* PSCI by SMC, not HVC */
	struct boot_info boot;
	char command_line[1024];
};
extern struct machine machine;

/* boot.S. */
extern char boot_other[];
extern u64 boot_other_start[3];

/* firmware.c: fills in what `machine` holds of the device tree. */
void firmware_read(const void *tree);

/* Where early_start() has the kernel go on. */
_Noreturn void machine_start(void);

#endif

/* Before the kernel is in virtual memory: early.c runs where the loader put the image, one to one, with 4 GiB of memory
 * reachable. It makes the kernel's tables at random places and leaves what it found in `machine`. */
#ifndef X86_64_EARLY_H
#define X86_64_EARLY_H

#include "arch.h"
#include "types.h"

enum { REAL_MODE_PAGE = 0x8000 }; /* where other processors start */

struct machine {
	unsigned levels, processors;
	u64 kernel_root;          /* physical */
	u64 slide;                /* of the image, from the address it was linked for */
	u64 direct_map, entry;    /* their bases */
	u64 image;                /* physical address of the image */
	u64 tops[CPUS_MAX];       /* physical: TOPS top-level pages of each processor for shielded spaces */
	u64 stacks[CPUS_MAX];     /* end of the kernel stack */
	u64 early_ticks;          /* time-stamp at the start */
	struct boot_info boot;
	char command_line[1024];
};
extern struct machine machine;

/* boot.S. */
extern char boot_start[], boot_other[], boot_real_mode[], boot_real_mode_end[], boot_real_base[], boot_real_gdt[], boot_gdt[];
extern u64 boot_other_start[3];

/* firmware.c: fills in the number of processors, the command line and the boot archive. */
struct pvh_start_info;
void firmware_read(const struct pvh_start_info *info);
/* Passes each range of RAM on. */
void firmware_memory(const struct pvh_start_info *info, void (*take)(u64 start, u64 end));

/* Where early_start() has the kernel go on. */
_Noreturn void machine_start(void);

#endif

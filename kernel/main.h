/* Start-up: options of the command line that others ask for. */
#ifndef KERNEL_MAIN_H
#define KERNEL_MAIN_H

#include "types.h"

extern bool shield_on; /* [I] */

/* Makes the first space from the file `init` of the boot archive and its thread ready. boot.c. */
struct boot_info;
void boot_first_space(const struct boot_info *boot);

#endif

/* Start-up: options of the command line that others ask for. */
#ifndef KERNEL_MAIN_H
#define KERNEL_MAIN_H

#include "types.h"

extern bool shield_on; /* [I] */

struct boot_info;

/* For the start-up code of machines, which runs before relocations are applied.
 * Adds a range of memory, unless the list is full. */
void boot_add_ram(struct boot_info *boot, u64 start, u64 end);
/* Is the word on the command line? (May be called later, too.) */
bool boot_has_option(const char *line, const char *word);

/* Makes the first space from the file `init` of the boot archive and its thread ready. boot.c. */
void boot_first_space(const struct boot_info *boot);

#endif

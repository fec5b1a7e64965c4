/* Between the parts of <allod/bounds.h>: the slow ways, and what each machine has (ARCH/bounds.c). */
#ifndef LIBALLOD_BOUNDS_H
#define LIBALLOD_BOUNDS_H

#include <allod/bounds.h>

#include "abi/bounds.h"

#pragma GCC visibility push(hidden)

/* The trap of that kind, with words in the first argument registers. -> 0 or -errno. */
long bounds_trap_start(void);
long bounds_trap_table(const void *location);
void bounds_trap_report(const void *pointer, uint64_t lower, uint64_t upper);

/* Whether the processor can do the inline code's atomic instructions. */
bool bounds_machine_is_able(void);
/* MPX: turns it on, with a directory of its own. -> whether it is on. */
bool bounds_hard_start(void);
/* Its tables. */
void bounds_hard_store(void *location, void *pointer, struct allod_bounds bounds);
struct allod_bounds bounds_hard_load(void *location, void *pointer);

#pragma GCC visibility pop

#endif

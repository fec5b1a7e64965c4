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

/* The entries of the range are of no object any more. No table is made. */
void bounds_forget(const void *start, size_t bytes);

/* The heap of <allod/bounded.h>: to be called once, when there are software tables. */
void bounds_heap_start(void);
/* An object, zeroed or not; NULL: the heap has no room, or none that large. */
void *bounds_heap_alloc(size_t bytes, bool zeroed);
/* Whether it lies there. */
bool bounds_heap_has(const void *p);
/* The object must start there. */
void bounds_heap_free(void *p);

/* To be called in a loop that waits for another thread. */
void bounds_pause(unsigned spins);

#pragma GCC visibility pop

#endif

/* What the sources behind <allod/bounds.h> share: the slow ways, and the functions of each machine (ARCH/bounds.c). */
#ifndef LIBALLOD_BOUNDS_H
#define LIBALLOD_BOUNDS_H

#include <allod/bounds.h>

#include "abi/bounds.h"

#pragma GCC visibility push(hidden)

/* The traps of abi/bounds.h. -> 0 or -errno. */
long bounds_trap_start(void);
long bounds_trap_table(const void *location);
void bounds_trap_report(const void *pointer, uint64_t lower, uint64_t upper);

/* Does the processor have the atomic instructions of the inline code? */
bool bounds_machine_is_able(void);
/* Turns MPX on, with a directory for its tables. -> is it on? */
bool bounds_hard_start(void);
/* Stores to, and loads from, MPX's tables. */
void bounds_hard_store(void *location, void *pointer, struct allod_bounds bounds);
struct allod_bounds bounds_hard_load(void *location, void *pointer);

/* Clears the bounds of all pointers in the range, but makes no table for that. */
void bounds_forget(const void *start, size_t bytes);

/* The heap of <allod/bounded.h>: to be called once, when there are software tables. */
void bounds_heap_start(void);
/* An object, zeroed or not; NULL: the heap has no room, or no slots that large. */
void *bounds_heap_alloc(size_t bytes, bool zeroed);
/* Does it lie in that heap? */
bool bounds_heap_has(const void *p);
/* Frees an object, by its first address. */
void bounds_heap_free(void *p);

/* To be called in a loop that waits for another thread. */
void bounds_pause(unsigned spins);

#pragma GCC visibility pop

#endif

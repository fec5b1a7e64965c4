/* What the files of the memory room share. */
#ifndef LINUX_MEMORY_PRIVATE_H
#define LINUX_MEMORY_PRIVATE_H

#include "services/linux/memory/memory.h"

enum { MMAP_LOW = 0x10000 }; /* lowest address a program may map */

extern const struct memory_hooks *memory_hooks; /* [I] */

/* --- mm.c --- */

/* The range below the last one, which is probably free. 0: none. */
u64 mm_guess(struct mm *mm, u64 bytes);
/* The range has become free: a good place to look next time. */
void mm_freed(struct mm *mm, u64 start, u64 bytes);
/* Is anything mapped in the range, or is it the kernel's (stacklets)? */
bool mm_is_used(struct mm *mm, u64 start, u64 bytes);

/* --- mmap.c --- */

/* Does RLIMIT_AS allow that much more? */
bool mm_limit_allows(struct task *self, u64 bytes);
/* Forgets the private pages of a range. -> 0 or -ENOMEM, if there are gaps in it; the rest is done all the same. With `pass` it
 * passes the service lock on between regions. */
int mm_forget(struct mm *mm, u64 addr, u64 bytes, bool pass);

#endif

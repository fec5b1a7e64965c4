/* The copy routines of the machine (copy.S), the only code that may touch memory which is not there. For user_memory.c; all others
 * use user_memory.h, which also declares copy_guarded(). */
#ifndef LINUX_COPY_H
#define LINUX_COPY_H

#include "services/linux/base.h"

struct copy_fault {
	u32 code, segment, page, unused; /* as in struct user_frame */
	u64 reached;                     /* address of the first byte that was not written */
};
_Static_assert(offsetof(struct copy_fault, reached) == 16, "copy.S");

/* Each returns 0, or 1 with *fault filled in. */
int copy_bytes(void *to, const void *from, u64 bytes, struct copy_fault *fault);
int copy_zero(void *to, u64 bytes, struct copy_fault *fault);
int copy_exchange(u32 *word, u32 expected, u32 value, struct copy_fault *fault, u32 *seen);
int copy_exchange_long(u64 *word, u64 expected, u64 value, struct copy_fault *fault, u64 *seen);

/* Goes on with a copy_guarded() that has faulted after `done` bytes. where: the fault's segment in the upper half, its page in the
 * lower. -> bytes copied in all. */
u64 copy_on(char *to, const char *from, u64 bytes, u64 done, u32 code, u64 where);

/* Labels for struct landing. */
extern char guarded_start[], guarded_end[], guarded_landing[], crash_landing[];

#endif

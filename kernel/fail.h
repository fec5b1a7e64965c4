/* Allocations that fail on demand. Nothing of it is there unless the command line says `test=fail`.
 *
 * A thread has a number of allocations to go until one fails (the native call fail()). Frames and objects of pools count that the
 * kernel takes while the thread runs, whoever asks for them. For that frame.c keeps no freed frames at hand then, and pool.c
 * gives each object a frame of its own: so all come by the slow way, the only one that looks here, and an object that is
 * forgotten is a frame that is missing.
 *
 * Services have frames kept back for their own memory (is_short_of_frames() in fault.c): where a fault of theirs would fail, the
 * next allocation does in its place.
 *
 * All functions: under the kernel lock. */
#ifndef KERNEL_FAIL_H
#define KERNEL_FAIL_H

#include "types.h"

struct fault;
struct thread;
struct view;

extern bool fail_on; /* [I] */

/* As the option asks, before anything is allocated. */
void fail_init(const char *test);
/* The native call: sets what a thread has to go, 0: none fails, ~0: as it is. -> what it had. */
u32 fail_set(struct thread *thread, u64 count);
/* An access of the current thread found no frame. Resolves it after all if that was for us to say and it is for a space without a
 * system, in memory of its own. -> as view_fault(). */
u32 fail_put_off(struct view *view, u64 va, u32 access, struct fault *info, u32 code);

bool fail_counts(void);

/* Must the allocation that is being made fail? */
static inline bool fail_now(void)
{
	return __builtin_expect(fail_on, 0) && fail_counts();
}

#endif

/* Allocations that fail on demand, for tests; only with `test=fail` on the command line.
 *
 * The native call fail() gives a thread the number of allocations until one fails. Each frame and pool object that the kernel takes
 * while the thread runs counts, whatever it is for. With `test=fail`, frame.c keeps no freed frames at hand and pool.c gives each
 * object a frame of its own. So every allocation takes the slow way, which is the only one that looks here, and an object that is
 * not freed shows as a frame that is missing.
 *
 * A fault of a service in its own memory does not fail, because frames are kept back for services (is_short_of_frames() in
 * fault.c): if one was to fail, the next allocation fails in its place.
 *
 * All functions: under the kernel lock. */
#ifndef KERNEL_FAIL_H
#define KERNEL_FAIL_H

#include "types.h"

struct fault;
struct thread;
struct view;

extern bool fail_on; /* [I] */

/* test: what the option `test` is set to. Before anything is allocated. */
void fail_init(const char *test);
/* The native call: the count-th allocation fails; 0: none does; ~0: the count stays. -> the count that was left. */
u32 fail_set(struct thread *thread, u64 count);
/* view_fault() has returned `code` to the current thread. If that is FAULT_NOMEM because this file made the allocation fail, and a
 * space without a system touched its own memory, resolves the fault and has the next allocation fail. -> as view_fault(). */
u32 fail_put_off(struct view *view, u64 va, u32 access, struct fault *info, u32 code);

/* Counts an allocation of the current thread. -> must it fail? */
bool fail_counts(void);

/* Must the allocation that is being made fail? */
static inline bool fail_now(void)
{
	return __builtin_expect(fail_on, 0) && fail_counts();
}

#endif

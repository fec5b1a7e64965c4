/* Long work in steps. No stretch of the kernel with interrupts off may grow with a size that a program chose, so long work is done
 * in pieces, and between two of them it asks whether it is time to stop (as at seL4's preemption points).
 *
 * A native call that may take long is called between work_begin() and work_end(). Its function does at least one piece, then
 * asks work_is_due() after each. If it is time, it leaves everything as consistent as between two calls, invalidations and all, and
 * returns WORK_AGAIN: the thread goes back to its system-call instruction with the registers it came with, pending interrupts are
 * taken, others run, and the thread makes the call anew. So
 *  - the structures themselves must tell how far the call came: what is unmapped is gone and the region cut short; what is revoked
 *    is dead; a fork goes on where the regions of the child end;
 *  - a change that others make between two steps must be as good as one before or after the call;
 *  - all that can fail is done in the first step. Later ones fail only if others have changed what the call is about meanwhile.
 * A call that cannot see from the structures how far it came (protect, checks of a range) keeps an address in work_place(). It
 * finds the address there if the thread makes the same call again next, and 0 otherwise: so it may only be used to save time.
 *
 * Some long work has no thread that makes the call anew: the end of a space by a fault or by its last thread, the end of a segment
 * when it is unmapped. thread.c and segment.c keep lists of such ends, and thread_work() and segment_work() do a piece of them. The
 * first step is done at once; the rest is done by the call that asked for it, by processors when they choose a thread, and by idle
 * ones.
 *
 * Outside of steps (tests, start-up) work_is_due() never says yes: everything is done in one go.
 *
 * All functions: under the kernel lock. */
#ifndef KERNEL_WORK_H
#define KERNEL_WORK_H

#include "types.h"

struct thread;
struct user_frame;

/* What a function returns that has more to do: neither a result nor an error of a native call. */
enum { WORK_AGAIN = -4097 };

/* How long a step may take, not counting the rest of the piece that it is in then. Twice that, with the way in and out and the
 * freeing of what was collected, must stay below 100,000 instructions. */
enum { WORK_STEP_NS = 30000 };

/* The native call that a thread makes in steps, and how far it came. Zeroes: none. */
struct work_place {
	u64 call, words[4]; /* which */
	u32 depth;
	u64 at;             /* for the call's own use */
};

/* Begins a step: of the native call that the thread makes with these registers, or (NULL) of no call. */
void work_begin(struct thread *thread, const struct user_frame *frame);
/* Ends the step. -> result */
i64 work_end(i64 result);
/* When it is time to stop, ticks; ~0: there is no step. */
extern u64 work_step_end;
bool work_is_over(void);
/* Is it time to stop? Outside of a step: no. */
static inline bool work_is_due(void)
{
	return work_step_end != ~0ul && work_is_over();
}
/* Where the call left off, 0 at first. */
u64 *work_place(void);

/* Number of ends on the lists of thread.c and segment.c, which count them here. */
extern u64 work_waiting;
/* Does some of these, in the step that is under way, or in one of its own. */
void work_run(void);

#endif

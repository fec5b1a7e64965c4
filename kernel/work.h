/* Long work in steps. No stretch of the kernel with interrupts off lasts as long as a size that a program chose: what takes long
 * is done in pieces, and between pieces it is asked whether it is time to stop (as at seL4's preemption points).
 *
 * A native call that may take long is called between work_begin() and work_end(). Its function does at least one piece, then
 * asks work_is_due() after each. If it is time, it leaves everything as consistent as between two calls, invalidations and all, and
 * returns WORK_AGAIN: the thread goes back to its system-call instruction with the registers it came with, pending interrupts are
 * taken, others run, and the call begins anew. So
 *  - how far it came must be in the structures themselves: what is unmapped is gone, the region cut short; what is revoked is dead;
 *    a fork goes on where the regions of the child end;
 *  - what others do in between is as if they had done it before or after the piece;
 *  - all that can fail is done in the first step. Later ones fail only if others have changed what the call is about meanwhile.
 * A call that cannot see from the structures how far it came (protect, checks of a range) keeps an address in work_place(): it is
 * there when the same thread makes the same call again next, else 0; so it may only save time.
 *
 * No thread waits for the end of a space that a fault or its last thread ended, or of a segment that is not mapped any more. Such
 * an end is put on a list of its part, whose function does some of it (thread_work(), segment_work()). The first step is done at
 * once; the call that asked for it, processors that choose what to run, and idle ones do the rest.
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

/* How long a step may take, but for the piece that it is in when it is time. Twice that with freeing what was collected, and the
 * way in and out, has to stay below 100,000 instructions. */
enum { WORK_STEP_NS = 30000 };

/* A native call that goes on in steps, of a thread. Zeroes: none. */
struct work_place {
	u64 call, words[4]; /* which */
	u32 depth;
	u64 at;             /* for the call's own use */
};

/* A step begins: of a native call of the thread with these registers, or (NULL) of no call. */
void work_begin(struct thread *thread, const struct user_frame *frame);
/* It ends, with a result, which is returned. */
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

/* What is on the lists of all parts: each adds to it and takes from it. */
extern u64 work_waiting;
/* Does some of it, in the step that is under way or one of its own. */
void work_run(void);

#endif

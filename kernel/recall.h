/* Takes a thread out of portal calls before the callees return: at a call's deadline, or when the manager of the thread's home
 * space recalls the thread.
 *
 * A call cannot end while, inside of it, the thread is in an unshielded (trusted) space, which may hold locks, or in a call made by
 * an interrupt, which ends at its own deadline only. Until a call that is to end can, the thread has PENDING_RECALL, and its
 * interruptible waits end. All functions: under the kernel lock. */
#ifndef KERNEL_RECALL_H
#define KERNEL_RECALL_H

#include "types.h"

struct call;
struct thread;

/* Sets the deadline of the call that the thread has just made. */
void recall_set_deadline(struct thread *thread, struct call *call, u64 ticks);
/* The thread leaves a call: drops its deadline. */
void recall_drop_deadline(struct thread *thread, struct call *call);
/* The thread's earliest deadline has passed. */
void recall_time_out(struct thread *thread);
/* As the native call. */
void thread_recall(struct thread *thread);
/* The current thread has PENDING_RECALL: leaves the calls that are to end, as far as it can. -> has it left any? */
bool recall_settle(struct thread *thread);
/* Is a call of the thread to end that can? A thread must ask this before it waits: it may have been running when it was
 * recalled. */
bool recall_is_due(const struct thread *thread);

#endif

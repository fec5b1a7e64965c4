/* Takes a thread out of a call before the callee returns: when the call's deadline comes, or when the manager of the thread's home
 * space recalls it.
 *
 * Only portal calls can be cut short, and only while no unshielded (trusted) space works for the thread inside of them: it may
 * hold locks. A call that an interrupt made ends at its deadline only, and what the thread is to leave has to wait for it. Until
 * then the thread has PENDING_RECALL, and its interruptible waits end. Under the kernel lock. */
#ifndef KERNEL_RECALL_H
#define KERNEL_RECALL_H

#include "types.h"

struct call;
struct thread;

/* The call that the thread has just made ends at the tick. */
void recall_set_deadline(struct thread *thread, struct call *call, u64 ticks);
/* That call is left. */
void recall_drop_deadline(struct thread *thread, struct call *call);
/* The earliest deadline has passed. */
void recall_time_out(struct thread *thread);
/* As the native call. */
void thread_recall(struct thread *thread);
/* The current thread has PENDING_RECALL: leaves the calls that are due, if it may. -> has it left any? */
bool recall_settle(struct thread *thread);
/* Is there such a call? A thread that begins to wait must ask: who recalled it may have found it running. */
bool recall_is_due(const struct thread *thread);

#endif

/* Portal calls with grants to the callee and with a deadline.
 *
 * Both belong to the frame of the call in the thread's chain (struct call) and end with it, however the thread leaves it. All
 * functions: under the kernel lock. */
#ifndef KERNEL_CALL_WITH_H
#define KERNEL_CALL_WITH_H

#include "types.h"

struct call;
struct cpu;
struct thread;

/* As call_portal(), with what the specification at `va` of the current thread's space says. -E_FAULT, -E_INVAL (too many grants),
 * -E_TIMEDOUT (the deadline has passed), and what call_portal() and grant_make_for_call() fail with. */
int call_portal_with(u64 va, u64 ip, u64 sp);
/* The current thread makes a native call; the gate need not be settled. If that is a call like the one before (one grant, no
 * deadline), or the return from such a call, makes it by the gate, and nothing is left to do. -> false: it is another; nothing has
 * been done. */
bool call_with_by_gate(struct cpu *cpu);
/* A call is left that has grants or a deadline: ends these. */
void call_with_leave(struct thread *thread, struct call *call);
/* As the native call: finds the newest grant with GRANT_KEEP that a call of the current thread brought its space and that covers
 * the address, and makes it last. -> its number, -E_NOENT. */
int call_grant_keep(u64 address);

#endif

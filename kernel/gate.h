/* The gate: portal calls between peers that the entry code makes by itself, from root to root, without the kernel's tables.
 *
 * Under the shield a call through the kernel writes four roots. A call that a thread has made once is repeated by a few
 * instructions of the entry text on struct gate alone, which lies where shielded roots show it, and holds no kernel address
 * and no secret: two root writes for call and return. The kernel is not told. What it keeps (thread->calls, ->depth, ->space)
 * is behind, then, and gate_settle() brings it up to date before anything else happens on every entry of the general way.
 *
 *   ways[]    calls that may be made without asking: by who came here by way `from`, to the portal at `address`
 *   frames[]  how to go on in the callers, innermost last: a mirror of the end of thread->calls
 *               frames[0 .. settled)      the kernel knows them, but for those popped since: their GATE_KNOWN is set
 *               frames[settled .. depth)  pushed since
 *   way       the id of the way by which the thread came into its space, or of the state it was in without any
 *
 * A chain of calls is named by the id of its last way, because each way names the one before it. So one comparison with
 * `from` says that the caller, and all below it, is as it was when the way was made: its stack is where it was, too.
 *
 *   vases[]   VASes that the thread may switch into, while it is in its home space, by `from`: likewise without asking
 *
 * A call with grants is the kernel's to make and to end, but it goes known ways, too: gate_enter() and gate_leave() do what
 * entry code does for others. There is at most one such frame that the kernel has not learnt of, above those that it knows.
 *
 * Who shrinks rights or ends a space closes the ways of all processors (gate_forget), before it waits for those that may be
 * in it. A way and its spaces are the current thread's only: gate_reset() when another takes the processor. */
#ifndef KERNEL_GATE_H
#define KERNEL_GATE_H

#include "pte.h"
#include "types.h"

struct call;
struct cpu;
struct portal;
struct space;
struct view;

enum { GATE_WAYS = 8, GATE_FRAMES = 8, GATE_KNOWN = 1, GATE_WITH = 2, GATE_CLOSED = 0, GATE_FIRST = 1, GATE_VASES = 8 };
#define GATE_SWITCHED 0x80000000u

/* One processor's, seen by its entry code: offsets are asserted in each machine's entry header. [C] but for gate_forget(). */
struct gate {
	u32 depth;   /* frames in use */
	u32 settled; /* of these the kernel knows as many; written by the kernel only, but for GATE_SWITCHED, which the entry code
		      * may set when it has switched VAS. Both 0: system calls have a short way */
	u64 way;     /* GATE_FIRST or above */
	u64 moves;   /* calls, returns and switches ever made: each wrote one root */
	u64 zero;    /* [I] for the machine: root that shows nothing */
	struct gate_way {
		u64 address;  /* of the portal, as callers give it */
		u64 from, id; /* GATE_CLOSED matches no one: callers may give any address */
		u64 entry, cookie;
		u64 stack_at; /* where in struct gate the stack pointer is that the callee goes below: .stack, or a frame's .sp */
		u64 stack;
		u64 calls;    /* made on this way */
		u64 root[2];  /* for the machine: the callee's */
		u64 unused[6];
	} ways[GATE_WAYS];
	struct gate_frame {
		u64 ip, sp, thread_pointer, gs_base;
		u64 from;    /* gate.way before this call */
		u64 way;     /* GATE_KNOWN, or offset of ways[i] in ways[]; | GATE_WITH: the return is the kernel's */
		u64 root[2]; /* for the machine: the caller's */
	} frames[GATE_FRAMES];
	u64 vas; /* number of the VAS that the thread is in, if vases[] has it; 0: none */
	u64 unused;
	struct gate_vas {
		u64 number;
		u64 from;    /* gate.way, or GATE_CLOSED */
		u64 root[2]; /* for the machine */
	} vases[1 + GATE_VASES]; /* [0]: number 0; the others by number */
};

/* The kernel's side of a way. */
struct way {
	struct space *caller, *callee; /* [K] referenced; NULL: none */
	u64 *calls;                    /* [K] counter of this pair of spaces */
	u64 counted;                   /* [K] of gate_way.calls, so many are in it */
};

/* Which way a portal's address may have, for entry code too. The number of the space counts: copies of a space have their portals
 * at the same offsets. */
static inline unsigned gate_slot(u64 address)
{
	return (address ^ pte_number_bits(address)) >> 4 & (GATE_WAYS - 1);
}

/* All functions: under the kernel lock. */

/* Brings the current thread up to date with what the gate did, if it did anything: cpu->frame holds the registers that the
 * entry saved, and does so afterwards. */
void gate_settle(struct cpu *cpu);
/* The current thread has just gone on in portal->space as call_portal() makes it: *call is the frame in thread->calls. Makes
 * a way of it, if there can be one. */
void gate_open(struct cpu *cpu, const struct portal *portal, u64 address, const struct call *call, u64 stack);
/* The current thread has left a portal call by call_leave(). */
void gate_close(struct cpu *cpu);
/* Makes a call with something on a way, as call_portal() but behind the kernel's back: only cpu->frame and what is loaded
 * change. */
void gate_enter(struct cpu *cpu, struct gate_way *way, const u64 words[6], u64 ip, u64 sp);
/* The current thread returns from such a call, of which the kernel has not learnt: all is settled then. */
void gate_leave(struct cpu *cpu);
/* The current thread has switched from one VAS to another, in a space whose views these are: it may do that without asking from now
 * on, if it is in its home space. */
void gate_open_vases(struct cpu *cpu, struct view *from, u32 from_number, struct view *to, u32 to_number);
/* Rights have shrunk somewhere: no processor goes a known way from now on. */
void gate_forget(void);
/* Adds what was called on the ways of a processor to the counters of the pairs. */
void gate_count(struct cpu *cpu);
/* May a processor be in, or go into, a space without the kernel's knowing? It may go back by frames whose ways are lost. */
bool gate_concerns(const struct cpu *cpu, const struct space *space);

#endif

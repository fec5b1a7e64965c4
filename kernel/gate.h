/* The gate: portal calls between peers that the entry code makes by itself, from root to root, without the kernel's tables.
 *
 * Under the shield a call through the kernel, with its return, writes the root four times. When a thread repeats a call, a few
 * instructions of the entry code make it, with two root writes for call and return. They use nothing but struct gate, which
 * shielded roots show, and which holds no kernel address and no secret. The kernel does not learn of such a call: what it keeps
 * (thread->calls, ->depth, ->space) is out of date until the next entry of the general way, which begins with gate_settle().
 *
 *   ways[]    calls that may be made without asking: by who came here by way `from`, to the portal at `address`
 *   frames[]  how to go on in the callers, innermost last: a mirror of the end of thread->calls
 *               frames[0 .. settled)      the kernel knows them, but for those popped since: their GATE_KNOWN is set
 *               frames[settled .. depth)  pushed since
 *   way       the id of the way by which the thread came into its space, or of the state it was in without any
 *
 * Each way names the way before it (`from`), so the id of the last way names the whole chain of calls. One comparison with `from`
 * tells that the chain is as it was when the way was made, the place of the caller's stack included.
 *
 *   vases[]   VASes that the thread may switch into, while it is in its home space, by `from`: likewise without asking
 *
 * A call with grants is made and ended by the kernel, because the grants are, but goes by a way too: gate_enter() and gate_leave()
 * do what the entry code does for other calls. At most one such frame is not settled: the innermost.
 *
 * Code that shrinks rights or ends a space first closes the ways of all processors (gate_forget), then waits for processors that
 * may be in the space. Ways are the current thread's: gate_reset() drops them when another thread gets the processor. */
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
	u32 settled; /* how many of these the kernel knows. Only the kernel writes it; the entry code sets GATE_SWITCHED when it
		      * has switched VAS. The short way of system calls is open if both depth and settled are 0 */
	u64 way;     /* GATE_FIRST or above */
	u64 moves;   /* calls, returns and switches ever made: each wrote one root */
	u64 zero;    /* [I] for the machine: root that shows nothing */
	struct gate_way {
		u64 address;  /* of the portal, as callers give it */
		u64 from, id; /* GATE_CLOSED matches no one: callers may give any address */
		u64 entry, cookie;
		u64 stack_at; /* the callee's stack begins below the pointer at this offset in struct gate: .stack or a .sp */
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

/* The index in ways[] for a portal's address; the entry code computes the same. The number of the space is part of it, because
 * copies of a space have their portals at the same offsets. */
static inline unsigned gate_slot(u64 address)
{
	return (address ^ pte_number_bits(address)) >> 4 & (GATE_WAYS - 1);
}

/* All functions: under the kernel lock. */

/* Brings the current thread up to date with what the gate did, if it did anything. The registers that the entry saved are in the
 * frame at cpu->frame before and after, which may be another frame then. */
void gate_settle(struct cpu *cpu);
/* call_portal() has just moved the current thread to portal->space; *call is the frame in thread->calls. Makes a way for the next
 * such call, if the gate can make it. */
void gate_open(struct cpu *cpu, const struct portal *portal, u64 address, const struct call *call, u64 stack);
/* The current thread has left a portal call by call_leave(). */
void gate_close(struct cpu *cpu);
/* Makes a call with grants on a way, as the entry code would: changes cpu->frame and the loaded registers, but not the thread's
 * chain of calls. */
void gate_enter(struct cpu *cpu, struct gate_way *way, const u64 words[6], u64 ip, u64 sp);
/* The current thread returns from such a call, which is the only one not settled. */
void gate_leave(struct cpu *cpu);
/* The current thread has switched from one VAS to another, in a space whose views these are. If that is its home space, the entry
 * code may make the switch, both ways, from now on. */
void gate_open_vases(struct cpu *cpu, struct view *from, u32 from_number, struct view *to, u32 to_number);
/* Rights have shrunk somewhere: closes the ways of all processors. */
void gate_forget(void);
/* Adds the calls made on the ways of a processor to the counters of the pairs. */
void gate_count(struct cpu *cpu);
/* May a processor be in a space, or go into it, without the kernel's knowing? It may also return there by frames whose ways are
 * closed. */
bool gate_concerns(const struct cpu *cpu, const struct space *space);

#endif

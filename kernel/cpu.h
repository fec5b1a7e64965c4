/* What belongs to one processor, and the contract between the portable kernel and the entry code.
 *
 * A thread that runs in a space with a system calls the system portal at every system call, fault and exception. The entry code
 * makes the plain system call without C: `system` below holds all that it needs to switch the current thread to the system service
 * and back. thread_load() (thread.c) fills it in whenever the current thread, its space or its depth of calls changes. Otherwise
 * only the entry code changes any of this, at a plain system call from state A to B, at its return from B to A:
 *
 * State A, in the process: frame = system.process_frame, current->depth = d, current->space = the process's space.
 * State B, in the system:  frame = &current->regs,       current->depth = d + 1, current->space = system.space. */
#ifndef KERNEL_CPU_H
#define KERNEL_CPU_H

#include "cpu_offsets.h"
#include "gate.h"
#include "lib/list.h"
#include "stretch.h"
#include "types.h"
#include "user_frame.h"

struct thread;
struct space;
struct view;

enum { CPUS_MAX = 8 };

struct cpu {
	/* Known to entry code: cpu_offsets.h. [C] = this processor only. */
	struct user_frame *frame; /* [C] where the next entry from user mode saves the registers */
	struct thread *current;   /* [C] NULL: idle */
	u64 stack;                /* [I] top of the kernel stack */
	struct {
		u64 entry;                        /* [C] address of the system portal in the service; 0: there is no fast way */
		u64 user_frame;                   /* [C] address of the frame in the service: its argument and stack pointer */
		struct user_frame *process_frame; /* [C] the same frame as the kernel sees it; NULL: no fast way */
		struct space *space;              /* [C] the service */
		struct space *process;            /* [C] the process's space */
		u64 calls;                        /* [C] calls taken the fast way */
	} system;
	u64 root_writes; /* [C] counted by entry code too */

	/* Portable. [K] = kernel lock, [a] = atomic. */
	struct gate *gate; /* [I] */
	u64 gate_moves;    /* [K] gate->moves when it was last settled */
	u64 gate_ids;      /* [C] given out last */
	u64 gate_vas;      /* [K] gate->vas when it was last settled */
	u64 *user_root;    /* [C] for the machine: the root that is loaded when the kernel is left, as struct gate has roots */
	struct list_node gate_grants; /* [K] of the call that gate_enter() made, until gate_settle(); next is NULL: none */
	bool gate_used;    /* [K] there are ways or frames */
	struct way ways[GATE_WAYS];
	unsigned number;     /* [I] */
	struct view *loaded; /* [K] the view last given to arch_space_prepare: set by it */
	struct space *entry; /* [K] likewise */
	struct view *process_view; /* [C] under which the thread runs in system.process */
	bool reschedule;     /* [K] */
	u32 waits;           /* [a] it is in arch_relax() for the kernel lock */
	u32 flush_request;   /* [a] another processor waits for us to invalidate (arch_relax, trap_poke answer it) */
	u64 slice_start, slice_end; /* [C] ticks: of the current thread */
	u64 armed;           /* [C] ticks: when its alarm goes off; 0: never */
	u64 system_calls, native_calls, faults, interrupts, nmis, switches; /* [C] */
	u64 tlb_pages, tlb_spaces, tlb_ipis;                                              /* [C] */
	struct stretch stretch;
};

_Static_assert(offsetof(struct cpu, frame) == CPU_FRAME && offsetof(struct cpu, current) == CPU_CURRENT, "assembly");
_Static_assert(offsetof(struct cpu, stack) == CPU_STACK && offsetof(struct cpu, root_writes) == CPU_ROOT_WRITES, "assembly");
_Static_assert(offsetof(struct cpu, system.entry) == CPU_SYSTEM_ENTRY, "assembly");
_Static_assert(offsetof(struct cpu, system.user_frame) == CPU_SYSTEM_USER_FRAME, "assembly");
_Static_assert(offsetof(struct cpu, system.process_frame) == CPU_SYSTEM_PROCESS_FRAME, "assembly");
_Static_assert(offsetof(struct cpu, system.space) == CPU_SYSTEM_SPACE, "assembly");
_Static_assert(offsetof(struct cpu, system.process) == CPU_SYSTEM_PROCESS, "assembly");
_Static_assert(offsetof(struct cpu, system.calls) == CPU_SYSTEM_CALLS, "assembly");

/* Forgets the frames and ways of a processor: it gets another thread, or its thread's chain of calls has changed by other means
 * than a call or a return. */
void gate_reset_used(struct cpu *cpu);
static inline void gate_reset(struct cpu *cpu)
{
	if (cpu->gate_used)
		gate_reset_used(cpu);
}

/* Does the kernel know what the gate did? */
static inline bool gate_is_settled(const struct cpu *cpu)
{
	return cpu->gate->moves == cpu->gate_moves;
}

/* The way that the current thread may take to a portal, if it is settled; NULL: none. */
static inline struct gate_way *gate_find(struct cpu *cpu, u64 address)
{
	struct gate_way *way = &cpu->gate->ways[gate_slot(address)];

	return way->address == address && way->from == cpu->gate->way ? way : NULL;
}

extern struct cpu *cpus[CPUS_MAX]; /* [I] once started */
extern unsigned cpu_count;         /* [I] once started */

#endif

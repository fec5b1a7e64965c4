/* The part of the machine interface that must be inline, included by kernel/arch.h, and the offsets that assembly knows. */
#ifndef ARM64_ARCH_CPU_H
#define ARM64_ARCH_CPU_H

#include "cpu.h"
#include "offsets.h"
#include "space.h"
#include "thread.h"

static inline struct cpu *cpu_self(void)
{
	struct cpu *cpu;

	__asm__("mrs %0, tpidr_el1" : "=r"(cpu));
	return cpu;
}

#define GATE_IS_AT(member, offset) _Static_assert(offsetof(struct gate, member) == (offset), "assembly")
GATE_IS_AT(depth, GATE_DEPTH);
GATE_IS_AT(settled, GATE_DEPTH + 4);
GATE_IS_AT(way, GATE_WAY);
GATE_IS_AT(moves, GATE_MOVES);
GATE_IS_AT(settled, GATE_SETTLED);
GATE_IS_AT(vas, GATE_VAS);
GATE_IS_AT(vases, GATE_VASES_AT);
GATE_IS_AT(vases[0].root, GATE_VASES_AT + GATE_VASES_ROOT);
_Static_assert(sizeof(struct gate_vas) == 1 << GATE_VASES_SHIFT && GATE_SWITCHED == GATE_SWITCHED_BIT, "assembly");
_Static_assert(sizeof(struct gate) <= GATE_SCRATCH, "assembly");
GATE_IS_AT(zero, GATE_ZERO);
GATE_IS_AT(ways[0].address, GATE_WAYS_ADDRESS);
GATE_IS_AT(ways[0].from, GATE_WAYS_ADDRESS + 8);
GATE_IS_AT(ways[1].address, GATE_WAYS_ADDRESS + (1 << GATE_WAY_SHIFT));
GATE_IS_AT(ways[0].id, GATE_WAYS_ID);
GATE_IS_AT(ways[0].entry, GATE_WAYS_ENTRY);
GATE_IS_AT(ways[0].cookie, GATE_WAYS_ENTRY + 8);
GATE_IS_AT(ways[0].stack_at, GATE_WAYS_STACK_AT);
GATE_IS_AT(ways[0].calls, GATE_WAYS_CALLS);
GATE_IS_AT(ways[0].root, GATE_WAYS_ROOT);
GATE_IS_AT(frames[0].ip, GATE_FRAMES_AT + GATE_FRAME_IP);
GATE_IS_AT(frames[0].sp, GATE_FRAMES_AT + GATE_FRAME_IP + 8);
GATE_IS_AT(frames[0].thread_pointer, GATE_FRAMES_AT + GATE_FRAME_THREAD_POINTER);
GATE_IS_AT(frames[0].from, GATE_FRAMES_AT + GATE_FRAME_FROM);
GATE_IS_AT(frames[0].way, GATE_FRAMES_AT + GATE_FRAME_FROM + 8);
GATE_IS_AT(frames[0].root, GATE_FRAMES_AT + GATE_FRAME_ROOT);
_Static_assert(GATE_WITH == 1 << GATE_FRAME_WITH_BIT, "assembly");
GATE_IS_AT(frames[1], GATE_FRAMES_AT + (1 << GATE_FRAME_SHIFT));

_Static_assert(offsetof(struct user_frame, x[30]) == FRAME_X30 && offsetof(struct user_frame, sp) == FRAME_SP, "assembly");
_Static_assert(offsetof(struct user_frame, pc) == FRAME_PC && offsetof(struct user_frame, pstate) == FRAME_PSTATE, "assembly");
_Static_assert(offsetof(struct user_frame, thread_pointer) == FRAME_THREAD_POINTER_WORD, "assembly");
_Static_assert(offsetof(struct user_frame, argument0) == FRAME_ARGUMENT0, "assembly");
_Static_assert(offsetof(struct user_frame, nr) == FRAME_NR && offsetof(struct user_frame, cause) == FRAME_CAUSE, "assembly");
_Static_assert(offsetof(struct user_frame, flags) == FRAME_FLAGS_WORD, "assembly");
_Static_assert(offsetof(struct user_frame, syndrome) == FRAME_SYNDROME, "assembly");

#pragma GCC visibility push(hidden)
void code_changed(u64 start, u64 end); /* cpu.c; works early, too */
#pragma GCC visibility pop

static inline void arch_code_changed(const void *memory, u64 bytes)
{
	code_changed((u64)memory, (u64)memory + bytes);
}

static inline u64 arch_exchange_gs_base(u64 value)
{
	(void)value;
	return 0;
}

/* Does the entry code switch VASes by itself (gate.h)? */
enum { GATE_SWITCHES_VAS = 1 };

#endif

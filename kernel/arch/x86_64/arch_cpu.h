/* The part of the machine interface that must be inline, included by kernel/arch.h, and the offsets that assembly knows. */
#ifndef X86_64_ARCH_CPU_H
#define X86_64_ARCH_CPU_H

#include "cpu.h"
#include "offsets.h"
#include "space.h"
#include "thread.h"

/* GS points at the processor's entry page while the kernel runs; the page behind it is the kernel's own (entry.h). */
static inline struct cpu *cpu_self(void)
{
	struct cpu *cpu;

	__asm__("movq %%gs:%c1, %0" : "=r"(cpu) : "i"(KERNEL_PAGE_CPU));
	return cpu;
}

static inline void arch_code_changed(const void *memory, u64 bytes)
{
	(void)memory, (void)bytes;
}

static inline u64 arch_exchange_gs_base(u64 value)
{
	u64 old;

	__asm__ volatile("swapgs; rdgsbase %0; wrgsbase %1; swapgs" : "=&r"(old) : "r"(value));
	return old;
}

/* For the test "nmi": every processor takes NMIs all the time. */
void arch_test_nmi(bool on);

extern const u8 vector_initial[PAGE_SIZE];

#define GATE_IS_AT(member, offset) \
	_Static_assert(ENTRY_GATE + offsetof(struct gate, member) == (offset), "assembly")
GATE_IS_AT(depth, GATE_DEPTH);
GATE_IS_AT(settled, GATE_DEPTH + 4);
GATE_IS_AT(way, GATE_WAY);
GATE_IS_AT(moves, GATE_MOVES);
GATE_IS_AT(vas, GATE_VAS);
GATE_IS_AT(vases[0].number, GATE_VASES_NUMBER);
GATE_IS_AT(vases[0].from, GATE_VASES_FROM);
GATE_IS_AT(vases[0].root, GATE_VASES_ROOT);
_Static_assert(sizeof(struct gate_vas) == 1 << GATE_VASES_SHIFT, "assembly");
GATE_IS_AT(ways[0].address, GATE_WAY_ADDRESS);
GATE_IS_AT(ways[0].from, GATE_WAY_FROM);
GATE_IS_AT(ways[0].id, GATE_WAY_ID);
GATE_IS_AT(ways[0].entry, GATE_WAY_ENTRY);
GATE_IS_AT(ways[0].cookie, GATE_WAY_COOKIE);
GATE_IS_AT(ways[0].stack_at, GATE_WAY_STACK_AT);
GATE_IS_AT(ways[0].calls, GATE_WAY_CALLS);
GATE_IS_AT(ways[0].root, GATE_WAY_ROOT);
GATE_IS_AT(frames[0].ip, GATE_FRAME_IP);
GATE_IS_AT(frames[0].sp, GATE_FRAME_SP);
GATE_IS_AT(frames[0].thread_pointer, GATE_FRAME_THREAD_POINTER);
GATE_IS_AT(frames[0].gs_base, GATE_FRAME_GS_BASE);
GATE_IS_AT(frames[0].from, GATE_FRAME_FROM);
GATE_IS_AT(frames[0].way, GATE_FRAME_WAY);
GATE_IS_AT(frames[0].root, GATE_FRAME_ROOT);
_Static_assert(GATE_WITH == GATE_FRAME_WITH, "assembly");

_Static_assert(offsetof(struct user_frame, rbx) == FRAME_RBX && offsetof(struct user_frame, rax) == FRAME_RAX, "assembly");
_Static_assert(offsetof(struct user_frame, rcx) == FRAME_RCX && offsetof(struct user_frame, rdi) == FRAME_RDI, "assembly");
_Static_assert(offsetof(struct user_frame, nr) == FRAME_NR && offsetof(struct user_frame, rip) == FRAME_RIP, "assembly");
_Static_assert(offsetof(struct user_frame, cs) == FRAME_CS && offsetof(struct user_frame, rflags) == FRAME_RFLAGS, "assembly");
_Static_assert(offsetof(struct user_frame, rsp) == FRAME_RSP && offsetof(struct user_frame, ss) == FRAME_SS, "assembly");
_Static_assert(offsetof(struct user_frame, fs_base) == FRAME_FS_BASE, "assembly");
_Static_assert(offsetof(struct user_frame, gs_base) == FRAME_GS_BASE, "assembly");
_Static_assert(offsetof(struct user_frame, cause) == FRAME_CAUSE, "assembly");
_Static_assert(offsetof(struct user_frame, code) == FRAME_CAUSE + 4, "assembly");
_Static_assert(offsetof(struct user_frame, flags) == FRAME_FLAGS_WORD, "assembly");
_Static_assert(offsetof(struct user_frame, error) == FRAME_ERROR, "assembly");
_Static_assert(offsetof(struct user_frame, trap) == FRAME_TRAP, "assembly");

/* Does the entry code switch VASes by itself (gate.h)? */
enum { GATE_SWITCHES_VAS = 1 };

#endif

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

_Static_assert(offsetof(struct cpu, frame) == CPU_FRAME, "assembly");
_Static_assert(offsetof(struct cpu, current) == CPU_CURRENT, "assembly");
_Static_assert(offsetof(struct cpu, stack) == CPU_STACK, "assembly");
_Static_assert(offsetof(struct cpu, system.entry) == CPU_SYSTEM_ENTRY, "assembly");
_Static_assert(offsetof(struct cpu, system.user_frame) == CPU_SYSTEM_USER_FRAME, "assembly");
_Static_assert(offsetof(struct cpu, system.process_frame) == CPU_SYSTEM_PROCESS_FRAME, "assembly");
_Static_assert(offsetof(struct cpu, system.space) == CPU_SYSTEM_SPACE, "assembly");
_Static_assert(offsetof(struct cpu, system.process) == CPU_SYSTEM_PROCESS, "assembly");
_Static_assert(offsetof(struct cpu, system.calls) == CPU_SYSTEM_CALLS, "assembly");
_Static_assert(offsetof(struct cpu, root_writes) == CPU_ROOT_WRITES, "assembly");
#define WAY_IS_AT(member, offset) \
	_Static_assert(offsetof(struct cpu, way) + offsetof(struct way, member) == (offset), "assembly")
WAY_IS_AT(state, WAY_STATE);
WAY_IS_AT(address, WAY_ADDRESS);
WAY_IS_AT(generation, WAY_GENERATION);
WAY_IS_AT(call, WAY_CALL);
WAY_IS_AT(calls, WAY_CALLS);
WAY_IS_AT(entry, WAY_ENTRY);
WAY_IS_AT(cookie, WAY_ENTRY + 8);
WAY_IS_AT(stack, WAY_STACK);
WAY_IS_AT(caller, WAY_CALLER);
WAY_IS_AT(callee, WAY_CALLEE);
WAY_IS_AT(caller_frame, WAY_CALLER_FRAME);
WAY_IS_AT(process_frame, WAY_CALLER_FRAME + 8);
WAY_IS_AT(caller_is_process, WAY_CALLER_IS_PROCESS);
WAY_IS_AT(root_writes, WAY_ROOT_WRITES);
_Static_assert(offsetof(struct cpu, loaded) == CPU_LOADED, "assembly");
_Static_assert(WAY_READY == WAY_STATE_READY && WAY_INSIDE == WAY_STATE_INSIDE, "assembly");
_Static_assert(offsetof(struct space, references) == SPACE_REFERENCES, "assembly");
_Static_assert(offsetof(struct call, system) == CALL_SYSTEM, "assembly");
_Static_assert(offsetof(struct call, ip) == CALL_IP && offsetof(struct call, sp) == CALL_IP + 8, "assembly");
_Static_assert(offsetof(struct call, thread_pointer) == CALL_THREAD_POINTER, "assembly");
_Static_assert(offsetof(struct thread, pending) == THREAD_PENDING, "assembly");
_Static_assert(offsetof(struct thread, depth) == THREAD_DEPTH, "assembly");
_Static_assert(offsetof(struct thread, space) == THREAD_SPACE, "assembly");
_Static_assert(offsetof(struct thread, regs) == THREAD_REGS, "assembly");

_Static_assert(offsetof(struct user_frame, x[30]) == FRAME_X30 && offsetof(struct user_frame, sp) == FRAME_SP, "assembly");
_Static_assert(offsetof(struct user_frame, pc) == FRAME_PC && offsetof(struct user_frame, pstate) == FRAME_PSTATE, "assembly");
_Static_assert(offsetof(struct user_frame, thread_pointer) == FRAME_THREAD_POINTER_WORD, "assembly");
_Static_assert(offsetof(struct user_frame, argument0) == FRAME_ARGUMENT0, "assembly");
_Static_assert(offsetof(struct user_frame, nr) == FRAME_NR && offsetof(struct user_frame, cause) == FRAME_CAUSE, "assembly");
_Static_assert(offsetof(struct user_frame, flags) == FRAME_FLAGS_WORD, "assembly");
_Static_assert(offsetof(struct user_frame, syndrome) == FRAME_SYNDROME, "assembly");

static inline u64 arch_exchange_gs_base(u64 value)
{
	(void)value;
	return 0;
}

#endif

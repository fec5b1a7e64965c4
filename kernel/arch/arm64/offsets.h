/* Offsets and numbers that assembly and C both know; plain macros, so that assembly can include this file. Each is asserted
 * in C: those of struct cpu, thread and user_frame in arch_cpu.h, the others in entry.h. */
#ifndef ARM64_OFFSETS_H
#define ARM64_OFFSETS_H

/* struct cpu: what TPIDR_EL1 points at. */
#define CPU_FRAME 0
#define CPU_CURRENT 8
#define CPU_STACK 16
#define CPU_SYSTEM_ENTRY 24
#define CPU_SYSTEM_USER_FRAME 32
#define CPU_SYSTEM_PROCESS_FRAME 40
#define CPU_SYSTEM_SPACE 48
#define CPU_SYSTEM_PROCESS 56
#define CPU_SYSTEM_CALLS 64
#define CPU_ROOT_WRITES 72

#define CPU_LOADED 224

/* struct way, in struct cpu */
#define WAY_STATE 80
#define WAY_ADDRESS 88
#define WAY_GENERATION 96
#define WAY_CALL 104
#define WAY_CALLS 112
#define WAY_ENTRY 120
#define WAY_STACK 136
#define WAY_CALLER 144
#define WAY_CALLEE 152
#define WAY_CALLER_FRAME 160
#define WAY_CALLER_IS_PROCESS 176
#define WAY_ROOT_WRITES 208
#define WAY_STATE_READY 1 /* bit 0 */
#define WAY_STATE_INSIDE 2 /* bit 1 */

/* struct call, struct space */
#define CALL_SYSTEM 8
#define CALL_IP 16
#define CALL_THREAD_POINTER 32
#define SPACE_REFERENCES 24

/* struct roots: right below struct cpu. */
#define ROOTS (-144)
#define ROOTS_USER0 (ROOTS + 0)
#define ROOTS_USER1 (ROOTS + 8)
#define ROOTS_RUN0 (ROOTS + 16)
#define ROOTS_RUN1 (ROOTS + 24)
#define ROOTS_ZERO (ROOTS + 32)
#define ROOTS_SHIELDED (ROOTS + 40)
#define ROOTS_CALLEE0 (ROOTS + 48)
#define ROOTS_CALLEE1 (ROOTS + 56)
#define ROOTS_CALLER0 (ROOTS + 64)
#define ROOTS_CALLER1 (ROOTS + 72)
#define ROOTS_BEFORE0 (ROOTS + 80)
#define ROOTS_BEFORE1 (ROOTS + 88)
#define ROOTS_BEFORE_SHIELDED (ROOTS + 96)
#define ROOTS_CALLEE_SHIELDED (ROOTS + 104)
#define ROOTS_LOCK (ROOTS + 112)
#define ROOTS_KEY (ROOTS + 128)

/* struct thread */
#define THREAD_PENDING 0
#define THREAD_DEPTH 4
#define THREAD_SPACE 8
#define THREAD_REGS 16

/* struct user_frame */
#define FRAME_X 0
#define FRAME_X30 240
#define FRAME_SP 248
#define FRAME_PC 256
#define FRAME_PSTATE 264
#define FRAME_THREAD_POINTER_WORD 272
#define FRAME_ARGUMENT0 280
#define FRAME_NR 288
#define FRAME_CAUSE 296
#define FRAME_FLAGS_WORD 320
#define FRAME_SYNDROME 336

/* struct kernel_registers */
#define KERNEL_REGISTERS_SP 248
#define KERNEL_REGISTERS_PC 256
#define KERNEL_REGISTERS_BYTES 304

/* The data page of the trampoline: addresses of the kernel's entries (entry.S). */
#define ENTRY_DATA 4096

/* The three top-level tables lie one after the other: the trampoline's, the kernel's, the empty one. */
#define ROOT_KERNEL_BIT 12
#define ROOT_STEP 4096

/* What user mode may have in its processor state: N Z C V, DIT, SSBS, BTYPE; it must have EL0 and all interrupts. */
#define PSTATE_USER 0xf1001c00

/* System registers as boot.S sets them; the bits have names in registers.h. */
#define BOOT_MAIR 0x04ff
#define BOOT_TCR 0xb5503510
#define BOOT_SCTLR 0x34d5d99d

#define CLASS_SHIFT 26
#define CLASS_SVC 0x15

#endif

/* Offsets and numbers that assembly and C both know; plain macros, so that assembly can include this file. Each is asserted
 * in C: those of struct gate and user_frame in arch_cpu.h, the others in entry.h. */
#ifndef ARM64_OFFSETS_H
#define ARM64_OFFSETS_H

#include "cpu_offsets.h"

/* struct roots: right below struct cpu, which TPIDR_EL1 points at. */
#define ROOTS (-64)
#define ROOTS_USER0 (ROOTS + 0)
#define ROOTS_USER1 (ROOTS + 8)
#define ROOTS_RUN0 (ROOTS + 16)
#define ROOTS_RUN1 (ROOTS + 24)
#define ROOTS_ZERO (ROOTS + 32)
#define ROOTS_SHIELDED (ROOTS + 40)
#define ROOTS_KEY (ROOTS + 48)

/* struct gate: on the page behind struct cpu, which begins its own. */
#define GATE 4096
#define GATE_DEPTH 0
#define GATE_WAY 8 /* and GATE_MOVES */
#define GATE_MOVES 16
#define GATE_ZERO 24
#define GATE_WAY_SHIFT 7
#define GATE_WAYS_ADDRESS 32
#define GATE_WAYS_ID 48
#define GATE_WAYS_ENTRY 56
#define GATE_WAYS_STACK_AT 72
#define GATE_WAYS_CALLS 88
#define GATE_WAYS_ROOT 96
#define GATE_FRAMES_AT 1056
#define GATE_SETTLED 4
#define GATE_VAS 1568
#define GATE_VASES_AT 1584
#define GATE_VASES_SHIFT 5
#define GATE_VASES_ROOT 16
#define GATE_SCRATCH 4064 /* at the end of the page */
#define GATE_SWITCHED_BIT 0x80000000 /* GATE_SWITCHED */
#define GATE_FRAME_SHIFT 6
#define GATE_FRAME_IP 0
#define GATE_FRAME_THREAD_POINTER 16
#define GATE_FRAME_FROM 32
#define GATE_FRAME_ROOT 48
#define GATE_FRAME_WITH_BIT 1 /* GATE_WITH */

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

/* Offsets and numbers that assembly and C both know; plain macros, so that assembly can include this file. Each is asserted
 * in C: those of struct gate and user_frame in arch_cpu.h, the others in entry.h. */
#ifndef X86_64_OFFSETS_H
#define X86_64_OFFSETS_H

#include "cpu_offsets.h"

/* struct user_frame */
#define FRAME_RBX 40
#define FRAME_RAX 80
#define FRAME_RCX 88
#define FRAME_RDI 112
#define FRAME_NR 120
#define FRAME_RIP 128
#define FRAME_CS 136
#define FRAME_RFLAGS 144
#define FRAME_RSP 152
#define FRAME_SS 160
#define FRAME_FS_BASE 168
#define FRAME_GS_BASE 176
#define FRAME_CAUSE 184
#define FRAME_FLAGS_WORD 208
#define FRAME_ERROR 224
#define FRAME_TRAP 232

/* struct entry_page: what GS points at in the kernel. */
#define ENTRY_RSP 0
#define ENTRY_SHIELDED 8
#define ENTRY_ROOT 16
#define ENTRY_USER_ROOT 24
#define ENTRY_KERNEL_ROOT 40
#define ENTRY_USER_LIMIT 48
#define ENTRY_EXIT 56
#define ENTRY_EXIT_RIP 64
#define ENTRY_EXIT_RFLAGS 80
#define ENTRY_EXIT_RSP 88
#define ENTRY_GATE 2224

/* struct gate, seen through GS; registers that index its arrays are added. */
#define GATE_DEPTH (ENTRY_GATE + 0)
#define GATE_WAY (ENTRY_GATE + 8)
#define GATE_MOVES (ENTRY_GATE + 16)
#define GATE_WAYS_MASK 0x380 /* 128 bytes for each slot */
#define GATE_WAY_ADDRESS (ENTRY_GATE + 32)
#define GATE_WAY_FROM (ENTRY_GATE + 40)
#define GATE_WAY_ID (ENTRY_GATE + 48)
#define GATE_WAY_ENTRY (ENTRY_GATE + 56)
#define GATE_WAY_COOKIE (ENTRY_GATE + 64)
#define GATE_WAY_STACK_AT (ENTRY_GATE + 72)
#define GATE_WAY_CALLS (ENTRY_GATE + 88)
#define GATE_WAY_ROOT (ENTRY_GATE + 96)
#define GATE_FRAME_SHIFT 6
#define GATE_FRAME_IP (ENTRY_GATE + 1056)
#define GATE_FRAME_SP (ENTRY_GATE + 1064)
#define GATE_FRAME_THREAD_POINTER (ENTRY_GATE + 1072)
#define GATE_FRAME_GS_BASE (ENTRY_GATE + 1080)
#define GATE_FRAME_FROM (ENTRY_GATE + 1088)
#define GATE_FRAME_WAY (ENTRY_GATE + 1096)
#define GATE_FRAME_ROOT (ENTRY_GATE + 1104)
#define GATE_FRAME_WITH 2 /* GATE_WITH */
#define GATE_VAS (ENTRY_GATE + 1568)
#define GATE_VASES_SHIFT 5
#define GATE_VASES_NUMBER (ENTRY_GATE + 1584)
#define GATE_VASES_FROM (ENTRY_GATE + 1592)
#define GATE_VASES_ROOT (ENTRY_GATE + 1600)

/* struct kernel_page, seen through GS: it lies one page behind the entry page. */
#define KERNEL_PAGE 0x1000
#define KERNEL_PAGE_CPU (KERNEL_PAGE + 0)
#define KERNEL_PAGE_NATIVE_CALL (KERNEL_PAGE + 8)
#define KERNEL_PAGE_SYSTEM_CALL (KERNEL_PAGE + 16)
#define KERNEL_PAGE_SYSTEM_RETURN (KERNEL_PAGE + 24)
#define KERNEL_PAGE_INTERRUPT (KERNEL_PAGE + 32)
#define KERNEL_PAGE_KERNEL_FAULT (KERNEL_PAGE + 48)
#define KERNEL_PAGE_NMI (KERNEL_PAGE + 56)
#define KERNEL_PAGE_STACK_END (KERNEL_PAGE + 0x2000)

/* Segment selectors. */
#define KERNEL_CS 0x08
#define KERNEL_DS 0x10
#define USER_DS 0x23
#define USER_CS 0x2b
#define TSS_SELECTOR 0x30

/* What user mode may have in rflags, and what it must have. */
#define RFLAGS_USER 0x250dd5
#define RFLAGS_ALWAYS 0x202
/* What SYSCALL clears: all but the bit that is always 1. */
#define RFLAGS_SYSCALL_MASK 0x257fd5

/* Vectors. */
#define VECTOR_DEBUG 1
#define VECTOR_NMI 2
#define VECTOR_DOUBLE_FAULT 8
#define VECTOR_PAGE_FAULT 14
#define VECTOR_MACHINE_CHECK 18
#define VECTOR_LINES 32
#define VECTOR_TIMER 80
#define VECTOR_POKE 81
#define VECTOR_FLUSH 82
#define VECTOR_SPURIOUS 95
#define VECTORS 96

#define STUB_BYTES 16

#endif

/* Offsets and numbers that assembly and C both know; plain macros, so that assembly can include this file. Each is asserted
 * in C: those of struct cpu and struct thread in arch_cpu.h, the others in entry.h. */
#ifndef X86_64_OFFSETS_H
#define X86_64_OFFSETS_H

/* struct cpu */
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

/* struct thread */
#define THREAD_PENDING 0
#define THREAD_DEPTH 4
#define THREAD_SPACE 8
#define THREAD_REGS 16

/* struct kernel_page, seen through GS: it lies one page behind the entry page that GS points at. */
#define KERNEL_PAGE 0x1000
#define KERNEL_PAGE_CPU (KERNEL_PAGE + 0)

#endif

/* What the entry code of all machines knows of portable structures; plain macros, so that assembly can include this file.
 * Asserted beside the structures. */
#ifndef KERNEL_CPU_OFFSETS_H
#define KERNEL_CPU_OFFSETS_H

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

/* A call back into a space goes on so far below the stack pointer of the frame that is there already: its red zone. */
#define CALL_STACK_GAP 256

#endif

/* Entry to and exit from the kernel.
 *
 * The trampoline page is mapped at a fixed address (entry.h) in the trampoline's table and in the kernel's. It holds the
 * vectors, the gate and the last instructions before a shielded space runs; all else is ordinary text of the kernel, at a random
 * address that stands in the data page behind the trampoline page, which only the kernel's table shows.
 *
 * A processor in user mode is in one of two states for the short way of a system call (cpu.h). R = its struct roots.
 *
 *      state A: in the process                                 state B: in its system service
 *      cpu->frame = system.process_frame                       cpu->frame = &current->regs
 *      TTBR1, TTBR0 = R.user1, R.user0                         TTBR1, TTBR0 = R.run1, R.run0
 *      (shielded: the trampoline's table, the process's tag)   (the kernel's table, tag 0)
 *              |                                                       ^
 *              |  SVC: trampoline -> kernel, registers -> *cpu->frame  |
 *              +-------------------------------------------------------+
 *              ^                                                       |
 *              |  CALL_system_return: registers <- *process_frame,     |
 *              +--------------------------- kernel -> trampoline ------+
 *
 * system.process_frame is NULL while there is no short way (mmu.c). All other entries go the general way: they save the registers
 * in *cpu->frame and make an upcall to C on the processor's kernel stack. Then entry_leave goes to user mode with the registers in
 * the frame that cpu->frame points at by then, on the roots of struct roots.
 *
 * A change of root is one write of TTBR1, which has table and tag, between two of TTBR0: the zero table before, so that no
 * walk ever combines a tag with another space's table; what the new tag stands for after. root_writes counts it as one.
 *
 * Without the shield nothing differs but the values: R.user1 and R.run1 name the kernel's table, which the vectors
 * recognise by one bit of its address, and R.shielded is 0.
 *
 * Invariants:
 *  - Interrupts are masked here. An exception in the kernel is a bug of it, but for interrupts in arch_idle().
 *  - SP_EL1 is free as a scratch register from the way out to the next C: nothing is on the kernel's stack then. FAR_EL1 is
 *    free on the way out.
 *  - What user mode or a service left in a frame is never trusted: the processor state is masked; an address outside of user
 *    addresses faults in user mode. A value is read once.
 *  - Jumps through a register are returns (RET), for which BTI asks no landing place.
 *  - The key that C signs its return addresses with (pointer authentication, key B) is in its register only between upcall
 *    and entry_leave; else zeros are, and the other keys are switched off. The short ways run no C and leave it alone.
 *  - No kernel address is left in a register when user mode is entered. */
#include "abi/calls.h"
#include "offsets.h"

	.arch_extension fp
	.arch_extension simd


/* Places in the data page. */
#define DATA_SYSTEM_CALL 0
#define DATA_SYSTEM_RETURN 8
#define DATA_EXCEPTION 16
#define DATA_INTERRUPT 24
#define DATA_IDLE 32
#define DATA_FAULT 40

/* Registers that the assembler knows by number only. */
#define APIBKEYLO_EL1 s3_0_c2_c1_2
#define APIBKEYHI_EL1 s3_0_c2_c1_3

	.section .entry, "ax"
	.globl	entry_text
	.hidden	entry_text
	.balign	4096
entry_text:

/* From a space to the kernel: x30 is lost, nothing else changes. With the trampoline's table, the kernel's is one step behind
 * it, the zero table two. */
.macro to_kernel data
	mrs	x30, ttbr1_el1
	tbnz	x30, #ROOT_KERNEL_BIT, 1f
	ubfx	x30, x30, #0, #48
	add	x30, x30, #2 * ROOT_STEP
	msr	ttbr0_el1, x30
	isb
	sub	x30, x30, #ROOT_STEP
	msr	ttbr1_el1, x30
	isb
1:	ldr	x30, entry_data + \data
	ret
.endm

/* The same; x30 goes to SP. */
.macro from_user data
	.balign	128
	mov	sp, x30
	to_kernel \data
.endm

.macro from_kernel data
	.balign	128
	msr	tpidrro_el0, x30
	ldr	x30, entry_data + \data
	ret
.endm

	/* The kernel on SP_EL0: never. */
	from_kernel DATA_FAULT
	from_kernel DATA_FAULT
	from_kernel DATA_FAULT
	from_kernel DATA_FAULT
	/* The kernel: synchronous, IRQ, FIQ, SError. */
	from_kernel DATA_FAULT
	from_kernel DATA_IDLE
	from_kernel DATA_FAULT
	from_kernel DATA_FAULT
	/* User mode: system calls, what may go through the gate, and other exceptions are told apart here. */
	.balign	128
	mov	sp, x30
	mrs	x30, esr_el1
	lsr	x30, x30, #CLASS_SHIFT
	cmp	x30, #CLASS_SVC
	b.ne	not_a_call
	sub	x30, x8, #ALLOD_CALL_FIRST
	cmp	x30, #CALL_vas_switch - ALLOD_CALL_FIRST /* the last that has a short way */
	b.ls	short_native_call
	to_kernel DATA_SYSTEM_CALL
	from_user DATA_INTERRUPT
	from_user DATA_FAULT
	from_user DATA_FAULT
	/* 32-bit user mode: never. */
	from_user DATA_FAULT
	from_user DATA_FAULT
	from_user DATA_FAULT
	from_user DATA_FAULT

/* The last instructions before a shielded space runs: x29 = its TTBR0 with the tag in the upper bits; TTBR0 is the zero
 * table; the space's x29 and x30 are in SP and FAR_EL1. */
	.balign	128
entry_exit:
	mrs	x30, ttbr1_el1
	sub	x30, x30, #ROOT_STEP
	ror	x30, x30, #48
	bfxil	x30, x29, #48, #16
	ror	x30, x30, #16
	msr	ttbr1_el1, x30
	isb
	ubfx	x29, x29, #0, #48
	msr	ttbr0_el1, x29
	mov	x29, sp
	mrs	x30, far_el1
	eret

not_a_call:
	to_kernel DATA_EXCEPTION

/* x30 = number of a native call that has a short way. */
short_native_call:
	cmp	x30, #CALL_system_return - ALLOD_CALL_FIRST
	b.ne	2f
	to_kernel DATA_SYSTEM_RETURN
2:	cmp	x30, #CALL_vas_switch - ALLOD_CALL_FIRST
	b.ne	gate

/* vas_switch (x0 = number) by the gate, from shielded roots only. Keeps all registers but x0 and x1. What the kernel has made ready
 * for the next system call is out of date then: GATE_SWITCHED makes that go the general way. */
	mrs	x30, tpidr_el1
	add	x30, x30, #GATE
	str	x10, [x30, #GATE_SCRATCH]
	str	x11, [x30, #GATE_SCRATCH + 8]
	str	x12, [x30, #GATE_SCRATCH + 16]
	and	x1, x0, #7
	add	x1, x1, #1
	cmp	x0, #0
	csel	x1, xzr, x1, eq
	add	x1, x30, x1, lsl #GATE_VASES_SHIFT
	add	x1, x1, #GATE_VASES_AT
	ldp	x10, x11, [x1]
	ldr	x12, [x30, #GATE_WAY]
	cmp	x10, x0
	ccmp	x11, x12, #0, eq
	mrs	x12, ttbr1_el1
	b.ne	general_vas_switch
	tbnz	x12, #ROOT_KERNEL_BIT, general_vas_switch
	ldp	x10, x11, [x1, #GATE_VASES_ROOT]
	ldr	x1, [x30, #GATE_VAS]
	str	x0, [x30, #GATE_VAS]
	mov	x0, x1
	ldr	x1, [x30, #GATE_MOVES]
	add	x1, x1, #1
	str	x1, [x30, #GATE_MOVES]
	ldr	w1, [x30, #GATE_SETTLED]
	orr	w1, w1, #GATE_SWITCHED_BIT
	str	w1, [x30, #GATE_SETTLED]
	ldr	x1, [x30, #GATE_ZERO]
	msr	ttbr0_el1, x1
	isb
	msr	ttbr1_el1, x11
	isb
	msr	ttbr0_el1, x10
	ldr	x10, [x30, #GATE_SCRATCH]
	ldr	x11, [x30, #GATE_SCRATCH + 8]
	ldr	x12, [x30, #GATE_SCRATCH + 16]
	mov	x1, xzr
	mov	x30, sp
	eret

general_vas_switch:
	ldr	x10, [x30, #GATE_SCRATCH]
	ldr	x11, [x30, #GATE_SCRATCH + 8]
	ldr	x12, [x30, #GATE_SCRATCH + 16]
	mov	x1, xzr
	to_kernel DATA_SYSTEM_CALL

/* --- The gate: portal calls and returns from root to root (gate.h) ---
 *
 * All that is touched is the processor's gate page. Both sides expect to lose all registers but arguments and results, so the
 * others are free here: x20 = struct gate, x21 = the way less GATE_WAYS, x22 = the frame. */

/* A service, where the kernel is mapped (state B), is no peer and goes the general way. For a peer, x12 and x13 are the roots it
 * runs on. */
.macro only_peers general
	mrs	x12, ttbr0_el1
	mrs	x13, ttbr1_el1
	tbz	x13, #ROOT_KERNEL_BIT, 1f
	sub	x10, x20, #GATE
	ldr	x11, [x10, #CPU_FRAME]
	ldr	x10, [x10, #CPU_SYSTEM_PROCESS_FRAME]
	cbz	x10, 1f
	cmp	x10, x11
	b.ne	\general
1:
.endm

gate:
	mrs	x20, tpidr_el1
	add	x20, x20, #GATE
	cbnz	x30, gate_return
	eor	x10, x9, x9, lsr #30 /* gate_slot() */
	ubfx	x10, x10, #4, #3
	add	x21, x20, x10, lsl #GATE_WAY_SHIFT
	ldp	x10, x11, [x21, #GATE_WAYS_ADDRESS] /* and from */
	ldr	x14, [x20, #GATE_WAY]
	cmp	x10, x9
	ccmp	x11, x14, #0, eq
	b.ne	gate_general
	only_peers gate_general
	ldr	w10, [x20, #GATE_DEPTH]
	add	w11, w10, #1
	str	w11, [x20, #GATE_DEPTH]
	add	x22, x20, #GATE_FRAMES_AT
	add	x22, x22, x10, lsl #GATE_FRAME_SHIFT
	mrs	x10, elr_el1
	mrs	x11, sp_el0
	stp	x10, x11, [x22, #GATE_FRAME_IP]
	mrs	x10, tpidr_el0
	sub	x11, x21, x20
	str	x10, [x22, #GATE_FRAME_THREAD_POINTER]
	stp	x14, x11, [x22, #GATE_FRAME_FROM]
	stp	x12, x13, [x22, #GATE_FRAME_ROOT]
	ldr	x10, [x21, #GATE_WAYS_ID]
	ldr	x11, [x20, #GATE_MOVES]
	add	x11, x11, #1
	stp	x10, x11, [x20, #GATE_WAY]
	ldr	x10, [x21, #GATE_WAYS_CALLS]
	add	x10, x10, #1
	str	x10, [x21, #GATE_WAYS_CALLS]
	ldr	x10, [x21, #GATE_WAYS_STACK_AT]
	ldr	x11, [x20, x10]
	sub	x11, x11, #CALL_STACK_GAP
	and	x11, x11, #~15
	sub	x11, x11, #16
	ldp	x12, x13, [x21, #GATE_WAYS_ROOT]
	ldp	x14, x9, [x21, #GATE_WAYS_ENTRY] /* and cookie */
	msr	tpidr_el0, xzr

/* Goes on at x14 with the stack x11, TTBR0 = x12 and TTBR1 = x13. x0 to x5 and x9 are passed on, all others become 0, and so does
 * the vector state. */
to_peer:
	ldr	x10, [x20, #GATE_ZERO]
	msr	ttbr0_el1, x10
	isb
	msr	ttbr1_el1, x13
	isb
	msr	ttbr0_el1, x12
	msr	elr_el1, x14
	msr	sp_el0, x11
	msr	spsr_el1, xzr
	adr	x10, zeros
	ld1	{ v0.2d, v1.2d, v2.2d, v3.2d }, [x10]
	ld1	{ v4.2d, v5.2d, v6.2d, v7.2d }, [x10]
	ld1	{ v8.2d, v9.2d, v10.2d, v11.2d }, [x10]
	ld1	{ v12.2d, v13.2d, v14.2d, v15.2d }, [x10]
	ld1	{ v16.2d, v17.2d, v18.2d, v19.2d }, [x10]
	ld1	{ v20.2d, v21.2d, v22.2d, v23.2d }, [x10]
	ld1	{ v24.2d, v25.2d, v26.2d, v27.2d }, [x10]
	ld1	{ v28.2d, v29.2d, v30.2d, v31.2d }, [x10]
	msr	fpsr, xzr
	msr	fpcr, xzr
	ldp	x6, x7, [x10]
	ldp	x11, x12, [x10]
	ldp	x13, x14, [x10]
	ldp	x15, x16, [x10]
	ldp	x17, x18, [x10]
	ldp	x19, x20, [x10]
	ldp	x21, x22, [x10]
	ldp	x23, x24, [x10]
	ldp	x25, x26, [x10]
	ldp	x27, x28, [x10]
	ldp	x29, x30, [x10]
	ldp	x8, x10, [x10]
	eret

gate_return:
	ldr	w14, [x20, #GATE_DEPTH]
	cbz	w14, gate_general
	only_peers gate_general
	sub	w14, w14, #1
	add	x22, x20, #GATE_FRAMES_AT
	add	x22, x22, x14, lsl #GATE_FRAME_SHIFT
	ldp	x10, x11, [x22, #GATE_FRAME_FROM] /* and way */
	tbnz	x11, #GATE_FRAME_WITH_BIT, gate_general
	str	w14, [x20, #GATE_DEPTH]
	ldr	x11, [x20, #GATE_MOVES]
	add	x11, x11, #1
	stp	x10, x11, [x20, #GATE_WAY]
	ldr	x10, [x22, #GATE_FRAME_THREAD_POINTER]
	msr	tpidr_el0, x10
	ldp	x14, x11, [x22, #GATE_FRAME_IP]
	ldp	x12, x13, [x22, #GATE_FRAME_ROOT]
	mov	x2, xzr
	mov	x3, xzr
	mov	x4, xzr
	mov	x5, xzr
	mov	x9, xzr
	b	to_peer

gate_general: /* x9 is an argument still */
	mov	x10, xzr
	mov	x20, xzr
	mov	x21, xzr
	to_kernel DATA_SYSTEM_CALL

	.balign	64
zeros:
	.fill	64, 1, 0

	.balign	4096
	.globl	entry_text_end, entry_data
	.hidden	entry_text_end, entry_data
entry_text_end:
entry_data:
	.quad	entry_system_call, entry_system_return, entry_exception, entry_interrupt, entry_idle, entry_fault
	.balign	4096

	.text

/* x0 to x29 to the places at x30. */
.macro store_general
	stp	x0, x1, [x30, #0]
	stp	x2, x3, [x30, #16]
	stp	x4, x5, [x30, #32]
	stp	x6, x7, [x30, #48]
	stp	x8, x9, [x30, #64]
	stp	x10, x11, [x30, #80]
	stp	x12, x13, [x30, #96]
	stp	x14, x15, [x30, #112]
	stp	x16, x17, [x30, #128]
	stp	x18, x19, [x30, #144]
	stp	x20, x21, [x30, #160]
	stp	x22, x23, [x30, #176]
	stp	x24, x25, [x30, #192]
	stp	x26, x27, [x30, #208]
	stp	x28, x29, [x30, #224]
.endm

/* Registers into the frame at x30: the order of struct user_frame. x0 to x8 are left as they are. */
.macro save_registers
	store_general
	mov	x9, sp
	mrs	x10, sp_el0
	mrs	x11, elr_el1
	mrs	x12, spsr_el1
	mrs	x13, tpidr_el0
	stp	x9, x10, [x30, #FRAME_X30]
	stp	x11, x12, [x30, #FRAME_PC]
	stp	x13, x0, [x30, #FRAME_THREAD_POINTER_WORD]
	str	wzr, [x30, #FRAME_FLAGS_WORD]
.endm

/* x0 to x28 from the frame at x30. */
.macro load_registers
	ldp	x0, x1, [x30, #0]
	ldp	x2, x3, [x30, #16]
	ldp	x4, x5, [x30, #32]
	ldp	x6, x7, [x30, #48]
	ldp	x8, x9, [x30, #64]
	ldp	x10, x11, [x30, #80]
	ldp	x12, x13, [x30, #96]
	ldp	x14, x15, [x30, #112]
	ldp	x16, x17, [x30, #128]
	ldp	x18, x19, [x30, #144]
	ldp	x20, x21, [x30, #160]
	ldp	x22, x23, [x30, #176]
	ldp	x24, x25, [x30, #192]
	ldp	x26, x27, [x30, #208]
	ldr	x28, [x30, #224]
.endm

/* Stack pointer, instruction pointer and processor state of the frame at x30. x0 to x3 are lost. */
.macro load_state
	ldp	x0, x1, [x30, #FRAME_SP]
	ldr	x2, [x30, #FRAME_PSTATE]
	ldr	x3, =PSTATE_USER
	msr	sp_el0, x0
	msr	elr_el1, x1
	and	x2, x2, x3
	msr	spsr_el1, x2
.endm

/* To a shielded space with the registers of the frame at x30; x20 = cpu, its TTBR0 is in the roots at \root. */
.macro leave_shielded root
	ldr	x0, [x20, #ROOTS_ZERO]
	msr	ttbr0_el1, x0
	isb
	ldp	x0, x1, [x30, #232]
	mov	sp, x0
	msr	far_el1, x1
	ldr	x29, [x20, #\root]
	load_registers
	mov	x30, #0xffffff0000000000 /* ENTRY_BASE */
	add	x30, x30, #(entry_exit - entry_text)
	ret
.endm

/* To TTBR1 in \ttbr1 and TTBR0 in \ttbr0, x20 = cpu; \free is lost. The kernel stays mapped. */
.macro change_root ttbr0, ttbr1, free
	ldr	\free, [x20, #ROOTS_ZERO]
	msr	ttbr0_el1, \free
	isb
	msr	ttbr1_el1, \ttbr1
	isb
	ubfx	\ttbr0, \ttbr0, #0, #48
	msr	ttbr0_el1, \ttbr0
	isb
.endm

.macro count place, by=1
	ldr	x9, [x20, #\place]
	add	x9, x9, #\by
	str	x9, [x20, #\place]
.endm

/* --- system calls --- */
	.balign	64
entry_system_call:
	mrs	x30, tpidr_el1
	ldr	x30, [x30, #CPU_FRAME]
	save_registers
	stp	x8, xzr, [x30, #FRAME_NR] /* CAUSE_SYSCALL, code 0 */
	mrs	x20, tpidr_el1
	sub	x9, x8, #ALLOD_CALL_FIRST
	cmp	x9, #ALLOD_CALL_COUNT
	b.lo	native_call
	ldr	x9, [x20, #CPU_SYSTEM_PROCESS_FRAME]
	cmp	x9, x30
	b.ne	slow_system_call
	ldr	x9, [x20, #GATE + GATE_DEPTH] /* and what is settled of it */
	cbnz	x9, slow_system_call

	/* The short way: from state A to state B. The registers that are not written here still hold what the process had in
	 * them: the service may see that, it is in the frame. */
	ldr	x10, [x20, #CPU_CURRENT]
	add	x11, x10, #THREAD_REGS
	str	x11, [x20, #CPU_FRAME]
	ldr	w9, [x10, #THREAD_DEPTH]
	add	w9, w9, #1
	str	w9, [x10, #THREAD_DEPTH]
	ldr	x9, [x20, #CPU_SYSTEM_SPACE]
	str	x9, [x10, #THREAD_SPACE]
	ldp	x9, x12, [x20, #CPU_SYSTEM_CALLS]
	add	x9, x9, #1
	add	x12, x12, #2 /* the way back, too; one too many if that is the general one */
	stp	x9, x12, [x20, #CPU_SYSTEM_CALLS]
	ldp	x12, x13, [x20, #ROOTS_RUN0]
	mrs	x9, ttbr1_el1
	cmp	x9, x13
	b.ne	2f
	msr	ttbr0_el1, x12
1:	ldp	x9, x0, [x20, #CPU_SYSTEM_ENTRY]
	msr	elr_el1, x9
	msr	spsr_el1, xzr
	msr	sp_el0, x0
	mov	x10, xzr
	mov	x11, xzr
	mov	x20, xzr
	mov	x30, xzr
	eret
2:	change_root x12, x13, x9
	b	1b

slow_system_call:
	adrp	x9, upcalls + 8
	ldr	x9, [x9, :lo12:upcalls + 8]
	b	upcall
native_call:
	cmp	x9, #CALL_system_return - ALLOD_CALL_FIRST
	adrp	x9, upcalls + 0
	ldr	x9, [x9, :lo12:upcalls + 0]
	b.ne	upcall
	adrp	x9, upcalls + 16
	ldr	x9, [x9, :lo12:upcalls + 16]
	/* To the C function at x9, x20 = cpu, x30 = the frame. */
upcall:
	ldr	x10, [x20, #CPU_STACK]
	mov	sp, x10
	mov	x29, xzr
	.globl	entry_key_in, entry_key_in_end, entry_key_out, entry_key_out_end
	.hidden	entry_key_in, entry_key_in_end, entry_key_out, entry_key_out_end
entry_key_in:
	ldp	x10, x11, [x20, #ROOTS_KEY]
	msr	APIBKEYLO_EL1, x10
	msr	APIBKEYHI_EL1, x11
	isb
entry_key_in_end:
	ldr	x10, [x20, #ROOTS_SHIELDED]
	ldr	x11, [x20, #CPU_SYSTEM_PROCESS_FRAME]
	lsr	x12, x10, #1
	cmp	x11, x30
	csel	x10, x12, x10, eq
	and	x10, x10, #1
	ldr	x11, [x20, #CPU_ROOT_WRITES]
	add	x11, x11, x10
	str	x11, [x20, #CPU_ROOT_WRITES]
	blr	x9
	b	entry_leave

/* Not a system call. */
entry_exception:
	mrs	x30, tpidr_el1
	ldr	x30, [x30, #CPU_FRAME]
	save_registers
	mov	x9, #-1
	str	x9, [x30, #FRAME_NR]
	mrs	x9, esr_el1
	str	x9, [x30, #FRAME_SYNDROME]
	mrs	x20, tpidr_el1
	adrp	x9, upcalls + 32
	ldr	x9, [x9, :lo12:upcalls + 32]
	b	upcall

/* --- The short way back: from state B to state A ---
 *
 * The service expects no register to be kept, but a process may have said this: x8 and x30 are free until that is known. */
entry_system_return:
	mrs	x30, tpidr_el1
	ldr	x8, [x30, #CPU_FRAME]
	ldr	x30, [x30, #CPU_SYSTEM_PROCESS_FRAME]
	cbz	x30, 9f
	cmp	x30, x8
	b.eq	9f
	mrs	x20, tpidr_el1
	ldr	w9, [x30, #FRAME_CAUSE]
	cbnz	w9, 9f
	ldr	w9, [x30, #FRAME_FLAGS_WORD]
	cbnz	w9, 9f
	ldr	x10, [x20, #CPU_CURRENT]
	ldr	w9, [x10, #THREAD_PENDING]
	cbnz	w9, 9f

	str	x30, [x20, #CPU_FRAME]
	ldr	w9, [x10, #THREAD_DEPTH]
	sub	w9, w9, #1
	str	w9, [x10, #THREAD_DEPTH]
	ldr	x9, [x20, #CPU_SYSTEM_PROCESS]
	str	x9, [x10, #THREAD_SPACE]
	load_state
	ldr	x9, [x20, #ROOTS_SHIELDED]
	tbz	x9, #1, 1f
	leave_shielded ROOTS_USER0
1:	ldp	x10, x11, [x20, #ROOTS_USER0]
	change_root x10, x11, x9
	load_registers
	ldp	x29, x30, [x30, #232]
	eret

9:	mov	x8, #CALL_system_return
	b	entry_system_call

/* --- To user mode, the general way: as cpu->frame says --- */
	.globl	entry_leave
	.hidden	entry_leave
entry_leave:
	mrs	x20, tpidr_el1
	ldr	x30, [x20, #CPU_FRAME]
entry_key_out: /* ERET makes it so */
	msr	APIBKEYLO_EL1, xzr
	msr	APIBKEYHI_EL1, xzr
entry_key_out_end:
	ldr	x9, [x30, #FRAME_THREAD_POINTER_WORD]
	msr	tpidr_el0, x9
	load_state
	ldr	x9, [x20, #ROOTS_SHIELDED]
	ldr	x12, [x20, #CPU_SYSTEM_PROCESS_FRAME]
	cmp	x12, x30
	b.eq	4f
	ldp	x10, x11, [x20, #ROOTS_RUN0]
	tbz	x9, #0, 1f
	count	CPU_ROOT_WRITES
	leave_shielded ROOTS_RUN0
4:	ldp	x10, x11, [x20, #ROOTS_USER0]
	tbz	x9, #1, 1f
	count	CPU_ROOT_WRITES
	leave_shielded ROOTS_USER0
1:	mrs	x9, ttbr1_el1
	cmp	x9, x11
	b.eq	2f
	count	CPU_ROOT_WRITES
	change_root x10, x11, x9
	b	3f
	/* The tag is the same, so TTBR0 is what it should be, or the zero table. */
2:	ubfx	x10, x10, #0, #48
	msr	ttbr0_el1, x10
3:	load_registers
	ldp	x29, x30, [x30, #232]
	eret

/* --- interrupts --- */
entry_interrupt:
	mrs	x30, tpidr_el1
	ldr	x30, [x30, #CPU_FRAME]
	save_registers
	mov	x9, #-1
	str	x9, [x30, #FRAME_NR]
	mrs	x20, tpidr_el1
	adrp	x9, upcalls + 24
	ldr	x9, [x9, :lo12:upcalls + 24]
	b	upcall

/* An interrupt in arch_idle(), whose registers need not be kept; the key is the kernel's. */
entry_idle:
	mrs	x20, tpidr_el1
	adrp	x9, upcalls + 24
	ldr	x9, [x9, :lo12:upcalls + 24]
	ldr	x10, [x20, #CPU_STACK]
	mov	sp, x10
	mov	x29, xzr
	mov	x30, xzr
	msr	tpidrro_el0, xzr
	blr	x9
	b	entry_leave

/* --- An exception in the kernel: the end. x30 is in TPIDRRO_EL0; registers go to the end of the processor's fault stack,
 * right below its roots. --- */
entry_fault:
	mrs	x30, tpidr_el1
	sub	x30, x30, #-ROOTS + KERNEL_REGISTERS_BYTES
	store_general
	mrs	x0, tpidrro_el0
	mov	x1, sp
	stp	x0, x1, [x30, #240]
	mrs	x0, elr_el1
	mrs	x1, spsr_el1
	stp	x0, x1, [x30, #KERNEL_REGISTERS_PC]
	mrs	x0, esr_el1
	mrs	x1, far_el1
	stp	x0, x1, [x30, #KERNEL_REGISTERS_PC + 16]
	mov	sp, x30
	mov	x0, x30
	mov	x29, xzr
	mov	x30, xzr
	bl	kernel_fault
	b	.

	.section .note.GNU-stack, "", %progbits

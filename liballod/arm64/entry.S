/* The ways out of a program into other spaces and from there into it: liballod.h. */
#include "abi/calls.h"

#define STACKLET_SIZE 0x8000
#define STACKLET_SHIFT 15
#define STACKLET_BASE 0x40000000
#define STACKLETS_BYTES 0x20000000

/* What allod_stub_call keeps on its stack: the registers that C functions keep, the control word, the thread pointer, and where
 * word 1 goes. A call back starts so far below. */
#define SAVED_BYTES 192
#define SAVED_POINTER 168
#define CALLED_BACK 272

	.hidden	allod_pool, allod_context_wait, allod_context_wake
	.text

/* --- out --- */

/* allod_stub_call(portal, words, &word1, number) */
	.globl allod_stub_call
	.hidden allod_stub_call
	.type allod_stub_call, %function
allod_stub_call:
	.cfi_startproc
	stp	x29, x30, [sp, #-SAVED_BYTES]!
	.cfi_def_cfa_offset SAVED_BYTES
	.cfi_offset 29, -SAVED_BYTES
	.cfi_offset 30, -(SAVED_BYTES - 8)
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mrs	x10, fpcr
	mrs	x11, tpidr_el0
	stp	x10, x11, [sp, #160]
	stp	x2, x18, [sp, #176]
	mov	x9, x0
	mov	x8, x3
	mov	x6, x1
	ldp	x0, x1, [x6]
	ldp	x2, x3, [x6, #16]
	ldp	x4, x5, [x6, #32]
	svc	#0
	ldp	x10, x11, [sp, #160]
	ldp	x2, x18, [sp, #176]
	msr	fpcr, x10
	str	x1, [x2]
	ldp	d14, d15, [sp, #144]
	ldp	d12, d13, [sp, #128]
	ldp	d10, d11, [sp, #112]
	ldp	d8, d9, [sp, #96]
	ldp	x27, x28, [sp, #80]
	ldp	x25, x26, [sp, #64]
	ldp	x23, x24, [sp, #48]
	ldp	x21, x22, [sp, #32]
	ldp	x19, x20, [sp, #16]
	ldp	x29, x30, [sp], #SAVED_BYTES
	.cfi_def_cfa_offset 0
	ret
	.cfi_endproc
	.size allod_stub_call, . - allod_stub_call

/* A plain call to a portal's address comes out here, with the portal in x16 and everything else as for a C function. */
	.globl allod_plain_call
	.hidden allod_plain_call
	.type allod_plain_call, %function
allod_plain_call:
	.cfi_startproc
	stp	x29, x30, [sp, #-64]!
	.cfi_def_cfa_offset 64
	.cfi_offset 29, -64
	.cfi_offset 30, -56
	stp	x0, x1, [sp, #16]
	stp	x2, x3, [sp, #32]
	stp	x4, x5, [sp, #48]
	mov	x0, x16
	add	x1, sp, #16
	bl	allod_invoke
	ldp	x29, x30, [sp], #64
	.cfi_def_cfa_offset 0
	ret
	.cfi_endproc
	.size allod_plain_call, . - allod_plain_call

	.globl allod_thread_pointer
	.hidden allod_thread_pointer
	.type allod_thread_pointer, %function
allod_thread_pointer:
	mrs	x0, tpidr_el0
	ret
	.size allod_thread_pointer, . - allod_thread_pointer

/* --- in --- */

	.balign	8
	.globl allod_entries
	.hidden allod_entries
	.type allod_entries, %function
allod_entries:
	.rept	1024
	b	enter
	.balign	8
	.endr
	.size allod_entries, . - allod_entries

/* x9 = the function, words in x0 to x5; every other register is empty. sp is the end of a stacklet less two words if the
 * thread comes in afresh; otherwise it called from here, through allod_stub_call, and the stack goes on below. Backtraces end
 * here. */
	.type enter, %function
enter:
	.cfi_startproc
	.cfi_undefined 30
	mov	x19, x9
	add	x10, sp, #16
	tst	x10, #(STACKLET_SIZE - 1)
	b.ne	call_back
	mov	x11, #STACKLET_BASE
	add	x11, x11, #1
	sub	x11, x10, x11
	lsr	x11, x11, #29
	cbnz	x11, call_back
	lsr	x21, x10, #STACKLET_SHIFT
	adrp	x20, allod_pool + 16
	add	x20, x20, :lo12:allod_pool + 16
1:	ldaxr	w11, [x20]
	cbnz	w11, wait_for_context
	stxr	w12, w21, [x20]
	cbnz	w12, 1b
has_context:
	ldp	x10, x11, [x20, #8]
	msr	tpidr_el0, x10
	mov	x22, sp
	mov	sp, x11
	blr	x19
	mov	sp, x22
	stlr	wzr, [x20]
	dmb	ish
	adrp	x10, allod_pool
	ldr	w10, [x10, :lo12:allod_pool]
	cbnz	w10, wake_others
leave:
	mov	x1, x0
	mov	x0, xzr
	mov	x8, #CALL_portal_return
	svc	#0
	brk	#0

wait_for_context:
	clrex
	stp	x0, x1, [sp, #-48]!
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	mov	w0, w21
	bl	allod_context_wait
	mov	x20, x0
	ldp	x2, x3, [sp, #16]
	ldp	x4, x5, [sp, #32]
	ldp	x0, x1, [sp], #48
	b	has_context

wake_others:
	mov	x19, x0
	bl	allod_context_wake
	mov	x0, x19
	b	leave

call_back:
	add	x10, sp, #CALLED_BACK
	ldr	x10, [x10, #SAVED_POINTER]
	msr	tpidr_el0, x10
	blr	x19
	b	leave
	.cfi_endproc
	.size enter, . - enter

	.section .note.GNU-stack, "", %progbits

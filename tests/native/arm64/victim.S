/* All registers at once: victim.h. */
#include "kept.h"
#include "victim_machine.h"
	.arch_extension fp
	.arch_extension simd

/* Registers x0 to x27 with the base x30. */
.macro pair op, a, b
	\op	x\a, x\b, [x30, #8 * \a]
.endm
.macro pairs_all op
	pair	\op, 0, 1
	pair	\op, 2, 3
	pair	\op, 4, 5
	pair	\op, 6, 7
	pair	\op, 8, 9
	pair	\op, 10, 11
	pair	\op, 12, 13
	pair	\op, 14, 15
	pair	\op, 16, 17
	pair	\op, 18, 19
	pair	\op, 20, 21
	pair	\op, 22, 23
	pair	\op, 24, 25
	pair	\op, 26, 27
.endm
.macro vectors op, base
	\op	q0, q1, [\base, #0]
	\op	q2, q3, [\base, #32]
	\op	q4, q5, [\base, #64]
	\op	q6, q7, [\base, #96]
	\op	q8, q9, [\base, #128]
	\op	q10, q11, [\base, #160]
	\op	q12, q13, [\base, #192]
	\op	q14, q15, [\base, #224]
	\op	q16, q17, [\base, #256]
	\op	q18, q19, [\base, #288]
	\op	q20, q21, [\base, #320]
	\op	q22, q23, [\base, #352]
	\op	q24, q25, [\base, #384]
	\op	q26, q27, [\base, #416]
	\op	q28, q29, [\base, #448]
	\op	q30, q31, [\base, #480]
.endm
/* x0 to x27 are there already; x30 is the base. */
.macro store_rest
	mov	x1, sp
	mrs	x2, nzcv
	mrs	x3, tpidr_el0
	str	x1, [x30, #REGISTERS_SP]
	str	x2, [x30, #REGISTERS_FLAGS]
	str	x3, [x30, #REGISTERS_POINTERS]
	add	x4, x30, #REGISTERS_VECTOR
	vectors	stp, x4
	mrs	x1, fpsr
	mrs	x2, fpcr
	str	x1, [x4, #512]
	str	x2, [x4, #520]
.endm

	.text
	.globl victim_run
victim_run:
	KEPT_PUSH(0)
	adrp	x0, saved_sp
	mov	x1, sp
	str	x1, [x0, :lo12:saved_sp]
	adrp	x30, victim_in
	add	x30, x30, :lo12:victim_in
	add	x4, x30, #REGISTERS_VECTOR
	vectors	ldp, x4
	ldr	x0, [x4, #512]
	ldr	x1, [x4, #520]
	msr	fpsr, x0
	msr	fpcr, x1
	ldr	x0, [x30, #REGISTERS_SP]
	mov	sp, x0
	ldr	x0, [x30, #REGISTERS_FLAGS]
	msr	nzcv, x0
	ldr	x0, [x30, #REGISTERS_POINTERS]
	msr	tpidr_el0, x0
	pairs_all ldp
	ldp	x28, x29, [x30, #8 * 28]
	ldr	x30, [x30, #8 * 30]
	str	w29, [x28]
	.rept	4000
	nop
	.endr
	pairs_all stp
	stp	x28, x29, [x30, #8 * 28]
	str	x30, [x30, #8 * 30]
	store_rest
	msr	tpidr_el0, xzr
	msr	fpcr, xzr
	adrp	x0, saved_sp
	ldr	x1, [x0, :lo12:saved_sp]
	mov	sp, x1
	KEPT_POP(0)
	ret

	.globl victim_spy
victim_spy:
	str	x30, [sp, #-16]!
	adrp	x30, victim_spied
	add	x30, x30, :lo12:victim_spied
	pairs_all stp
	stp	x28, x29, [x30, #8 * 28]
	ldr	x0, [sp], #16
	str	x0, [x30, #8 * 30]
	store_rest
	bl	victim_has_spied
	mov	x0, xzr
	mov	x1, xzr
	bl	portal_return

	.bss
	.balign	8
saved_sp:
	.skip	8

	.section .note.GNU-stack, "", %progbits

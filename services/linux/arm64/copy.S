/* The only code of the service that touches memory which may not be there (user_memory.c). A fault between guarded_start and
 * guarded_end goes on at guarded_landing with x9, x10, x11 = fault code, segment, page and nothing else changed, so every
 * routine here keeps to three rules: it is a leaf and leaves the stack alone; x8 is the address where it goes on after a fault; x0
 * is the address up to which it has written. */

	.text
	.globl	guarded_start, guarded_end, guarded_landing
	.globl	copy_guarded, copy_bytes, copy_zero, copy_exchange, copy_exchange_long

guarded_start:

/* x2 bytes from x1 to x0; x3 to x7 are lost. */
.macro copy
	subs	x3, x2, #32
	b.lo	2f
1:	ldp	x4, x5, [x1]
	ldp	x6, x7, [x1, #16]
	add	x1, x1, #32
	stp	x4, x5, [x0], #16
	stp	x6, x7, [x0], #16
	subs	x3, x3, #32
	b.hs	1b
2:	add	x3, x3, #32
3:	subs	x3, x3, #8
	b.lo	4f
	ldr	x4, [x1], #8
	str	x4, [x0], #8
	b	3b
4:	adds	x3, x3, #8
	b.eq	6f
5:	ldrb	w4, [x1], #1
	strb	w4, [x0], #1
	subs	x3, x3, #1
	b.ne	5b
6:
.endm

/* copy_guarded(to x0, from x1, bytes x2) -> bytes copied */
	.balign	16
copy_guarded:
	adr	x8, copy_fault
	mov	x12, x0
	mov	x13, x1
	copy
	mov	x0, x2
	ret

/* copy_bytes(to x0, from x1, bytes x2, fault x3) -> 0, or 1 after a fault */
	.balign	16
copy_bytes:
	adr	x8, word_fault
	mov	x12, x3
	copy
	mov	x0, xzr
	ret

/* copy_zero(to x0, bytes x1, fault x2) -> 0, or 1 after a fault */
	.balign	16
copy_zero:
	adr	x8, word_fault
	mov	x12, x2
1:	subs	x1, x1, #16
	b.lo	2f
	stp	xzr, xzr, [x0], #16
	b	1b
2:	adds	x1, x1, #16
	b.eq	4f
3:	strb	wzr, [x0], #1
	subs	x1, x1, #1
	b.ne	3b
4:	mov	x0, xzr
	ret

/* copy_exchange(word x0, expected w1, value w2, fault x3, seen x4): *seen = old value of the word -> 0, or 1 after a fault */
	.balign	16
copy_exchange:
	adr	x8, word_fault
	mov	x12, x3
1:	ldaxr	w5, [x0]
	cmp	w5, w1
	b.ne	2f
	stlxr	w6, w2, [x0]
	cbnz	w6, 1b
2:	clrex
	str	w5, [x4]
	mov	x0, xzr
	ret

/* copy_exchange_long(word x0, expected x1, value x2, fault x3, seen x4) -> 0, or 1 after a fault */
	.balign	16
copy_exchange_long:
	adr	x8, word_fault
	mov	x12, x3
1:	ldaxr	x5, [x0]
	cmp	x5, x1
	b.ne	2f
	stlxr	w6, x2, [x0]
	cbnz	w6, 1b
2:	clrex
	str	x5, [x4]
	mov	x0, xzr
	ret

guarded_end:

guarded_landing:
	br	x8

/* A fault in copy_guarded(): returns copy_on(to, from, bytes, done, code, segment << 32 | page). */
copy_fault:
	sub	x3, x0, x12
	mov	x0, x12
	mov	x1, x13
	mov	w4, w9
	mov	w5, w11
	bfi	x5, x10, #32, #32
	b	copy_on

word_fault:
	stp	w9, w10, [x12]
	str	w11, [x12, #8]
	str	x0, [x12, #16]
	mov	x0, #1
	ret

/* Where faults of any other code of the service go on: x0 = code, x1 = address, x2 = instruction. The stack pointer may be
 * anything; if it is in a stacklet, that stacklet is emptied down to the user frame. */
	.globl	crash_landing
crash_landing:
	mov	x3, sp
	orr	x4, x3, #0x7fff
	sub	x4, x4, #0x3ff
	mov	sp, x4
	mov	x29, xzr
	mov	x30, xzr
	bl	crash_report
	brk	#0

	.section .note.GNU-stack, "", %progbits

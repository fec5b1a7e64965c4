/* The only code of the service that touches memory which may not be there (user_memory.c). A fault between guarded_start and
 * guarded_end goes on at guarded_landing with x9, x10, x11 = fault code, segment, page and nothing else changed, so every
 * routine here keeps to three rules: it is a leaf and leaves the stack alone; x8 points at its struct copy_fault; x0 is how
 * far it has come. Each returns 0, or 1 after a fault. */

	.text
	.globl	guarded_start, guarded_end, guarded_landing
	.globl	copy_bytes, copy_zero, copy_exchange

guarded_start:

/* copy_bytes(to x0, from x1, bytes x2, fault x3) */
	.balign	16
copy_bytes:
	mov	x8, x3
	subs	x2, x2, #32
	b.lo	2f
1:	ldp	x4, x5, [x1]
	ldp	x6, x7, [x1, #16]
	add	x1, x1, #32
	stp	x4, x5, [x0], #16
	stp	x6, x7, [x0], #16
	subs	x2, x2, #32
	b.hs	1b
2:	add	x2, x2, #32
3:	subs	x2, x2, #8
	b.lo	4f
	ldr	x4, [x1], #8
	str	x4, [x0], #8
	b	3b
4:	adds	x2, x2, #8
	b.eq	6f
5:	ldrb	w4, [x1], #1
	strb	w4, [x0], #1
	subs	x2, x2, #1
	b.ne	5b
6:	mov	x0, xzr
	ret

/* copy_zero(to x0, bytes x1, fault x2) */
	.balign	16
copy_zero:
	mov	x8, x2
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

/* copy_exchange(word x0, expected w1, value w2, fault x3, seen x4): *seen = old value of the word */
	.balign	16
copy_exchange:
	mov	x8, x3
1:	ldaxr	w5, [x0]
	cmp	w5, w1
	b.ne	2f
	stlxr	w6, w2, [x0]
	cbnz	w6, 1b
2:	clrex
	str	w5, [x4]
	mov	x0, xzr
	ret

guarded_end:

guarded_landing:
	stp	w9, w10, [x8]
	str	w11, [x8, #8]
	str	x0, [x8, #16]
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

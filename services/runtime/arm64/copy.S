/* Copying from and to memory of other spaces, which may not be there: copy.h. */

	.section .text.copy, "ax", %progbits

/* runtime_copy(to, from, bytes): a fault in here goes on at runtime_copy_landing with the stack as it is. */
	.globl runtime_copy
	.type runtime_copy, %function
runtime_copy:
	subs	x2, x2, #16
	b.lo	2f
1:	ldp	x3, x4, [x1], #16
	stp	x3, x4, [x0], #16
	subs	x2, x2, #16
	b.hs	1b
2:	adds	x2, x2, #16
	b.eq	4f
3:	ldrb	w3, [x1], #1
	strb	w3, [x0], #1
	subs	x2, x2, #1
	b.ne	3b
4:	mov	x0, xzr
	ret
	.size runtime_copy, . - runtime_copy

	.text
	.globl runtime_copy_landing
	.type runtime_copy_landing, %function
runtime_copy_landing:
	mov	x0, #-3 /* -E_FAULT */
	ret
	.size runtime_copy_landing, . - runtime_copy_landing

	.section .note.GNU-stack, "", %progbits

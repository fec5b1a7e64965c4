/* portal_call_with(spec, &word1): calls.def; keeps what C functions keep. */
#include "abi/calls.h"

	.text
	.globl portal_call_with
portal_call_with:
	stp	x29, x30, [sp, #-112]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	str	x1, [sp, #96]
	mov	x8, #CALL_portal_call_with
	svc	#0
	ldr	x7, [sp, #96]
	str	x1, [x7]
	ldp	x27, x28, [sp, #80]
	ldp	x25, x26, [sp, #64]
	ldp	x23, x24, [sp, #48]
	ldp	x21, x22, [sp, #32]
	ldp	x19, x20, [sp, #16]
	ldp	x29, x30, [sp], #112
	ret

	.section .note.GNU-stack, "", %progbits

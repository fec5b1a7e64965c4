/* portal_call_with(spec, &word1): calls.def; keeps what C functions keep. */
#include "abi/calls.h"
#include "kept.h"

	.text
	.globl portal_call_with
portal_call_with:
	KEPT_PUSH(16)
	str	x1, [sp, #KEPT_BYTES]
	mov	x8, #CALL_portal_call_with
	svc	#0
	ldr	x7, [sp, #KEPT_BYTES]
	str	x1, [x7]
	KEPT_POP(16)
	ret

	.section .note.GNU-stack, "", %progbits

/* portal_call_with(spec, &word1): calls.def; keeps what C functions keep. */
#include "abi/calls.h"
#include "kept.h"

	.text
	.globl portal_call_with
portal_call_with:
	KEPT_PUSH
	pushq	%rsi
	movl	$CALL_portal_call_with, %eax
	syscall
	popq	%rsi
	movq	%rdx, (%rsi)
	KEPT_POP
	ret

	.section .note.GNU-stack, "", @progbits

/* portal_call_with(spec, &word1): calls.def; keeps what C functions keep. */
#include "abi/calls.h"

	.text
	.globl portal_call_with
portal_call_with:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	pushq	%rsi
	movl	$CALL_portal_call_with, %eax
	syscall
	popq	%rsi
	movq	%rdx, (%rsi)
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret

	.section .note.GNU-stack, "", @progbits

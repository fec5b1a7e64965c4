/* Copying from and to memory of other spaces, which may not be there: copy.h. */

#define MINUS_E_FAULT -3

	.section .text.copy, "ax", @progbits

/* runtime_copy(to, from, bytes): a fault in here goes on at runtime_copy_landing with the stack as it is. */
	.globl runtime_copy
	.type runtime_copy, @function
runtime_copy:
	movq	%rdx, %rcx
	shrq	$3, %rcx
	rep movsq
	movl	%edx, %ecx
	andl	$7, %ecx
	rep movsb
	xorl	%eax, %eax
	ret
	.size runtime_copy, . - runtime_copy

	.text
	.globl runtime_copy_landing
	.type runtime_copy_landing, @function
runtime_copy_landing:
	movq	$MINUS_E_FAULT, %rax
	ret
	.size runtime_copy_landing, . - runtime_copy_landing

	.section .note.GNU-stack, "", @progbits

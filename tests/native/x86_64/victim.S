/* All registers at once: victim.h. */
#include "kept.h"
#include "victim_machine.h"

.macro each op
	.set	at, 0
	.irp	register, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	\op	\register, at
	.set	at, at + 8
	.endr
.endm
.macro load register, at
	movq	victim_in + \at, %\register
.endm
.macro store_out register, at
	movq	%\register, victim_out + \at
.endm
.macro store_spied register, at
	movq	%\register, victim_spied + \at
.endm
.macro store_rest to
	popq	\to + REGISTERS_FLAGS
	movq	%rsp, \to + REGISTERS_SP
	cld
	rdfsbase %rax
	movq	%rax, \to + REGISTERS_POINTERS
	rdgsbase %rax
	movq	%rax, \to + REGISTERS_POINTERS + 8
	movl	$-1, %eax
	movl	%eax, %edx
	xsave64	\to + REGISTERS_VECTOR
.endm

	.text
	.globl victim_run
victim_run:
	KEPT_PUSH
	movq	%rsp, saved_sp
	movl	$-1, %eax
	movl	%eax, %edx
	xrstor64 victim_in + REGISTERS_VECTOR
	movq	victim_in + REGISTERS_POINTERS, %rax
	wrfsbase %rax
	movq	victim_in + REGISTERS_POINTERS + 8, %rax
	wrgsbase %rax
	pushq	victim_in + REGISTERS_FLAGS
	popfq
	movq	victim_in + REGISTERS_SP, %rsp
	each	load
	movl	%eax, MMIO_SEND
	.rept	4000
	nop
	.endr
	each	store_out
	pushfq
	store_rest victim_out
	xorl	%eax, %eax
	wrfsbase %rax
	wrgsbase %rax
	movq	saved_sp, %rsp
	KEPT_POP
	ret

	.globl victim_spy
victim_spy:
	each	store_spied
	pushfq
	store_rest victim_spied
	subq	$8, %rsp
	call	victim_has_spied
	xorl	%edi, %edi
	xorl	%esi, %esi
	call	portal_return

	.bss
	.balign	8
saved_sp:
	.skip	8

	.section .note.GNU-stack, "", @progbits

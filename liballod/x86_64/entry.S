/* The ways out of a program into other spaces and from there into it: liballod.h. */
#include "abi/calls.h"

#define STACKLET_SIZE 0x8000
#define STACKLET_SHIFT 15
#define STACKLET_BASE 0x40000000
#define STACKLETS_BYTES 0x20000000

/* What allod_stub_call keeps on its stack: saved control words, the thread pointer, where word 1 goes, and the registers that C
 * functions keep. A call back starts so far below. */
#define SAVED_POINTER 16
#define CALLED_BACK 264

	.hidden	allod_pool, allod_context_wait, allod_context_wake
	.text

/* --- out --- */

/* allod_stub_call(portal, words, &word1, number) */
	.globl allod_stub_call
	.hidden allod_stub_call
	.type allod_stub_call, @function
allod_stub_call:
	.cfi_startproc
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	subq	$24, %rsp
	.cfi_adjust_cfa_offset 24
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	movq	%rdx, 8(%rsp)
	movq	%fs:0, %rax
	movq	%rax, SAVED_POINTER(%rsp)
	movq	%rdi, %rbx
	movq	%rcx, %rax
	movq	(%rsi), %rdi
	movq	16(%rsi), %rdx
	movq	24(%rsi), %r10
	movq	32(%rsi), %r8
	movq	40(%rsi), %r9
	movq	8(%rsi), %rsi
	syscall
	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	movq	8(%rsp), %rcx
	movq	%rdx, (%rcx)
	addq	$24, %rsp
	.cfi_adjust_cfa_offset -24
	popq	%r15
	.cfi_adjust_cfa_offset -8
	popq	%r14
	.cfi_adjust_cfa_offset -8
	popq	%r13
	.cfi_adjust_cfa_offset -8
	popq	%r12
	.cfi_adjust_cfa_offset -8
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
	.size allod_stub_call, . - allod_stub_call

/* A plain call to a portal's address comes out here, with the portal in r11 and everything else as for a C function. */
	.globl allod_plain_call
	.hidden allod_plain_call
	.type allod_plain_call, @function
allod_plain_call:
	.cfi_startproc
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	pushq	%r9
	.cfi_adjust_cfa_offset 8
	pushq	%r8
	.cfi_adjust_cfa_offset 8
	pushq	%rcx
	.cfi_adjust_cfa_offset 8
	pushq	%rdx
	.cfi_adjust_cfa_offset 8
	pushq	%rsi
	.cfi_adjust_cfa_offset 8
	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	movq	%r11, %rdi
	movq	%rsp, %rsi
	call	allod_invoke@PLT
	addq	$56, %rsp
	.cfi_adjust_cfa_offset -56
	ret
	.cfi_endproc
	.size allod_plain_call, . - allod_plain_call

	.globl allod_thread_pointer
	.hidden allod_thread_pointer
	.type allod_thread_pointer, @function
allod_thread_pointer:
	movq	%fs:0, %rax
	ret
	.size allod_thread_pointer, . - allod_thread_pointer

/* --- in --- */

	.balign	8
	.globl allod_entries
	.hidden allod_entries
	.type allod_entries, @function
allod_entries:
	.rept	1024
	jmp	enter
	.balign	8
	.endr
	.size allod_entries, . - allod_entries

/* rax = the function, words in rdi, rsi, rdx, r10, r8, r9; all other registers are 0. If the thread is not in this space yet, rsp
 * is the end of its stacklet less one word. Otherwise it has called out of here by allod_stub_call, and its stack goes on below
 * that. Backtraces end here. */
	.type enter, @function
enter:
	.cfi_startproc
	.cfi_undefined rip
	movq	%rax, %rbx
	leaq	8(%rsp), %r11
	testl	$STACKLET_SIZE - 1, %r11d
	jnz	call_back
	leaq	-(STACKLET_BASE + 1)(%r11), %rcx
	cmpq	$STACKLETS_BYTES, %rcx
	jae	call_back
	shrl	$STACKLET_SHIFT, %r11d
	leaq	allod_pool + 16(%rip), %rbp
	xorl	%eax, %eax
	lock cmpxchgl	%r11d, (%rbp)
	jne	wait_for_context
has_context:
	movq	8(%rbp), %rcx
	wrfsbase	%rcx
	movq	%rsp, %r12
	movq	16(%rbp), %rsp
	movq	%r10, %rcx
	call	*%rbx
	movq	%r12, %rsp
	xorl	%ecx, %ecx
	xchgl	%ecx, (%rbp)
	cmpl	$0, allod_pool(%rip)
	jne	wake_others
leave:
	movq	%rax, %rsi
	xorl	%edi, %edi
	movl	$CALL_portal_return, %eax
	syscall
	ud2

/* There is no context, so there is no stack to go on. */
wait_for_context:
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%r10
	pushq	%r8
	pushq	%r9
	subq	$8, %rsp
	movl	%r11d, %edi
	call	allod_context_wait
	movq	%rax, %rbp
	addq	$8, %rsp
	popq	%r9
	popq	%r8
	popq	%r10
	popq	%rdx
	popq	%rsi
	popq	%rdi
	jmp	has_context

wake_others:
	movq	%rax, %rbx
	subq	$8, %rsp
	call	allod_context_wake
	movq	%rbx, %rax
	jmp	leave

call_back:
	movq	CALLED_BACK + SAVED_POINTER(%rsp), %rcx
	wrfsbase	%rcx
	subq	$8, %rsp
	movq	%r10, %rcx
	call	*%rbx
	jmp	leave
	.cfi_endproc
	.size enter, . - enter

	.section .note.GNU-stack, "", @progbits

/* How threads come into a service and leave it. */
#include "abi/calls.h"
#include "kept.h"

	.text

/* The first thread: rdi = struct start_info *, rsp = top of its stacklet. */
	.globl _start
	.type _start, @function
_start:
	xorl	%ebp, %ebp
	andq	$-16, %rsp
	call	runtime_start
	ud2
	.size _start, . - _start

/* A thread of thread_start(): rdi = its argument. */
	.globl runtime_thread_entry
	.type runtime_thread_entry, @function
runtime_thread_entry:
	xorl	%ebp, %ebp
	andq	$-16, %rsp
	call	runtime_thread
	ud2
	.size runtime_thread_entry, . - runtime_thread_entry

/* Portal entries: rax = the portal's C function, words where the caller put them (the fourth in r10), rsp as after a call.
 * The function returns the result words in rax and rdx. Each entry of 32 bytes is a portal of its own, since right p is granted by
 * the byte. */
	.balign	32
	.globl runtime_entries
	.type runtime_entries, @function
runtime_entries:
	.rept	4
	subq	$8, %rsp
	xorl	%ebp, %ebp
	movq	%r10, %rcx
	call	*%rax
	movq	%rax, %rdi
	movq	%rdx, %rsi
	movl	$CALL_portal_return, %eax
	syscall
	ud2
	.balign	32
	.endr
	.size runtime_entries, . - runtime_entries

/* portal_return(word0, word1) */
	.globl portal_return
	.type portal_return, @function
portal_return:
	movl	$CALL_portal_return, %eax
	syscall
	ud2
	.size portal_return, . - portal_return

/* system_return() */
	.globl system_return
	.type system_return, @function
system_return:
	movl	$CALL_system_return, %eax
	syscall
	ud2
	.size system_return, . - system_return

/* portal_call(portal, w0, w1, w2, w3, w4, w5, &word1): the kernel takes the portal in rbx and the words in rdi, rsi, rdx, r10, r8,
 * r9; it keeps rsp and rip and clears all other registers. */
	.globl portal_call
	.type portal_call, @function
portal_call:
	KEPT_PUSH
	movq	%rdi, %rbx
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	movq	%rcx, %rdx
	movq	%r8, %r10
	movq	%r9, %r8
	movq	KEPT_BYTES + 8(%rsp), %r9
	movl	$CALL_portal_call, %eax
	syscall
	movq	KEPT_BYTES + 16(%rsp), %rcx
	movq	%rdx, (%rcx)
	KEPT_POP
	ret
	.size portal_call, . - portal_call

	.section .note.GNU-stack, "", @progbits

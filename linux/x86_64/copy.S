/* The only code of the service that touches memory which may not be there (user_memory.c). A fault between guarded_start and
 * guarded_end goes on at guarded_landing with rax, r8, r9 = fault code, segment, page and nothing else changed, so every
 * routine here keeps to three rules: it is a leaf and leaves the stack alone; r10 points at its struct copy_fault; rdi is
 * how far it has come. Each returns 0, or 1 after a fault. */

	.text
	.globl	guarded_start, guarded_end, guarded_landing
	.globl	copy_bytes, copy_zero, copy_exchange

guarded_start:

/* copy_bytes(to rdi, from rsi, bytes rdx, fault rcx) */
	.p2align 4
copy_bytes:
	mov	%rcx, %r10
	mov	%rdx, %rcx
	shr	$3, %rcx
	rep movsq
	mov	%edx, %ecx
	and	$7, %ecx
	rep movsb
	xor	%eax, %eax
	ret

/* copy_zero(to rdi, bytes rsi, fault rdx) */
	.p2align 4
copy_zero:
	mov	%rdx, %r10
	mov	%rsi, %rcx
	shr	$3, %rcx
	xor	%eax, %eax
	rep stosq
	mov	%esi, %ecx
	and	$7, %ecx
	rep stosb
	xor	%eax, %eax
	ret

/* copy_exchange(word rdi, expected esi, value edx, fault rcx, seen r8): *seen = old value of the word */
	.p2align 4
copy_exchange:
	mov	%rcx, %r10
	mov	%esi, %eax
	lock cmpxchg %edx, (%rdi)
	mov	%eax, (%r8)
	xor	%eax, %eax
	ret

guarded_end:

guarded_landing:
	mov	%eax, (%r10)
	mov	%r8d, 4(%r10)
	mov	%r9d, 8(%r10)
	mov	%rdi, 16(%r10)
	mov	$1, %eax
	ret

/* Where faults of any other code of the service go on: rdi = code, rsi = address, rdx = ip. The stack pointer may be
 * anything; if it is in a stacklet, that stacklet is emptied down to the user frame. */
	.globl	crash_landing
crash_landing:
	mov	%rsp, %rcx
	or	$0x7fff, %rsp
	sub	$0x1ff, %rsp
	call	crash_report
	ud2

	.section .note.GNU-stack, "", @progbits

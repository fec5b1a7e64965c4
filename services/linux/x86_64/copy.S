/* The only code of the service that touches memory which may not be there (user_memory.c). A fault between guarded_start and
 * guarded_end goes on at guarded_landing with rax, r8, r9 = fault code, segment, page and nothing else changed, so every
 * routine here keeps to three rules: it is a leaf and leaves the stack alone; r10 is the address where it goes on after a fault;
 * rdi is the address up to which it has written. */

	.text
	.globl	guarded_start, guarded_end, guarded_landing
	.globl	copy_guarded, copy_bytes, copy_zero, copy_exchange, copy_exchange_long

guarded_start:

/* rdx bytes from rsi to rdi; rcx is lost. */
.macro copy
	mov	%rdx, %rcx
	shr	$3, %rcx
	rep movsq
	mov	%edx, %ecx
	and	$7, %ecx
	rep movsb
.endm

/* copy_guarded(to rdi, from rsi, bytes rdx) -> bytes copied */
	.p2align 4
copy_guarded:
	mov	$copy_fault, %r10d
	mov	%rdi, %r11
	copy
	mov	%rdx, %rax
	ret

/* copy_bytes(to rdi, from rsi, bytes rdx, fault rcx) -> 0, or 1 after a fault */
	.p2align 4
copy_bytes:
	mov	$word_fault, %r10d
	mov	%rcx, %r11
	copy
	xor	%eax, %eax
	ret

/* copy_zero(to rdi, bytes rsi, fault rdx) -> 0, or 1 after a fault */
	.p2align 4
copy_zero:
	mov	$word_fault, %r10d
	mov	%rdx, %r11
	mov	%rsi, %rcx
	shr	$3, %rcx
	xor	%eax, %eax
	rep stosq
	mov	%esi, %ecx
	and	$7, %ecx
	rep stosb
	xor	%eax, %eax
	ret

/* copy_exchange(word rdi, expected esi, value edx, fault rcx, seen r8): *seen = old value of the word -> 0 or 1 */
	.p2align 4
copy_exchange:
	mov	$word_fault, %r10d
	mov	%rcx, %r11
	mov	%esi, %eax
	lock cmpxchg %edx, (%rdi)
	mov	%eax, (%r8)
	xor	%eax, %eax
	ret

/* copy_exchange_long(word rdi, expected rsi, value rdx, fault rcx, seen r8) -> 0 or 1 */
	.p2align 4
copy_exchange_long:
	mov	$word_fault, %r10d
	mov	%rcx, %r11
	mov	%rsi, %rax
	lock cmpxchg %rdx, (%rdi)
	mov	%rax, (%r8)
	xor	%eax, %eax
	ret

guarded_end:

guarded_landing:
	jmp	*%r10

/* A fault in copy_guarded(): both pointers have moved on equally far. Returns copy_on(to, from, bytes, done, code, segment << 32 |
 * page). */
copy_fault:
	mov	%rdi, %rcx
	sub	%r11, %rcx
	sub	%rcx, %rsi
	mov	%r11, %rdi
	shl	$32, %r8
	mov	%r9d, %r9d
	or	%r8, %r9
	mov	%eax, %r8d
	jmp	copy_on

word_fault:
	mov	%eax, (%r11)
	mov	%r8d, 4(%r11)
	mov	%r9d, 8(%r11)
	mov	%rdi, 16(%r11)
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

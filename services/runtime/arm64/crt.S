/* How threads come into a service and leave it. */
#include "abi/calls.h"
#include "kept.h"

	.text

/* The first thread: x0 = struct start_info *, sp = top of its stacklet. */
	.globl _start
	.type _start, %function
_start:
	mov	x29, xzr
	mov	x30, xzr
	bl	runtime_start
	brk	#0
	.size _start, . - _start

/* A thread of thread_start(): x0 = its argument. */
	.globl runtime_thread_entry
	.type runtime_thread_entry, %function
runtime_thread_entry:
	mov	x29, xzr
	mov	x30, xzr
	bl	runtime_thread
	brk	#0
	.size runtime_thread_entry, . - runtime_thread_entry

/* Portal entries: x9 = the portal's C function, words in the argument registers. The function returns the result words in x0 and
 * x1. Each entry of 32 bytes is a portal of its own, since right p is granted by the byte. */
	.balign	32
	.globl runtime_entries
	.type runtime_entries, %function
runtime_entries:
	.rept	4
	mov	x29, xzr
	blr	x9
	mov	x8, #CALL_portal_return
	svc	#0
	brk	#0
	.balign	32
	.endr
	.size runtime_entries, . - runtime_entries

/* portal_return(word0, word1) */
	.globl portal_return
	.type portal_return, %function
portal_return:
	mov	x8, #CALL_portal_return
	svc	#0
	brk	#0
	.size portal_return, . - portal_return

/* system_return() */
	.globl system_return
	.type system_return, %function
system_return:
	mov	x8, #CALL_system_return
	svc	#0
	brk	#0
	.size system_return, . - system_return

/* portal_call(portal, w0, w1, w2, w3, w4, w5, &word1): the kernel takes the portal in x9 and the words in x0 to x5; it keeps sp and
 * the instruction pointer and clears all other registers. */
	.globl portal_call
	.type portal_call, %function
portal_call:
	KEPT_PUSH(16)
	str	x7, [sp, #KEPT_BYTES]
	mov	x9, x0
	mov	x0, x1
	mov	x1, x2
	mov	x2, x3
	mov	x3, x4
	mov	x4, x5
	mov	x5, x6
	mov	x8, #CALL_portal_call
	svc	#0
	ldr	x7, [sp, #KEPT_BYTES]
	str	x1, [x7]
	KEPT_POP(16)
	ret
	.size portal_call, . - portal_call

	.section .note.GNU-stack, "", %progbits

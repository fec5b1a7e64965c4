/* The process that registers.sh stops: system calls, and native calls that do not exist, for ever; with an argument, it ends at
 * once. It is linked at an address where no service has anything. */
	.globl	_start, in_process, before_native
_start:
	ldr	x9, [sp]
	mov	x0, xzr
	mov	x8, #94 /* exit_group */
	cmp	x9, #2
	b.ge	last
again:
	mov	x8, #173 /* getppid */
	svc	#0
in_process:
	mov	x8, #0x1fff
before_native:
	svc	#0
	b	again
last:
	svc	#0

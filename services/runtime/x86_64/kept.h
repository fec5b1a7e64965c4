/* For assembly: the registers that a C function must leave as they were go onto the stack, and come back. */
#ifndef RUNTIME_KEPT_H
#define RUNTIME_KEPT_H

#define KEPT_BYTES 48

#define KEPT_PUSH \
	pushq	%rbx; \
	pushq	%rbp; \
	pushq	%r12; \
	pushq	%r13; \
	pushq	%r14; \
	pushq	%r15

#define KEPT_POP \
	popq	%r15; \
	popq	%r14; \
	popq	%r13; \
	popq	%r12; \
	popq	%rbp; \
	popq	%rbx

#endif

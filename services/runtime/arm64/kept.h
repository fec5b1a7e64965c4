/* For assembly: the registers that a C function must leave as they were go onto the stack, and come back. There are `bytes` more on
 * the stack, a multiple of 16: at sp + KEPT_BYTES. */
#ifndef RUNTIME_KEPT_H
#define RUNTIME_KEPT_H

#define KEPT_BYTES 96

#define KEPT_PUSH(bytes) \
	stp	x29, x30, [sp, -(KEPT_BYTES + (bytes))]!; \
	stp	x19, x20, [sp, 16]; \
	stp	x21, x22, [sp, 32]; \
	stp	x23, x24, [sp, 48]; \
	stp	x25, x26, [sp, 64]; \
	stp	x27, x28, [sp, 80]

#define KEPT_POP(bytes) \
	ldp	x27, x28, [sp, 80]; \
	ldp	x25, x26, [sp, 64]; \
	ldp	x23, x24, [sp, 48]; \
	ldp	x21, x22, [sp, 32]; \
	ldp	x19, x20, [sp, 16]; \
	ldp	x29, x30, [sp], KEPT_BYTES + (bytes)

#endif

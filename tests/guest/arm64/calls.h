/* What guest tests must know of arm64: the call instruction in all its forms, and pieces of code that C cannot say. */
#ifndef TESTS_GUEST_ARM64_CALLS_H
#define TESTS_GUEST_ARM64_CALLS_H

#include <stdint.h>

#include "abi/allod.h"

/* The two words that a call returns. */
struct words {
	int64_t w0;
	uint64_t w1;
};

static inline struct words native6(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	register uint64_t x8 __asm__("x8") = nr;
	register uint64_t x0 __asm__("x0") = a;
	register uint64_t x1 __asm__("x1") = b;
	register uint64_t x2 __asm__("x2") = c;
	register uint64_t x3 __asm__("x3") = d;
	register uint64_t x4 __asm__("x4") = e;
	register uint64_t x5 __asm__("x5") = f;

	__asm__ volatile("svc #0" : "+r"(x0), "+r"(x1) : "r"(x8), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return (struct words){ (int64_t)x0, x1 };
}

#define LOST_REGISTERS \
	"x6", "x7", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x19", "x20", "x21", "x22", "x23", "x24", \
		"x25", "x26", "x27", "x28", "x30", "memory", "cc", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", \
		"v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", \
		"v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31"

/* A call after which all registers but sp are lost: the compiler is told so, except for x18 and x29, which are kept on the
 * stack. */
static inline struct words lossy_call6(uint64_t nr, uint64_t portal, const uint64_t in[6])
{
	register uint64_t x8 __asm__("x8") = nr;
	register uint64_t x9 __asm__("x9") = portal;
	register uint64_t x0 __asm__("x0") = in[0];
	register uint64_t x1 __asm__("x1") = in[1];
	register uint64_t x2 __asm__("x2") = in[2];
	register uint64_t x3 __asm__("x3") = in[3];
	register uint64_t x4 __asm__("x4") = in[4];
	register uint64_t x5 __asm__("x5") = in[5];

	__asm__ volatile("stp x18, x29, [sp, #-16]!\n\tsvc #0\n\tldp x18, x29, [sp], #16"
			 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "+r"(x8), "+r"(x9)
			 :
			 : LOST_REGISTERS);
	return (struct words){ (int64_t)x0, x1 };
}

/* The portal's address used like a function pointer. */
static inline int64_t pointer_call(uint64_t portal, uint64_t a, uint64_t b, uint64_t c)
{
	register uint64_t x9 __asm__("x9") = portal;
	register uint64_t x0 __asm__("x0") = a;
	register uint64_t x1 __asm__("x1") = b;
	register uint64_t x2 __asm__("x2") = c;
	register uint64_t x3 __asm__("x3") = 0;
	register uint64_t x4 __asm__("x4") = 0;
	register uint64_t x5 __asm__("x5") = 0;

	__asm__ volatile("stp x18, x29, [sp, #-16]!\n\tblr x9\n\tldp x18, x29, [sp], #16"
			 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "+r"(x9)
			 :
			 : LOST_REGISTERS, "x8");
	return (int64_t)x0;
}

/* --- registers that no call names: the thread pointer --- */

static inline uint64_t thread_pointer(void)
{
	uint64_t value;

	__asm__ volatile("mrs %0, tpidr_el0" : "=r"(value));
	return value;
}

/* This machine has no second segment base: a variable takes its place, which each space has for itself anyway. */
static uint64_t second_base_here;

static inline uint64_t second_base(void)
{
	return second_base_here;
}

static inline void set_second_base(uint64_t value)
{
	second_base_here = value;
}

/* --- code for servers (server.h) --- */

/* Where portals of C functions start: the function is the cookie. */
void portal_stub(void);
__asm__(".pushsection .text\n"
	".globl portal_stub\n"
	"portal_stub:\n\t"
	"blr x9\n\t"
	"mov x8, #0x1002\n\t"
	"svc #0\n\t"
	"brk #0\n"
	".popsection\n");

/* The first instruction of a thread. */
void server_start(void);
__asm__(".pushsection .text\n"
	".globl server_start\n"
	"server_start:\n\t"
	".weak server_main_entry\n\tbl server_main_entry\n\t"
	"brk #0\n"
	".popsection\n");

/* --- all registers --- */

/* Fills every register with a pattern that is not an argument, calls the portal and stores what comes back. */
static inline void call_with_registers(uint64_t portal, uint64_t *back, unsigned char *vectors)
{
	register uint64_t x9 __asm__("x9") = portal;
	register uint64_t x0 __asm__("x0") = (uint64_t)back;
	register uint64_t x1 __asm__("x1") = (uint64_t)vectors;

	__asm__ volatile("stp x18, x29, [sp, #-32]!\n\tstp x0, x1, [sp, #16]\n\t"
			 "ldr x10, =0x5ec2e75ec2e75ec2\n\t"
			 "mov x11, x10\n\tmov x12, x10\n\tmov x16, x10\n\tmov x19, x10\n\tmov x20, x10\n\t"
			 "mov x28, x10\n\tmov x29, x10\n\tmov x30, x10\n\t"
			 "dup v0.2d, x10\n\tmov v1.16b, v0.16b\n\tmov v2.16b, v0.16b\n\tmov v7.16b, v0.16b\n\t"
			 "mov v8.16b, v0.16b\n\tmov v31.16b, v0.16b\n\t"
			 "mov x0, xzr\n\tmov x1, xzr\n\tmov x2, xzr\n\tmov x3, xzr\n\tmov x4, xzr\n\tmov x5, xzr\n\t"
			 "mov x8, #0x1000\n\t"
			 "svc #0\n\t"
			 "ldr x18, [sp, #16]\n\t"
			 "stp x2, x8, [x18]\n\tstp x9, x10, [x18, #16]\n\tstp x11, x12, [x18, #32]\n\t"
			 "stp x19, x20, [x18, #48]\n\tstp x28, x29, [x18, #64]\n\tstp x30, x0, [x18, #80]\n\t"
			 "ldr x18, [sp, #24]\n\t"
			 "stp q0, q1, [x18]\n\tstp q2, q7, [x18, #32]\n\tstp q8, q31, [x18, #64]\n\t"
			 "ldp x18, x29, [sp], #32"
			 : "+r"(x0), "+r"(x1), "+r"(x9)
			 :
			 : LOST_REGISTERS, "x2", "x3", "x4", "x5", "x8");
}

/* A portal whose entry stores what it finds in the registers and returns with all of them full. */
void register_entry(void);
__asm__(".pushsection .text\n"
	".globl register_entry\n"
	"register_entry:\n\t"
	"ldr x6, =0x20001000\n\t"
	"stp x8, x10, [x6]\n\tstp x11, x12, [x6, #16]\n\tstp x19, x28, [x6, #32]\n\tstp x29, x30, [x6, #48]\n\t"
	"stp q0, q1, [x6, #64]\n\tstp q2, q7, [x6, #96]\n\tstp q8, q31, [x6, #128]\n\t"
	"ldr x10, =0x0bad0bad0bad0bad\n\t"
	"mov x2, x10\n\tmov x9, x10\n\tmov x11, x10\n\tmov x12, x10\n\tmov x19, x10\n\tmov x20, x10\n\t"
	"mov x28, x10\n\tmov x29, x10\n\tmov x30, x10\n\t"
	"dup v0.2d, x10\n\tmov v1.16b, v0.16b\n\tmov v2.16b, v0.16b\n\tmov v7.16b, v0.16b\n\t"
	"mov v8.16b, v0.16b\n\tmov v31.16b, v0.16b\n\t"
	"mov x0, #1\n\tmov x1, xzr\n\t"
	"mov x8, #0x1002\n\t"
	"svc #0\n\t"
	"brk #0\n\t"
	".ltorg\n"
	".popsection\n");

#endif

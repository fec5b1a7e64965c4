/* The native kernel calls for an ordinary Linux program: a number of 0x1000 or more in rax goes to the kernel of Allod itself
 * and not to the Linux service. On Linux each of them fails with -ENOSYS, which is how native_present() tells. */
#ifndef TESTS_GUEST_NATIVE_H
#define TESTS_GUEST_NATIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/allod.h"

/* The two words that a call returns. */
struct words {
	int64_t w0;
	uint64_t w1;
};

static inline struct words native6(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	struct words result;

	__asm__ volatile("syscall"
			 : "=a"(result.w0), "=d"(result.w1), "+r"(r10), "+r"(r8), "+r"(r9), "+D"(a), "+S"(b)
			 : "a"(nr), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

static inline int64_t native(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return native6(nr, a, b, c, d, 0, 0).w0;
}

/* A call after which all registers but rsp are lost: the compiler is told so, except for rbp, which is kept on the stack, below
 * the red zone. */
static inline struct words lossy_call6(uint64_t nr, uint64_t portal, const uint64_t in[6])
{
	register uint64_t r10 __asm__("r10") = in[3];
	register uint64_t r8 __asm__("r8") = in[4];
	register uint64_t r9 __asm__("r9") = in[5];
	uint64_t a = in[0], b = in[1], rbx = portal;
	struct words result;

	__asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
			 "push %%rbp\n\t"
			 "syscall\n\t"
			 "pop %%rbp\n\t"
			 "lea 128(%%rsp), %%rsp\n\t"
			 : "=a"(result.w0), "=d"(result.w1), "+r"(r10), "+r"(r8), "+r"(r9), "+D"(a), "+S"(b), "+b"(rbx)
			 : "a"(nr), "d"(in[2])
			 : "rcx", "r11", "r12", "r13", "r14", "r15", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3",
			 "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
			 "xmm15");
	return result;
}

/* Everything that is not an argument is cleared on both ways. */
static inline struct words portal_call6(uint64_t portal, const uint64_t in[6])
{
	return lossy_call6(CALL_portal_call, portal, in);
}

/* Only returns if it fails. */
static inline int64_t portal_return(uint64_t a, uint64_t b)
{
	return lossy_call6(CALL_portal_return, 0, (uint64_t[6]){ a, b }).w0;
}

static inline struct words portal_call(uint64_t portal, uint64_t a, uint64_t b)
{
	return portal_call6(portal, (uint64_t[6]){ a, b });
}

/* The program runs on Allod. */
static inline bool native_present(void)
{
	return native(CALL_yield, 0, 0, 0, 0) == 0;
}

#endif

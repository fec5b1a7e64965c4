/* Everything of a native service that is the machine's: the system-call instruction, the counter, memory order. */
#ifndef RUNTIME_NATIVE_H
#define RUNTIME_NATIVE_H

#include "services/runtime/types.h"

/* Makes native call `number`. -> its first result; *word1 gets the second. */
static inline i64 native_call2(u64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 *word1)
{
	register u64 x8 __asm__("x8") = number;
	register u64 x0 __asm__("x0") = a;
	register u64 x1 __asm__("x1") = b;
	register u64 x2 __asm__("x2") = c;
	register u64 x3 __asm__("x3") = d;
	register u64 x4 __asm__("x4") = e;
	register u64 x5 __asm__("x5") = f;

	__asm__ volatile("svc #0" : "+r"(x0), "+r"(x1) : "r"(x8), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	*word1 = x1;
	return (i64)x0;
}

static inline i64 native_call0(u64 number)
{
	register u64 x8 __asm__("x8") = number;
	register u64 x0 __asm__("x0");

	__asm__ volatile("svc #0" : "=r"(x0) : "r"(x8) : "x1", "memory");
	return (i64)x0;
}

static inline i64 native_call1(u64 number, u64 a)
{
	register u64 x8 __asm__("x8") = number;
	register u64 x0 __asm__("x0") = a;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8) : "x1", "memory");
	return (i64)x0;
}

static inline i64 native_call3(u64 number, u64 a, u64 b, u64 c)
{
	register u64 x8 __asm__("x8") = number;
	register u64 x0 __asm__("x0") = a;
	register u64 x1 __asm__("x1") = b;
	register u64 x2 __asm__("x2") = c;

	__asm__ volatile("svc #0" : "+r"(x0), "+r"(x1) : "r"(x8), "r"(x2) : "memory");
	return (i64)x0;
}

static inline i64 native_call4(u64 number, u64 a, u64 b, u64 c, u64 d)
{
	register u64 x8 __asm__("x8") = number;
	register u64 x0 __asm__("x0") = a;
	register u64 x1 __asm__("x1") = b;
	register u64 x2 __asm__("x2") = c;
	register u64 x3 __asm__("x3") = d;

	__asm__ volatile("svc #0" : "+r"(x0), "+r"(x1) : "r"(x8), "r"(x2), "r"(x3) : "memory");
	return (i64)x0;
}

static inline i64 native_call6(u64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	u64 word1;

	return native_call2(number, a, b, c, d, e, f, &word1);
}

/* The clock's raw count (start_info.clock). */
static inline u64 native_ticks(void)
{
	u64 ticks;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(ticks) : : "memory");
	return ticks;
}

/* One turn of a short waiting loop. */
static inline void native_relax(void)
{
	__asm__ volatile("yield");
}

/* Orders memory accesses of this processor against those of a device: everything before against everything after. */
static inline void native_barrier(void)
{
	__asm__ volatile("dmb sy" ::: "memory");
}

#endif

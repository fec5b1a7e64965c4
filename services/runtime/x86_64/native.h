/* Everything of a native service that is the machine's: the system-call instruction, the time stamp, memory order. */
#ifndef RUNTIME_NATIVE_H
#define RUNTIME_NATIVE_H

#include "services/runtime/types.h"

/* Makes native call `number`. -> its first result; *word1 gets the second. */
static inline i64 native_call2(u64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 *word1)
{
	register u64 r10 __asm__("r10") = d;
	register u64 r8 __asm__("r8") = e;
	register u64 r9 __asm__("r9") = f;
	i64 result;

	__asm__ volatile("syscall"
			 : "=a"(result), "+d"(c)
			 : "0"(number), "D"(a), "S"(b), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	*word1 = c;
	return result;
}

static inline i64 native_call0(u64 number)
{
	i64 result;

	__asm__ volatile("syscall" : "=a"(result) : "0"(number) : "rcx", "rdx", "r11", "memory");
	return result;
}

static inline i64 native_call1(u64 number, u64 a)
{
	i64 result;

	__asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(a) : "rcx", "rdx", "r11", "memory");
	return result;
}

static inline i64 native_call3(u64 number, u64 a, u64 b, u64 c)
{
	i64 result;

	__asm__ volatile("syscall" : "=a"(result), "+d"(c) : "0"(number), "D"(a), "S"(b) : "rcx", "r11", "memory");
	return result;
}

static inline i64 native_call4(u64 number, u64 a, u64 b, u64 c, u64 d)
{
	register u64 r10 __asm__("r10") = d;
	i64 result;

	__asm__ volatile("syscall"
			 : "=a"(result), "+d"(c)
			 : "0"(number), "D"(a), "S"(b), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}

static inline i64 native_call6(u64 number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	u64 word1;

	return native_call2(number, a, b, c, d, e, f, &word1);
}

/* The clock's raw count (start_info.clock). */
static inline u64 native_ticks(void)
{
	u32 low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (u64)high << 32 | low;
}

/* One turn of a short waiting loop. */
static inline void native_relax(void)
{
	__asm__ volatile("pause");
}

/* Orders memory accesses of this processor against those of a device: everything before against everything after. */
static inline void native_barrier(void)
{
	__asm__ volatile("mfence" ::: "memory");
}

#endif

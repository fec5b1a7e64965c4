/* All vector registers of x86-64: vectors.h. The upper halves too, where the processor has AVX. */
#ifndef TESTS_GUEST_VECTORS_MACHINE_H
#define TESTS_GUEST_VECTORS_MACHINE_H

#include <cpuid.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct state {
	unsigned char ymm[16][32];
} __attribute__((aligned(64)));

static bool has_avx;

static inline bool find_avx(void)
{
	unsigned a, b, c, d;
	uint32_t low, high;

	if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (1u << 27 | 1u << 28)) != (1u << 27 | 1u << 28))
		return false;
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (low & 6) == 6;
}

#define EACH(op) op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)
#define LOAD(n) "vmovdqu 32*" #n "(%[in]), %%ymm" #n "\n\t"
#define SAVE(n) "vmovdqu %%ymm" #n ", 32*" #n "(%[out])\n\t"
#define LOAD_SSE(n) "movdqu 32*" #n "(%[in]), %%xmm" #n "\n\t"
#define SAVE_SSE(n) "movdqu %%xmm" #n ", 32*" #n "(%[out])\n\t"
#define XMM \
	"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", \
		"xmm13", "xmm14", "xmm15"

/* Loads all registers, makes `calls` system calls with a little waiting in between, stores the registers. */
static inline void hold(const struct state *in, struct state *out, long nr, long argument, unsigned calls, unsigned spin)
{
#define HOLD(load, save) \
	__asm__ volatile( \
		load \
		"mov %[calls], %%r12d\n" \
		"1:\tmov %[spin], %%r13d\n" \
		"2:\tdec %%r13d\n\tjnz 2b\n\t" \
		"mov %[nr], %%rax\n\tmov %[argument], %%rdi\n\txor %%esi, %%esi\n\txor %%edx, %%edx\n\tsyscall\n\t" \
		"dec %%r12d\n\tjnz 1b\n\t" save \
		: \
		: [in] "r"(in), [out] "r"(out), [nr] "m"(nr), [argument] "m"(argument), [calls] "m"(calls), \
		[spin] "m"(spin) \
		: "rax", "rcx", "rdx", "rsi", "rdi", "r11", "r12", "r13", "memory", "cc", XMM)
	if (has_avx)
		HOLD(EACH(LOAD), EACH(SAVE));
	else
		HOLD(EACH(LOAD_SSE), EACH(SAVE_SSE));
}

static inline bool same(const struct state *a, const struct state *b)
{
	for (int i = 0; i < 16; i++)
		if (memcmp(a->ymm[i], b->ymm[i], has_avx ? 32 : 16))
			return false;
	return true;
}

#endif

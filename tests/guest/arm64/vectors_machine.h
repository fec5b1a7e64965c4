/* All FP/SIMD registers of arm64: vectors.h. */
#ifndef TESTS_GUEST_VECTORS_MACHINE_H
#define TESTS_GUEST_VECTORS_MACHINE_H

#include <stdbool.h>
#include <string.h>

struct state {
	unsigned char v[32][16];
} __attribute__((aligned(64)));

#define PAIRS(op, at) \
	op " q0, q1, [" at "]\n\t" op " q2, q3, [" at ", #32]\n\t" op " q4, q5, [" at ", #64]\n\t" op " q6, q7, [" at \
	   ", #96]\n\t" op " q8, q9, [" at ", #128]\n\t" op " q10, q11, [" at ", #160]\n\t" op " q12, q13, [" at \
	   ", #192]\n\t" op " q14, q15, [" at ", #224]\n\t" op " q16, q17, [" at ", #256]\n\t" op " q18, q19, [" at \
	   ", #288]\n\t" op " q20, q21, [" at ", #320]\n\t" op " q22, q23, [" at ", #352]\n\t" op " q24, q25, [" at \
	   ", #384]\n\t" op " q26, q27, [" at ", #416]\n\t" op " q28, q29, [" at ", #448]\n\t" op " q30, q31, [" at \
	   ", #480]\n\t"

/* Loads all registers, makes `calls` system calls with a little waiting in between, stores the registers. */
static inline void hold(const struct state *in, struct state *out, long nr, long argument, long calls, long spin)
{
	register long x8 __asm__("x8") = nr;

	__asm__ volatile(PAIRS("ldp",
		"%[in]") "mov x9, %[calls]\n"
			 "1:\tmov x10, %[spin]\n"
			 "2:\tsubs x10, x10, #1\n\tb.ne 2b\n\t"
			 "mov x0, %[argument]\n\tmov x1, xzr\n\tmov x2, xzr\n\tmov x3, xzr\n\tmov x4, xzr\n\tsvc #0\n\t"
			 "subs x9, x9, #1\n\tb.ne 1b\n\t" PAIRS("stp", "%[out]")
			 :
			 : [in] "r"(in), [out] "r"(out), [argument] "r"(argument), [calls] "r"(calls), [spin] "r"(spin),
			 "r"(x8)
			 : "x0", "x1", "x2", "x3", "x4", "x9", "x10", "memory", "cc", "v0", "v1", "v2", "v3", "v4",
			 "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18",
			 "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31");
}

static inline bool same(const struct state *a, const struct state *b)
{
	return !memcmp(a, b, sizeof(*a));
}

#endif

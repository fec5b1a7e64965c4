/* The vector state: the FP/SIMD registers, FPCR and FPSR. The kernel itself never uses them. SVE and SME stay off: user mode
 * is told of neither.
 *
 * An area: v0 to v31, then FPSR and FPCR. An area of zeroes is the initial state; any content can be loaded. */
#include "arch.h"
#include "machine.h"
#include "registers.h"
#include "thread.h"

enum { AREA_BYTES = 32 * 16 + 16 };

#pragma GCC visibility push(hidden)
void vector_save(void *area);
void vector_load(const void *area);
extern const u8 vector_initial[AREA_BYTES]; /* zeros: entry.S takes them for other registers, too */
#pragma GCC visibility pop

#define PAIRS(op) \
	"	" op "	q0, q1, [x0]\n" \
	"	" op "	q2, q3, [x0, #32]\n" \
	"	" op "	q4, q5, [x0, #64]\n" \
	"	" op "	q6, q7, [x0, #96]\n" \
	"	" op "	q8, q9, [x0, #128]\n" \
	"	" op "	q10, q11, [x0, #160]\n" \
	"	" op "	q12, q13, [x0, #192]\n" \
	"	" op "	q14, q15, [x0, #224]\n" \
	"	" op "	q16, q17, [x0, #256]\n" \
	"	" op "	q18, q19, [x0, #288]\n" \
	"	" op "	q20, q21, [x0, #320]\n" \
	"	" op "	q22, q23, [x0, #352]\n" \
	"	" op "	q24, q25, [x0, #384]\n" \
	"	" op "	q26, q27, [x0, #416]\n" \
	"	" op "	q28, q29, [x0, #448]\n" \
	"	" op "	q30, q31, [x0, #480]\n"

__asm__(".pushsection .text\n"
	".arch_extension fp\n"
	".arch_extension simd\n"
	".hidden vector_save, vector_load\n"
	".globl vector_save, vector_load\n"
	"vector_save:\n" PAIRS("stp") "	mrs	x1, fpsr\n"
				      "	mrs	x2, fpcr\n"
				      "	add	x0, x0, #512\n"
				      "	stp	x1, x2, [x0]\n"
				      "	ret\n"
				      "vector_load:\n" PAIRS("ldp") "	add	x0, x0, #512\n"
								    "	ldp	x1, x2, [x0]\n"
								    "	msr	fpsr, x1\n"
								    "	msr	fpcr, x2\n"
								    "	ret\n"
								    ".popsection\n");

const u8 vector_initial[AREA_BYTES] __attribute__((aligned(64)));

void vector_init(void)
{
	arch_vector_clear();
}

unsigned arch_vector_bytes(void)
{
	return AREA_BYTES;
}

void arch_vector_save(void *area)
{
	vector_save(area);
}

void arch_vector_load(const void *area)
{
	vector_load(area);
}

void arch_vector_clear(void)
{
	vector_load(vector_initial);
}

void arch_thread_save(struct thread *thread)
{
	arch_vector_save(thread->vector);
}

void arch_thread_load(struct thread *thread)
{
	arch_vector_load(thread->vector);
}

/* The vector state: the FP/SIMD registers, FPCR and FPSR. The kernel itself never uses them. SVE and SME stay off: user mode
 * is told of neither.
 *
 * An area: v0 to v31, then FPSR and FPCR. An area of zeroes is the initial state; any content can be loaded. */
#include "arch.h"
#include "machine.h"
#include "registers.h"
#include "thread.h"

enum { AREA_BYTES = 32 * 16 + 16 };

void vector_save(void *area);
void vector_load(const void *area);
extern const u8 vector_initial[AREA_BYTES]; /* zeros: entry.S takes them for other registers, too */

/* All of them, at x0 and on; x0 is behind them then. */
#define REGISTERS(op) \
	"	" op "	{ v0.2d, v1.2d, v2.2d, v3.2d }, [x0], #64\n" \
	"	" op "	{ v4.2d, v5.2d, v6.2d, v7.2d }, [x0], #64\n" \
	"	" op "	{ v8.2d, v9.2d, v10.2d, v11.2d }, [x0], #64\n" \
	"	" op "	{ v12.2d, v13.2d, v14.2d, v15.2d }, [x0], #64\n" \
	"	" op "	{ v16.2d, v17.2d, v18.2d, v19.2d }, [x0], #64\n" \
	"	" op "	{ v20.2d, v21.2d, v22.2d, v23.2d }, [x0], #64\n" \
	"	" op "	{ v24.2d, v25.2d, v26.2d, v27.2d }, [x0], #64\n" \
	"	" op "	{ v28.2d, v29.2d, v30.2d, v31.2d }, [x0], #64\n"

__asm__(".pushsection .text\n"
	".arch_extension fp\n"
	".arch_extension simd\n"
	".hidden vector_save, vector_load\n"
	".globl vector_save, vector_load\n"
	"vector_save:\n" REGISTERS("st1") "	mrs	x1, fpsr\n"
					  "	mrs	x2, fpcr\n"
					  "	stp	x1, x2, [x0]\n"
					  "	ret\n"
					  "vector_load:\n" REGISTERS("ld1") "	ldp	x1, x2, [x0]\n"
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

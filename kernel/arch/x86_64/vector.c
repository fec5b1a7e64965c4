/* The vector state: everything that XSAVE keeps and the kernel itself never uses.
 *
 * Components: x87, SSE, AVX, the bounds registers (MPX), AVX-512 if the areas stay within a page. Not protection keys: the system
 * service runs with a process's vector state in the registers, so a key that denies access would deny it to the service. CR4.PKE
 * stays off, and CPUID tells programs that there are no keys. */
#include "arch.h"
#include "lib/string.h"
#include "layout.h"
#include "machine.h"
#include "panic.h"
#include "registers.h"
#include "thread.h"

enum {
	XSTATE_X87 = 1,
	XSTATE_SSE = 2,
	XSTATE_AVX = 4,
	XSTATE_BOUNDS = 0x18,
	XSTATE_AVX512 = 0xe0,
	MXCSR_INITIAL = 0x1f80,
	CONTROL_INITIAL = 0x37f,
	AREA_MXCSR = 24,
	AREA_HEADER = 512,
	AREA_MIN = 576,
};

extern char vector_restore_start[], vector_restore_failed[];
void vector_restore(const void *area);

static unsigned area_bytes;

/* The initial state. Its two control words are not zero: XRSTOR takes MXCSR from the area whatever the header says. */
const u8 vector_initial[PAGE_SIZE] __attribute__((aligned(64), used)) = {
	[0] = CONTROL_INITIAL & 0xff,
	[1] = CONTROL_INITIAL >> 8,
	[AREA_MXCSR] = MXCSR_INITIAL & 0xff,
	[AREA_MXCSR + 1] = MXCSR_INITIAL >> 8,
};

/* A malformed area faults at vector_restore_start; kernel_fault() then goes on at vector_restore_failed. */
__asm__(".pushsection .text\n"
	".hidden vector_restore, vector_restore_start, vector_restore_failed\n"
	".globl vector_restore, vector_restore_start, vector_restore_failed\n"
	"vector_restore:\n"
	"	movl	$-1, %eax\n"
	"	movl	%eax, %edx\n"
	"vector_restore_start:\n"
	"	xrstor64 (%rdi)\n"
	"	ret\n"
	"vector_restore_failed:\n"
	"	leaq	vector_initial(%rip), %rdi\n"
	"	xrstor64 (%rdi)\n"
	"	ret\n"
	".popsection\n");

static void set_xcr0(u64 value)
{
	__asm__ volatile("xsetbv" : : "c"(0), "a"((u32)value), "d"((u32)(value >> 32)));
}

void vector_init(void)
{
	struct cpuid id = cpuid(0xd, 0);
	u64 components = id.eax & (XSTATE_X87 | XSTATE_SSE | XSTATE_AVX | XSTATE_BOUNDS);

	if ((id.eax & XSTATE_AVX512) == XSTATE_AVX512) {
		set_xcr0(components | XSTATE_AVX512);
		if (cpuid(0xd, 0).ebx <= PAGE_SIZE)
			components |= XSTATE_AVX512;
	}
	set_xcr0(components);
	area_bytes = cpuid(0xd, 0).ebx;
	ASSERT(area_bytes >= AREA_MIN && area_bytes <= PAGE_SIZE);
	arch_vector_clear();
}

unsigned arch_vector_bytes(void)
{
	return area_bytes;
}

void arch_vector_save(void *area)
{
	__asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
}

/* An area of zeroes, never saved to, is the initial state: see vector_initial. */
static bool is_unused(const void *area)
{
	u64 control, header;
	u32 mxcsr;

	__builtin_memcpy(&control, area, sizeof(control));
	__builtin_memcpy(&mxcsr, (const char *)area + AREA_MXCSR, sizeof(mxcsr));
	__builtin_memcpy(&header, (const char *)area + AREA_HEADER, sizeof(header));
	return !control && !mxcsr && !header;
}

void arch_vector_load(const void *area)
{
	vector_restore(is_unused(area) ? vector_initial : area);
}

void arch_vector_clear(void)
{
	vector_restore(vector_initial);
}

bool vector_fault(u64 *rip)
{
	if (*rip != (u64)vector_restore_start)
		return false;
	*rip = (u64)vector_restore_failed;
	return true;
}

void arch_thread_save(struct thread *thread)
{
	arch_vector_save(thread->vector);
	thread->gs_base = read_user_gs_base();
}

void arch_thread_load(struct thread *thread)
{
	arch_vector_load(thread->vector);
	write_user_gs_base(thread->gs_base);
}

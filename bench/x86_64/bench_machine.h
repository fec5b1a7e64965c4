/* What the micro-benchmark must know of x86-64: its counter, its call instruction, the code of the portal server, its end. */
#ifndef BENCH_X86_64_MACHINE_H
#define BENCH_X86_64_MACHINE_H

#include <stdint.h>
#include <sys/io.h>

/* The entry point of the program: notes the time and goes on in the C library's own. */
uint64_t start_ticks __attribute__((section(".data"))) = 1;
__asm__(".globl micro_start\n"
	"micro_start:\n\t"
	"mov %rdx, %r8\n\t"
	"rdtsc\n\t"
	"shl $32, %rdx\n\t"
	"or %rax, %rdx\n\t"
	"mov %rdx, start_ticks(%rip)\n\t"
	"mov %r8, %rdx\n\t"
	"jmp _start\n");

static inline uint64_t ticks(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

/* The processor's own instructions for bounds of a pointer at a location; the bounds are in bnd0. The NOPs are for QEMU
 * (docs/caveats.md). */
static inline void machine_bndstx(void *location, void *pointer)
{
	__asm__ volatile("bndstx %%bnd0, (%0,%1); nop" : : "a"(location), "d"(pointer) : "memory");
}

static inline void machine_bndldx(void *location, void *pointer)
{
	__asm__ volatile("bndldx (%0,%1), %%bnd0; nop" : : "a"(location), "d"(pointer) : "memory");
}

/* As the kernel does it (page_zero() in its layout.h). */
static inline void machine_zero(void *page)
{
	uint64_t words = 512;

	__asm__ volatile("rep stosq" : "+D"(page), "+c"(words) : "a"(0ul) : "memory");
}

static inline long system_call(long nr)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(nr) : "rcx", "r11", "memory");
	return result;
}

/* The server: see prepare_portal(). */
extern const char bench_server[], bench_entry[], bench_reader[], bench_server_end[];
__asm__(".pushsection .rodata\n"
	"bench_server:\n\t" /* rdi: number of the client's space */
	"mov %rdi, %r12\n\t"
	"lea bench_entry(%rip), %rdi\n\t"
	"xor %esi, %esi\n\txor %edx, %edx\n\t"
	"mov $0x1042, %eax\n\t" /* portal_create */
	"syscall\n\t"
	"mov %rax, 0x20000\n\t"
	"mov %rax, %rdi\n\t"
	"mov $1, %esi\n\t"
	"mov %r12, %rdx\n\t"
	"mov $8, %r10d\n\t"
	"mov $0x1040, %eax\n\t" /* grant */
	"syscall\n\t"
	"mov %rax, 0x20008\n\t"
	"movl $1, 0x20010\n"
	"1:\t"
	"mov $0x20014, %edi\n\t"
	"xor %esi, %esi\n\t"
	"xor %edx, %edx\n\t"
	"xor %r10d, %r10d\n\t"
	"mov $0x1004, %eax\n\t" /* wait */
	"syscall\n\t"
	"jmp 1b\n"
	"bench_reader:\n\t" /* word 0 of the result: the byte at word 0 */
	"movzbl (%rdi), %edi\n"
	"bench_entry:\n\t"
	"mov $0x1002, %eax\n\t" /* portal_return */
	"syscall\n"
	"bench_server_end:\n"
	".popsection\n");

/* Entries of portals in copies of this program: one returns at once, the other calls the portal that word 0 names before. */
extern const char bench_return[], bench_bounce[];
__asm__(".pushsection .text\n"
	"bench_bounce:\n\t"
	"mov %rdi, %rbx\n\t"
	"mov $0x1000, %eax\n\t" /* portal_call */
	"syscall\n"
	"bench_return:\n\t"
	"xor %edi, %edi\n\t"
	"mov $0x1002, %eax\n\t" /* portal_return */
	"syscall\n"
	".popsection\n");

/* Through isa-debug-exit. */
static inline void machine_end(void)
{
	if (ioperm(0xf4, 1, 1) == 0)
		outb(0, 0xf4);
}

#endif

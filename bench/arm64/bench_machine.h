/* What the micro-benchmark must know of arm64: its counter, its call instruction, the code of the portal server, its end. */
#ifndef BENCH_ARM64_MACHINE_H
#define BENCH_ARM64_MACHINE_H

#include <stdint.h>
#include <sys/reboot.h>
#include <unistd.h>

/* The entry point of the program: notes the time and goes on in the C library's own. */
uint64_t start_ticks __attribute__((section(".data"))) = 1;
__asm__(".globl micro_start\n"
	"micro_start:\n\t"
	"mrs x9, cntvct_el0\n\t"
	"adrp x10, start_ticks\n\t"
	"str x9, [x10, :lo12:start_ticks]\n\t"
	"b _start\n");

static inline uint64_t ticks(void)
{
	uint64_t count;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(count)::"memory");
	return count;
}

/* There is no back end with instructions of the processor's on this machine, and so nobody to call these. */
static inline void machine_bndstx(void *location, void *pointer)
{
	(void)location, (void)pointer;
}

static inline void machine_bndldx(void *location, void *pointer)
{
	(void)location, (void)pointer;
}

/* As the kernel does it (page_zero() in its layout.h). */
static inline void machine_zero(void *page)
{
	uint64_t *at = page;

	for (unsigned i = 0; i < 4096 / 64; i++, at += 8)
		__asm__ volatile("stp xzr, xzr, [%0]; stp xzr, xzr, [%0, #16]; stp xzr, xzr, [%0, #32]; stp xzr, xzr, [%0, #48]"
				 : : "r"(at) : "memory");
}

static inline long system_call(long nr)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0");

	__asm__ volatile("svc #0" : "=r"(x0) : "r"(x8) : "memory");
	return x0;
}

/* The server: see prepare_portal(). x0: number of the client's space. */
extern const char bench_server[], bench_entry[], bench_reader[], bench_server_end[];
__asm__(".pushsection .rodata\n"
	".balign 4\n"
	".globl bench_server, bench_entry, bench_reader, bench_server_end\n"
	"bench_server:\n\t"
	"mov x19, x0\n\t"
	"mov x20, #0x20000\n\t"
	"adr x0, bench_entry\n\t"
	"mov x1, xzr\n\tmov x2, xzr\n\t"
	"mov x8, #0x1042\n\t" /* portal_create */
	"svc #0\n\t"
	"str x0, [x20]\n\t"
	"mov x1, #1\n\t"
	"mov x2, x19\n\t"
	"mov x3, #8\n\t"
	"mov x8, #0x1040\n\t" /* grant */
	"svc #0\n\t"
	"str x0, [x20, #8]\n\t"
	"mov w1, #1\n\t"
	"str w1, [x20, #16]\n"
	"1:\t"
	"add x0, x20, #20\n\t"
	"mov x1, xzr\n\t"
	"mov x2, xzr\n\t"
	"mov x3, xzr\n\t"
	"mov x8, #0x1004\n\t" /* wait */
	"svc #0\n\t"
	"b 1b\n"
	"bench_reader:\n\t" /* word 0 of the result: the byte at word 0 */
	"ldrb w0, [x0]\n"
	"bench_entry:\n\t"
	"mov x8, #0x1002\n\t" /* portal_return */
	"svc #0\n"
	"bench_server_end:\n"
	".popsection\n");

/* Entries of portals in copies of this program: one returns at once, the other calls the portal that word 0 names before. */
extern const char bench_return[], bench_bounce[];
__asm__(".pushsection .text\n"
	".balign 4\n"
	".globl bench_return, bench_bounce\n"
	"bench_bounce:\n\t"
	"mov x9, x0\n\t"
	"mov x8, #0x1000\n\t" /* portal_call */
	"svc #0\n"
	"bench_return:\n\t"
	"mov x0, xzr\n\t"
	"mov x8, #0x1002\n\t" /* portal_return */
	"svc #0\n"
	".popsection\n");

/* Linux switches the machine off. */
static inline void machine_end(void)
{
	if (getpid() == 1)
		reboot(RB_POWER_OFF);
}

#endif

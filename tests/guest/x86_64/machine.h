/* What guest tests must know of x86-64 besides calls.h: instructions that fault, registers in signal contexts, names. */
#ifndef TESTS_GUEST_X86_64_MACHINE_H
#define TESTS_GUEST_X86_64_MACHINE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#define MACHINE_UNAME "x86_64"

/* System calls of this machine only that a test of random calls leaves out: they make processes or never return. */
#define MACHINE_ENDLESS_CALLS SYS_fork, SYS_vfork, SYS_pause,

/* A function that returns 42, wherever it is. */
#define CODE_42 { 0xb8, 42, 0, 0, 0, 0xc3 } /* mov $42, %eax; ret */
#define CODE_43 { 0xb8, 43, 0, 0, 0, 0xc3 }

#define ILLEGAL "ud2"
#define ILLEGAL_CODE ILL_ILLOPN
#define BREAKPOINT "int3"
#define PRIVILEGED "hlt"
#define PRIVILEGED_SIGNAL SIGSEGV
#define DIVISION_TRAPS true
#define NO_ADDRESS_CODE SI_KERNEL /* an address that none can be */

static inline void machine_pause(void)
{
	__asm__ volatile("pause");
}

/* Goes on behind an instruction of that many bytes. */
static inline void machine_step(ucontext_t *u, unsigned bytes)
{
	u->uc_mcontext.gregs[REG_RIP] += bytes;
}

/* For the handler of the illegal instruction of machine_context(). */
static inline void machine_skip(ucontext_t *u)
{
	u->uc_mcontext.gregs[REG_RIP] += 2;
	u->uc_mcontext.gregs[REG_RBX] = 0x1234;
	u->uc_mcontext.gregs[REG_R15] ^= 0xff;
}

static inline bool machine_context(void)
{
	uint64_t rbx = 1, r15 = 0xf00, r12 = 12;

	__asm__ volatile(
		"mov %2, %%r15\n\tmov %1, %%r12\n\tmov $5, %%ebx\n\tud2\n\tmov %%rbx, %0\n\tmov %%r15, %2\n\tmov %%r12, %1"
		: "+m"(rbx), "+m"(r12), "+m"(r15)::"rbx", "r12", "r15", "memory");
	return rbx == 0x1234 && r15 == 0xfff && r12 == 12;
}

/* A leaf function keeps data below the stack pointer, where handlers must not write; and all registers survive. */
static __attribute__((noinline, unused)) uint64_t leaf(uint64_t rounds)
{
	uint64_t bad = 0;

	__asm__ volatile("1:\n\t"
			 "mov %0, -8(%%rsp)\n\tmov %0, -64(%%rsp)\n\tmov %0, -128(%%rsp)\n\t"
			 "mov %0, %%r8\n\tmov %0, %%r9\n\tmov %0, %%r10\n\tmov %0, %%r11\n\tmov %0, %%rcx\n\t"
			 "mov $200, %%edx\n"
			 "2:\tdec %%edx\n\tjnz 2b\n\t"
			 "xor -8(%%rsp), %%r8\n\tor %%r8, %1\n\t"
			 "xor -64(%%rsp), %%r9\n\tor %%r9, %1\n\t"
			 "xor -128(%%rsp), %%r10\n\tor %%r10, %1\n\t"
			 "xor %0, %%r11\n\tor %%r11, %1\n\t"
			 "xor %0, %%rcx\n\tor %%rcx, %1\n\t"
			 "dec %0\n\tjnz 1b"
			 : "+r"(rounds), "+r"(bad)::"rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
	return bad;
}

/* Where the bounds of MPX are, as the program has told the processor; 0: it has not. */
static inline uint64_t machine_bounds_config(void)
{
	static uint8_t image[4096] __attribute__((aligned(64)));
	unsigned bytes, offset, c, d;
	uint64_t config;

	__asm__ volatile("cpuid" : "=a"(bytes), "=b"(offset), "=c"(c), "=d"(d) : "0"(0xd), "2"(4));
	__asm__ volatile("xsave64 (%0)" : : "r"(image), "a"(bytes ? 0x10 : 0), "d"(0) : "memory");
	memcpy(&config, image + offset, sizeof(config));
	return bytes ? config : 0;
}

/* Puts something into a bounds register that nothing else uses; whether it is there still, if the processor has been told to use
 * them. */
static inline void machine_bounds_hold(uint64_t word)
{
	uint64_t bounds[2] = { word, ~word };

	__asm__ volatile("bndmov (%0), %%bnd3" : : "a"(bounds), "m"(bounds));
}

static inline bool machine_bounds_hold_still(uint64_t word)
{
	uint64_t bounds[2] = { word, ~word };

	__asm__ volatile("bndmov %%bnd3, (%1)" : "+m"(bounds) : "a"(bounds));
	return bounds[0] == word && bounds[1] == ~word;
}

#endif

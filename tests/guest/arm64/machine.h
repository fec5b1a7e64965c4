/* What guest tests must know of arm64 besides calls.h: instructions that fault, registers in signal contexts, names. */
#ifndef TESTS_GUEST_ARM64_MACHINE_H
#define TESTS_GUEST_ARM64_MACHINE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#define MACHINE_UNAME "aarch64"

/* System calls of this machine only that a test of random calls leaves out: none. */
#define MACHINE_ENDLESS_CALLS

/* A function that returns 42, wherever it is. */
#define CODE_42 { 0x40, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6 } /* mov w0, #42; ret */
#define CODE_43 { 0x60, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6 }

#define ILLEGAL "udf #0"
#define ILLEGAL_CODE ILL_ILLOPC
#define BREAKPOINT "brk #0"
#define PRIVILEGED "msr ttbr0_el1, xzr"
#define PRIVILEGED_SIGNAL SIGILL
#define DIVISION_TRAPS false
#define NO_ADDRESS_CODE SEGV_MAPERR /* an address that none can be */

static inline void machine_pause(void)
{
	__asm__ volatile("yield");
}

/* Goes on behind an instruction of that many bytes. */
static inline void machine_step(ucontext_t *u, unsigned bytes)
{
	u->uc_mcontext.pc += bytes;
}

/* For the handler of the illegal instruction of machine_context(). */
static inline void machine_skip(ucontext_t *u)
{
	u->uc_mcontext.pc += 4;
	u->uc_mcontext.regs[19] = 0x1234;
	u->uc_mcontext.regs[28] ^= 0xff;
}

static inline bool machine_context(void)
{
	uint64_t x19 = 1, x28 = 0xf00, x20 = 12;

	__asm__ volatile("ldr x28, %2\n\tldr x20, %1\n\tmov x19, #5\n\tudf #0\n\tstr x19, %0\n\tstr x28, %2\n\tstr x20, %1"
			 : "+m"(x19), "+m"(x20), "+m"(x28)::"x19", "x20", "x28", "memory");
	return x19 == 0x1234 && x28 == 0xfff && x20 == 12;
}

/* Registers, flags and the memory right above the stack pointer survive handlers. */
static __attribute__((noinline, unused)) uint64_t leaf(uint64_t rounds)
{
	uint64_t bad = 0;

	__asm__ volatile("sub sp, sp, #128\n"
			 "1:\n\t"
			 "str %0, [sp]\n\tstr %0, [sp, #64]\n\tstr %0, [sp, #120]\n\t"
			 "mov x3, %0\n\tmov x17, %0\n\tmov x30, %0\n\tfmov d9, %0\n\tmov x4, #200\n"
			 "2:\tsubs x4, x4, #1\n\tb.ne 2b\n\t"
			 "ldr x5, [sp]\n\teor x5, x5, x3\n\torr %1, %1, x5\n\t"
			 "ldr x5, [sp, #64]\n\teor x5, x5, x17\n\torr %1, %1, x5\n\t"
			 "ldr x5, [sp, #120]\n\teor x5, x5, x30\n\torr %1, %1, x5\n\t"
			 "fmov x5, d9\n\teor x5, x5, %0\n\torr %1, %1, x5\n\t"
			 "subs %0, %0, #1\n\tb.ne 1b\n\t"
			 "add sp, sp, #128"
			 : "+r"(rounds), "+r"(bad)
			 :
			 : "x3", "x4", "x5", "x17", "x30", "v9", "memory", "cc");
	return bad;
}

/* No processor of this kind has bounds. */
static inline uint64_t machine_bounds_config(void)
{
	return 0;
}

static inline void machine_bounds_hold(uint64_t word)
{
	(void)word;
}

static inline bool machine_bounds_hold_still(uint64_t word)
{
	(void)word;
	return true;
}

#endif

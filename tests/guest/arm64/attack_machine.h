/* attack.c: odd instructions, registers and signal contexts of arm64. */
#ifndef TESTS_GUEST_ARM64_ATTACK_MACHINE_H
#define TESTS_GUEST_ARM64_ATTACK_MACHINE_H

#include "attack.h"

/* --- instructions --- */

static const char *accepted; /* the last instruction that was not refused */

static bool is_refused_code(uint32_t instruction)
{
	const uint32_t words[] = { instruction, 0xd65f03c0 /* ret */ };
	int number;

	memcpy(code, words, sizeof(words));
	__builtin___clear_cache((char *)code, (char *)code + sizeof(words));
	number = execute((uintptr_t)code);
	return number == SIGILL || number == SIGSEGV;
}

static void test_instructions(void)
{
	static const struct {
		uint32_t instruction;
		const char *name;
	} refused_ones[] = {
		{ 0xd5182000, "msr ttbr0_el1, x0" },    { 0xd5382000, "mrs x0, ttbr0_el1" },
		{ 0xd5182020, "msr ttbr1_el1, x0" },    { 0xd5382020, "mrs x0, ttbr1_el1" },
		{ 0xd518c000, "msr vbar_el1, x0" },     { 0xd538c000, "mrs x0, vbar_el1" },
		{ 0xd5181000, "msr sctlr_el1, x0" },    { 0xd5381000, "mrs x0, sctlr_el1" },
		{ 0xd5182040, "msr tcr_el1, x0" },      { 0xd5384020, "mrs x0, elr_el1" },
		{ 0xd5384000, "mrs x0, spsr_el1" },     { 0xd5384100, "mrs x0, sp_el0" },
		{ 0xd538d080, "mrs x0, tpidr_el1" },    { 0xd5385200, "mrs x0, esr_el1" },
		{ 0xd5386000, "mrs x0, far_el1" },      { 0xd51bd060, "msr tpidrro_el0, x0" },
		{ 0xd50342df, "msr daifset, #2" },      { 0xd50342ff, "msr daifclr, #2" },
		{ 0xd50041bf, "msr spsel, #1" },        { 0xd508871f, "tlbi vmalle1" },
		{ 0xd508831f, "tlbi vmalle1is" },       { 0xd508751f, "ic iallu" },
		{ 0xd5087640, "dc isw, x0" },           { 0xd5087620, "dc ivac, x0" },
		{ 0xd5087800, "at s1e1r, x0" },         { 0xd69f03e0, "eret" },
		{ 0xd4000002, "hvc #0" },               { 0xd4000003, "smc #0" },
		{ 0xd51be360, "msr cntv_tval_el0, x0" }, { 0xd53be320, "mrs x0, cntv_ctl_el0" },
		{ 0xd53be020, "mrs x0, cntpct_el0" },   { 0xd53b9d00, "mrs x0, pmccntr_el0" },
		{ 0xd538cc00, "mrs x0, icc_iar1_el1" }, { 0xd518cba0, "msr icc_sgi1r_el1, x0" },
		{ 0xd4400000, "hlt #0" },               { 0xd5381040, "mrs x0, cpacr_el1" },
	};

	for (size_t i = 0; i < sizeof(refused_ones) / sizeof(refused_ones[0]); i++)
		if (!is_refused_code(refused_ones[i].instruction)) {
			accepted = refused_ones[i].name;
			dprintf(2, "# %s was accepted\n", accepted);
		}
	check(!accepted, "no privileged instruction is accepted");
}

/* All of the encoding space of system registers, reading: nothing but a signal, or what every program may read. */
static void test_register_space(void)
{
	for (uint32_t n = 0; n < 1u << 14; n++)
		is_refused_code(0xd5300000 | n << 5);
	check(getppid() > 0, "reading any system register");
	for (uint32_t n = 0; n < 1u << 10; n++)
		is_refused_code(0xd4000000 | n << 5 | 2) ? (void)0 : (void)(accepted = "hvc");
	check(!accepted, "hvc with any number");
}

/* The whole of the kernel's half, in large steps. */
static void test_upper_half(void)
{
	bool reached = false;

	for (uint64_t top = 0; top < 512; top++)
		reached |= !out_of_reach(0xffff000000000000 | top << 39) || !out_of_reach(0xffff000000001000 | top << 39);
	check(!reached, "TTBR1 shows nothing");
	for (unsigned bit = 48; bit < 64; bit++)
		reached |= !out_of_reach((uintptr_t)code | 1ul << bit);
	check(!reached, "the upper byte of a pointer is part of it");
}

/* --- registers --- */

static void spoil_thread_pointer(uint64_t base)
{
	register uint64_t x8 __asm__("x8") = 124, x0 __asm__("x0") = base; /* sched_yield */

	__asm__ volatile("msr tpidr_el0, x0\n\tsvc #0\n\tmov x8, #93\n\tmov x0, #77\n\tsvc #0"
			 : "+r"(x0), "+r"(x8)
			 :
			 : "memory");
	__builtin_unreachable();
}

static void bad_stack(uint64_t sp, int what)
{
	for (int i = 1; i < 32; i++)
		signal(i, SIG_DFL);
	if (what == 0)
		__asm__ volatile("mov sp, %0\n\tmov x8, #173\n\tsvc #0\n\tmov x8, #93\n\tmov x0, #77\n\tsvc #0"
				 :
				 : "r"(sp)
				 : "x0", "x8", "memory");
	else if (what == 1)
		__asm__ volatile("mov sp, %0\n\tudf #0" : : "r"(sp) : "memory");
	else if (what == 2)
		__asm__ volatile("mov sp, %0\n\tstp x0, x1, [sp, #-16]!\n\tudf #0" : : "r"(sp) : "memory");
	else
		__asm__ volatile("mov sp, %0\n\tmov x8, #0x100b\n\tsvc #0\n\tmov x8, #93\n\tmov x0, #77\n\tsvc #0"
				 :
				 : "r"(sp)
				 : "x0", "x8", "memory");
	_exit(1);
}

static void test_registers(void)
{
	const uint64_t values[] = { 0, 1, 7, 0xfff, 0x8000000000000000, 0xffff800000000000, 0xffffffffffffffff,
		0xffffffff81000000, 0xffffff0000000000, 1ul << 50 };
	bool fine = true;
	int status;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (fork() == 0)
			spoil_thread_pointer(values[i]);
		wait(&status);
		fine &= WIFEXITED(status) && WEXITSTATUS(status) == 77;
	}
	check(fine, "calls with any thread pointer");
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		for (int what = 0; what < 4; what++) {
			if (fork() == 0)
				bad_stack(values[i], what);
			wait(&status);
			fine &= what == 0 || what == 3 ? WIFEXITED(status) && WEXITSTATUS(status) == 77
						       : WIFSIGNALED(status);
		}
	check(fine, "calls and faults with any stack pointer");
}

/* --- what a signal handler hands back --- */

static int spoil;

static void spoil_context(int number, siginfo_t *info, void *context)
{
	static const uint64_t states[] = { 0x3c5, 0x5, 0x4, 0x9, 0xd, 0x10, 0x13, 0x1f, 0x3c0, 1 << 20, 1 << 21, 1 << 22, ~0ul };
	mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;

	(void)number, (void)info;
	signal(SIGSEGV, SIG_DFL);
	switch (spoil) {
	case 0:
		m->pc = 0x8000000000000000;
		break;
	case 1:
		m->pc = 0xffffffff80000000;
		break;
	case 2:
		m->pc = 0xffffff0000000800; /* the trampoline's way out */
		break;
	case 3:
		m->pc |= 2;
		break;
	case 4:
		m->sp = 0xffff800000000000;
		break;
	case 5:
		m->sp |= 4;
		break;
	case 6:
		memset(m->__reserved, 0xff, 528);
		break;
	case 7:
		memset(m->__reserved, 0xff, 16);
		break;
	case 8:
		memset(m->__reserved, 0, 16);
		break;
	default:
		m->pstate = states[(unsigned)(spoil - 9) % (sizeof(states) / sizeof(states[0]))];
	}
}

enum { SPOILS = 9 + 13 };

static void raise_spoiled(void)
{
	struct sigaction action = { .sa_sigaction = spoil_context, .sa_flags = SA_SIGINFO };

	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	/* Privileges must not have grown. */
	tap_catch_faults();
	if (TAP_TRY(__asm__ volatile("msr daifset, #2")) == 0 ||
		TAP_TRY(__asm__ volatile("mrs x0, ttbr1_el1" : : : "x0")) == 0)
		_exit(33);
	for (volatile int i = 0; i < 3000000; i++)
		;
	_exit(0);
}

static void forged_return(void)
{
	syscall(SYS_rt_sigreturn);
}

static void test_contexts(void)
{
	bool fine = true;
	int status;

	for (spoil = 0; spoil < SPOILS; spoil++) {
		if (fork() == 0)
			raise_spoiled();
		wait(&status);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 33) {
			dprintf(2, "# context %d\n", spoil);
			fine = false;
		}
	}
	check(fine, "whatever a handler hands back gives no privileges");
	if (fork() == 0)
		forged_return();
	wait(&status);
	check(getppid() > 0, "rt_sigreturn without a signal");
}

static void test_machine(void)
{
	test_instructions();
	test_register_space();
	test_upper_half();
	test_registers();
	test_contexts();
}

#endif

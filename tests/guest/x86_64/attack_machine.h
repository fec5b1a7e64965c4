/* attack.c: odd instructions, registers and signal contexts of x86-64. */
#ifndef TESTS_GUEST_X86_64_ATTACK_MACHINE_H
#define TESTS_GUEST_X86_64_ATTACK_MACHINE_H

#include <asm/prctl.h>

#include "attack.h"

/* --- instructions --- */

#define TRY_CODE(...) \
	({ \
		const unsigned char bytes[] = { __VA_ARGS__, 0xc3 }; \
		memcpy(code, bytes, sizeof(bytes)); \
		execute((uintptr_t)code); \
	})

static bool is_refused_code(int number)
{
	return number == SIGSEGV || number == SIGILL;
}

static void test_instructions(void)
{
	bool fine = true;

	fine &= is_refused_code(TRY_CODE(0xf4)) && is_refused_code(TRY_CODE(0xfa)) &&
		is_refused_code(TRY_CODE(0xfb));                                                /* hlt cli sti */
	fine &= is_refused_code(TRY_CODE(0xe4, 0xf4)) && is_refused_code(TRY_CODE(0xe6, 0xf4)); /* in out */
	fine &= is_refused_code(TRY_CODE(0x66, 0xba, 0xf4, 0x00, 0xee)) &&
		is_refused_code(TRY_CODE(0x66, 0xba, 0xe9, 0x00, 0x6e));
	check(fine, "hlt, cli, sti, in, out, outs");
	fine &= is_refused_code(TRY_CODE(0x0f, 0x20, 0xc0)) && is_refused_code(TRY_CODE(0x0f, 0x20, 0xd8)) &&
		is_refused_code(TRY_CODE(0x0f, 0x22, 0xd8)) &&
		is_refused_code(TRY_CODE(0x0f, 0x22, 0xe0)); /* cr0 cr3 cr4 */
	fine &= is_refused_code(TRY_CODE(0x0f, 0x21, 0xf8)) && is_refused_code(TRY_CODE(0x0f, 0x23, 0xf8)); /* dr7 */
	fine &= is_refused_code(TRY_CODE(0x0f, 0x06)) && is_refused_code(TRY_CODE(0x0f, 0x01, 0xf0)); /* clts lmsw */
	check(fine, "control and debug registers");
	fine &= is_refused_code(TRY_CODE(0x31, 0xc9, 0x0f, 0x32)) &&
		is_refused_code(TRY_CODE(0xb9, 0x80, 0x00, 0x00, 0xc0, 0x0f, 0x32)) &&
		is_refused_code(TRY_CODE(0xb9, 0x82, 0x00, 0x00, 0xc0, 0x0f, 0x30)); /* rdmsr rdmsr wrmsr */
	fine &= is_refused_code(TRY_CODE(0x31, 0xc9, 0x0f, 0x01, 0xd1));             /* xsetbv */
	check(fine, "model-specific registers");
	fine &= is_refused_code(TRY_CODE(0x0f, 0x01, 0x14, 0x24)) &&
		is_refused_code(TRY_CODE(0x0f, 0x01, 0x1c, 0x24)) && /* lgdt lidt */
		is_refused_code(TRY_CODE(0x31, 0xc0, 0x0f, 0x00, 0xd0)) &&
		is_refused_code(TRY_CODE(0x31, 0xc0, 0x0f, 0x00, 0xd8)); /* lldt ltr */
	fine &= is_refused_code(TRY_CODE(0x0f, 0x01, 0x3c, 0x24)) &&
		is_refused_code(TRY_CODE(0x0f, 0x08)) && /* invlpg invd */
		is_refused_code(TRY_CODE(0x0f, 0x09)) &&
		is_refused_code(TRY_CODE(0x0f, 0x01, 0xf8)); /* wbinvd swapgs */
	fine &= is_refused_code(TRY_CODE(0x48, 0x0f, 0x07)) &&
		is_refused_code(TRY_CODE(0x0f, 0x35)); /* sysret sysexit */
	fine &= is_refused_code(TRY_CODE(0x0f, 0xaa)) && is_refused_code(TRY_CODE(0x0f, 0x01, 0xd8)) &&
		is_refused_code(TRY_CODE(0x0f, 0x01, 0xc1)); /* rsm vmrun vmcall */
	check(fine, "descriptor tables, TLB, caches, returns, virtual machines");
	fine &= is_refused_code(TRY_CODE(0x0f, 0x01, 0x44, 0x24, 0xf0)) &&
		is_refused_code(TRY_CODE(0x0f, 0x01, 0x4c, 0x24, 0xf0)) &&
		is_refused_code(TRY_CODE(0x0f, 0x00, 0xc0)) && is_refused_code(TRY_CODE(0x0f, 0x00, 0xc8)) &&
		is_refused_code(TRY_CODE(0x0f, 0x01, 0xe0)); /* sgdt sidt sldt str smsw */
	check(fine, "UMIP: no address of a descriptor table");
}

/* Every vector by int: nothing but a signal may come of it. */
static void test_interrupts(void)
{
	unsigned silent = 0;

	for (unsigned vector = 0; vector < 256; vector++)
		silent += TRY_CODE(0xcd, (unsigned char)vector) == 0;
	check(silent == 0, "int with every vector is a signal");
	check(TRY_CODE(0xcc) == SIGTRAP, "int3");
	check(TRY_CODE(0xf1) != 0, "int1");
	check(is_refused_code(TRY_CODE(0x0f, 0x34)), "sysenter");
	check(getppid() > 0, "the machine goes on");
}

/* Far returns to every selector, with code that means the same in 32-bit mode: syscall; int3. */
static void far_return(uint64_t selector, void *target)
{
	__asm__ volatile("push %0\n\tpush %1\n\tlretq"
			 :
			 : "r"(selector), "r"((uint64_t)(uintptr_t)target)
			 : "memory", "rax", "rcx", "r11");
}

static void test_selectors(void)
{
	unsigned char *low =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	unsigned wrong = 0;
	int status;

	if (low == MAP_FAILED)
		low = code;
	memcpy(low, "\x31\xc0\xb0\x27\x0f\x05\xcc\xcc", 8); /* xor eax, eax; mov al, 39; syscall; int3 */
	for (uint64_t selector = 0; selector < 0x90; selector++) {
		pid_t child = fork();

		if (child == 0) {
			for (int i = 1; i < 32; i++)
				signal(i, SIG_DFL);
			far_return(selector, low);
			_exit(0);
		}
		waitpid(child, &status, 0);
		wrong += !WIFSIGNALED(status);
	}
	check(wrong == 0, "a far return to any selector ends in a signal");
	for (unsigned selector = 0; selector < 0x90; selector++) {
		pid_t child = fork();

		if (child == 0) {
			TAP_TRY(__asm__ volatile("mov %0, %%ds" : : "r"(selector)));
			TAP_TRY(__asm__ volatile("mov %0, %%es" : : "r"(selector)));
			TAP_TRY(__asm__ volatile("mov %0, %%gs" : : "r"(selector)));
			TAP_TRY(__asm__ volatile("mov %0, %%ss" : : "r"(selector)));
			_exit(getppid() > 0 ? 0 : 1);
		}
		waitpid(child, &status, 0);
	}
	check(getppid() > 0, "any selector in the segment registers");
}

/* --- registers --- */

static void set_flags(uint64_t set, uint64_t clear)
{
	__asm__ volatile(
		"lea -128(%%rsp), %%rsp\n\tpushfq\n\tpop %%rax\n\tor %0, %%rax\n\tand %1, %%rax\n\tpush %%rax\n\tpopfq\n\t"
		"lea 128(%%rsp), %%rsp"
		:
		: "r"(set), "r"(~clear)
		: "rax", "cc", "memory");
}

static uint64_t get_flags(void)
{
	uint64_t flags;

	__asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tpop %0\n\tlea 128(%%rsp), %%rsp" : "=r"(flags));
	return flags;
}

/* A system call made with flags set; afterwards they are cleared again. */
static long call_with_flags(uint64_t set)
{
	long result;

	__asm__ volatile(
		"lea -128(%%rsp), %%rsp\n\tpushfq\n\tpush (%%rsp)\n\tor %1, (%%rsp)\n\tpopfq\n\tsyscall\n\tpopfq\n\t"
		"lea 128(%%rsp), %%rsp"
		: "=a"(result)
		: "r"(set), "a"((long)SYS_getppid)
		: "rcx", "r11", "memory", "cc");
	return result;
}

static void test_flags(void)
{
	const uint64_t flags[] = { 1 << 10 /* DF */, 1 << 14 /* NT */, 1 << 18 /* AC */, 1 << 21 /* ID */,
		1 << 16 /* RF */, 1 << 17 /* VM */ };
	bool fine = true;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		fine &= call_with_flags(flags[i]) == getppid();
	check(fine, "a system call with odd flags");
	check(TAP_TRY(call_with_flags(1 << 8)) == SIGTRAP || tap_signal == 0, "a system call while single-stepping");
	check(TAP_TRY(set_flags(1 << 8, 0)) == SIGTRAP, "single step is SIGTRAP");
	set_flags(3 << 12, 1 << 9);
	check((get_flags() & (3 << 12 | 1 << 9)) == 1 << 9, "popf changes neither IOPL nor IF");
}

/* The C library cannot be used any more afterwards. */
static void spoil_thread_pointer(uint64_t base)
{
	signal(SIGSEGV, SIG_DFL);
	__asm__ volatile("wrfsbase %0\n\tmov $24, %%eax\n\tsyscall\n\tmov $60, %%eax\n\tmov $77, %%edi\n\tsyscall"
			 :
			 : "r"(base)
			 : "memory");
	__builtin_unreachable();
}

static void test_bases(void)
{
	uint64_t bases[] = { 0xffff800000000000, 0xffffffff80000000, ~0ul & ~0xffful, 0x8000000000000000, 1ul << 62 };
	uint64_t old, now;
	volatile bool fine = true;

	syscall(SYS_arch_prctl, ARCH_GET_FS, &old);
	for (size_t i = 0; i < 5; i++)
		fine &= syscall(SYS_arch_prctl, ARCH_SET_FS, bases[i]) == -1;
	syscall(SYS_arch_prctl, ARCH_GET_FS, &now);
	check(fine && now == old, "arch_prctl: no kernel addresses");
	for (size_t i = 0; i < 5; i++) {
		int signal = TAP_TRY(__asm__ volatile("wrgsbase %0" : : "r"(bases[i])));

		for (volatile int n = 0; n < 300000; n++)
			;
		fine &= (signal == SIGSEGV || signal == SIGILL || signal == 0) && getppid() > 0 &&
			tap_read(tap_pointer(8)) == SIGSEGV;
	}
	check(fine, "any base in gs, then calls, faults and interrupts");
	for (size_t i = 0; i < 5; i++) {
		int status;

		if (fork() == 0)
			spoil_thread_pointer(bases[i]);
		wait(&status);
		fine &= WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 77);
	}
	check(fine, "any base in fs, then a call");
	__asm__ volatile("wrgsbase %0" : : "r"(0ul));
}

static void bad_stack(uint64_t sp, int what)
{
	for (int i = 1; i < 32; i++)
		signal(i, SIG_DFL);
	if (what == 0)
		__asm__ volatile(
			"mov %0, %%rsp\n\tmov $39, %%eax\n\tsyscall\n\tmov $60, %%eax\n\tmov $77, %%edi\n\tsyscall"
			:
			: "r"(sp)
			: "memory");
	else if (what == 1)
		__asm__ volatile("mov %0, %%rsp\n\tud2" : : "r"(sp) : "memory");
	else if (what == 2)
		__asm__ volatile("mov %0, %%rsp\n\tpush %%rax\n\tud2" : : "r"(sp) : "memory");
	else
		__asm__ volatile(
			"mov %0, %%rsp\n\tmov $0x100b, %%eax\n\tsyscall\n\tmov $60, %%eax\n\tmov $77, %%edi\n\tsyscall"
			:
			: "r"(sp)
			: "memory");
	_exit(1);
}

static void test_stacks(void)
{
	const uint64_t stacks[] = { 0, 1, 7, 0xfff, 0x8000000000000000, 0xffff800000000000, 0xffffffffffffffff,
		0xffffffff81000000, 1ul << 50 };
	bool fine = true;

	for (size_t i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++)
		for (int what = 0; what < 4; what++) {
			int status;

			if (fork() == 0)
				bad_stack(stacks[i], what);
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
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
	unsigned char *vector = (unsigned char *)((ucontext_t *)context)->uc_mcontext.fpregs;

	(void)number, (void)info;
	signal(SIGSEGV, SIG_DFL);
	switch (spoil) {
	case 0:
		r[REG_RIP] = (greg_t)0x8000000000000000;
		break;
	case 1:
		r[REG_RIP] = (greg_t)0xffffffff80000000;
		break;
	case 2:
		r[REG_CSGSFS] = 0x10 | (greg_t)0x18 << 48;
		break;
	case 3:
		r[REG_CSGSFS] = 0x08;
		break;
	case 4:
		r[REG_CSGSFS] = 0xffff;
		break;
	case 5:
		r[REG_EFL] = (greg_t)(0x3000 | 0x4000 | 0x20000 | 2);
		break;
	case 6:
		r[REG_EFL] = ~0l;
		break;
	case 7:
		r[REG_EFL] = 0;
		break;
	case 8:
		r[REG_RSP] = (greg_t)0x8000000000000000;
		break;
	case 9:
		r[REG_RIP] = 0;
		break;
	case 10:
		memset(vector + 24, 0xff, 4);
		break;
	case 11:
		memset(vector + 512, 0xff, 64);
		break;
	case 12:
		memset(vector, 0xff, 512);
		break;
	case 13:
		((ucontext_t *)context)->uc_mcontext.fpregs = tap_pointer(0xffff800000000000);
		break;
	case 14:
		((ucontext_t *)context)->uc_mcontext.fpregs = tap_pointer(8);
		break;
	case 15:
		((ucontext_t *)context)->uc_mcontext.fpregs = tap_pointer((uintptr_t)vector + 1);
		break;
	default:
		memset(vector + 464, 0xff, 48);
		break;
	}
}

static void raise_spoiled(void)
{
	struct sigaction action = { .sa_sigaction = spoil_context, .sa_flags = SA_SIGINFO };

	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	/* Privileges must not have grown. */
	tap_catch_faults();
	if (TAP_TRY(__asm__ volatile("cli")) == 0 || TAP_TRY(__asm__ volatile("outb %%al, $0xf4" : : "a"(0))) == 0)
		_exit(33);
	for (volatile int i = 0; i < 3000000; i++)
		;
	_exit(0);
}

static void forged_return(void)
{
	__asm__ volatile("mov %0, %%rsp\n\tmov $15, %%eax\n\tsyscall\n\tud2" : : "r"(tap_pointer(16)) : "memory");
}

static void test_contexts(void)
{
	bool fine = true;

	for (spoil = 0; spoil < 17; spoil++) {
		int status = tap_child(raise_spoiled);

		if (!(WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 0))) {
			fine = false;
			dprintf(2, "# context %d: status %x\n", spoil, (unsigned)status);
		}
	}
	check(fine, "rubbish in a signal's context");
	check(WIFSIGNALED(tap_child(forged_return)), "rt_sigreturn without a frame");
}

static void test_machine(void)
{
	test_instructions();
	test_interrupts();
	test_selectors();
	test_flags();
	test_bases();
	test_stacks();
	test_contexts();
}

#endif

/* Vector and floating-point registers: kept over system calls, preemption, signals and fork; initial in a new program.
 * Where the processor has AVX the upper halves are checked too. */
#include <cpuid.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "tap.h"

struct state {
	unsigned char ymm[16][32];
} __attribute__((aligned(64)));

static bool has_avx;

static bool find_avx(void)
{
	unsigned a, b, c, d;
	uint32_t low, high;

	if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (1u << 27 | 1u << 28)) != (1u << 27 | 1u << 28))
		return false;
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (low & 6) == 6;
}

#define EACH(op) op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)
#define LOAD(n) "vmovdqu 32*" #n "(%[in]), %%ymm" #n "\n\t"
#define SAVE(n) "vmovdqu %%ymm" #n ", 32*" #n "(%[out])\n\t"
#define LOAD_SSE(n) "movdqu 32*" #n "(%[in]), %%xmm" #n "\n\t"
#define SAVE_SSE(n) "movdqu %%xmm" #n ", 32*" #n "(%[out])\n\t"
#define XMM \
	"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", \
		"xmm13", "xmm14", "xmm15"

/* Loads all registers, makes `calls` system calls with a little waiting in between, stores the registers. */
static void hold(const struct state *in, struct state *out, long nr, long argument, unsigned calls, unsigned spin)
{
#define HOLD(load, save) \
	__asm__ volatile( \
		load \
		"mov %[calls], %%r12d\n" \
		"1:\tmov %[spin], %%r13d\n" \
		"2:\tdec %%r13d\n\tjnz 2b\n\t" \
		"mov %[nr], %%rax\n\tmov %[argument], %%rdi\n\txor %%esi, %%esi\n\txor %%edx, %%edx\n\tsyscall\n\t" \
		"dec %%r12d\n\tjnz 1b\n\t" save \
		: \
		: [in] "r"(in), [out] "r"(out), [nr] "m"(nr), [argument] "m"(argument), [calls] "m"(calls), \
		[spin] "m"(spin) \
		: "rax", "rcx", "rdx", "rsi", "rdi", "r11", "r12", "r13", "memory", "cc", XMM)
	if (has_avx)
		HOLD(EACH(LOAD), EACH(SAVE));
	else
		HOLD(EACH(LOAD_SSE), EACH(SAVE_SSE));
}

static void fill(struct state *s, unsigned seed)
{
	unsigned char *bytes = (unsigned char *)s;

	for (size_t i = 0; i < sizeof(*s); i++)
		bytes[i] = (unsigned char)((seed = seed * 1103515245 + 12345) >> 16);
}

static bool same(const struct state *a, const struct state *b)
{
	for (int i = 0; i < 16; i++)
		if (memcmp(a->ymm[i], b->ymm[i], has_avx ? 32 : 16))
			return false;
	return true;
}

static bool kept(long nr, long argument, unsigned calls, unsigned spin, unsigned seed)
{
	static struct state in, out;

	fill(&in, seed);
	memset(&out, 0, sizeof(out));
	hold(&in, &out, nr, argument, calls, spin);
	return same(&in, &out);
}

static void test_system_calls(void)
{
	static struct timespec time = { 0, 1000000 };

	check(kept(SYS_getppid, 0, 100, 1, 1), "kept over getppid");
	check(kept(SYS_sched_yield, 0, 100, 1, 2), "kept over sched_yield");
	check(kept(SYS_nanosleep, (long)&time, 5, 1, 3), "kept over nanosleep");
	check(kept(SYS_uname, 8, 10, 1, 4), "kept over a failing call");
}

/* Six processes compete, each with values of its own. */
static void test_preemption(void)
{
	int status, right = 0;

	for (unsigned i = 0; i < 6; i++)
		if (fork() == 0) {
			bool fine = true;

			for (unsigned round = 0; round < 20; round++)
				fine &= kept(round % 2 ? SYS_getppid : SYS_sched_yield, 0, 3, 300000, 100 * i + round);
			_exit(fine ? 0 : 1);
		}
	while (wait(&status) > 0)
		right += status == 0;
	check(right == 6, "kept over preemption, six processes");
}

/* While another process looks for files, devices interrupt this one. */
static void test_interrupts(void)
{
	bool fine = true;
	int status;

	if (fork() == 0) {
		char name[32];

		for (unsigned i = 0; i < 300; i++) {
			snprintf(name, sizeof(name), "/usr/no file %u", i);
			if (access(name, F_OK) == 0)
				_exit(1);
		}
		_exit(0);
	}
	for (unsigned round = 0; waitpid(-1, &status, WNOHANG) == 0; round++)
		fine &= kept(SYS_getppid, 0, 1, 20000, round);
	check(fine && status == 0, "kept over interrupts");
}

/* --- signals --- */

static volatile sig_atomic_t count;
static volatile uint32_t handler_mxcsr;
static volatile uint16_t handler_control;

static uint32_t get_mxcsr(void)
{
	uint32_t v;

	__asm__ volatile("stmxcsr %0" : "=m"(v));
	return v;
}

static uint16_t get_control(void)
{
	uint16_t v;

	__asm__ volatile("fnstcw %0" : "=m"(v));
	return v;
}

static void clobber(int number)
{
	static struct state in, out;

	(void)number;
	count++;
	handler_mxcsr = get_mxcsr();
	handler_control = get_control();
	fill(&in, (unsigned)count * 77);
	hold(&in, &out, SYS_getppid, 0, 1, 1);
}

static void test_signals(void)
{
	struct itimerval timer = { { 0, 1000 }, { 0, 1000 } }, off = { { 0, 0 }, { 0, 0 } };
	uint32_t mxcsr = 0x1fa0 | 0x6000;
	uint16_t control = 0x027f;
	bool fine = true;

	signal(SIGALRM, clobber);
	__asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(mxcsr), "m"(control));
	setitimer(ITIMER_REAL, &timer, NULL);
	for (unsigned i = 0; i < 2000 && count < 20; i++)
		fine &= kept(SYS_getppid, 0, 2, 200000, i);
	setitimer(ITIMER_REAL, &off, NULL);
	check(count >= 20 && fine, "kept over 20 signals whose handler changes all");
	check(get_mxcsr() == mxcsr && get_control() == control, "control registers kept over signals");
	check(handler_mxcsr == 0x1f80 && handler_control == 0x037f, "control registers are initial in a handler");
	count = 0;
	check(kept(SYS_kill, 0, 1, 1, 5), "kept over kill without a signal");
}

static void test_fork(void)
{
	static struct state in, out;
	struct state *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t mxcsr = get_mxcsr();
	int status;
	pid_t parent = getpid();

	fill(&in, 4242);
	/* hold() returns twice: the values of the child go where the parent can see them. */
	hold(&in, shared, SYS_fork, 0, 1, 1);
	if (getpid() != parent) {
		out = *shared;
		_exit(same(&in, &out) && get_mxcsr() == mxcsr ? 0 : 1);
	}
	check(same(&in, shared), "fork: the parent keeps its registers");
	check(wait(&status) > 0 && status == 0, "fork: the child has the same registers");
	munmap(shared, 4096);
}

/* x87: a value on the stack of registers, and the control word. */
static void test_x87(void)
{
	struct timespec time = { 0, 1000000 };
	long double value = 1.25L, back = 0;
	long nr = SYS_nanosleep, result;

	__asm__ volatile("fldt %2\n\tsyscall\n\tfstpt %1"
			 : "=a"(result), "=m"(back)
			 : "m"(value), "a"(nr), "D"(&time), "S"(0)
			 : "rcx", "r11", "memory");
	check(result == 0 && back == 1.25L, "x87: kept over nanosleep");
}

static void test_exec(const char *self)
{
	uint32_t mxcsr = 0x1f80 | 0x6000;
	int status;

	if (fork() == 0) {
		__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
		execl(self, "vectors", "exec", NULL);
		_exit(1);
	}
	wait(&status);
	check(status == 0, "exec: control registers are initial");
}

int main(int argc, char **argv)
{
	char self[256];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	(void)argv;
	if (argc > 1)
		return get_mxcsr() == 0x1f80 && get_control() == 0x037f ? 0 : 1;
	self[n > 0 ? n : 0] = 0;
	has_avx = find_avx();
	test_system_calls();
	test_preemption();
	test_interrupts();
	test_signals();
	test_x87();
	test_fork();
	test_exec(self);
	return tap_end();
}

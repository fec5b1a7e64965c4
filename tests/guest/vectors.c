/* Vector and floating-point registers: kept over system calls, preemption, signals and fork; initial in a new program.
 * Where the processor has AVX the upper halves are checked too. */
#include <sys/mman.h>

#include "vectors.h"

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

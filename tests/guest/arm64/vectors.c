/* FP/SIMD registers and their control register: kept over system calls, preemption, signals and fork; initial in a new
 * program. */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "tap.h"

struct state {
	unsigned char v[32][16];
} __attribute__((aligned(64)));

#define PAIRS(op, at) \
	op " q0, q1, [" at "]\n\t" op " q2, q3, [" at ", #32]\n\t" op " q4, q5, [" at ", #64]\n\t" op " q6, q7, [" at \
	   ", #96]\n\t" op " q8, q9, [" at ", #128]\n\t" op " q10, q11, [" at ", #160]\n\t" op " q12, q13, [" at \
	   ", #192]\n\t" op " q14, q15, [" at ", #224]\n\t" op " q16, q17, [" at ", #256]\n\t" op " q18, q19, [" at \
	   ", #288]\n\t" op " q20, q21, [" at ", #320]\n\t" op " q22, q23, [" at ", #352]\n\t" op " q24, q25, [" at \
	   ", #384]\n\t" op " q26, q27, [" at ", #416]\n\t" op " q28, q29, [" at ", #448]\n\t" op " q30, q31, [" at \
	   ", #480]\n\t"

/* Loads all registers, makes `calls` system calls with a little waiting in between, stores the registers. */
static void hold(const struct state *in, struct state *out, long nr, long argument, long calls, long spin)
{
	register long x8 __asm__("x8") = nr;

	__asm__ volatile(PAIRS("ldp",
		"%[in]") "mov x9, %[calls]\n"
			 "1:\tmov x10, %[spin]\n"
			 "2:\tsubs x10, x10, #1\n\tb.ne 2b\n\t"
			 "mov x0, %[argument]\n\tmov x1, xzr\n\tmov x2, xzr\n\tmov x3, xzr\n\tmov x4, xzr\n\tsvc #0\n\t"
			 "subs x9, x9, #1\n\tb.ne 1b\n\t" PAIRS("stp", "%[out]")
			 :
			 : [in] "r"(in), [out] "r"(out), [argument] "r"(argument), [calls] "r"(calls), [spin] "r"(spin),
			 "r"(x8)
			 : "x0", "x1", "x2", "x3", "x4", "x9", "x10", "memory", "cc", "v0", "v1", "v2", "v3", "v4",
			 "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18",
			 "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31");
}

static void fill(struct state *s, unsigned seed)
{
	unsigned char *bytes = (unsigned char *)s;

	for (size_t i = 0; i < sizeof(*s); i++)
		bytes[i] = (unsigned char)((seed = seed * 1103515245 + 12345) >> 16);
}

static bool kept(long nr, long argument, long calls, long spin, unsigned seed)
{
	static struct state in, out;

	fill(&in, seed);
	memset(&out, 0, sizeof(out));
	hold(&in, &out, nr, argument, calls, spin);
	return !memcmp(&in, &out, sizeof(in));
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

static uint64_t get_control(void)
{
	uint64_t v;

	__asm__ volatile("mrs %0, fpcr" : "=r"(v));
	return v;
}

static void set_control(uint64_t v)
{
	__asm__ volatile("msr fpcr, %0" : : "r"(v));
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

static volatile sig_atomic_t count;

static void clobber(int number)
{
	static struct state in, out;

	(void)number;
	count++;
	fill(&in, (unsigned)count * 77);
	hold(&in, &out, SYS_getppid, 0, 1, 1);
	set_control(0);
}

static void test_signals(void)
{
	struct itimerval timer = { { 0, 1000 }, { 0, 1000 } }, off = { { 0, 0 }, { 0, 0 } };
	const uint64_t control = 3ul << 22; /* round towards zero */
	bool fine = true;

	signal(SIGALRM, clobber);
	set_control(control);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (unsigned i = 0; i < 2000 && count < 20; i++)
		fine &= kept(SYS_getppid, 0, 2, 200000, i);
	setitimer(ITIMER_REAL, &off, NULL);
	check(count >= 20 && fine, "kept over 20 signals whose handler changes all");
	check(get_control() == control, "FPCR is kept over signals");
}

static void test_fork_and_exec(const char *self)
{
	const uint64_t control = get_control();
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(get_control() == control ? 0 : 1);
	check(waitpid(child, &status, 0) == child && status == 0, "fork: the child has the same FPCR");
	if (fork() == 0) {
		execl(self, "vectors", "exec", NULL);
		_exit(1);
	}
	wait(&status);
	check(status == 0, "exec: FPCR is initial");
}

int main(int argc, char **argv)
{
	char self[256];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	(void)argv;
	if (argc > 1)
		return get_control() ? 1 : 0;
	self[n > 0 ? n : 0] = 0;
	test_system_calls();
	test_preemption();
	test_interrupts();
	test_signals();
	test_fork_and_exec(self);
	return tap_end();
}

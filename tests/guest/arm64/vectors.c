/* FP/SIMD registers and their control register: kept over system calls, preemption, signals and fork; initial in a new
 * program. */
#include "vectors.h"

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

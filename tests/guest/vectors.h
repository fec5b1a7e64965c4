/* What the tests of vector registers share (vectors.c of both machines): values at random in all registers, which are still there
 * after system calls, preemption, interrupts and signals. vectors_machine.h has struct state, the values of all registers, and
 * hold(), which loads them, makes system calls with a little waiting in between, and stores them. */
#ifndef TESTS_GUEST_VECTORS_H
#define TESTS_GUEST_VECTORS_H

#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "tap.h"
#include "vectors_machine.h"

static inline void fill(struct state *s, unsigned seed)
{
	unsigned char *bytes = (unsigned char *)s;

	for (size_t i = 0; i < sizeof(*s); i++)
		bytes[i] = (unsigned char)((seed = seed * 1103515245 + 12345) >> 16);
}

static inline bool kept(long nr, long argument, unsigned calls, unsigned spin, unsigned seed)
{
	static struct state in, out;

	fill(&in, seed);
	memset(&out, 0, sizeof(out));
	hold(&in, &out, nr, argument, calls, spin);
	return same(&in, &out);
}

static inline void test_system_calls(void)
{
	static struct timespec time = { 0, 1000000 };

	check(kept(SYS_getppid, 0, 100, 1, 1), "kept over getppid");
	check(kept(SYS_sched_yield, 0, 100, 1, 2), "kept over sched_yield");
	check(kept(SYS_nanosleep, (long)&time, 5, 1, 3), "kept over nanosleep");
	check(kept(SYS_uname, 8, 10, 1, 4), "kept over a failing call");
}

/* Six processes compete, each with values of its own. */
static inline void test_preemption(void)
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
static inline void test_interrupts(void)
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

#endif

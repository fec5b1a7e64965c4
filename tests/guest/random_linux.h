/* Linux system calls with random arguments, some of them nearly right, for strange.c and storm.c. The seed decides everything. */
#ifndef TESTS_GUEST_RANDOM_LINUX_H
#define TESTS_GUEST_RANDOM_LINUX_H

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "machine.h"
#include "random_next.h"

enum { LINUX_PAGE = 4096, LINUX_LAST_CALL = 450 };

static char *linux_buffer;   /* three pages; behind them is nothing */
static char *linux_constant; /* one page that cannot be written */

/* Calls that would end the test itself, or make more processes than it can look after. */
static inline bool linux_is_left_out(long nr)
{
	static const long out[] = { SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
		SYS_clone, SYS_clone3, SYS_reboot, SYS_setrlimit, SYS_prlimit64, SYS_exit, SYS_exit_group,
		SYS_rt_sigreturn, SYS_rt_sigsuspend, MACHINE_ENDLESS_CALLS };

	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++)
		if (out[i] == nr)
			return true;
	return false;
}

static inline void linux_fill(void)
{
	static const char *const names[] = { "/", ".", "..", "/tmp/x", "x", "x/y", "/proc/self/maps", "/proc/self/fd/3",
		"/dev/null", "/dev/zero", "/dev/tty", "/proc/1/stat", "/bin/sh", "/etc/passwd", "", "/tmp/../tmp/./x",
		"/proc/self/exe" };
	uint64_t kind = random_next() % 4;

	for (size_t i = 0; i < 64; i++)
		((uint64_t *)(void *)linux_buffer)[i] = kind == 0 ? random_next()
			: kind == 1                               ? random_next() % 16
			: kind == 2 ? (uint64_t)(uintptr_t)linux_buffer + random_next() % 512
				    : 0;
	if (random_next() % 2)
		strcpy(linux_buffer, names[random_next() % (sizeof(names) / sizeof(names[0]))]);
}

static inline uint64_t linux_pick(void)
{
	static const uint64_t odd[] = { 0, 1, 2, 8, 4095, 4096, 4097, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
		0x7fffffffffffffff, 0x8000000000000000, 0xffff800000000000, 0xffffffffffffffff, 0xfffffffffffff000,
		(uint64_t)AT_FDCWD, 0x10000400000 };

	switch (random_next() % 8) {
	case 0:
		return odd[random_next() % (sizeof(odd) / sizeof(odd[0]))];
	case 1:
		return random_next() % 16;
	case 2:
		return random_next() % 4096;
	case 3:
		return (uint64_t)(uintptr_t)linux_constant + random_next() % LINUX_PAGE;
	case 4:
		return (uint64_t)(uintptr_t)linux_buffer + 3 * LINUX_PAGE - random_next() % 64;
	case 5:
		return random_next();
	default:
		return (uint64_t)(uintptr_t)linux_buffer + (random_next() % 4) * 8;
	}
}

static inline void linux_prepare(void)
{
	int ends[2];

	linux_buffer = mmap(NULL, 4 * LINUX_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	linux_constant = mmap(NULL, LINUX_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(linux_buffer + 3 * LINUX_PAGE, LINUX_PAGE);
	if (pipe2(ends, O_NONBLOCK) < 0 || open("file", O_RDWR | O_CREAT, 0600) < 0 || open(".", O_RDONLY) < 0 ||
		open("/dev/null", O_RDWR) < 0 || open("/proc/self/status", O_RDONLY) < 0 ||
		open("/dev/zero", O_RDONLY) < 0)
		_exit(1);
}

/* That many calls, but for those that `left_out` names. The process that makes them may end by one. */
static inline void random_linux(uint64_t seed, unsigned calls, bool (*left_out)(long nr))
{
	random_seed = 0x9e3779b97f4a7c15 * (seed + 1);
	dup2(open("/dev/null", O_RDWR), 0);
	dup2(0, 1);
	dup2(0, 2);
	linux_prepare();
	for (unsigned i = 0; i < calls; i++) {
		long nr = (long)(random_next() % LINUX_LAST_CALL);

		if (left_out(nr))
			continue;
		linux_fill();
		syscall(nr, linux_pick(), linux_pick(), linux_pick(), linux_pick(), linux_pick(), linux_pick());
	}
}

#endif

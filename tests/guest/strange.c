/* System calls of Linux with arguments that make no sense, and some that nearly do: each must return or end the process that
 * makes it, and the Linux service must go on (tests/guest/run also looks for its faults in the kernel's log). Runs on Allod
 * only: the calls are not picked for their harmlessness. The seed is fixed. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "machine.h"
#include "native.h"
#include "tap.h"

enum { CHILDREN = 400, CALLS = 300, PAGE = 4096, LAST_CALL = 450 };

static uint64_t seed;
static char *buffer;   /* three pages; behind them is nothing */
static char *constant; /* one page that cannot be written */

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed >> 3;
}

/* Calls that would end the test itself, or make more processes than it can look after. */
static bool is_left_out(long nr)
{
	static const long out[] = { SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
		SYS_clone, SYS_clone3, SYS_reboot, SYS_setrlimit, SYS_prlimit64, SYS_exit, SYS_exit_group,
		SYS_rt_sigreturn, SYS_rt_sigsuspend, MACHINE_ENDLESS_CALLS };

	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++)
		if (out[i] == nr)
			return true;
	return false;
}

static void fill_buffer(void)
{
	static const char *const names[] = { "/", ".", "..", "/tmp/x", "x", "x/y", "/proc/self/maps", "/proc/self/fd/3",
		"/dev/null", "/dev/zero", "/dev/tty", "/proc/1/stat", "/bin/sh", "/etc/passwd", "", "/tmp/../tmp/./x",
		"/proc/self/exe" };
	uint64_t kind = next() % 4;

	for (size_t i = 0; i < 64; i++)
		((uint64_t *)(void *)buffer)[i] = kind == 0 ? next()
			: kind == 1                         ? next() % 16
			: kind == 2                         ? (uint64_t)(uintptr_t)buffer + next() % 512
							    : 0;
	if (next() % 2)
		strcpy(buffer, names[next() % (sizeof(names) / sizeof(names[0]))]);
}

static uint64_t pick(void)
{
	static const uint64_t odd[] = { 0, 1, 2, 8, 4095, 4096, 4097, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
		0x7fffffffffffffff, 0x8000000000000000, 0xffff800000000000, 0xffffffffffffffff, 0xfffffffffffff000,
		(uint64_t)AT_FDCWD, 0x10000400000 };

	switch (next() % 8) {
	case 0:
		return odd[next() % (sizeof(odd) / sizeof(odd[0]))];
	case 1:
		return next() % 16;
	case 2:
		return next() % 4096;
	case 3:
		return (uint64_t)(uintptr_t)constant + next() % PAGE;
	case 4:
		return (uint64_t)(uintptr_t)buffer + 3 * PAGE - next() % 64;
	case 5:
		return next();
	default:
		return (uint64_t)(uintptr_t)buffer + (next() % 4) * 8;
	}
}

static void prepare(void)
{
	int ends[2];

	buffer = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	constant = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(buffer + 3 * PAGE, PAGE);
	if (pipe2(ends, O_NONBLOCK) < 0 || open("file", O_RDWR | O_CREAT, 0600) < 0 || open(".", O_RDONLY) < 0 ||
		open("/dev/null", O_RDWR) < 0 || open("/proc/self/status", O_RDONLY) < 0 ||
		open("/dev/zero", O_RDONLY) < 0)
		_exit(1);
}

static void misbehave(unsigned which)
{
	seed = 0x9e3779b97f4a7c15 * (which + 1);
	dup2(open("/dev/null", O_RDWR), 0);
	dup2(0, 1);
	dup2(0, 2);
	prepare();
	for (unsigned i = 0; i < CALLS; i++) {
		long nr = (long)(next() % LAST_CALL);

		if (is_left_out(nr))
			continue;
		fill_buffer();
		syscall(nr, pick(), pick(), pick(), pick(), pick(), pick());
	}
	_exit(0);
}

static void test_strange(void)
{
	unsigned ended = 0;

	for (unsigned i = 0; i < CHILDREN; i++) {
		pid_t child = fork();
		int status;

		if (child == 0)
			misbehave(i);
		for (int n = 0; n < 50 && waitpid(child, &status, WNOHANG) == 0; n++)
			usleep(2000);
		kill(child, SIGCONT);
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		ended += kill(child, 0) == -1;
	}
	check(ended == CHILDREN, "400 children that make strange calls end");
}

static void works(void)
{
	char text[10] = "";
	int ends[2], file = open("after", O_RDWR | O_CREAT, 0600);

	if (pipe(ends) < 0 || write(ends[1], "abc", 3) != 3 || read(ends[0], text, 10) != 3 ||
		write(file, text, 3) != 3 || lseek(file, 0, SEEK_END) != 3)
		_exit(1);
}

int main(void)
{
	if (!check(native_present(), "this is Allod"))
		return tap_end();
	tap_directory("strange");
	test_strange();
	check(native(CALL_fail, 0, 1, 0, 0) == -E_NOSYS && access("/proc/thread-self/fail-nth", F_OK) == -1,
		"nobody has allocations fail who was not booted for it");
	check(tap_child(works) == 0, "files and pipes work afterwards");
	return tap_end();
}

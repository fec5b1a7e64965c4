/* A program's environment: devices, /proc/self, ids, limits, uname, random numbers, the auxiliary vector. */
#include <fcntl.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "machine.h"
#include "tap.h"

static char text[65536];

/* Reads a file as a string. -> bytes, -1 */
static ssize_t slurp(const char *path)
{
	int file = open(path, O_RDONLY);
	ssize_t n, all = 0;

	if (file < 0)
		return -1;
	while ((n = read(file, text + all, sizeof(text) - 1 - (size_t)all)) > 0)
		all += n;
	text[all] = 0;
	close(file);
	return n < 0 ? -1 : all;
}

static bool is_device(const char *path)
{
	struct stat s;

	return stat(path, &s) == 0 && S_ISCHR(s.st_mode);
}

static void test_devices(void)
{
	char a[64] = "x", b[64] = "x", zero[64] = { 0 };
	int file = open("/dev/null", O_RDWR);

	check(is_device("/dev/null") && write(file, "gone", 4) == 4 && read(file, a, 1) == 0, "/dev/null");
	check(ftruncate(file, 0) == -1 && errno == EINVAL && lseek(file, 10, SEEK_SET) >= 0,
		"/dev/null: truncate and seek");
	close(file);
	file = open("/dev/zero", O_RDWR);
	check(is_device("/dev/zero") && read(file, a, 64) == 64 && !memcmp(a, zero, 64) && write(file, a, 64) == 64,
		"/dev/zero");
	close(file);
	file = open("/dev/urandom", O_RDONLY);
	check(is_device("/dev/urandom") && read(file, a, 64) == 64 && read(file, b, 64) == 64 && memcmp(a, b, 64) &&
			memcmp(a, zero, 64),
		"/dev/urandom");
	close(file);
	check(getrandom(a, 64, 0) == 64 && getrandom(b, 64, 0) == 64 && memcmp(a, b, 64), "getrandom");
	check_errno(getrandom(a, 64, 0x1000), EINVAL, "getrandom: bad flags");
	check(is_device("/dev/tty"), "/dev/tty");
}

static void test_proc(void)
{
	char link[300] = "", path[64];
	char *mine;
	int file;

	check(readlink("/proc/self/exe", link, sizeof(link)) > 0 && strstr(link, "surroundings"), "/proc/self/exe");
	check(slurp("/proc/self/cmdline") > 0 && strstr(text, "surroundings"), "/proc/self/cmdline");
	check(slurp("/proc/self/maps") > 0 && strstr(text, "r-xp") && strstr(text, "[stack]") &&
			strstr(text, "surroundings"),
		"/proc/self/maps");
	snprintf(path, sizeof(path), "%d (", getpid());
	check(slurp("/proc/self/stat") > 0 && !strncmp(text, path, strlen(path)), "/proc/self/stat");
	snprintf(path, sizeof(path), "Pid:\t%d\n", getpid());
	check(slurp("/proc/self/status") > 0 && strstr(text, path) && !strncmp(text, "Name:\tsurroundings", 18),
		"/proc/self/status");
	file = open("/dev/null", O_RDONLY);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	memset(link, 0, sizeof(link));
	check(readlink(path, link, sizeof(link)) == 9 && !strcmp(link, "/dev/null"), "/proc/self/fd");
	close(file);
	mine = getcwd(text, sizeof(text));
	memset(link, 0, sizeof(link));
	check(mine && readlink("/proc/self/cwd", link, sizeof(link)) == (ssize_t)strlen(mine) && !strcmp(link, mine),
		"/proc/self/cwd");
	snprintf(path, sizeof(path), "/proc/%d/stat", getpid());
	check(access(path, R_OK) == 0 && access("/proc/999999", F_OK) == -1, "/proc of a process");
	check(slurp("/proc/meminfo") > 0 && strstr(text, "MemTotal:"), "/proc/meminfo");
}

static void test_identity(void)
{
	uid_t real, effective, saved;
	struct utsname name;

	check(uname(&name) == 0 && !strcmp(name.sysname, "Linux") && !strcmp(name.machine, MACHINE_UNAME) &&
			atoi(name.release) >= 4,
		"uname");
	check(getuid() == geteuid() && getgid() == getegid(), "getuid");
	check(getresuid(&real, &effective, &saved) == 0 && real == effective && saved == real, "getresuid");
	check(getpid() == syscall(SYS_getpid) && getppid() > 0 && gettid() == getpid(), "getpid");
	check(getpgid(0) == getpgrp() && getsid(0) >= 0, "getpgrp");
	check(getgroups(0, NULL) >= 0, "getgroups");
	check(prctl(PR_SET_NAME, "new name", 0, 0, 0) == 0 && prctl(PR_GET_NAME, text, 0, 0, 0) == 0 &&
			!strcmp(text, "new name"),
		"prctl: name");
}

static void test_limits(void)
{
	struct rlimit limit;
	cpu_set_t set;

	check(getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur >= 1 << 20, "getrlimit: stack");
	check(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= 256, "getrlimit: files");
	check_errno(getrlimit((__rlimit_resource_t)99, &limit), EINVAL, "getrlimit: no such limit");
	check(sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) >= 1, "sched_getaffinity");
	check(sysconf(_SC_NPROCESSORS_ONLN) >= 1 && sysconf(_SC_PAGESIZE) == 4096, "sysconf");
	check_errno(syscall(1000), ENOSYS, "a call that Linux does not have either");
	check_errno(syscall(0xfff), ENOSYS, "a call far out");
}

static void test_auxiliary(void)
{
	check(getauxval(AT_PAGESZ) == 4096 && getauxval(AT_CLKTCK) == 100, "auxiliary vector: sizes");
	check(getauxval(AT_PHDR) && getauxval(AT_PHNUM) > 2 && getauxval(AT_ENTRY),
		"auxiliary vector: program headers");
	check(getauxval(AT_RANDOM) && getauxval(AT_EXECFN) && strstr((char *)getauxval(AT_EXECFN), "surroundings"),
		"auxiliary vector: name");
	check(getauxval(AT_UID) == getuid() && getauxval(AT_SECURE) == 0, "auxiliary vector: identity");
}

/* Addresses differ from one run to the next. */
static void test_randomness(void)
{
	uintptr_t seen[4];
	int ends[2];
	bool different = false;

	if (pipe(ends) < 0)
		return;
	for (int i = 0; i < 4; i++) {
		if (fork() == 0) {
			dup2(ends[1], 1);
			execl("/proc/self/exe", "surroundings", "address", NULL);
			_exit(1);
		}
		if (read(ends[0], &seen[i], sizeof(seen[i])) != sizeof(seen[i]))
			seen[i] = 0;
		wait(NULL);
		different |= seen[i] != seen[0];
	}
	check(different, "stack addresses are random");
	close(ends[0]);
	close(ends[1]);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "address")) {
		uintptr_t here = (uintptr_t)&argc;

		return write(1, &here, sizeof(here)) == sizeof(here) ? 0 : 1;
	}
	test_devices();
	test_proc();
	test_identity();
	test_limits();
	test_auxiliary();
	test_randomness();
	return tap_end();
}

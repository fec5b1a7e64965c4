/* Processes: fork and copy-on-write, wait statuses, process groups, exec with scripts and close-on-exec, vfork, posix_spawn.
 * The program runs itself for exec: its first argument is then the part it plays. */
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tap.h"

static char self[256];
extern char **environ;

/* --- fork --- */

static int global = 1;
enum { BIG = 4 << 20 };

static bool all_bytes(const char *area, char value)
{
	for (size_t i = 0; i < BIG; i += 512)
		if (area[i] != value)
			return false;
	return true;
}

static void test_copy(void)
{
	char *heap = malloc(BIG);
	volatile int local = 1;
	int to_child[2], status;
	pid_t child;
	char c;

	memset(heap, 'a', BIG);
	if (pipe(to_child) < 0)
		return;
	child = fork();
	if (child == 0) {
		bool same;

		close(to_child[1]);
		/* The parent has changed its copy before this returns. */
		same = read(to_child[0], &c, 1) == 1 && global == 1 && local == 1 && all_bytes(heap, 'a');
		global = local = 3;
		memset(heap, 'c', BIG);
		_exit(same && all_bytes(heap, 'c') ? 0 : 1);
	}
	global = local = 2;
	memset(heap, 'p', BIG);
	check(write(to_child[1], "x", 1) == 1, "fork: wake the child");
	check(waitpid(child, &status, 0) == child && status == 0, "fork: the child keeps its copy");
	check(global == 2 && local == 2 && all_bytes(heap, 'p'), "fork: the parent keeps its copy");
	close(to_child[0]);
	close(to_child[1]);
	free(heap);
}

/* System calls that write into memory must break sharing as stores do. */
static void test_copy_by_system_call(void)
{
	static char buffer[8192] = "unchanged";
	int ends[2], status;
	pid_t child;

	if (pipe(ends) < 0)
		return;
	child = fork();
	if (child == 0) {
		bool fine = write(ends[1], "overwritten", 12) == 12 && read(ends[0], buffer, sizeof(buffer)) == 12;

		_exit(fine && !strcmp(buffer, "overwritten") ? 0 : 1);
	}
	check(waitpid(child, &status, 0) == child && status == 0, "fork: read() into a shared page");
	check(!strcmp(buffer, "unchanged"), "fork: read() in the child leaves the parent's page alone");
	close(ends[0]);
	close(ends[1]);
}

static void test_shared(void)
{
	volatile int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t child;

	if (!check(shared != MAP_FAILED, "fork: shared mapping"))
		return;
	shared[0] = 1;
	child = fork();
	if (child == 0) {
		shared[1] = shared[0] + 1;
		_exit(0);
	}
	waitpid(child, &status, 0);
	check(shared[1] == 2, "fork: a shared mapping stays shared");
	munmap((void *)shared, 4096);
}

static void test_offset(void)
{
	int file = open("offset", O_RDWR | O_CREAT | O_TRUNC, 0600), status;
	pid_t child = fork();

	if (child == 0)
		_exit(write(file, "12345", 5) == 5 ? 0 : 1);
	waitpid(child, &status, 0);
	check(status == 0 && lseek(file, 0, SEEK_CUR) == 5, "fork: the file offset is shared");
	close(file);
}

static int nested(int depth)
{
	int status, local = depth;
	pid_t child;

	if (depth == 0)
		return 0;
	child = fork();
	if (child == 0)
		_exit(nested(depth - 1));
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || local != depth)
		return 200;
	return WEXITSTATUS(status) + 1;
}

static void test_many(void)
{
	enum { MANY = 100 };
	pid_t children[MANY];
	int status, started = 0, right = 0, sequential = 0;

	for (int i = 0; i < MANY; i++) {
		children[i] = fork();
		if (children[i] == 0)
			_exit(i);
		started += children[i] > 0;
	}
	for (int i = 0; i < MANY; i++)
		right += waitpid(children[i], &status, 0) == children[i] && WIFEXITED(status) &&
			WEXITSTATUS(status) == i;
	check(started == MANY && right == MANY, "fork: 100 children at once");
	for (int i = 0; i < 200; i++) {
		pid_t child = fork();

		if (child == 0)
			_exit(3);
		sequential += child > 0 && waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3;
	}
	check(sequential == 200, "fork: 200 children one after another");
	check(nested(20) == 20, "fork: 20 deep");
}

/* --- wait --- */

static void exits_7(void)
{
	_exit(7);
}

static void exits_256(void)
{
	_exit(256 + 9);
}

static void reads_null(void)
{
	(void)*(volatile char *)NULL;
}

static void kills_itself(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

static void aborts(void)
{
	abort();
}

static bool killed_by(int status, int number)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == number;
}

static unsigned table_size(void)
{
	unsigned size = 0;
	char line[128];
	FILE *status = fopen("/proc/self/status", "r");

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "FDSize: %u", &size) == 1)
			break;
	if (status)
		fclose(status);
	return size;
}

/* Each generation copies the table of the one before. */
static void test_generations(void)
{
	enum { GENERATIONS = 6 };
	const unsigned first = table_size();
	unsigned generation = 0;
	int status = 0;
	pid_t child = 0;

	while (generation < GENERATIONS && !(child = fork()))
		generation++;
	if (child > 0)
		waitpid(child, &status, 0);
	else
		status = table_size() <= first ? 0 : 256;
	if (generation)
		_exit(child < 0 || status ? 1 : 0);
	check(first > 0 && child > 0 && status == 0,
		"after many forks a table of descriptors is no larger than at first");
}

static void test_wait(void)
{
	struct rusage usage;
	int status;
	pid_t child;

	status = tap_child(exits_7);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 7, "wait: exit status");
	status = tap_child(exits_256);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 9, "wait: eight bits of exit status");
	check(killed_by(tap_child(reads_null), SIGSEGV), "wait: SIGSEGV");
	check(killed_by(tap_child(kills_itself), SIGKILL), "wait: SIGKILL");
	check(killed_by(tap_child(aborts), SIGABRT), "wait: SIGABRT");
	check_errno(waitpid(-1, &status, 0), ECHILD, "wait: no children");
	check_errno(waitpid(getpid(), &status, 0), ECHILD, "wait: not a child");
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	check(waitpid(child, &status, WNOHANG) == 0, "wait: WNOHANG of a running child");
	check(kill(child, 0) == 0, "kill: signal 0");
	check(kill(child, SIGTERM) == 0, "kill: SIGTERM");
	check(wait4(child, &status, 0, &usage) == child && killed_by(status, SIGTERM), "wait4: with usage");
	check_errno(kill(child, 0), ESRCH, "kill: the child is gone");
	check_errno(kill(getpid(), 65), EINVAL, "kill: no such signal");
	child = fork();
	if (child == 0)
		_exit(0);
	while (kill(child, 0) == 0 && waitpid(child, &status, WNOHANG) == 0)
		sched_yield();
	check_errno(waitpid(child, &status, 0), ECHILD, "wait: only once");
}

static void test_stop(void)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		for (;;)
			pause();
	check(kill(child, SIGSTOP) == 0 && waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) &&
			WSTOPSIG(status) == SIGSTOP,
		"wait: stopped");
	check(waitpid(child, &status, WUNTRACED | WNOHANG) == 0, "wait: stopped is told once");
	check(kill(child, SIGCONT) == 0 && waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status),
		"wait: continued");
	kill(child, SIGKILL);
	check(waitpid(child, &status, 0) == child && killed_by(status, SIGKILL), "wait: killed after a stop");
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	kill(child, SIGSTOP);
	waitpid(child, &status, WUNTRACED);
	kill(child, SIGKILL);
	check(waitpid(child, &status, 0) == child && killed_by(status, SIGKILL), "wait: killed while stopped");
}

/* A grandchild outlives its parent and gets another one. */
static void test_orphan(void)
{
	int ends[2], status;
	char c = 0;
	pid_t child;

	if (pipe(ends) < 0)
		return;
	child = fork();
	if (child == 0) {
		pid_t middle = getpid();

		if (fork() == 0) {
			while (getppid() == middle)
				usleep(1000);
			_exit(write(ends[1], "o", 1) == 1 ? 0 : 1);
		}
		_exit(0);
	}
	waitpid(child, &status, 0);
	close(ends[1]);
	check(read(ends[0], &c, 1) == 1 && c == 'o', "fork: an orphan gets another parent");
	check(read(ends[0], &c, 1) == 0, "fork: the orphan's descriptors are closed");
	close(ends[0]);
}

/* --- process groups and sessions --- */

static void test_groups(void)
{
	int status, ended = 0;
	pid_t first = 0, child;

	for (int i = 0; i < 3; i++) {
		child = fork();
		if (child == 0)
			for (;;)
				pause();
		if (i == 0)
			first = child;
		if (setpgid(child, first) < 0)
			check(false, "setpgid: of a child");
	}
	check(getpgid(first) == first && getpgid(child) == first, "setpgid: a group of three");
	check(getpgrp() != first, "setpgid: the parent stays");
	check(waitpid(-first, &status, WNOHANG) == 0, "wait: for a group");
	check(kill(-first, SIGUSR1) == 0, "kill: a group");
	while (waitpid(-first, &status, 0) > 0)
		ended += killed_by(status, SIGUSR1);
	check(ended == 3 && errno == ECHILD, "wait: all of the group");
	check_errno(kill(-first, 0), ESRCH, "kill: the group is gone");
	check_errno(setpgid(getpid(), -1), EINVAL, "setpgid: negative");
	child = fork();
	if (child == 0) {
		bool fine = setsid() == getpid() && getsid(0) == getpid() && getpgrp() == getpid();

		_exit(fine && setsid() == -1 && errno == EPERM ? 0 : 1);
	}
	check(waitpid(child, &status, 0) == child && status == 0, "setsid");
}

/* --- exec --- */

/* Runs this program in a part. -> exit status, 128 + signal. */
static int run_part(const char *path, const char *part, const char *argument)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		execl(path, "zero", part, argument, NULL);
		_exit(100 + errno);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void make_file(const char *name, const char *text, mode_t mode)
{
	int file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (file < 0 || write(file, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(file, mode) < 0)
		check(false, name);
	close(file);
}

static void test_exec_scripts(void)
{
	char text[400];

	snprintf(text, sizeof(text), "#!%s script-part\nrest\n", self);
	make_file("script", text, 0755);
	check(run_part("./script", "one", "two") == 0, "exec: #! with an argument");
	make_file("script2", "#!./script\n", 0755);
	check(run_part("./script2", "three", "four") == 0, "exec: #! of a #!");
	make_file("loop", "#!./loop\n", 0755);
	check(run_part("./loop", "", "") == 100 + ELOOP, "exec: #! of itself");
	make_file("nothing", "#!/nonexistent/interpreter\n", 0755);
	check(run_part("./nothing", "", "") == 100 + ENOENT, "exec: no such interpreter");
}

/* A program that runs cannot be written, one that is written cannot be run. */
static void test_busy(void)
{
	int file;

	check_errno(open(self, O_WRONLY), ETXTBSY, "open: a running program");
	check_errno(truncate(self, 0), ETXTBSY, "truncate: a running program");
	file = open("copy-of-1", O_RDWR | O_CREAT | O_TRUNC, 0755);
	if (file >= 0) {
		static char bytes[1 << 16];
		int from = open(self, O_RDONLY);
		ssize_t n;

		while ((n = read(from, bytes, sizeof(bytes))) > 0)
			if (write(file, bytes, (size_t)n) != n)
				check(false, "write: a copy");
		close(from);
	}
	check(run_part("./copy-of-1", "exit", "3") == 100 + ETXTBSY, "exec: a program that is being written");
	close(file);
	check(run_part("./copy-of-1", "exit", "3") == 3, "exec: a program that was written");
}

static void test_exec_errors(void)
{
	make_file("plain", "just text\n", 0755);
	make_file("mode", "#!/bin/sh\n", 0644);
	make_file("empty", "", 0755);
	check(run_part("./plain", "", "") == 100 + ENOEXEC, "exec: not a program");
	check(run_part("./empty", "", "") == 100 + ENOEXEC, "exec: empty");
	check(run_part("./mode", "", "") == 100 + EACCES, "exec: not executable");
	check(run_part("./none", "", "") == 100 + ENOENT, "exec: no such file");
	check(run_part("./plain/x", "", "") == 100 + ENOTDIR, "exec: not a directory");
	check(run_part(".", "", "") == 100 + EACCES, "exec: a directory");
	test_busy();
	check_errno(execve(tap_pointer(1), environ, environ), EFAULT, "exec: bad path pointer");
	check_errno(execve(self, tap_pointer(8), environ), EFAULT, "exec: bad argument pointer");
}

static void nothing(int number)
{
	(void)number;
}

static void test_exec(void)
{
	int keep = open("/dev/null", O_RDONLY), leave = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char argument[100], *large = malloc(100001);
	sigset_t mask;

	check(run_part(self, "exit", "42") == 42, "exec: itself");
	snprintf(argument, sizeof(argument), "%d %d", keep, leave);
	check(run_part(self, "descriptors", argument) == 0, "exec: close-on-exec");
	check(fcntl(keep, F_SETFD, FD_CLOEXEC) == 0 && fcntl(leave, F_SETFD, 0) == 0, "fcntl: F_SETFD");
	snprintf(argument, sizeof(argument), "%d %d", leave, keep);
	check(run_part(self, "descriptors", argument) == 0, "exec: close-on-exec as set by fcntl");
	close(keep);
	close(leave);
	memset(large, 'x', 100000);
	large[100000] = 0;
	check(run_part(self, "length", large) == 0, "exec: a long argument");
	setenv("GUEST_TEST", "value of it", 1);
	check(run_part(self, "environment", "") == 0, "exec: environment");
	snprintf(argument, sizeof(argument), "%d", getpid());
	check(run_part(self, "parent", argument) == 0, "exec: same parent");
	signal(SIGUSR1, nothing);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	check(run_part(self, "signals", "") == 0, "exec: handlers reset, ignored and mask kept");
	sigprocmask(SIG_UNBLOCK, &mask, NULL);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	free(large);
}

/* What a part does after exec. -> exit status. */
static int play(int argc, char **argv)
{
	int a, b;

	if (!strcmp(argv[1], "exit"))
		return atoi(argv[2]);
	if (!strcmp(argv[1], "script-part")) /* exec replaces argv[0] by the script's name */
		return argc >= 5 && argc <= 6 && !strcmp(argv[2], "./script") ? 0 : 1;
	if (!strcmp(argv[1], "descriptors")) {
		sscanf(argv[2], "%d %d", &a, &b);
		return fcntl(a, F_GETFD) == 0 && fcntl(b, F_GETFD) == -1 && errno == EBADF ? 0 : 1;
	}
	if (!strcmp(argv[1], "length"))
		return strlen(argv[2]) == 100000 && argv[2][99999] == 'x' && !strcmp(argv[0], "zero") ? 0 : 1;
	if (!strcmp(argv[1], "environment"))
		return getenv("GUEST_TEST") && !strcmp(getenv("GUEST_TEST"), "value of it") ? 0 : 1;
	if (!strcmp(argv[1], "parent"))
		return getppid() == atoi(argv[2]) ? 0 : 1;
	if (!strcmp(argv[1], "signals")) {
		struct sigaction one, two;
		sigset_t mask;

		sigaction(SIGUSR1, NULL, &one);
		sigaction(SIGUSR2, NULL, &two);
		sigprocmask(SIG_SETMASK, NULL, &mask);
		return one.sa_handler == SIG_DFL && two.sa_handler == SIG_IGN && sigismember(&mask, SIGHUP) == 1 ? 0
														 : 1;
	}
	if (!strcmp(argv[1], "echo")) {
		char buffer[100];
		ssize_t n = read(0, buffer, sizeof(buffer));

		return n > 0 && write(1, buffer, (size_t)n) == n ? 5 : 1;
	}
	return 99;
}

/* --- vfork and posix_spawn --- */

static void test_vfork(void)
{
	volatile int seen = 0;
	int status;
	pid_t child = vfork();

	if (child == 0) {
		seen = 1;
		_exit(4);
	}
	check(seen == 1, "vfork: memory is shared and the parent waits");
	check(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 4, "vfork: status");
	child = vfork();
	if (child == 0) {
		execl(self, "zero", "exit", "6", NULL);
		_exit(1);
	}
	check(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 6, "vfork: exec");
}

static void test_spawn(void)
{
	posix_spawn_file_actions_t actions;
	char *argv[] = { "zero", "echo", NULL }, buffer[100] = "";
	int in[2], out[2], status;
	pid_t child;

	if (pipe(in) < 0 || pipe(out) < 0)
		return;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	posix_spawn_file_actions_addclose(&actions, in[1]);
	check(posix_spawn(&child, self, &actions, NULL, argv, environ) == 0, "posix_spawn");
	check(write(in[1], "through", 7) == 7 && read(out[0], buffer, sizeof(buffer)) == 7 &&
			!strcmp(buffer, "through"),
		"posix_spawn: file actions");
	check(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 5, "posix_spawn: status");
	check(posix_spawn(&child, "/nonexistent", &actions, NULL, argv, environ) == ENOENT,
		"posix_spawn: no such file");
	posix_spawn_file_actions_destroy(&actions);
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
	}
}

int main(int argc, char **argv)
{
	ssize_t n;

	if (argc > 1)
		return play(argc, argv);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0)
		return 1;
	self[n] = 0;
	tap_directory("processes");
	test_copy();
	test_copy_by_system_call();
	test_shared();
	test_offset();
	test_many();
	test_generations();
	test_wait();
	test_stop();
	test_orphan();
	test_groups();
	test_exec();
	test_exec_scripts();
	test_exec_errors();
	test_vfork();
	test_spawn();
	return tap_end();
}

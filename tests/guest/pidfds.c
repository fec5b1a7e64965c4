/* pidfds: pidfd_open, pidfd_send_signal, pidfd_getfd, waitid(P_PIDFD), CLONE_PIDFD, poll; numbers that clone3 is asked for. */
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "tap.h"

static int pidfd_open(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static int pidfd_send(int fd, int signal, siginfo_t *info, unsigned flags)
{
	return (int)syscall(SYS_pidfd_send_signal, fd, signal, info, flags);
}

static int pidfd_getfd(int fd, int theirs, unsigned flags)
{
	return (int)syscall(SYS_pidfd_getfd, fd, theirs, flags);
}

static int wait_pidfd(int fd, siginfo_t *info, int options)
{
	return waitid((idtype_t)3, (id_t)fd, info, options);
}

static pid_t clone3(struct clone_args *args, size_t bytes)
{
	return (pid_t)syscall(SYS_clone3, args, bytes);
}

/* A child that waits for a signal. */
static pid_t sleeper(void)
{
	pid_t child = fork();

	if (!child)
		for (;;)
			pause();
	return child;
}

static short ready(int fd, int time)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, time) < 0 ? -1 : p.revents;
}

static void test_life(void)
{
	pid_t child = sleeper();
	int fd = pidfd_open(child, 0), set = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN }, got = { .events = 0 };
	siginfo_t info = { .si_pid = 0 };
	char byte;

	check(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC, "pidfd_open: closes on exec");
	check(ready(fd, 0) == 0 && pidfd_send(fd, 0, NULL, 0) == 0, "a process that runs");
	check_errno(read(fd, &byte, 1), EINVAL, "pidfd: read");
	check(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0 && epoll_wait(set, &got, 1, 0) == 0,
		"pidfd: in an epoll set");
	check(pidfd_send(fd, SIGTERM, NULL, 0) == 0 && ready(fd, -1) == POLLIN && epoll_wait(set, &got, 1, -1) == 1 &&
			got.events == EPOLLIN,
		"pidfd: tells of the end");
	check(wait_pidfd(fd, &info, WEXITED | WNOWAIT) == 0 && info.si_pid == child && info.si_code == CLD_KILLED &&
			info.si_status == SIGTERM,
		"waitid: P_PIDFD, WNOWAIT");
	check(pidfd_send(fd, SIGTERM, NULL, 0) == 0, "pidfd_send_signal: to a process that nobody has waited for");
	check(wait_pidfd(fd, &info, WEXITED) == 0 && info.si_pid == child, "waitid: P_PIDFD");
	check_errno(wait_pidfd(fd, &info, WEXITED), ECHILD, "waitid: again");
	check_errno(pidfd_send(fd, SIGTERM, NULL, 0), ESRCH, "pidfd_send_signal: to a process that was waited for");
	check_errno(pidfd_open(child, 0), ESRCH, "pidfd_open: the same");
	close(fd);
	close(set);
}

static void test_errors(void)
{
	siginfo_t info = { .si_pid = 0 };
	int file = open("/dev/null", O_RDONLY), fd = pidfd_open(getpid(), 0);

	check_errno(pidfd_open(-1, 0), EINVAL, "pidfd_open: no number");
	check_errno(pidfd_open(getpid(), 64), EINVAL, "pidfd_open: bad flags");
	check_errno(pidfd_send(fd, 0, NULL, 77), EINVAL, "pidfd_send_signal: bad flags");
	check_errno(pidfd_send(fd, 99, NULL, 0), EINVAL, "pidfd_send_signal: no signal");
	check_errno(pidfd_send(file, 0, NULL, 0), EBADF, "pidfd_send_signal: no pidfd");
	check_errno(wait_pidfd(file, &info, WEXITED), EBADF, "waitid: no pidfd");
	check_errno(wait_pidfd(-1, &info, WEXITED), EINVAL, "waitid: a negative descriptor");
	check_errno(wait_pidfd(fd, &info, WEXITED), ECHILD, "waitid: no child");
	check_errno(pidfd_getfd(fd, file, 1), EINVAL, "pidfd_getfd: bad flags");
	check_errno(pidfd_getfd(file, file, 0), EBADF, "pidfd_getfd: no pidfd");
	check_errno(pidfd_getfd(fd, 999, 0), EBADF, "pidfd_getfd: no file");
	close(file);
	close(fd);
}

static volatile int value;

static void note(int number, siginfo_t *info, void *context)
{
	(void)number, (void)context;
	value = info->si_code == SI_QUEUE ? info->si_value.sival_int : -1;
}

static void test_info(void)
{
	struct sigaction action = { .sa_sigaction = note, .sa_flags = SA_SIGINFO };
	siginfo_t info = { .si_signo = SIGUSR1, .si_code = SI_QUEUE };
	int fd = pidfd_open(getpid(), 0);
	pid_t child = sleeper();
	int other = pidfd_open(child, 0);

	info.si_value.sival_int = 42;
	sigaction(SIGUSR1, &action, NULL);
	check(pidfd_send(fd, SIGUSR1, &info, 0) == 0 && value == 42, "pidfd_send_signal: with a value");
	check_errno(pidfd_send(fd, SIGUSR2, &info, 0), EINVAL, "pidfd_send_signal: of another signal");
	info.si_code = SI_USER;
	check_errno(pidfd_send(other, SIGUSR1, &info, 0), EPERM, "pidfd_send_signal: as if from the kernel");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(fd);
	close(other);
}

static void test_files(void)
{
	int ends[2], fd, got, status;
	char byte = 0;
	pid_t child;

	check(pipe(ends) == 0, "pipe");
	child = sleeper();
	close(ends[1]);
	fd = pidfd_open(child, 0);
	got = pidfd_getfd(fd, ends[1], 0);
	check(got >= 0 && fcntl(got, F_GETFD) == FD_CLOEXEC && write(got, "x", 1) == 1 &&
			read(ends[0], &byte, 1) == 1 && byte == 'x',
		"pidfd_getfd: a file of another process");
	status = fork();
	if (!status) {
		if (setgid(1000) || setuid(1000))
			_exit(9);
		check_errno(pidfd_getfd(fd, 0, 0), EPERM, "pidfd_getfd: of another user's");
		check_errno(pidfd_send(fd, SIGTERM, NULL, 0), EPERM, "pidfd_send_signal: to another user's");
		_exit(0);
	}
	waitpid(status, &status, 0);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	check_errno(pidfd_getfd(fd, 0, 0), ESRCH, "pidfd_getfd: of a process that was waited for");
	close(got);
	check(read(ends[0], &byte, 1) == 0, "pidfd_getfd: the last reference");
	close(ends[0]);
	close(fd);
}

static void test_nonblocking(void)
{
	pid_t child = sleeper();
	int fd = pidfd_open(child, O_NONBLOCK);
	siginfo_t info = { .si_pid = 0 };

	check(fd >= 0 && fcntl(fd, F_GETFL) & O_NONBLOCK, "pidfd_open: PIDFD_NONBLOCK");
	check_errno(wait_pidfd(fd, &info, WEXITED), EAGAIN, "waitid: a pidfd that does not wait");
	check(wait_pidfd(fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0, "waitid: WNOHANG");
	check(kill(child, SIGKILL) == 0 && ready(fd, -1) == POLLIN && wait_pidfd(fd, &info, WEXITED) == 0,
		"waitid: when it has ended");
	close(fd);
}

static int pid_in_fdinfo(int fd)
{
	char path[60], line[100];
	int pid = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "Pid:\t%d", &pid);
	if (file)
		fclose(file);
	return pid;
}

static void test_clone(void)
{
	int fd = -1, status = 0;
	struct clone_args args = { .flags = CLONE_PIDFD, .pidfd = (uintptr_t)&fd, .exit_signal = SIGCHLD }, big[3];
	siginfo_t info = { .si_pid = 0 };
	pid_t child = clone3(&args, sizeof(args)), wanted;

	if (!child)
		_exit(fd == -1 ? 5 : 6);
	check(child > 0 && fd >= 0 && pid_in_fdinfo(fd) == child, "clone3: CLONE_PIDFD");
	check(wait_pidfd(fd, &info, WEXITED) == 0 && info.si_pid == child && info.si_status == 5,
		"clone3: the child has no pidfd");
	check(pid_in_fdinfo(fd) == -1, "fdinfo: of a process that was waited for");
	close(fd);
	fd = -1;
	child = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &fd, NULL, NULL);
	if (!child)
		_exit(7);
	check(child > 0 && fd >= 0 && wait_pidfd(fd, &info, WEXITED) == 0 && info.si_status == 7, "clone: CLONE_PIDFD");
	close(fd);
	args.pidfd = 8;
	check_errno(clone3(&args, sizeof(args)), EFAULT, "clone3: a bad place for the pidfd");
	check_errno(wait(&status), ECHILD, "clone3: no child is left of it");
	args = (struct clone_args){ .flags = CLONE_PIDFD | CLONE_PARENT_SETTID,
		.pidfd = (uintptr_t)&fd,
		.parent_tid = (uintptr_t)&fd };
	check_errno(clone3(&args, sizeof(args)), EINVAL, "clone3: one place for two numbers");
	check_errno(clone3(&args, 8), EINVAL, "clone3: too small");
	memset(big, 0, sizeof(big));
	((char *)big)[sizeof(big) - 1] = 1;
	check_errno(clone3(big, sizeof(big)), E2BIG, "clone3: what is not known");
	/* A number that was in use a moment ago is free. */
	child = fork();
	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
	wanted = child;
	args = (struct clone_args){ .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&wanted, .set_tid_size = 1 };
	child = clone3(&args, sizeof(args));
	if (!child)
		_exit(getpid() != wanted);
	check(child == wanted && waitpid(child, &status, 0) == child && status == 0,
		"clone3: a number that it is asked for");
	wanted = getpid();
	check_errno(clone3(&args, sizeof(args)), EEXIST, "clone3: a number that is in use");
	wanted = -3;
	check_errno(clone3(&args, sizeof(args)), EINVAL, "clone3: no number");
}

int main(void)
{
	test_life();
	test_errors();
	test_info();
	test_files();
	test_nonblocking();
	test_clone();
	return tap_end();
}

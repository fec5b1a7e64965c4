/* Pipes, poll and descriptors: order, ends, SIGPIPE, O_NONBLOCK, PIPE_BUF, readiness, dup, vectors, large transfers. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

#include "tap.h"

static int ends[2];

static void open_pipe(int flags)
{
	if (pipe2(ends, flags) < 0)
		check(false, "pipe2");
}

static void close_pipe(void)
{
	close(ends[0]);
	close(ends[1]);
}

static void nothing(int number)
{
	(void)number;
}

static void test_ends(void)
{
	char buffer[100];
	int status;

	open_pipe(0);
	check(write(ends[1], "first", 5) == 5 && write(ends[1], "second", 6) == 6 && read(ends[0], buffer, 3) == 3 &&
			read(ends[0], buffer + 3, 90) == 8 && !memcmp(buffer, "firstsecond", 11),
		"pipe: a stream of bytes");
	check(ioctl(ends[0], FIONREAD, &status) == 0 && status == 0 && write(ends[1], "1234", 4) == 4 &&
			ioctl(ends[0], FIONREAD, &status) == 0 && status == 4,
		"pipe: FIONREAD");
	check(read(ends[0], buffer, 100) == 4 && write(ends[1], "", 0) == 0, "pipe: writing nothing");
	check_errno(read(ends[1], buffer, 1), EBADF, "pipe: reading the writing end");
	check_errno(write(ends[0], buffer, 1), EBADF, "pipe: writing the reading end");
	check_errno(lseek(ends[0], 0, SEEK_CUR), ESPIPE, "pipe: lseek");
	check_errno(pread(ends[0], buffer, 1, 0), ESPIPE, "pipe: pread");
	if (write(ends[1], "rest", 4) == 4)
		close(ends[1]);
	check(read(ends[0], buffer, 100) == 4 && read(ends[0], buffer, 100) == 0 && read(ends[0], buffer, 100) == 0,
		"pipe: the end");
	close(ends[0]);
	check_errno(read(ends[0], buffer, 1), EBADF, "read: a closed descriptor");
	check_errno(close(ends[0]), EBADF, "close: twice");
	open_pipe(0);
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	check_errno(write(ends[1], "x", 1), EPIPE, "pipe: EPIPE");
	signal(SIGPIPE, SIG_DFL);
	if (fork() == 0) {
		status = (int)write(ends[1], "x", 1);
		_exit(0);
	}
	wait(&status);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE, "pipe: SIGPIPE");
	close(ends[1]);
}

static void test_nonblocking(void)
{
	static char large[PIPE_BUF];
	char buffer[100];
	int flags, total = 0;
	ssize_t n;

	open_pipe(O_NONBLOCK | O_CLOEXEC);
	flags = fcntl(ends[0], F_GETFL);
	check((flags & O_NONBLOCK) && (flags & O_ACCMODE) == O_RDONLY &&
			(fcntl(ends[1], F_GETFL) & O_ACCMODE) == O_WRONLY,
		"fcntl: F_GETFL");
	check(fcntl(ends[0], F_GETFD) == FD_CLOEXEC, "pipe2: O_CLOEXEC");
	check_errno(read(ends[0], buffer, 1), EAGAIN, "pipe: empty, EAGAIN");
	while ((n = write(ends[1], large, sizeof(large))) > 0)
		total += (int)n;
	check(n == -1 && errno == EAGAIN && total == 65536, "pipe: full at 65536, EAGAIN");
	check(read(ends[0], large, 100) == 100 && write(ends[1], large, sizeof(large)) == -1 && errno == EAGAIN,
		"pipe: PIPE_BUF bytes are written whole or not");
	check(fcntl(ends[1], F_SETFL, 0) == 0 && !(fcntl(ends[1], F_GETFL) & O_NONBLOCK) &&
			(fcntl(ends[0], F_GETFL) & O_NONBLOCK),
		"fcntl: F_SETFL");
	close_pipe();
	open_pipe(0);
	flags = dup(ends[0]);
	fcntl(flags, F_SETFL, O_NONBLOCK);
	check_errno(read(ends[0], buffer, 1), EAGAIN, "fcntl: duplicates share the flags");
	close(flags);
	close_pipe();
	check_errno(pipe2(ends, 0x40000000), EINVAL, "pipe2: bad flags");
}

/* --- blocking --- */

static void test_blocking(void)
{
	static char large[200000];
	int status;
	size_t got = 0;
	ssize_t n;
	pid_t child;

	open_pipe(0);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		memset(large, 'x', sizeof(large));
		_exit(write(ends[1], large, sizeof(large)) == sizeof(large) ? 0 : 1);
	}
	close(ends[1]);
	usleep(10000);
	while ((n = read(ends[0], large + got, 7001)) > 0)
		got += (size_t)n;
	check(got == sizeof(large) && large[0] == 'x' && large[got - 1] == 'x', "pipe: a writer waits for room");
	check(waitpid(child, &status, 0) == child && status == 0, "pipe: the whole write counts");
	close(ends[0]);
	open_pipe(0);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		signal(SIGPIPE, SIG_IGN);
		_exit(write(ends[1], large, sizeof(large)) == 65536 ? 0 : errno == EPIPE ? 2 : 1);
	}
	close(ends[1]);
	usleep(20000);
	close(ends[0]);
	check(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) != 1,
		"pipe: closing wakes a writer");
	open_pipe(0);
	child = fork();
	if (child == 0) {
		usleep(20000);
		_exit(0);
	}
	close(ends[1]);
	check(read(ends[0], large, 1) == 0, "pipe: the last writer's exit wakes a reader");
	waitpid(child, &status, 0);
	close(ends[0]);
}

/* Several writers of whole records: none is torn. */
static void test_records(void)
{
	enum { WRITERS = 4, RECORDS = 50, SIZE = 1000 };
	char record[SIZE];
	int whole = 0, counts[WRITERS] = { 0 };
	size_t have = 0;
	ssize_t n;

	open_pipe(0);
	for (int w = 0; w < WRITERS; w++)
		if (fork() == 0) {
			memset(record, 'a' + w, SIZE);
			for (int i = 0; i < RECORDS; i++)
				if (write(ends[1], record, SIZE) != SIZE)
					_exit(1);
			_exit(0);
		}
	close(ends[1]);
	while ((n = read(ends[0], record + have, SIZE - have)) > 0) {
		have += (size_t)n;
		if (have < SIZE)
			continue;
		have = 0;
		for (int i = 0; i < SIZE && record[i] == record[0]; i++)
			have++;
		whole += have == SIZE;
		counts[(unsigned)(record[0] - 'a') % WRITERS]++;
		have = 0;
	}
	check(whole == WRITERS * RECORDS && counts[0] == RECORDS && counts[WRITERS - 1] == RECORDS,
		"pipe: records stay whole");
	while (wait(NULL) > 0)
		;
	close(ends[0]);
}

/* A checksum of 4 MiB through a chain of four processes. */
static void test_chain(void)
{
	enum { TOTAL = 4 << 20, STAGES = 4 };
	static char buffer[30000];
	uint32_t sum = 0, expected = 0, state = 1;
	int in = -1;
	ssize_t n;

	for (int stage = 0; stage <= STAGES; stage++) {
		open_pipe(0);
		if (fork() == 0) {
			close(ends[0]);
			for (int sent = 0; stage == 0 && sent < TOTAL; sent += 1 << 10) {
				for (int i = 0; i < 1 << 10; i++)
					buffer[i] = (char)((state = state * 1664525 + 1013904223) >> 24);
				if (write(ends[1], buffer, 1 << 10) != 1 << 10)
					_exit(1);
			}
			while (stage && (n = read(in, buffer, (size_t)(1000 + 7000 * stage))) > 0)
				if (write(ends[1], buffer, (size_t)n) != n)
					_exit(1);
			_exit(0);
		}
		close(ends[1]);
		if (in >= 0)
			close(in);
		in = ends[0];
	}
	for (int i = 0; i < TOTAL; i++)
		expected = expected * 31 + (unsigned char)((state = state * 1664525 + 1013904223) >> 24);
	while ((n = read(in, buffer, sizeof(buffer))) > 0)
		for (ssize_t i = 0; i < n; i++)
			sum = sum * 31 + (unsigned char)buffer[i];
	close(in);
	for (n = 0; wait(NULL) > 0; n++)
		;
	check(sum == expected && n == STAGES + 1, "pipe: 4 MiB through five processes");
}

/* --- readiness --- */

static short events_of(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, 0) >= 0 ? p.revents : -1;
}

static void test_poll(void)
{
	struct pollfd both[3];
	char byte;

	open_pipe(O_NONBLOCK);
	check(events_of(ends[0], POLLIN) == 0 && events_of(ends[1], POLLOUT) == POLLOUT, "poll: an empty pipe");
	check(write(ends[1], "x", 1) == 1 && events_of(ends[0], POLLIN) == POLLIN && events_of(ends[0], POLLOUT) == 0,
		"poll: readable");
	both[0] = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	both[1] = (struct pollfd){ .fd = ends[1], .events = POLLOUT };
	both[2] = (struct pollfd){ .fd = -1, .events = POLLIN };
	check(poll(both, 3, -1) == 2 && both[0].revents == POLLIN && both[1].revents == POLLOUT && both[2].revents == 0,
		"poll: several");
	both[2].fd = 999;
	check(poll(both, 3, -1) == 3 && both[2].revents == POLLNVAL, "poll: POLLNVAL");
	while (write(ends[1], both, sizeof(both)) > 0)
		;
	while (write(ends[1], "x", 1) > 0)
		;
	check(events_of(ends[1], POLLOUT) == 0, "poll: a full pipe");
	close(ends[1]);
	check(events_of(ends[0], POLLIN) == (POLLIN | POLLHUP), "poll: data and POLLHUP");
	while (read(ends[0], both, sizeof(both)) > 0)
		;
	check(events_of(ends[0], POLLIN) == POLLHUP && read(ends[0], &byte, 1) == 0, "poll: POLLHUP");
	close(ends[0]);
	open_pipe(0);
	close(ends[0]);
	check(events_of(ends[1], POLLOUT) == (POLLOUT | POLLERR), "poll: POLLERR");
	close(ends[1]);
	check_errno(poll(tap_pointer(8), 1, 0), EFAULT, "poll: bad pointer");
	check_errno(poll(tap_pointer((uintptr_t)both), 100000000, 0), EINVAL, "poll: too many");
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_poll_waits(void)
{
	/* The first alarm may come too early. */
	struct itimerval timer = { { 0, 20000 }, { 0, 20000 } }, off = { { 0, 0 }, { 0, 0 } };
	struct sigaction action = { .sa_handler = nothing, .sa_flags = SA_RESTART };
	struct timespec time = { 0, 20000000 };
	struct pollfd p;
	double start = seconds();
	fd_set set;

	open_pipe(0);
	p = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	check(poll(&p, 1, 30) == 0 && seconds() - start >= 0.03, "poll: the time runs out");
	if (fork() == 0) {
		usleep(10000);
		_exit(write(ends[1], "x", 1) == 1 ? 0 : 1);
	}
	check(poll(&p, 1, 10000) == 1 && p.revents == POLLIN, "poll: woken by a write");
	wait(NULL);
	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	check(select(ends[0] + 1, &set, NULL, NULL, NULL) == 1 && FD_ISSET(ends[0], &set), "select: readable");
	check(read(ends[0], &set, 1) == 1, "read: what was announced");
	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	check(pselect(ends[0] + 1, &set, NULL, NULL, &time, NULL) == 0 && !FD_ISSET(ends[0], &set),
		"pselect: the time runs out");
	check(ppoll(&p, 1, &time, NULL) == 0, "ppoll: the time runs out");
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	check_errno(poll(&p, 1, -1), EINTR, "poll: interrupted even with SA_RESTART");
	setitimer(ITIMER_REAL, &off, NULL);
	close_pipe();
}

/* --- descriptors --- */

static void test_descriptors(void)
{
	int copy, third;
	char byte;

	open_pipe(0);
	copy = dup(ends[1]);
	check(copy > ends[1] && write(copy, "d", 1) == 1 && read(ends[0], &byte, 1) == 1 && byte == 'd', "dup");
	check(dup2(ends[1], 50) == 50 && write(50, "e", 1) == 1 && read(ends[0], &byte, 1) == 1 && byte == 'e', "dup2");
	check(dup2(50, 50) == 50 && dup2(ends[0], 50) == 50 && write(50, "x", 1) == -1, "dup2: over an open one");
	check(dup3(ends[1], 51, O_CLOEXEC) == 51 && fcntl(51, F_GETFD) == FD_CLOEXEC && fcntl(50, F_GETFD) == 0,
		"dup3: O_CLOEXEC");
	check_errno(dup3(51, 51, 0), EINVAL, "dup3: the same");
	check_errno(dup2(900, 5), EBADF, "dup2: closed");
	check_errno(dup2(copy, -1), EBADF, "dup2: negative");
	check_errno(dup(-1), EBADF, "dup: negative");
	third = fcntl(copy, F_DUPFD, 60);
	check(third == 60 && fcntl(copy, F_DUPFD_CLOEXEC, 60) == 61 && fcntl(61, F_GETFD) == FD_CLOEXEC,
		"fcntl: F_DUPFD");
	close(copy);
	check(dup(ends[1]) == copy, "dup: the lowest free number");
	for (int fd = 50; fd < 62; fd++)
		close(fd);
	close(copy);
	close(ends[1]);
	check(read(ends[0], &byte, 1) == 0, "pipe: ends when all duplicates are closed");
	close(ends[0]);
	check_errno(fcntl(ends[0], F_GETFD), EBADF, "fcntl: closed");
}

/* A copy that comes to a bad address: what is whole counts. */
static void test_bad_memory(void)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), byte = 0;

	open_pipe(O_NONBLOCK);
	munmap(page + 4096, 4096);
	memcpy(page + 4090, "abcdef", 6);
	check_errno(write(ends[1], page + 4090, 10), EFAULT, "pipe: writing from bad memory");
	check_errno(read(ends[0], &byte, 1), EAGAIN, "pipe: nothing of it was written");
	check(write(ends[1], "0123456789", 10) == 10, "write");
	check_errno(read(ends[0], page + 4090, 10), EFAULT, "pipe: reading to bad memory");
	check(read(ends[0], &byte, 1) == 1 && byte == '0', "pipe: nothing of it was read");
	munmap(page, 4096);
	close_pipe();
}

/* A signalfd for a signal that waits. */
static void raise_blocked(int *fd)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR2);
	*fd = signalfd(-1, &set, 0);
}

static short ready_in_time(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, -1) < 0 ? -1 : p.revents;
}

/* Each write to a pipe is an edge. */
static void test_edges(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET }, got;
	int set = epoll_create1(0), count = eventfd(1, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0), signals;
	struct itimerspec at = { .it_value = { 0, 0 } };
	char byte;

	open_pipe(0);
	check(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event) == 0 && write(ends[1], "a", 1) == 1 &&
			epoll_wait(set, &got, 1, 0) == 1 && epoll_wait(set, &got, 1, 0) == 0,
		"epoll: a write is an edge");
	check(write(ends[1], "b", 1) == 1 && epoll_wait(set, &got, 1, 0) == 1 && epoll_wait(set, &got, 1, 0) == 0,
		"epoll: another");
	check(read(ends[0], &byte, 1) == 1 && epoll_wait(set, &got, 1, 0) == 0, "epoll: a read is none");
	check(events_of(count, POLLRDNORM | POLLWRNORM) == 0 &&
			events_of(count, POLLIN | POLLOUT) == (POLLIN | POLLOUT),
		"eventfd: says POLLIN and POLLOUT only");
	raise_blocked(&signals);
	at.it_value.tv_nsec = 1;
	check(timerfd_settime(timer, 0, &at, NULL) == 0 && ready_in_time(timer) == POLLIN &&
			events_of(timer, POLLRDNORM) == 0,
		"timerfd: says POLLIN only");
	check(events_of(signals, POLLIN) == POLLIN && events_of(signals, POLLRDNORM) == 0,
		"signalfd: says POLLIN only");
	close(timer);
	close(signals);
	close(count);
	close(set);
	close_pipe();
}

static void test_vectors(void)
{
	char a[4] = "", b[8] = "", c[4] = "";
	struct iovec out[] = { { "one", 3 }, { "", 0 }, { "twothree", 8 } }, in[] = { { a, 3 }, { b, 3 }, { c, 4 } };

	open_pipe(0);
	check(writev(ends[1], out, 3) == 11 && readv(ends[0], in, 3) == 10 && !memcmp(a, "one", 3) &&
			!memcmp(b, "two", 3) && !memcmp(c, "thre", 4),
		"readv and writev");
	check(writev(ends[1], out, 0) == 0, "writev: nothing");
	check_errno(readv(999, in, 3), EBADF, "readv: closed");
	close_pipe();
}

int main(void)
{
	test_ends();
	test_nonblocking();
	test_blocking();
	test_records();
	test_chain();
	test_poll();
	test_poll_waits();
	test_descriptors();
	test_bad_memory();
	test_edges();
	test_vectors();
	return tap_end();
}

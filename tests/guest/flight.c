/* Objects that no program can reach any more are freed: files in flight that only sockets in flight hold, and locks that are got
 * after their descriptor was closed. What can still be reached stays. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/guest/tap.h"

enum { NOBODY = 65534, LIMIT = 40, LONG = 100 };

static int send_files(int to, const int *fds, unsigned count)
{
	char control[CMSG_SPACE(8 * sizeof(int))] = { 0 };
	struct iovec byte = { "x", 1 };
	struct msghdr header = { .msg_iov = &byte, .msg_iovlen = 1, .msg_control = control };
	struct cmsghdr *first = (struct cmsghdr *)control;

	*first = (struct cmsghdr){ CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(first), fds, count * sizeof(int));
	header.msg_controllen = CMSG_SPACE(count * sizeof(int));
	return (int)sendmsg(to, &header, MSG_DONTWAIT);
}

static int receive_file(int from)
{
	char control[CMSG_SPACE(8 * sizeof(int))] = { 0 }, byte;
	struct iovec vector = { &byte, 1 };
	struct msghdr header = { .msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	int fd = -1;

	if (recvmsg(from, &header, MSG_DONTWAIT) == 1 && header.msg_controllen >= CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA((struct cmsghdr *)control), sizeof(int));
	return fd;
}

/* Whether all writing ends of the pipe are closed, soon. Linux looks for circles when a socket is closed, but may miss it. */
static bool ended(int end)
{
	struct pollfd wait = { .fd = end };

	for (int tries = 0; tries < 50; tries++) {
		if (poll(&wait, 1, 100) == 1)
			return wait.revents & POLLHUP;
		close(socket(AF_UNIX, SOCK_STREAM, 0));
	}
	return false;
}

static bool lives(int end)
{
	struct pollfd wait = { .fd = end };

	return poll(&wait, 1, 100) == 0;
}

static void close_both(const int *fds)
{
	close(fds[0]);
	close(fds[1]);
}

/* A socket of the kind in its own queue, together with a pipe's end. */
static void own_queue(int type, const char *name)
{
	int pair[2], ends[2];

	check(socketpair(AF_UNIX, type, 0, pair) == 0 && pipe(ends) == 0, name);
	check(send_files(pair[1], (int[]){ pair[0], ends[1] }, 2) == 1, "a socket in its own queue");
	close(ends[1]);
	check(lives(ends[0]), "which can be received");
	close_both(pair);
	check(ended(ends[0]), "and is closed with what hangs on it when it cannot");
	close(ends[0]);
}

/* Two pairs, each with ends of the other in its queues; another pair with a pipe hangs on them. */
static void each_other(void)
{
	int a[2], b[2], c[2], ends[2], kept;

	socketpair(AF_UNIX, SOCK_STREAM, 0, a);
	socketpair(AF_UNIX, SOCK_DGRAM, 0, b);
	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, c);
	check(pipe(ends) == 0, "a pipe");
	check(send_files(c[1], &ends[1], 1) == 1 && send_files(a[1], &c[0], 1) == 1, "in a queue, in a queue");
	check(send_files(a[1], b, 2) == 1 && send_files(b[1], a, 2) == 1, "two pairs in each other's queues");
	kept = dup(b[0]);
	close(ends[1]);
	close_both(a);
	close_both(b);
	close_both(c);
	check(lives(ends[0]), "one of them can be reached");
	a[0] = receive_file(kept);
	check(a[0] >= 0, "and what lies in its queue received");
	check(send_files(kept, &a[0], 1) == -1 || lives(ends[0]), "nothing is lost yet");
	close(kept);
	close(a[0]);
	check(ended(ends[0]), "now it is");
	close(ends[0]);
}

/* A connection that waits to be accepted has its listener in its queue. */
static void not_accepted(void)
{
	struct sockaddr_un name = { AF_UNIX, "" };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0), ends[2];
	socklen_t bytes = sizeof(name);

	check(bind(listener, (struct sockaddr *)&name, sizeof(sa_family_t)) == 0 && listen(listener, 5) == 0 &&
			getsockname(listener, (struct sockaddr *)&name, &bytes) == 0 &&
			connect(client, (struct sockaddr *)&name, bytes) == 0 && pipe(ends) == 0,
		"a connection that waits");
	check(send_files(client, (int[]){ listener, ends[1] }, 2) == 1, "with its listener in its queue");
	close(ends[1]);
	close(client);
	check(lives(ends[0]), "can be accepted");
	close(listener);
	check(ended(ends[0]), "or never again");
	close(ends[0]);
}

/* Each in the queue of the next. */
static void long_chain(void)
{
	int first[2], before[2], pair[2], ends[2];
	bool sent = true;

	check(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, first) == 0, "a chain");
	sent = send_files(first[1], &ends[1], 1) == 1;
	close(ends[1]);
	before[0] = dup(first[0]);
	before[1] = dup(first[1]);
	for (int i = 0; i < LONG; i++) {
		socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
		sent &= send_files(pair[1], before, 2) == 1;
		close_both(before);
		memcpy(before, pair, sizeof(pair));
	}
	sent &= send_files(first[1], pair, 2) == 1;
	check(sent && lives(ends[0]), "each of 100 in the next one's queue, and the last in the first one's");
	close_both(first);
	check(lives(ends[0]), "the last is still here");
	close_both(pair);
	check(ended(ends[0]), "and with it all go");
	close(ends[0]);
}

static void too_many(void)
{
	struct rlimit few = { LIMIT, LIMIT };
	int pair[2], sent = 0, error;

	check(setgid(NOBODY) == 0 && setuid(NOBODY) == 0 && setrlimit(RLIMIT_NOFILE, &few) == 0, "an ordinary user");
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
	while (send_files(pair[1], &pair[0], 1) == 1 && sent < 10 * LIMIT)
		sent++;
	error = errno;
	check(sent == LIMIT + 1 && error == ETOOMANYREFS, "may have so many files in flight");
	for (int i = 0; i < 5; i++)
		close(receive_file(pair[0]));
	check(send_files(pair[1], &pair[0], 1) == 1, "and more when some have arrived");
	close_both(pair);
	for (int i = 0; i < 50 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0; i++) {
		sent = send_files(pair[1], &pair[0], 1);
		close_both(pair);
		if (sent == 1)
			break;
		usleep(100000);
	}
	check(sent == 1, "those that nobody can receive do not count");
}

/* --- locks --- */

static int file;
static bool waiting;

static void *wait_for_lock(void *command)
{
	struct flock lock = { .l_type = F_WRLCK };
	long result;

	__atomic_store_n(&waiting, true, __ATOMIC_SEQ_CST);
	result = command ? flock(file, LOCK_EX) : fcntl(file, F_SETLKW, &lock);
	return result == -1 && errno == EBADF ? "EBADF" : result ? "other" : "got";
}

static void closed_while_waiting(bool whole)
{
	struct flock lock = { .l_type = F_WRLCK };
	int hold[2], fd;
	char byte;
	void *result;
	pthread_t thread;
	pid_t holder;

	check(pipe(hold) == 0, whole ? "flock" : "a record lock");
	waiting = false;
	file = open("lock", O_CREAT | O_RDWR, 0600);
	fd = open("lock", O_RDWR);
	holder = fork();
	if (holder == 0) {
		int own = open("lock", O_RDWR);

		if (whole ? flock(own, LOCK_EX) : fcntl(own, F_SETLK, &lock))
			_exit(1);
		if (write(hold[1], "x", 1) != 1)
			_exit(1);
		sleep(1);
		_exit(0);
	}
	check(read(hold[0], &byte, 1) == 1, "is held by another process");
	pthread_create(&thread, NULL, wait_for_lock, whole ? "" : NULL);
	while (!__atomic_load_n(&waiting, __ATOMIC_SEQ_CST))
		usleep(1000);
	usleep(200000);
	close(file);
	pthread_join(thread, &result);
	dprintf(1, "ok %s\n", (const char *)result);
	waitpid(holder, NULL, 0);
	holder = fork();
	if (holder == 0) {
		int own = open("lock", O_RDWR);

		_exit(whole ? flock(own, LOCK_EX | LOCK_NB) != 0 : fcntl(own, F_SETLK, &lock) != 0);
	}
	int status;

	check(waitpid(holder, &status, 0) == holder && status == 0, "is free for others afterwards");
	close(fd);
	close_both(hold);
}

static void odd_ranges(void)
{
	int fd = open("lock", O_RDWR);
	struct flock lock = { .l_type = F_WRLCK, .l_start = INT64_MAX, .l_len = 2 };

	check_errno(fcntl(fd, F_SETLK, &lock), EOVERFLOW, "a lock behind the last byte");
	lock.l_len = 1;
	check(fcntl(fd, F_SETLK, &lock) == 0, "of the last byte");
	lock = (struct flock){ .l_type = F_WRLCK, .l_start = 10, .l_len = -11 };
	check_errno(fcntl(fd, F_SETLK, &lock), EINVAL, "before the first");
	lock = (struct flock){ .l_type = F_WRLCK, .l_start = 10, .l_len = INT64_MIN };
	check_errno(fcntl(fd, F_SETLK, &lock), EINVAL, "far before");
	lock = (struct flock){ .l_type = F_WRLCK, .l_whence = 3 };
	check_errno(fcntl(fd, F_SETLK, &lock), EINVAL, "from nowhere");
	close(fd);
}

int main(void)
{
	tap_directory("flight");
	own_queue(SOCK_STREAM, "stream");
	own_queue(SOCK_DGRAM, "datagram");
	own_queue(SOCK_SEQPACKET, "packet");
	each_other();
	not_accepted();
	long_chain();
	closed_while_waiting(false);
	closed_while_waiting(true);
	odd_ranges();
	unlink("lock");
	too_many();
	return tap_end();
}

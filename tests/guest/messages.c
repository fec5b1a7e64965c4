/* UNIX sockets: datagrams and packets, files and credentials sent along. */
#include "sockets.h"

/* --- datagrams and packets --- */

static void test_datagrams(void)
{
	int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0), n;
	struct sockaddr_un name;
	socklen_t bytes = sizeof(name);

	do_bind(a, path("da"));
	do_bind(b, path("db"));
	check(sendto(a, "hello", 5, 0, (struct sockaddr *)&address, sizeof(address)) == 5 &&
			sendto(a, "", 0, 0, (struct sockaddr *)&address, sizeof(address)) == 0 &&
			sendto(a, "third", 5, 0, (struct sockaddr *)&address, sizeof(address)) == 5,
		"sendto: datagrams");
	check(ioctl(b, FIONREAD, &n) == 0 && n == 5 && events_of(b) == (POLLIN | POLLOUT),
		"datagrams: FIONREAD tells the first");
	check(recvfrom(b, buffer, 3, MSG_PEEK, (struct sockaddr *)&name, &bytes) == 3 && bytes == 5 &&
			!strcmp(name.sun_path, "da"),
		"recvfrom: MSG_PEEK, and from whom");
	check(recv(b, buffer, 3, MSG_TRUNC) == 5 && !memcmp(buffer, "hel", 3),
		"recv: MSG_TRUNC tells the whole length");
	check(recv(b, buffer, 100, 0) == 0 && says(b, "third"), "an empty datagram");
	check(do_connect(a, path("db")) == 0 && send(a, "x", 1, 0) == 1 && says(b, "x"), "connect: datagrams");
	bytes = sizeof(name);
	check(getpeername(a, (struct sockaddr *)&name, &bytes) == 0 && !strcmp(name.sun_path, "db"),
		"getpeername: datagrams");
	check(do_connect(b, path("db")) == 0, "connect: to itself");
	check_errno(send(a, "x", 1, 0), EPERM, "send: to one that is connected elsewhere");
	address.sun_family = AF_UNSPEC;
	check(do_connect(b, 2) == 0 && send(a, "y", 1, 0) == 1 && says(b, "y"), "connect: AF_UNSPEC disconnects");
	n = 0;
	while (send(a, "z", 1, MSG_DONTWAIT) == 1)
		n++;
	check(errno == EAGAIN && n >= 5 && n <= 300 && events_of(a) == 0, "send: the queue is full");
	check(says(b, "z") && events_of(a) == POLLOUT, "poll: room in the queue");
	check_errno(send(a, buffer, 250000, 0), EMSGSIZE, "send: too large");
	close(b);
	check_errno(send(a, "x", 1, 0), ECONNREFUSED, "send: to one that is gone");
	check_errno(send(a, "x", 1, 0), ENOTCONN, "send: not connected any more");
	check_errno(sendto(a, "x", 1, 0, (struct sockaddr *)&address, path("db")), ECONNREFUSED,
		"sendto: nobody there");
	close(a);
	unlink("da");
	unlink("db");
}

static void test_packets(void)
{
	struct iovec out[] = { { "pack", 4 }, { "et", 2 } }, in = { buffer, 3 };
	struct msghdr header = { .msg_iov = &in, .msg_iovlen = 1 };
	int ends[2], fd, c;

	signal(SIGPIPE, SIG_IGN);
	pair(ends, SOCK_SEQPACKET);
	check(writev(ends[0], out, 2) == 6 && write(ends[0], "second", 6) == 6 && says(ends[1], "packet") &&
			read(ends[1], buffer, 3) == 3,
		"packets stay apart, the rest of a packet is lost");
	check(write(ends[0], "again", 5) == 5 && recvmsg(ends[1], &header, 0) == 3 && header.msg_flags == MSG_TRUNC,
		"recvmsg: MSG_TRUNC");
	shutdown(ends[0], SHUT_WR);
	check(read(ends[1], buffer, 1) == 0 && recv(ends[1], buffer, 1, MSG_DONTWAIT) == 0, "packets: the end");
	close(ends[1]);
	check_errno(send(ends[0], "x", 1, 0), EPIPE, "packets: EPIPE");
	close(ends[0]);
	fd = server("@allod packets", SOCK_SEQPACKET);
	c = client("@allod packets", SOCK_SEQPACKET);
	ends[0] = accept(fd, NULL, NULL);
	check(send(c, "one", 3, 0) == 3 && send(c, "two", 3, 0) == 3 && says(ends[0], "one") && says(ends[0], "two"),
		"packets: a connection");
	close(c);
	check(read(ends[0], buffer, 1) == 0 && (events_of(ends[0]) & POLLHUP), "packets: closed");
	close(ends[0]);
	close(fd);
	signal(SIGPIPE, SIG_DFL);
}

/* --- messages --- */

/* Sends bytes with descriptors. */
static ssize_t send_files(int fd, const char *text, const int *fds, int count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(300 * sizeof(int))];
	} control = { .bytes = "" };
	struct iovec piece = { (void *)text, strlen(text) };
	struct msghdr header = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.bytes };
	struct cmsghdr *first;

	header.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
	first = CMSG_FIRSTHDR(&header);
	first->cmsg_level = SOL_SOCKET;
	first->cmsg_type = SCM_RIGHTS;
	first->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
	memcpy(CMSG_DATA(first), fds, (size_t)count * sizeof(int));
	return sendmsg(fd, &header, 0);
}

static struct {
	union {
		struct cmsghdr align;
		char bytes[200];
	} control;
	int fds[8], count, flags;
	size_t control_bytes;
	struct ucred from;
} got;

/* Receives bytes and what comes along into `got`. */
static ssize_t receive(int fd, size_t bytes, size_t control_bytes, int flags)
{
	struct iovec piece = { buffer, bytes };
	struct msghdr header = { .msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = got.control.bytes,
		.msg_controllen = control_bytes };
	ssize_t n;

	memset(&got, 0, sizeof(got));
	n = recvmsg(fd, &header, flags);
	got.flags = header.msg_flags;
	got.control_bytes = header.msg_controllen;
	for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
		if (c->cmsg_type == SCM_RIGHTS) {
			got.count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(got.fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
		}
		if (c->cmsg_type == SCM_CREDENTIALS)
			memcpy(&got.from, CMSG_DATA(c), sizeof(got.from));
	}
	return n;
}

static void close_got(void)
{
	for (int i = 0; i < got.count; i++)
		close(got.fds[i]);
}

static void test_rights(int type, const char *what)
{
	int ends[2], pipes[2], status, many[254];
	char name[100];

	pair(ends, type);
	if (pipe(pipes) < 0)
		return;
	snprintf(name, sizeof(name), "%s: SCM_RIGHTS between processes", what);
	if (fork() == 0) {
		close(pipes[0]);
		close(ends[0]);
		_exit(receive(ends[1], 10, 100, 0) == 3 && got.count == 1 && write(got.fds[0], "sent", 4) == 4 ? 0 : 1);
	}
	check(send_files(ends[0], "abc", &pipes[1], 1) == 3 && read(pipes[0], buffer, 10) == 4 && wait(&status) > 0 &&
			status == 0,
		name);
	snprintf(name, sizeof(name), "%s: two descriptors, MSG_CMSG_CLOEXEC", what);
	check(send_files(ends[0], "def", pipes, 2) == 3 && receive(ends[1], 10, 100, MSG_CMSG_CLOEXEC) == 3 &&
			got.count == 2 && fcntl(got.fds[1], F_GETFD) == FD_CLOEXEC &&
			got.control_bytes == CMSG_SPACE(8),
		name);
	close_got();
	snprintf(name, sizeof(name), "%s: room for one of two descriptors", what);
	check(send_files(ends[0], "ghi", pipes, 2) == 3 && receive(ends[1], 10, CMSG_LEN(4), 0) == 3 &&
			got.count == 1 && (got.flags & MSG_CTRUNC),
		name);
	close_got();
	snprintf(name, sizeof(name), "%s: MSG_PEEK gives descriptors too", what);
	check(send_files(ends[0], "jkl", pipes, 1) == 3 && receive(ends[1], 10, 100, MSG_PEEK) == 3 && got.count == 1,
		name);
	close_got();
	snprintf(name, sizeof(name), "%s: and the message keeps them", what);
	check(receive(ends[1], 10, 100, 0) == 3 && got.count == 1, name);
	close_got();
	snprintf(name, sizeof(name), "%s: a receiver without room drops them", what);
	check(send_files(ends[0], "mno", pipes, 1) == 3 && receive(ends[1], 10, 0, 0) == 3 && got.count == 0 &&
			(got.flags & MSG_CTRUNC),
		name);
	send_files(ends[0], "in flight", &pipes[1], 1);
	close(pipes[1]);
	close(ends[1]);
	snprintf(name, sizeof(name), "%s: descriptors on their way are closed with the socket", what);
	check(read(pipes[0], buffer, 1) == 0, name);
	close(ends[0]);
	pair(ends, type);
	snprintf(name, sizeof(name), "%s: a closed descriptor", what);
	many[0] = 300;
	check_errno(send_files(ends[0], "x", many, 1), EBADF, name);
	for (int i = 0; i < 254; i++)
		many[i] = pipes[0];
	snprintf(name, sizeof(name), "%s: too many descriptors", what);
	check_errno(send_files(ends[0], "x", many, 254), EINVAL, name);
	close(pipes[0]);
	close(ends[0]);
	close(ends[1]);
}

/* Bytes with descriptors are not joined to what comes after them. */
static void test_rights_in_stream(void)
{
	int ends[2];

	pair(ends, SOCK_STREAM);
	check(write(ends[0], "before", 6) == 6 && send_files(ends[0], "with", ends, 1) == 4 &&
			write(ends[0], "after", 5) == 5,
		"stream: bytes around descriptors");
	check(receive(ends[1], 100, 100, 0) == 10 && got.count == 1 && !memcmp(buffer, "beforewith", 10),
		"stream: bytes before descriptors come with them");
	close_got();
	check(receive(ends[1], 100, 100, 0) == 5 && got.count == 0, "stream: bytes behind descriptors do not");
	check(send_files(ends[0], "one", ends, 1) == 3 && send_files(ends[0], "two", ends, 1) == 3 &&
			receive(ends[1], 100, 100, 0) == 3 && got.count == 1,
		"stream: two messages with descriptors");
	close_got();
	check(receive(ends[1], 1, 100, 0) == 1 && got.count == 1 && receive(ends[1], 9, 100, 0) == 2 && got.count == 0,
		"stream: descriptors come with the first byte");
	close(ends[0]);
	close(ends[1]);
}

static void test_credentials(int type, const char *what)
{
	int ends[2], on = 1, status;
	char name[100];

	pair(ends, type);
	setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	snprintf(name, sizeof(name), "%s: SCM_CREDENTIALS", what);
	check(option_of(ends[1], SO_PASSCRED) == 1 && write(ends[0], "abc", 3) == 3 &&
			receive(ends[1], 10, 100, 0) == 3 && got.from.pid == getpid() && got.from.uid == getuid() &&
			got.control_bytes == CMSG_SPACE(12),
		name);
	if (fork() == 0)
		_exit(write(ends[0], "child", 5) == 5 ? 0 : 1);
	wait(&status);
	snprintf(name, sizeof(name), "%s: those of the sender, not of the one who connected", what);
	check(write(ends[0], "me", 2) == 2 && receive(ends[1], 100, 100, 0) == 5 && got.from.pid != getpid() &&
			receive(ends[1], 100, 100, 0) == 2 && got.from.pid == getpid(),
		name);
	snprintf(name, sizeof(name), "%s: credentials and descriptors", what);
	check(send_files(ends[0], "both", ends, 1) == 4 && receive(ends[1], 100, 100, 0) == 4 && got.count == 1 &&
			got.from.pid == getpid(),
		name);
	close_got();
	close(ends[0]);
	close(ends[1]);
}

static void test_many(void)
{
	struct iovec out[3] = { { "a", 1 }, { "bb", 2 }, { "ccc", 3 } }, in[3];
	struct mmsghdr slots[3] = { 0 };
	int ends[2];

	pair(ends, SOCK_DGRAM);
	for (int i = 0; i < 3; i++)
		slots[i].msg_hdr = (struct msghdr){ .msg_iov = &out[i], .msg_iovlen = 1 };
	check(sendmmsg(ends[0], slots, 3, 0) == 3 && slots[0].msg_len == 1 && slots[2].msg_len == 3, "sendmmsg");
	for (int i = 0; i < 3; i++) {
		in[i] = (struct iovec){ buffer + 10 * i, 10 };
		slots[i].msg_hdr.msg_iov = &in[i];
	}
	check(recvmmsg(ends[1], slots, 2, 0, NULL) == 2 && slots[1].msg_len == 2 && !memcmp(buffer + 10, "bb", 2),
		"recvmmsg");
	check(recvmmsg(ends[1], slots, 3, MSG_WAITFORONE, NULL) == 1 && slots[0].msg_len == 3,
		"recvmmsg: MSG_WAITFORONE");
	check_errno(recvmmsg(ends[1], slots, 3, MSG_DONTWAIT, NULL), EAGAIN, "recvmmsg: nothing");
	close(ends[1]);
	check_errno(send(ends[0], "x", 1, 0), ECONNREFUSED, "a pair for datagrams: the other end is closed");
	close(ends[0]);
}

/* Each socket is in a message of the next: dropping the last drops them all. */
static void test_chain(void)
{
	int before[2], after[2];

	pair(before, SOCK_STREAM);
	for (int i = 0; i < 400; i++) {
		pair(after, SOCK_STREAM);
		if (send_files(after[0], "x", before, 2) != 1)
			check(false, "sendmsg");
		close(before[0]);
		close(before[1]);
		memcpy(before, after, sizeof(before));
	}
	close(after[0]);
	close(after[1]);
	pair(after, SOCK_STREAM);
	check(after[1] < 20, "400 sockets inside each other are closed at once");
	close(after[0]);
	close(after[1]);
}

int main(void)
{
	tap_directory("messages");
	test_datagrams();
	test_packets();
	test_rights(SOCK_STREAM, "stream");
	test_rights(SOCK_DGRAM, "datagram");
	test_rights_in_stream();
	test_credentials(SOCK_STREAM, "stream");
	test_credentials(SOCK_DGRAM, "datagram");
	test_many();
	test_chain();
	return tap_end();
}

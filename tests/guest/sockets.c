/* UNIX sockets: names, connections, streams, datagrams and packets, files and credentials sent along, options, readiness. */
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

#include "tap.h"

static struct sockaddr_un address;
static char buffer[300000];

static socklen_t path(const char *name)
{
	memset(&address, 0, sizeof(address));
	address.sun_family = AF_UNIX;
	strcpy(address.sun_path, name);
	return sizeof(address);
}

static socklen_t abstract(const char *name)
{
	path("");
	strcpy(address.sun_path + 1, name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

static int do_bind(int fd, socklen_t bytes)
{
	return bind(fd, (struct sockaddr *)&address, bytes);
}

static int do_connect(int fd, socklen_t bytes)
{
	return connect(fd, (struct sockaddr *)&address, bytes);
}

static int server(const char *name, int type)
{
	int fd = socket(AF_UNIX, type, 0);

	if (do_bind(fd, *name == '@' ? abstract(name + 1) : path(name)) < 0 || listen(fd, 5) < 0)
		check(false, "a listening socket");
	return fd;
}

static int client(const char *name, int type)
{
	int fd = socket(AF_UNIX, type, 0);

	if (do_connect(fd, *name == '@' ? abstract(name + 1) : path(name)) < 0)
		check(false, "a connection");
	return fd;
}

static short events_of(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP };

	return poll(&p, 1, 0) >= 0 ? p.revents : -1;
}

static int option_of(int fd, int option)
{
	int value = -1;
	socklen_t bytes = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &bytes) == 0 ? value : -1;
}

static bool says(int fd, const char *text)
{
	ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

	return n == (ssize_t)strlen(text) && !memcmp(buffer, text, (size_t)n);
}

/* --- making and naming --- */

static void test_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	check(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK),
		"socket: flags");
	check(fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 07777) == 0777, "socket: fstat");
	check(option_of(fd, SO_TYPE) == SOCK_STREAM && option_of(fd, SO_DOMAIN) == AF_UNIX &&
			option_of(fd, SO_PROTOCOL) == 0 && option_of(fd, SO_ERROR) == 0 &&
			option_of(fd, SO_ACCEPTCONN) == 0,
		"getsockopt: what it is");
	check(events_of(fd) == (POLLOUT | POLLHUP), "poll: a new stream");
	check_errno(read(fd, buffer, 1), EINVAL, "read: not connected");
	check_errno(send(fd, "x", 1, MSG_NOSIGNAL), ENOTCONN, "send: not connected");
	check_errno(accept(fd, NULL, NULL), EINVAL, "accept: not listening");
	check_errno(listen(fd, 1), EINVAL, "listen: no name");
	check_errno(lseek(fd, 0, SEEK_CUR), ESPIPE, "lseek on a socket");
	check_errno(ftruncate(fd, 0), EINVAL, "ftruncate on a socket");
	close(fd);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	check(events_of(fd) == POLLOUT, "poll: a new socket for datagrams");
	check_errno(listen(fd, 1), EOPNOTSUPP, "listen: datagrams");
	check_errno(accept(fd, NULL, NULL), EOPNOTSUPP, "accept: datagrams");
	check_errno(send(fd, "x", 1, 0), ENOTCONN, "send: datagram to nobody");
	check_errno(recv(fd, buffer, 1, MSG_DONTWAIT), EAGAIN, "recv: no datagram");
	close(fd);
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	check_errno(recv(fd, buffer, 1, MSG_DONTWAIT), ENOTCONN, "recv: packets, not connected");
	check_errno(send(fd, "x", 1, 0), ENOTCONN, "send: packet, not connected");
	close(fd);
	check_errno(socket(AF_UNIX, 99, 0), EINVAL, "socket: bad flags");
	check_errno(socket(AF_UNIX, 9, 0), ESOCKTNOSUPPORT, "socket: bad type");
	check_errno(socket(AF_UNIX, SOCK_STREAM, 77), EPROTONOSUPPORT, "socket: bad protocol");
	check_errno(socket(77, SOCK_STREAM, 0), EAFNOSUPPORT, "socket: bad family");
	check_errno(bind(0, tap_pointer(8), 10), ENOTSOCK, "bind: not a socket");
	check_errno(send(77, "x", 1, 0), EBADF, "send: closed");
}

static void test_names(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), other = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un name;
	socklen_t bytes = sizeof(name);
	struct stat st;

	check(getsockname(fd, (struct sockaddr *)&name, &bytes) == 0 && bytes == 2 && name.sun_family == AF_UNIX,
		"getsockname: none");
	umask(027);
	check(do_bind(fd, path("s1")) == 0 && stat("s1", &st) == 0 && S_ISSOCK(st.st_mode) &&
			(st.st_mode & 07777) == 0750,
		"bind: a path makes a socket file");
	umask(022);
	bytes = sizeof(name);
	check(getsockname(fd, (struct sockaddr *)&name, &bytes) == 0 && bytes == 2 + 3 && !strcmp(name.sun_path, "s1"),
		"getsockname: a path");
	bytes = 4;
	memset(&name, 'x', sizeof(name));
	check(getsockname(fd, (struct sockaddr *)&name, &bytes) == 0 && bytes == 5 && name.sun_path[1] == '1' &&
			name.sun_path[2] == 'x',
		"getsockname: cut short");
	check_errno(getpeername(fd, (struct sockaddr *)&name, &bytes), ENOTCONN, "getpeername: not connected");
	check_errno(do_bind(other, path("s1")), EADDRINUSE, "bind: the file is there");
	check_errno(do_bind(fd, path("s2")), EINVAL, "bind: twice");
	check_errno(do_bind(other, path("no/s")), ENOENT, "bind: no directory");
	check_errno(open("s1", O_RDWR), ENXIO, "open: a socket file");
	check_errno(do_connect(other, path("s1")), ECONNREFUSED, "connect: nobody listens");
	check_errno(do_connect(other, path("s9")), ENOENT, "connect: no file");
	close(open("plain", O_CREAT | O_RDWR, 0600));
	check_errno(do_connect(other, path("plain")), ECONNREFUSED, "connect: not a socket file");
	check_errno(bind(other, (struct sockaddr *)&address, 1), EINVAL, "bind: address too short");
	check_errno(bind(other, (struct sockaddr *)&address, 200), EINVAL, "bind: address too long");
	check_errno(bind(other, tap_pointer(8), 20), EFAULT, "bind: bad pointer");
	address.sun_family = AF_INET;
	check_errno(bind(other, (struct sockaddr *)&address, 10), EINVAL, "bind: bad family");
	close(fd);
	check_errno(do_connect(other, path("s1")), ECONNREFUSED, "connect: the file outlives its socket");
	check(unlink("s1") == 0 && do_bind(other, path("s1")) == 0, "bind: again, after unlink");
	check(rename("s1", "s3") == 0 && listen(other, 1) == 0, "a bound socket file is renamed");
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	check(do_connect(fd, path("s3")) == 0, "connect: by the new name");
	close(fd);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	check_errno(do_connect(fd, path("s3")), EPROTOTYPE, "connect: another type");
	close(fd);
	close(other);
	unlink("s3");
}

static void test_abstract(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), other = socket(AF_UNIX, SOCK_STREAM, 0), third;
	struct sockaddr_un name;
	socklen_t bytes = sizeof(name), length = abstract("allod test one");

	check(do_bind(fd, length) == 0 && listen(fd, 1) == 0, "bind: an abstract name");
	check(getsockname(fd, (struct sockaddr *)&name, &bytes) == 0 && bytes == length &&
			!memcmp(name.sun_path, address.sun_path, length - 2),
		"getsockname: abstract");
	check_errno(do_bind(other, length), EADDRINUSE, "bind: the abstract name is taken");
	third = socket(AF_UNIX, SOCK_DGRAM, 0);
	check(do_bind(third, length) == 0, "bind: the same name of another type");
	close(third);
	check(do_connect(other, length) == 0, "connect: abstract");
	bytes = sizeof(name);
	check(getpeername(other, (struct sockaddr *)&name, &bytes) == 0 && bytes == length, "getpeername: abstract");
	close(fd);
	check_errno(do_connect(other, length), ECONNREFUSED, "connect: the abstract name ends with its socket");
	close(other);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	path("");
	bytes = sizeof(name);
	check(do_bind(fd, 2) == 0 && getsockname(fd, (struct sockaddr *)&name, &bytes) == 0 && bytes == 2 + 6 &&
			name.sun_path[0] == 0,
		"bind: any name");
	close(fd);
}

/* --- connections --- */

static void test_connection(void)
{
	int fd = server("s", SOCK_STREAM | SOCK_NONBLOCK), c, a;
	struct sockaddr_un name;
	socklen_t bytes = sizeof(name);
	struct ucred who;

	check(events_of(fd) == 0 && option_of(fd, SO_ACCEPTCONN) == 1, "poll: nobody calls");
	check_errno(accept(fd, NULL, NULL), EAGAIN, "accept: nobody");
	check_errno(read(fd, buffer, 1), EINVAL, "read: listening");
	check_errno(send(fd, "x", 1, MSG_NOSIGNAL), ENOTCONN, "send: listening");
	c = client("s", SOCK_STREAM);
	check(events_of(fd) == POLLIN, "poll: somebody calls");
	check(write(c, "early", 5) == 5 && events_of(c) == POLLOUT, "write: before it is accepted");
	a = accept4(fd, (struct sockaddr *)&name, &bytes, SOCK_CLOEXEC | SOCK_NONBLOCK);
	check(a >= 0 && bytes == 2 && fcntl(a, F_GETFD) == FD_CLOEXEC && fcntl(a, F_GETFL) == (O_RDWR | O_NONBLOCK),
		"accept4");
	check(says(a, "early"), "recv: what was sent early");
	check_errno(recv(a, buffer, 1, 0), EAGAIN, "recv: O_NONBLOCK");
	bytes = sizeof(name);
	check(getsockname(a, (struct sockaddr *)&name, &bytes) == 0 && bytes == 4 && !strcmp(name.sun_path, "s"),
		"getsockname: of an accepted one");
	bytes = sizeof(name);
	check(getpeername(c, (struct sockaddr *)&name, &bytes) == 0 && bytes == 4 && !strcmp(name.sun_path, "s"),
		"getpeername: the server's");
	bytes = sizeof(who);
	check(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &who, &bytes) == 0 && who.pid == getpid() && who.uid == getuid(),
		"SO_PEERCRED: the server");
	bytes = sizeof(who);
	check(getsockopt(a, SOL_SOCKET, SO_PEERCRED, &who, &bytes) == 0 && who.pid == getpid() && who.gid == getgid(),
		"SO_PEERCRED: the client");
	check_errno(do_connect(c, path("s")), EISCONN, "connect: twice");
	check_errno(do_connect(fd, path("s")), EINVAL, "connect: listening");
	check_errno(listen(c, 1), EINVAL, "listen: connected");
	check_errno(sendto(c, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)), EISCONN, "sendto: a stream");
	close(a);
	close(c);
	c = client("s", SOCK_STREAM);
	close(fd);
	check(events_of(c) == (POLLIN | POLLOUT | POLLHUP | POLLERR | POLLRDHUP), "poll: never accepted");
	check_errno(read(c, buffer, 1), ECONNRESET, "read: never accepted");
	check(read(c, buffer, 1) == 0, "read: after the error");
	close(c);
	unlink("s");
}

static void test_backlog(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), c[3], status;
	pid_t child;

	do_bind(fd, path("b"));
	listen(fd, 0);
	c[0] = client("b", SOCK_STREAM);
	c[1] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	check_errno(do_connect(c[1], path("b")), EAGAIN, "connect: the backlog is full");
	child = fork();
	if (child == 0) {
		c[2] = client("b", SOCK_STREAM);
		_exit(write(c[2], "2", 1) == 1 ? 0 : 1);
	}
	usleep(20000);
	close(accept(fd, NULL, NULL));
	c[2] = accept(fd, NULL, NULL);
	check(c[2] >= 0 && says(c[2], "2") && waitpid(child, &status, 0) == child && status == 0,
		"connect: waits for room in the backlog");
	close(c[0]);
	close(c[1]);
	close(c[2]);
	child = fork();
	if (child == 0) {
		int a = accept(fd, NULL, NULL);

		_exit(says(a, "hello") && write(a, "answer", 6) == 6 ? 0 : 1);
	}
	usleep(20000);
	c[0] = client("b", SOCK_STREAM);
	check(write(c[0], "hello", 5) == 5 && says(c[0], "answer"), "accept: waits for a call");
	check(waitpid(child, &status, 0) == child && status == 0 && read(c[0], buffer, 1) == 0,
		"the other process ends");
	close(c[0]);
	close(fd);
	unlink("b");
}

/* Several clients at once, one server with epoll. */
static void test_server(void)
{
	enum { CLIENTS = 6, ROUNDS = 40 };
	int fd = server("@allod many", SOCK_STREAM), set = epoll_create1(0), open_now = 0, served = 0, failed = 0,
	    status;
	struct epoll_event event = { EPOLLIN, { .fd = fd } }, events[4];

	for (int i = 0; i < CLIENTS; i++)
		if (fork() == 0) {
			int c = client("@allod many", SOCK_STREAM);
			char text[40], want[50];

			for (int n = 0; n < ROUNDS; n++) {
				int bytes = sprintf(text, "%d of %d", n, i);

				sprintf(want, "<%s>", text);
				if (write(c, text, (size_t)bytes) != bytes || !says(c, want))
					_exit(1);
			}
			_exit(0);
		}
	epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
	for (int accepted = 0; accepted < CLIENTS || open_now;) {
		int count = epoll_wait(set, events, 4, 10000);

		if (count <= 0)
			break;
		for (int i = 0; i < count; i++) {
			char text[60] = "<";
			ssize_t n;

			if (events[i].data.fd == fd) {
				event.data.fd = accept(fd, NULL, NULL);
				epoll_ctl(set, EPOLL_CTL_ADD, event.data.fd, &event);
				accepted++;
				open_now++;
				continue;
			}
			n = read(events[i].data.fd, text + 1, 50);
			if (n > 0) {
				strcpy(text + 1 + n, ">");
				served += write(events[i].data.fd, text, (size_t)n + 2) == n + 2;
			} else {
				close(events[i].data.fd);
				open_now--;
			}
		}
	}
	while (wait(&status) > 0)
		failed += status != 0;
	check(failed == 0 && served == CLIENTS * ROUNDS, "a server with epoll and six clients");
	close(set);
	close(fd);
}

/* --- streams --- */

static void pair(int ends[2], int type)
{
	if (socketpair(AF_UNIX, type, 0, ends) < 0)
		check(false, "socketpair");
}

static void test_stream(void)
{
	struct iovec out[] = { { "one", 3 }, { "", 0 }, { "twothree", 8 } },
		     in[] = { { buffer, 4 }, { buffer + 10, 90 } };
	int ends[2], n;

	pair(ends, SOCK_STREAM);
	check(events_of(ends[0]) == POLLOUT, "poll: a new pair");
	check(write(ends[0], "first", 5) == 5 && write(ends[0], "second", 6) == 6 &&
			ioctl(ends[1], FIONREAD, &n) == 0 && n == 11 && events_of(ends[1]) == (POLLIN | POLLOUT),
		"stream: FIONREAD");
	check(recv(ends[1], buffer, 8, MSG_PEEK) == 8 && !memcmp(buffer, "firstsec", 8) && says(ends[1], "firstsecond"),
		"stream: MSG_PEEK");
	check(writev(ends[0], out, 3) == 11 && readv(ends[1], in, 2) == 11 && !memcmp(buffer, "onet", 4) &&
			!memcmp(buffer + 10, "wothree", 7),
		"stream: readv and writev");
	check(write(ends[0], "1234", 4) == 4 && readv(ends[1], in, 2) == 4,
		"stream: readv does not wait for the second piece");
	check_errno(recv(ends[1], buffer, 1, MSG_DONTWAIT), EAGAIN, "stream: MSG_DONTWAIT");
	check(write(ends[0], "", 0) == 0 && send(ends[0], "", 0, 0) == 0 && read(ends[1], buffer, 0) == 0,
		"stream: nothing");
	check_errno(write(ends[0], tap_pointer(8), 5), EFAULT, "stream: sending from a bad pointer");
	if (write(ends[0], "x", 1) == 1)
		check_errno(read(ends[1], tap_pointer(8), 5), EFAULT, "stream: receiving to a bad pointer");
	close(ends[0]);
	close(ends[1]);
}

static void test_large(void)
{
	int ends[2], status;
	size_t total = 0, got = 0;
	ssize_t n;

	pair(ends, SOCK_STREAM);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	memset(buffer, 'L', sizeof(buffer));
	n = write(ends[0], buffer, sizeof(buffer));
	check(n > 150000 && n < 300000, "stream: as much as fits");
	total = (size_t)n;
	check_errno(write(ends[0], buffer, 1000), EAGAIN, "stream: full");
	check(events_of(ends[0]) == 0, "poll: a full stream");
	while (got < total && (n = read(ends[1], buffer, 50000)) > 0)
		got += (size_t)n;
	check(got == total && events_of(ends[0]) == POLLOUT, "poll: an empty stream again");
	fcntl(ends[0], F_SETFL, 0);
	if (fork() == 0) {
		close(ends[1]);
		for (int i = 0; i < 20; i++) {
			memset(buffer, 'a' + i, 100000);
			if (write(ends[0], buffer, 100000) != 100000)
				_exit(1);
		}
		_exit(0);
	}
	close(ends[0]);
	usleep(20000);
	for (got = 0, status = 0; (n = recv(ends[1], buffer, 100000, MSG_WAITALL)) > 0; got += (size_t)n)
		status += n == 100000 && buffer[0] == buffer[99999] && buffer[0] == 'a' + (char)(got / 100000);
	check(got == 2000000 && status == 20, "stream: 2 MB, MSG_WAITALL");
	wait(&status);
	check(status == 0, "stream: the writer waits for room");
	close(ends[1]);
}

static void test_closing(void)
{
	int ends[2], status;

	signal(SIGPIPE, SIG_IGN);
	pair(ends, SOCK_STREAM);
	check(write(ends[0], "last", 4) == 4 && shutdown(ends[0], SHUT_WR) == 0 && says(ends[1], "last") &&
			read(ends[1], buffer, 1) == 0,
		"shutdown: SHUT_WR");
	check(events_of(ends[1]) == (POLLIN | POLLOUT | POLLRDHUP) && events_of(ends[0]) == POLLOUT,
		"poll: one way is closed");
	check_errno(write(ends[0], "x", 1), EPIPE, "write: after SHUT_WR");
	check(write(ends[1], "back", 4) == 4 && says(ends[0], "back"), "the other way is open");
	check(shutdown(ends[0], SHUT_RD) == 0 && read(ends[0], buffer, 1) == 0, "shutdown: SHUT_RD");
	check_errno(write(ends[1], "x", 1), EPIPE, "write: nobody reads");
	check(events_of(ends[0]) == (POLLIN | POLLOUT | POLLHUP | POLLRDHUP), "poll: both ways are closed");
	check_errno(shutdown(ends[0], 3), EINVAL, "shutdown: bad way");
	close(ends[0]);
	close(ends[1]);
	pair(ends, SOCK_STREAM);
	check(write(ends[0], "unread", 6) == 6, "write");
	close(ends[1]);
	check(events_of(ends[0]) == (POLLIN | POLLOUT | POLLHUP | POLLERR | POLLRDHUP),
		"poll: closed with unread data");
	check(option_of(ends[0], SO_ERROR) == ECONNRESET && option_of(ends[0], SO_ERROR) == 0, "SO_ERROR: ECONNRESET");
	check(events_of(ends[0]) == (POLLIN | POLLOUT | POLLHUP | POLLRDHUP), "poll: closed");
	check_errno(write(ends[0], "x", 1), EPIPE, "write: closed");
	close(ends[0]);
	pair(ends, SOCK_STREAM);
	close(ends[1]);
	signal(SIGPIPE, SIG_DFL);
	if (fork() == 0)
		_exit(send(ends[0], "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE ? (int)write(ends[0], "x", 1) : 1);
	wait(&status);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE, "SIGPIPE, but not with MSG_NOSIGNAL");
	close(ends[0]);
}

static void nothing(int number)
{
	(void)number;
}

static void test_waiting(void)
{
	struct timeval short_time = { 0, 30000 };
	struct itimerval timer = { .it_value.tv_usec = 20000 };
	struct sigaction action = { .sa_handler = nothing, .sa_flags = SA_RESTART };
	struct timeval told;
	socklen_t bytes = sizeof(told);
	int ends[2], status;

	pair(ends, SOCK_STREAM);
	check(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof(short_time)) == 0 &&
			getsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &told, &bytes) == 0 && told.tv_usec >= 29000,
		"SO_RCVTIMEO");
	check_errno(read(ends[0], buffer, 1), EAGAIN, "read: the time runs out");
	sigaction(SIGALRM, &action, NULL);
	short_time.tv_sec = 100;
	setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof(short_time));
	setitimer(ITIMER_REAL, &timer, NULL);
	check_errno(read(ends[0], buffer, 1), EINTR, "read: with a timeout a signal ends it even with SA_RESTART");
	if (fork() == 0) {
		usleep(60000);
		_exit(write(ends[1], "late", 4) == 4 ? 0 : 1);
	}
	memset(&short_time, 0, sizeof(short_time));
	setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof(short_time));
	setitimer(ITIMER_REAL, &timer, NULL);
	check(says(ends[0], "late"), "read: started again after a signal with SA_RESTART");
	wait(&status);
	if (fork() == 0) {
		usleep(20000);
		_exit(0);
	}
	close(ends[1]);
	check(read(ends[0], buffer, 1) == 0, "read: the other process's exit wakes it");
	wait(&status);
	close(ends[0]);
}

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

static void test_options(void)
{
	int ends[2], value = 1;
	socklen_t bytes = sizeof(value);

	pair(ends, SOCK_STREAM);
	check(setsockopt(ends[0], SOL_SOCKET, SO_REUSEADDR, &value, sizeof(value)) == 0 &&
			option_of(ends[0], SO_REUSEADDR) == 1 && option_of(ends[0], SO_KEEPALIVE) == 0,
		"setsockopt: SO_REUSEADDR");
	value = 10000;
	check(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof(value)) == 0 &&
			option_of(ends[0], SO_SNDBUF) == 20000 && option_of(ends[1], SO_SNDBUF) == 212992,
		"setsockopt: SO_SNDBUF");
	check(setsockopt(ends[0], SOL_SOCKET, SO_RCVBUF, &value, sizeof(value)) == 0 &&
			option_of(ends[0], SO_RCVBUF) == 20000,
		"setsockopt: SO_RCVBUF");
	check_errno(setsockopt(ends[0], SOL_SOCKET, 999, &value, sizeof(value)), ENOPROTOOPT,
		"setsockopt: unknown option");
	check_errno(setsockopt(ends[0], SOL_SOCKET, SO_REUSEADDR, &value, 2), EINVAL, "setsockopt: too short");
	check_errno(setsockopt(ends[0], 6, 1, &value, sizeof(value)), EOPNOTSUPP, "setsockopt: TCP_NODELAY");
	check_errno(getsockopt(ends[0], 6, 1, &value, &bytes), EOPNOTSUPP, "getsockopt: TCP_NODELAY");
	bytes = 1;
	value = 0x7777;
	check(getsockopt(ends[0], SOL_SOCKET, SO_TYPE, &value, &bytes) == 0 && bytes == 1 && value == 0x7701,
		"getsockopt: cut short");
	check(option_of(ends[0], SO_RCVLOWAT) == 1, "getsockopt: SO_RCVLOWAT");
	close(ends[0]);
	close(ends[1]);
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
	tap_directory("sockets");
	test_socket();
	test_names();
	test_abstract();
	test_connection();
	test_backlog();
	test_server();
	test_stream();
	test_large();
	test_closing();
	test_waiting();
	test_datagrams();
	test_packets();
	test_rights(SOCK_STREAM, "stream");
	test_rights(SOCK_DGRAM, "datagram");
	test_rights_in_stream();
	test_credentials(SOCK_STREAM, "stream");
	test_credentials(SOCK_DGRAM, "datagram");
	test_many();
	test_options();
	test_chain();
	return tap_end();
}

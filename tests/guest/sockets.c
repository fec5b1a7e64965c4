/* UNIX sockets: names, connections, streams, options, readiness. Messages: messages.c. */
#include "sockets.h"

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
	/* The first alarm may come too early. */
	struct itimerval timer = { { 0, 20000 }, { 0, 20000 } }, off = { { 0, 0 }, { 0, 0 } };
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
	setitimer(ITIMER_REAL, &off, NULL);
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
	test_options();
	return tap_end();
}

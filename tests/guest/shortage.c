/* Every allocation failed once, in what programs do with files, pipes, sockets and terminals. Runs on Allod only, and only if
 * it was booted with `test=fail`. */
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

#include "shortage.h"

enum { PAGE = 4096 };

static void close_both(const int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

/* The outcome of a call whose result is a descriptor, which is closed again. */
static int outcome_of_open(int fd)
{
	int error = outcome(fd);

	close(error ? -1 : fd);
	return error;
}

/* --- files --- */

/* The Linux service sees the pages of so many files through places of their own, whose page tables stay. */
static void use_slots(void)
{
	enum { SLOTS = 64 };
	char name[20];

	for (int i = 0; i < SLOTS; i++) {
		snprintf(name, sizeof(name), "slot%d", i);
		int fd = open(name, O_CREAT | O_RDWR, 0600);

		if (write(fd, name, sizeof(name)) < 0)
			perror(name);
		close(fd);
	}
	for (int i = 0; i < SLOTS; i++) {
		snprintf(name, sizeof(name), "slot%d", i);
		unlink(name);
	}
}

static int do_create(void)
{
	int fd, error;

	arm();
	fd = open("new", O_CREAT | O_EXCL | O_RDWR, 0600);
	error = outcome(fd);
	if (error)
		return access("new", F_OK) == 0 ? EEXIST : error;
	close(fd);
	return unlink("new") ? errno : 0;
}

static int do_open(void)
{
	arm();
	return outcome_of_open(open("/etc/passwd", O_RDONLY));
}

static int do_write(void)
{
	static char block[3 * PAGE];
	int fd = open("new", O_CREAT | O_RDWR, 0600), error;
	ssize_t written;

	arm();
	written = write(fd, block, sizeof(block));
	error = outcome(written);
	if (!error && lseek(fd, 0, SEEK_END) != written)
		error = EIO;
	close(fd);
	unlink("new");
	return error;
}

static int do_mkdir(void)
{
	int error;

	arm();
	error = outcome(mkdir("folder", 0700));
	if (error)
		return access("folder", F_OK) == 0 ? EEXIST : error;
	return rmdir("folder") ? errno : 0;
}

static int do_unlink(void)
{
	int fd = open("new", O_CREAT | O_RDWR, 0600), error;

	close(fd);
	arm();
	error = outcome(unlink("new"));
	if (error && unlink("new"))
		return errno;
	return error;
}

static int do_rename(void)
{
	int error;

	close(open("new", O_CREAT | O_RDWR, 0600));
	arm();
	error = outcome(rename("new", "other"));
	if (unlink(error ? "new" : "other") || access("new", F_OK) == 0 || access("other", F_OK) == 0)
		return EIO;
	return error;
}

static int do_symlink(void)
{
	char where[10];
	int error;

	arm();
	error = outcome(symlink("where", "link"));
	if (error)
		return access("link", F_OK) == 0 ? EEXIST : error;
	return readlink("link", where, sizeof(where)) != 5 || unlink("link") ? EIO : 0;
}

static int do_link(void)
{
	int error;

	close(open("new", O_CREAT | O_RDWR, 0600));
	arm();
	error = outcome(link("new", "other"));
	unlink("new");
	if (!error && unlink("other"))
		return errno;
	return error;
}

static int do_list(void)
{
	static char entries[4096];
	int fd = open("/etc", O_RDONLY | O_DIRECTORY), error;

	arm();
	error = outcome(syscall(SYS_getdents64, fd, entries, sizeof(entries)));
	close(fd);
	return error;
}

static int do_proc(void)
{
	static char text[8192];
	int fd, error;

	arm();
	fd = open("/proc/self/maps", O_RDONLY);
	error = outcome(fd);
	if (error)
		return error;
	/* All of it, or none. */
	if (read(fd, text, sizeof(text) - 1) < 100)
		error = EIO;
	close(fd);
	return error;
}

static int do_dup(void)
{
	arm();
	return outcome_of_open(dup(1));
}

/* A table of descriptors that has to grow, in a child: it never shrinks. */
static int dup_far(void)
{
	enum { FAR = 700 };
	int error;

	arm();
	error = outcome(dup2(1, FAR) == FAR ? 0 : -1);
	if (fcntl(1, F_GETFD) < 0 || (error && (fcntl(FAR, F_GETFD) >= 0 || dup2(1, FAR) != FAR)))
		error = EIO;
	return error;
}

static int do_dup_far(void)
{
	return in_child(dup_far);
}

static int do_memfd(void)
{
	int fd, error;

	arm();
	fd = (int)syscall(SYS_memfd_create, "memory", 0);
	error = outcome(fd < 0 || write(fd, "abc", 3) != 3 ? -1 : 0);
	close(fd);
	return error;
}

static int do_fifo(void)
{
	int fd, error;

	if (mkfifo("fifo", 0600))
		return errno;
	arm();
	fd = open("fifo", O_RDWR);
	error = outcome(fd < 0 || write(fd, "abc", 3) != 3 ? -1 : 0);
	close(fd);
	return unlink("fifo") ? errno : error;
}

static int do_truncate(void)
{
	int fd = open("new", O_CREAT | O_RDWR, 0600), error;
	char byte = 'x';

	if (pwrite(fd, &byte, 1, 5 * PAGE) != 1)
		return EIO;
	arm();
	error = outcome(ftruncate(fd, PAGE + 100));
	if (lseek(fd, 0, SEEK_END) != (error ? 5 * PAGE + 1 : PAGE + 100))
		error = EIO;
	close(fd);
	unlink("new");
	return error;
}

static int do_lock(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 10 };
	int fd = open("new", O_CREAT | O_RDWR, 0600), error;

	arm();
	error = outcome(fcntl(fd, F_SETLK, &lock) || flock(fd, LOCK_EX) ? -1 : 0);
	close(fd);
	unlink("new");
	return error;
}

/* Names and contents of files that nobody has looked at yet, which the server is asked for. */
static int do_fresh(void)
{
	static DIR *folder;
	const struct dirent *entry;
	char path[300], first = 0;
	int fd, error;

	if (!folder)
		folder = opendir("/usr/include/linux");
	do
		entry = folder ? readdir(folder) : NULL;
	while (entry && entry->d_type != DT_REG);
	if (!entry)
		return ENODATA;
	snprintf(path, sizeof(path), "/usr/include/linux/%s", entry->d_name);
	arm();
	fd = open(path, O_RDONLY);
	error = outcome(fd < 0 || read(fd, &first, 1) != 1 ? -1 : 0);
	close(fd);
	/* It is found all the same, and has what it has. */
	fd = open(path, O_RDONLY);
	if (read(fd, path, 2) != 2 || (path[0] != '/' && path[0] != '#') || (first && first != path[0]))
		error = EIO;
	close(fd);
	return error;
}

/* --- pipes and events --- */

static int do_pipe(void)
{
	int fds[2], error;

	arm();
	error = outcome(pipe(fds));
	if (!error)
		close_both(fds);
	return error;
}

static int do_pipe_write(void)
{
	static char block[3 * PAGE];
	int fds[2], error;

	if (pipe(fds))
		return errno;
	arm();
	error = outcome(write(fds[1], block, sizeof(block)) < 0 || read(fds[0], block, sizeof(block)) < 0 ? -1 : 0);
	close_both(fds);
	return error;
}

static int do_eventfd(void)
{
	arm();
	return outcome_of_open(eventfd(0, 0));
}

static int do_timerfd(void)
{
	const struct itimerspec soon = { .it_value = { 0, 1000000 } };
	uint64_t times;
	int fd, error;

	arm();
	fd = timerfd_create(CLOCK_MONOTONIC, 0);
	error = outcome(fd < 0 || timerfd_settime(fd, 0, &soon, NULL) || read(fd, &times, 8) != 8 ? -1 : 0);
	close(fd);
	return error;
}

static int do_signalfd(void)
{
	struct signalfd_siginfo info;
	sigset_t set;
	int fd, error;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	arm();
	fd = signalfd(-1, &set, 0);
	error = outcome(fd);
	if (!error) {
		raise(SIGUSR1);
		error = read(fd, &info, sizeof(info)) == sizeof(info) && info.ssi_signo == SIGUSR1 ? 0 : EIO;
		close(fd);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return error;
}

static int do_epoll(void)
{
	struct epoll_event event = { .events = EPOLLOUT }, out;
	int fds[2], set, error;

	if (pipe(fds))
		return errno;
	arm();
	set = epoll_create1(0);
	error = outcome(
		set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fds[1], &event) || epoll_wait(set, &out, 1, -1) != 1 ? -1 : 0);
	close(set);
	close_both(fds);
	return error;
}

/* An event that there is no memory for is told as lost. */
static int do_inotify(void)
{
	struct inotify_event event[20];
	int fd, error;

	arm();
	fd = inotify_init1(IN_NONBLOCK);
	error = outcome(fd < 0 || inotify_add_watch(fd, ".", IN_CREATE) != 1 || mkdir("watched", 0700) ? -1 : 0);
	if (!error && (read(fd, event, sizeof(event)) <= 0 || !(event->mask & (IN_CREATE | IN_Q_OVERFLOW))))
		error = EPROTO;
	rmdir("watched");
	close(fd);
	return error;
}

static int do_pidfd(void)
{
	int fd, error;

	arm();
	fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	error = outcome(fd);
	close(fd);
	return error;
}

static int do_splice(void)
{
	int fds[2], more[2], error;

	if (pipe(fds) || pipe(more) || write(fds[1], "text", 4) != 4)
		return errno;
	arm();
	error = outcome(fcntl(fds[1], F_SETPIPE_SZ, 1 << 17) < 0 || tee(fds[0], more[1], 4, 0) != 4 ||
				splice(fds[0], NULL, more[1], NULL, 4, 0) != 4
			? -1
			: 0);
	close_both(fds);
	close_both(more);
	return error;
}

static int do_poll(void)
{
	struct pollfd polled[30];
	int fds[2], error;

	if (pipe(fds))
		return errno;
	for (int i = 0; i < 30; i++)
		polled[i] = (struct pollfd){ .fd = fds[0], .events = POLLIN };
	arm();
	error = outcome(poll(polled, 30, 2));
	close_both(fds);
	return error;
}

/* --- sockets and terminals --- */

static int do_socketpair(void)
{
	char byte = 0;
	int fds[2], error;

	arm();
	error = outcome(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	if (error)
		return error;
	if (write(fds[0], &byte, 1) != 1 || read(fds[1], &byte, 1) != 1)
		error = EIO;
	close_both(fds);
	return error;
}

static int do_datagram(void)
{
	char text[300] = "";
	int fds[2], error;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fds))
		return errno;
	arm();
	error = outcome(send(fds[0], text, sizeof(text), 0));
	if (!error && recv(fds[1], text, sizeof(text), MSG_DONTWAIT) != sizeof(text))
		error = EIO;
	close_both(fds);
	return error;
}

/* Sends a descriptor, receives it. */
static int pass(const int fds[2], bool fail_sending)
{
	char byte = 0;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec piece = { &byte, 1 };
	struct msghdr message = { NULL, 0, &piece, 1, &control, sizeof(control), 0 };
	int error, fd;

	*(int *)(void *)CMSG_DATA(&control.header) = 1;
	if (fail_sending)
		arm();
	error = sendmsg(fds[0], &message, 0) < 0 ? errno : 0;
	if (fail_sending)
		disarm();
	if (error)
		return error;
	control.header.cmsg_len = 0;
	if (!fail_sending)
		arm();
	error = recvmsg(fds[1], &message, MSG_DONTWAIT) < 0 ? errno : 0;
	if (!fail_sending)
		disarm();
	if (error) /* it is there still */
		return recvmsg(fds[1], &message, MSG_DONTWAIT) == 1 ? error : EIO;
	if (message.msg_controllen < sizeof(struct cmsghdr))
		return message.msg_flags & MSG_CTRUNC ? ENOMEM : EIO;
	fd = *(int *)(void *)CMSG_DATA(&control.header);
	return close(fd) ? errno : 0;
}

static int do_pass(bool fail_sending)
{
	int fds[2], error;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		return errno;
	error = pass(fds, fail_sending);
	close_both(fds);
	return error;
}

static int do_send_descriptor(void)
{
	return do_pass(true);
}

static int do_receive_descriptor(void)
{
	return do_pass(false);
}

/* Between two that have names, one of its own accord. */
static int do_named_datagram(void)
{
	struct sockaddr_un name = { AF_UNIX, "receiver" }, from;
	const sa_family_t any = AF_UNIX;
	socklen_t bytes = sizeof(from);
	int receiver = socket(AF_UNIX, SOCK_DGRAM, 0), sender, error;
	char text[20];

	if (bind(receiver, (struct sockaddr *)&name, sizeof(name)))
		return errno;
	arm();
	sender = socket(AF_UNIX, SOCK_DGRAM, 0);
	error = outcome(sender < 0 || bind(sender, (const struct sockaddr *)&any, sizeof(any)) ||
				sendto(sender, "abc", 3, 0, (struct sockaddr *)&name, sizeof(name)) != 3
			? -1
			: 0);
	if (!error &&
		(recvfrom(receiver, text, sizeof(text), 0, (struct sockaddr *)&from, &bytes) != 3 ||
			bytes <= sizeof(any)))
		error = EIO;
	close(sender);
	close(receiver);
	unlink("receiver");
	return error;
}

static int do_listen(void)
{
	struct sockaddr_un name = { AF_UNIX, "listener" };
	int fd, error;

	arm();
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	error = outcome(fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)) || listen(fd, 5) ? -1 : 0);
	close(fd);
	unlink("listener");
	return error;
}

/* A connection from end to end. */
static int connection(int family, const struct sockaddr *name, socklen_t bytes)
{
	struct sockaddr_storage real;
	socklen_t real_bytes = sizeof(real);
	int listener = socket(family, SOCK_STREAM, 0), client, server = -1, error;
	char byte = 0;

	if (bind(listener, name, bytes) || listen(listener, 5) ||
		getsockname(listener, (struct sockaddr *)&real, &real_bytes))
		return errno;
	arm();
	client = socket(family, SOCK_STREAM, 0);
	error = client < 0 || connect(client, (struct sockaddr *)&real, real_bytes) ? errno : 0;
	if (!error) {
		server = accept(listener, NULL, NULL);
		error = server < 0 ? errno : 0;
	}
	disarm();
	if (!error && (write(client, &byte, 1) != 1 || read(server, &byte, 1) != 1))
		error = EIO;
	close(client);
	close(server);
	close(listener);
	return error;
}

static int do_connect(void)
{
	struct sockaddr_un name = { AF_UNIX, "listener" };
	int error = connection(AF_UNIX, (struct sockaddr *)&name, sizeof(name));

	unlink("listener");
	return error;
}

static int do_connect_tcp(void)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	return connection(AF_INET, (struct sockaddr *)&name, sizeof(name));
}

static int do_pty(void)
{
	char name[40];
	int master, slave = -1, unlocked = 0, number, error;

	arm();
	master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	error = master < 0 || ioctl(master, TIOCGPTN, &number) || ioctl(master, TIOCSPTLCK, &unlocked) ? errno : 0;
	if (!error) {
		snprintf(name, sizeof(name), "/dev/pts/%d", number);
		slave = open(name, O_RDWR | O_NOCTTY);
		error = slave < 0 || write(master, "abc\n", 4) != 4 || read(slave, name, 4) != 4 ? errno : 0;
	}
	disarm();
	close(slave);
	close(master);
	return error;
}

static const struct operation file_operations[] = {
	OPERATION("create a file", do_create),
	OPERATION("open a file", do_open),
	OPERATION("a file that is not known yet", do_fresh, .grows = true),
	OPERATION("write to a file", do_write, .errors = { ENOSPC }),
	OPERATION("mkdir", do_mkdir),
	OPERATION("unlink", do_unlink),
	OPERATION("rename", do_rename),
	OPERATION("symlink", do_symlink),
	OPERATION("link", do_link),
	OPERATION("read a directory", do_list),
	OPERATION("read /proc", do_proc),
	OPERATION("dup", do_dup),
	OPERATION("truncate", do_truncate),
	OPERATION("lock a file", do_lock, .errors = { ENOLCK }),
};

static const struct operation operations[] = {
	OPERATION("dup2 to a far descriptor", do_dup_far),
	OPERATION("memfd", do_memfd, .errors = { ENOSPC }),
	OPERATION("a FIFO", do_fifo),
	OPERATION("pipe", do_pipe),
	OPERATION("write to a pipe", do_pipe_write),
	OPERATION("eventfd", do_eventfd),
	OPERATION("timerfd", do_timerfd),
	OPERATION("signalfd", do_signalfd),
	OPERATION("epoll", do_epoll),
	OPERATION("inotify", do_inotify),
	OPERATION("pidfd", do_pidfd),
	OPERATION("splice", do_splice),
	OPERATION("poll", do_poll),
	OPERATION("socketpair", do_socketpair, .errors = { ENOBUFS }),
	OPERATION("send a datagram", do_datagram, .errors = { ENOBUFS }),
	OPERATION("send a descriptor", do_send_descriptor, .errors = { ENOBUFS }),
	OPERATION("receive a descriptor", do_receive_descriptor, .errors = { ENOBUFS }),
	OPERATION("a datagram to a name", do_named_datagram, .errors = { ENOBUFS }),
	OPERATION("bind and listen", do_listen, .errors = { ENOBUFS }),
	OPERATION("connect and accept", do_connect, .errors = { ENOBUFS }),
	OPERATION("connect and accept, TCP", do_connect_tcp, .errors = { ENOBUFS }),
	OPERATION("a terminal", do_pty),
};

int main(int argc, char **argv)
{
	if (!shortage_start(argc, argv))
		return tap_end();
	/* A folder of the host's that is written through, if there is one; then only that. */
	bool shared = chdir("/shortage") == 0;

	if (!shared)
		tap_directory("shortage");
	use_slots();
	fail_all(file_operations, COUNT(file_operations), argc, argv);
	if (!shared) {
		fail_all(operations, COUNT(operations), argc, argv);
		storm_twice(operations, COUNT(operations));
	}
	return tap_end();
}

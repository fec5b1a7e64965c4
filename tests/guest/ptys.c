/* Pseudo-terminals: opening, both directions, settings, size, sessions and signals, hanging up, readiness. */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

#include "tap.h"

static int master, slave;
static char buffer[40000];

static void open_pty(void)
{
	master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) || unlockpt(master))
		check(false, "posix_openpt");
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
}

static void close_pty(void)
{
	close(slave);
	close(master);
}

static short events_of(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&p, 1, 0) >= 0 ? p.revents : -1;
}

/* Linux moves what is written to the other side a little later, and in pieces. */
static bool reads(int fd, const char *text)
{
	size_t wanted = strlen(text), got = 0;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	while (got < wanted && poll(&p, 1, 20000) == 1 && (n = read(fd, buffer + got, wanted - got)) > 0)
		got += (size_t)n;
	return got == wanted && !memcmp(buffer, text, got);
}

static bool has_input(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 20000) == 1;
}

/* -> bytes of the screen that nobody has read. */
static size_t drain(void)
{
	struct pollfd p = { .fd = master, .events = POLLIN };
	size_t got = 0;
	ssize_t n;

	while (poll(&p, 1, 100) == 1 && (n = read(master, buffer, sizeof(buffer))) > 0)
		got += (size_t)n;
	return got;
}

static bool types(const char *text)
{
	return write(master, text, strlen(text)) == (ssize_t)strlen(text);
}

static void test_open(void)
{
	struct stat st;
	int locked = 7, peer;
	char name[40];

	master = posix_openpt(O_RDWR | O_NOCTTY);
	strcpy(name, ptsname(master));
	check(master >= 0 && !strncmp(name, "/dev/pts/", 9) && stat(name, &st) == 0 && S_ISCHR(st.st_mode) &&
			st.st_uid == getuid(),
		"pty: has a name");
	check(ioctl(master, TIOCGPTLCK, &locked) == 0 && locked == 1, "TIOCGPTLCK");
	check_errno(open(name, O_RDWR | O_NOCTTY), EIO, "pty: locked");
	check(unlockpt(master) == 0, "unlockpt");
	slave = open(name, O_RDWR | O_NOCTTY);
	peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	check(slave >= 0 && peer >= 0 && isatty(slave) && isatty(peer) && isatty(master) &&
			!strcmp(ttyname(slave), name),
		"TIOCGPTPEER and isatty");
	check((fcntl(slave, F_GETFL) & (O_ACCMODE | O_NONBLOCK | O_NOCTTY)) == O_RDWR, "fcntl: flags of a slave");
	close(peer);
	check_errno(lseek(master, 0, SEEK_CUR), ESPIPE, "pty: lseek");
	close_pty();
	check_errno(stat(name, &st), ENOENT, "pty: the name ends with the master");
	check_errno(open("/dev/tty", O_RDWR), ENXIO, "/dev/tty without a terminal");
}

static void test_both_ways(void)
{
	struct termios settings;
	int n;

	open_pty();
	check(tcgetattr(slave, &settings) == 0 && settings.c_iflag == (ICRNL | IXON) &&
			settings.c_oflag == (OPOST | ONLCR) &&
			settings.c_lflag == (ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN) &&
			settings.c_cc[VINTR] == 3 && settings.c_cc[VERASE] == 127,
		"tcgetattr: a new terminal");
	check(events_of(master) == POLLOUT && events_of(slave) == POLLOUT, "poll: a new terminal");
	check(types("lin") && events_of(slave) == POLLOUT && types("es\rnext\n") && has_input(slave) &&
			events_of(slave) == (POLLIN | POLLOUT),
		"poll: a line is typed");
	check(reads(slave, "lines\n") && reads(slave, "next\n") && reads(master, "lines\r\nnext\r\n"),
		"lines, and their echo");
	check(types("wrang\177\177\177ong\25right\n") && reads(slave, "right\n"), "erase and kill");
	check(drain() > 10, "their echo");
	check(types("\4") && read(slave, buffer, 10) == 0, "an end of file");
	check(write(slave, "a\nb\n", 4) == 4 && reads(master, "a\r\nb\r\n"), "output of a program");
	settings.c_lflag &= (tcflag_t) ~(ICANON | ECHO | ISIG);
	settings.c_oflag &= (tcflag_t)~OPOST;
	settings.c_cc[VMIN] = 1;
	check(tcsetattr(slave, TCSANOW, &settings) == 0 && types("r\3") && reads(slave, "r\3") &&
			events_of(master) == POLLOUT && write(slave, "\n", 1) == 1 && reads(master, "\n"),
		"raw");
	settings.c_cc[VMIN] = 0;
	tcsetattr(master, TCSANOW, &settings);
	check(read(slave, buffer, 10) == 0, "VMIN 0");
	fcntl(master, F_SETFL, O_NONBLOCK);
	check_errno(read(master, buffer, 10), EAGAIN, "master: EAGAIN");
	fcntl(slave, F_SETFL, O_NONBLOCK);
	for (n = 0; write(slave, "0123456789", 10) == 10; n += 10)
		;
	check(errno == EAGAIN && n >= 1000 && n < 100000, "slave: the screen is full");
	drain();
	check(events_of(slave) & POLLOUT, "slave: room again");
	close_pty();
}

static void test_large(void)
{
	size_t got = 0;
	ssize_t n;
	int status;

	open_pty();
	if (fork() == 0) {
		close(master);
		memset(buffer, 'x', sizeof(buffer));
		_exit(write(slave, buffer, 40000) == 40000 ? 0 : 1);
	}
	close(slave);
	while ((n = read(master, buffer, 999)) > 0)
		got += (size_t)n;
	check(got == 40000 && errno == EIO && (events_of(master) & POLLHUP), "40,000 bytes, then EIO");
	wait(&status);
	check(status == 0, "the writer waited for room");
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	check(write(slave, "again", 5) == 5 && reads(master, "again") && !(events_of(master) & POLLHUP),
		"opened again");
	close_pty();
}

static void caught(int number)
{
	_exit(number);
}

/* A session on the terminal, which does something until it is ended. */
static pid_t session(void (*body)(void))
{
	pid_t child = fork();

	if (child == 0) {
		close(master);
		signal(SIGHUP, caught);
		signal(SIGINT, caught);
		setsid();
		if (ioctl(slave, TIOCSCTTY, 0) < 0)
			_exit(100);
		if (body)
			body();
		write(slave, "ready\n", 6);
		for (;;)
			pause();
	}
	return child;
}

static void use_own(void)
{
	int fd = open("/dev/tty", O_RDWR);

	if (fd < 0 || tcgetpgrp(fd) != getpid() || tcgetsid(fd) != getpid() || write(fd, "own ", 4) != 4)
		_exit(101);
}

static void resized(int number)
{
	(void)number;
	struct winsize size;

	dprintf(slave, "size %d\n", ioctl(slave, TIOCGWINSZ, &size) == 0 ? size.ws_col : -1);
}

static void watch_size(void)
{
	struct sigaction action = { .sa_handler = resized };

	sigaction(SIGWINCH, &action, NULL);
}

static void test_sessions(void)
{
	struct winsize size = { 20, 60, 0, 0 };
	int status;
	pid_t child;

	open_pty();
	check(ioctl(master, TIOCGWINSZ, &size) == 0 && size.ws_row == 0 && size.ws_col == 0, "TIOCGWINSZ: unknown");
	check(tcgetpgrp(master) == 0, "tcgetpgrp: nobody");
	child = session(use_own);
	check(reads(master, "own ready\r\n") || reads(master, "ready\r\n"), "/dev/tty");
	check(tcgetpgrp(master) == child, "tcgetpgrp: of the master");
	check_errno(tcgetpgrp(slave), ENOTTY, "tcgetpgrp: a terminal of another session");
	types("\3");
	check(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == SIGINT,
		"SIGINT by the keyboard");
	close_pty();
	open_pty();
	child = session(watch_size);
	check(reads(master, "ready\r\n"), "another session");
	size = (struct winsize){ 20, 60, 0, 0 };
	check(ioctl(master, TIOCSWINSZ, &size) == 0 && reads(master, "size 60\r\n"), "TIOCSWINSZ and SIGWINCH");
	close(slave);
	close(master);
	check(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == SIGHUP,
		"SIGHUP when the master goes");
	open_pty();
	close(master);
	check(read(slave, buffer, 1) == 0, "read: hung up");
	check_errno(write(slave, "x", 1), EIO, "write: hung up");
	close(slave);
}

int main(void)
{
	int status;

	/* In a session without a terminal, whatever this one has. */
	if (fork() == 0) {
		setsid();
		test_open();
		test_both_ways();
		test_large();
		test_sessions();
		_exit(tap_end());
	}
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

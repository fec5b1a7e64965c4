/* inotify: which events come, in which order, with which names and cookies (each line lists them, so that the host's lines are the
 * right ones); flags of watches, what ends a watch, reading, limits and errors. */
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "tap.h"

static int queue;

static const struct {
	uint32_t bit;
	const char *name;
} names[] = {
	{ IN_ACCESS, "access" },
	{ IN_MODIFY, "modify" },
	{ IN_ATTRIB, "attrib" },
	{ IN_CLOSE_WRITE, "close_write" },
	{ IN_CLOSE_NOWRITE, "close" },
	{ IN_OPEN, "open" },
	{ IN_MOVED_FROM, "from" },
	{ IN_MOVED_TO, "to" },
	{ IN_CREATE, "create" },
	{ IN_DELETE, "delete" },
	{ IN_DELETE_SELF, "delete_self" },
	{ IN_MOVE_SELF, "move_self" },
	{ IN_UNMOUNT, "unmount" },
	{ IN_Q_OVERFLOW, "overflow" },
	{ IN_IGNORED, "ignored" },
	{ IN_ISDIR, "dir" },
};

/* Prints the events that wait: watch, kinds, name, and for renames which of them belong together. */
static void show(const char *what)
{
	static char buffer[65536] __attribute__((aligned(8)));
	char line[8000];
	int at = snprintf(line, sizeof(line), "ok %s:", what);
	ssize_t bytes = read(queue, buffer, sizeof(buffer));
	uint32_t cookie = 0, pairs = 0;

	for (ssize_t i = 0; i < bytes && at < 7000;) {
		struct inotify_event *event = (struct inotify_event *)(buffer + i);

		at += snprintf(line + at, sizeof(line) - (size_t)at, " %d", event->wd);
		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
			if (event->mask & names[n].bit)
				at += snprintf(line + at, sizeof(line) - (size_t)at, "-%s", names[n].name);
		if (event->cookie) {
			pairs += event->cookie != cookie;
			cookie = event->cookie;
			at += snprintf(line + at, sizeof(line) - (size_t)at, "#%u", pairs);
		}
		if (event->len)
			at += snprintf(line + at, sizeof(line) - (size_t)at, "(%s,%u)", event->name, event->len);
		i += (ssize_t)(sizeof(*event) + event->len);
	}
	if (bytes < 0)
		snprintf(line + at, sizeof(line) - (size_t)at, " none");
	dprintf(1, "%s\n", line);
}

static int watch(const char *path, uint32_t mask)
{
	int wd = inotify_add_watch(queue, path, mask);

	if (wd < 0)
		check(false, path);
	return wd;
}

static void fresh(void)
{
	close(queue);
	queue = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (queue < 0)
		check(false, "inotify_init1");
}

static void test_files(void)
{
	char byte;
	int fd, out;

	fresh();
	watch(".", IN_ALL_EVENTS);
	fd = open("a", O_RDWR | O_CREAT, 0600);
	show("a file is made");
	check(write(fd, "x", 1) == 1 && write(fd, "y", 1) == 1, "write");
	show("two writes are one event");
	check(pread(fd, &byte, 1, 0) == 1 && pwrite(fd, "z", 1, 5) == 1 && pread(fd, &byte, 1, 100) == 0,
		"read, write, read nothing");
	show("reads and writes");
	check(ftruncate(fd, 3) == 0 && truncate("a", 2) == 0, "truncate");
	show("truncate");
	check(fchmod(fd, 0644) == 0 && chmod("a", 0600) == 0 && chown("a", (uid_t)-1, (gid_t)-1) == 0, "chmod");
	show("attributes");
	check(utimes("a", NULL) == 0 &&
			utimensat(AT_FDCWD, "a", (struct timespec[]){ { 5, 0 }, { 0, UTIME_OMIT } }, 0) == 0 &&
			utimensat(AT_FDCWD, "a", (struct timespec[]){ { 0, UTIME_OMIT }, { 5, 0 } }, 0) == 0,
		"times");
	show("times");
	close(fd);
	show("close");
	close(open("a", O_RDONLY));
	close(open("a", O_WRONLY));
	close(open("a", O_PATH));
	show("opened to read, to write, and for its path only");
	fd = open("a", O_RDWR);
	check(write(fd, "hello", 5) == 5 && lseek(fd, 0, SEEK_SET) == 0, "write");
	out = open("b", O_WRONLY | O_CREAT, 0600);
	check(sendfile(out, fd, NULL, 5) == 5, "sendfile");
	show("sendfile");
	close(fd);
	close(out);
	show("both are closed");
	check_errno(open("none", O_RDONLY), ENOENT, "open");
	check(access("a", F_OK) == 0, "access");
	show("what only looks");
}

static void test_names(void)
{
	fresh();
	watch(".", IN_ALL_EVENTS);
	check(mkdir("d", 0700) == 0 && symlink("a", "s") == 0 && link("a", "h") == 0 &&
			mknod("f", S_IFIFO | 0600, 0) == 0,
		"names");
	show("names are made");
	watch("d", IN_ALL_EVENTS);
	check(rename("a", "a-name-that-is-long") == 0 && rename("a-name-that-is-long", "d/a") == 0 &&
			rename("d/a", "d/b") == 0,
		"renames");
	show("renames");
	check(rename("d", "e") == 0, "rename");
	show("a directory is renamed");
	watch("e/b", IN_ALL_EVENTS);
	check(rename("b", "e/b") == 0, "rename");
	show("a file is replaced");
	check(renameat2(AT_FDCWD, "e/b", AT_FDCWD, "h", RENAME_EXCHANGE) == 0, "renameat2");
	show("two names change places");
	check(unlink("s") == 0 && unlink("f") == 0 && unlink("h") == 0 && unlink("e/b") == 0 && rmdir("e") == 0,
		"unlink");
	show("names are removed");
}

static void test_self(void)
{
	int fd = open("a", O_RDWR | O_CREAT, 0600);

	fresh();
	watch("a", IN_ALL_EVENTS);
	watch(".", IN_DELETE);
	check(link("a", "b") == 0 && unlink("a") == 0, "link and unlink");
	show("one name of two is removed");
	check(rename("b", "c") == 0, "rename");
	show("the file has another name");
	check(unlink("c") == 0, "unlink");
	show("an open file loses its last name");
	check(write(fd, "x", 1) == 1, "write");
	show("it is written to");
	close(fd);
	show("it is closed");
	check_errno(inotify_rm_watch(queue, 1), EINVAL, "its watch is gone");
	close(open("a", O_WRONLY | O_CREAT, 0600));
	mkdir("d", 0700);
	watch("a", IN_ALL_EVENTS);
	watch("d", IN_ALL_EVENTS);
	check(unlink("a") == 0 && rmdir("d") == 0, "removed");
	show("a file and a directory are removed");
}

static void test_flags(void)
{
	int wd, fd;

	close(open("a", O_WRONLY | O_CREAT, 0600));
	check(symlink("a", "s") == 0, "symlink");
	fresh();
	wd = watch("a", IN_OPEN);
	check(watch("s", IN_CLOSE_NOWRITE) == wd, "a watch is found again");
	close(open("a", O_RDONLY));
	show("a mask is replaced");
	check(watch("a", IN_OPEN | IN_MASK_ADD) == wd, "IN_MASK_ADD");
	close(open("a", O_RDONLY));
	show("a mask is added to");
	check_errno(inotify_add_watch(queue, "a", IN_OPEN | IN_MASK_CREATE), EEXIST, "IN_MASK_CREATE");
	check_errno(inotify_add_watch(queue, "a", IN_OPEN | IN_ONLYDIR), ENOTDIR, "IN_ONLYDIR");
	check(watch("s", IN_ATTRIB | IN_DONT_FOLLOW) != wd, "IN_DONT_FOLLOW");
	check(watch(".", IN_CREATE | IN_ONESHOT) > 0, "IN_ONESHOT");
	close(open("b", O_WRONLY | O_CREAT, 0600));
	close(open("c", O_WRONLY | O_CREAT, 0600));
	show("a watch for one event");
	check(inotify_rm_watch(queue, wd) == 0, "inotify_rm_watch");
	show("a watch is removed");
	check(watch("a", IN_OPEN) > wd, "numbers are not used again");
	fd = open("b", O_RDWR);
	fresh();
	watch(".", IN_MODIFY | IN_EXCL_UNLINK);
	unlink("b");
	check(write(fd, "x", 1) == 1, "write");
	show("IN_EXCL_UNLINK");
	fresh();
	watch(".", IN_MODIFY);
	check(write(fd, "x", 1) == 1, "write");
	show("a removed file, without IN_EXCL_UNLINK");
	close(fd);
}

static void test_reading(void)
{
	struct pollfd p;
	char small[20], large[40], *bad = tap_pointer(8);
	int waiting = 0, status;

	fresh();
	p = (struct pollfd){ .fd = queue, .events = POLLIN };
	watch(".", IN_CREATE);
	check_errno(read(queue, small, sizeof(small)), EAGAIN, "read: nothing");
	check(poll(&p, 1, 0) == 0 && ioctl(queue, FIONREAD, &waiting) == 0 && waiting == 0, "poll: nothing");
	mkdir("one", 0700);
	mkdir("two-has-a-longer-name", 0700);
	check(poll(&p, 1, 0) == 1 && p.revents == POLLIN && ioctl(queue, FIONREAD, &waiting) == 0 &&
			waiting == 16 + 16 + 16 + 32,
		"poll and FIONREAD");
	check_errno(read(queue, small, sizeof(small)), EINVAL, "read: too small");
	check(read(queue, large, 40) == 32, "read: as many as fit");
	check_errno(read(queue, bad, 100), EFAULT, "read: bad memory");
	check_errno(write(queue, small, 1), EBADF, "write");
	fcntl(queue, F_SETFL, 0);
	status = fork();
	if (!status) {
		mkdir("three", 0700);
		_exit(0);
	}
	show("a reader waits");
	wait(NULL);
	rmdir("one");
	rmdir("two-has-a-longer-name");
	rmdir("three");
	check_errno(inotify_init1(64), EINVAL, "inotify_init1: bad flags");
	check_errno(inotify_add_watch(queue, ".", 0), EINVAL, "inotify_add_watch: no events");
	check_errno(inotify_add_watch(queue, ".", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE), EINVAL,
		"inotify_add_watch: two ways");
	check_errno(inotify_add_watch(999, ".", IN_OPEN), EBADF, "inotify_add_watch: no file");
	check_errno(inotify_add_watch(1, ".", IN_OPEN), EINVAL, "inotify_add_watch: another file");
	check_errno(inotify_add_watch(queue, "none", IN_OPEN), ENOENT, "inotify_add_watch: no such name");
	check_errno(inotify_add_watch(queue, tap_pointer(8), IN_OPEN), EFAULT, "inotify_add_watch: a bad name");
	check_errno(inotify_rm_watch(queue, 77), EINVAL, "inotify_rm_watch: none");
	check_errno(inotify_rm_watch(999, 1), EBADF, "inotify_rm_watch: no file");
	status = fork();
	if (!status) {
		mkdir("mine", 0300);
		if (chmod(".", 0711) || chmod("mine", 0311) || setgid(1000) || setuid(1000))
			_exit(9);
		check_errno(inotify_add_watch(queue, "mine", IN_OPEN), EACCES, "inotify_add_watch: who may not read");
		_exit(0);
	}
	wait(NULL);
	rmdir("mine");
}

/* More events than a queue has room for. */
static void test_overflow(void)
{
	static char buffer[65536] __attribute__((aligned(8)));
	FILE *limit = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
	const struct inotify_event *last = NULL;
	int most = 0, count = 0;
	ssize_t n;

	if (!limit || fscanf(limit, "%d", &most) != 1)
		check(false, "max_queued_events");
	fclose(limit);
	fresh();
	watch("a", IN_OPEN | IN_CLOSE);
	for (int i = 0; i < most; i++)
		close(open("a", O_RDONLY));
	while ((n = read(queue, buffer, sizeof(buffer))) > 0)
		for (ssize_t i = 0; i < n; i += (ssize_t)sizeof(*last), count++)
			last = (const struct inotify_event *)(buffer + i);
	check(count == most + 1 && last && last->mask == IN_Q_OVERFLOW && last->wd == -1 && last->len == 0,
		"a queue overflows");
	close(open("a", O_RDONLY));
	show("and goes on when it was read");
}

int main(void)
{
	tap_directory("inotify");
	queue = -1;
	test_files();
	test_names();
	test_self();
	test_flags();
	test_reading();
	test_overflow();
	return tap_end();
}

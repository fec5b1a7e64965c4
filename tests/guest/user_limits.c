/* The limits in /proc/sys/fs: the superuser sets them, other users reach them and get Linux's errors, and the superuser may exceed
 * them. */
#include <fcntl.h>
#include <grp.h>
#include <sys/inotify.h>

#include "tap.h"

static bool set(const char *name, long value)
{
	char path[100], text[30];
	int fd;
	bool done;

	snprintf(path, sizeof(path), "/proc/sys/fs/%s", name);
	snprintf(text, sizeof(text), "%ld\n", value);
	fd = open(path, O_WRONLY);
	done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return done;
}

static long get(const char *name)
{
	char path[100], text[30] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/fs/%s", name);
	fd = open(path, O_RDONLY);
	if (read(fd, text, sizeof(text) - 1) <= 0)
		text[0] = '-';
	close(fd);
	return atol(text);
}

/* Runs a function as an ordinary user in a child. -> its status */
static int as_user(void (*body)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (setgroups(0, NULL) || setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
			_exit(99);
		body();
		_exit(tap_failed ? 1 : 0);
	}
	return waitpid(child, &status, 0) == child ? status : -1;
}

static int pipe_pages(void)
{
	int ends[2];

	return pipe(ends) < 0 ? -errno : fcntl(ends[0], F_GETPIPE_SZ) / 4096;
}

static void user_has_large_pipes(void)
{
	int ends[2];

	check(pipe(ends) == 0 && fcntl(ends[0], F_SETPIPE_SZ, 1 << 20) == 1 << 20,
		"a user's pipe grows to pipe-max-size");
	check_errno(fcntl(ends[0], F_SETPIPE_SZ, 2 << 20), EPERM, "and no further");
	check_errno(open("/proc/sys/fs/pipe-max-size", O_WRONLY), EACCES, "a user does not set limits");
}

static void user_reaches_soft(void)
{
	int ends[2];

	check(pipe(ends) == 0 && fcntl(ends[0], F_GETPIPE_SZ) == 65536 && pipe_pages() == 16 && pipe_pages() == 2,
		"new pipes are small when a user has too many");
	check_errno(fcntl(ends[0], F_SETPIPE_SZ, 1 << 17), EPERM, "and pipes do not grow");
	check(fcntl(ends[0], F_SETPIPE_SZ, 4096) == 4096 && pipe_pages() == 2, "shrinking one makes little room");
	close(ends[0]);
	close(ends[1]);
}

static void user_reaches_hard(void)
{
	check(pipe_pages() == 16 && pipe_pages() == 2 && pipe_pages() == 2, "up to the hard limit");
	check(pipe_pages() == -ENFILE, "no more pipes");
}

static void user_reaches_files(void)
{
	int fd;

	check_errno(open("/dev/null", O_RDONLY), ENFILE, "too many open files of the machine");
	fd = dup(1);
	check(fd > 0 && close(fd) == 0, "copies of descriptors are no open files");
}

static void user_reaches_watches(void)
{
	int one = inotify_init1(0), other = inotify_init1(0);

	check(one > 0 && other > 0, "two instances");
	check_errno(inotify_init1(0), EMFILE, "no more instances");
	check(inotify_add_watch(one, "/", IN_OPEN) == 1 && inotify_add_watch(other, "/", IN_OPEN) == 1 &&
			inotify_add_watch(one, "/proc", IN_OPEN) == 2,
		"three watches");
	check_errno(inotify_add_watch(other, "/tmp", IN_OPEN), ENOSPC, "no more watches");
	check(inotify_add_watch(other, "/", IN_CREATE) == 1, "a watch that is there is changed");
	check(inotify_rm_watch(one, 1) == 0 && inotify_add_watch(other, "/tmp", IN_OPEN) == 2,
		"one in the place of another");
	check(close(one) == 0 && inotify_add_watch(other, "/proc", IN_OPEN) == 3, "what is closed is not counted");
	check(inotify_init1(0) > 0, "and makes room for another instance");
}

int main(void)
{
	long files = get("file-max"), soft = get("pipe-user-pages-soft"), watches = get("inotify/max_user_watches");

	check(soft == 16384 && get("pipe-user-pages-hard") == 0 && get("pipe-max-size") == 1 << 20 && files >= 8192,
		"the limits at first");
	check(!set("pipe-max-size", 100), "a limit that is too small is refused");
	check(as_user(user_has_large_pipes) == 0, "a user");
	check(set("pipe-user-pages-soft", 34) && get("pipe-user-pages-soft") == 34 && as_user(user_reaches_soft) == 0,
		"the soft limit");
	check(set("pipe-user-pages-soft", 17) && set("pipe-user-pages-hard", 20) && as_user(user_reaches_hard) == 0,
		"the hard limit");
	check(pipe_pages() == 16 && pipe_pages() == 16, "the superuser has no limit");
	check(set("pipe-user-pages-soft", soft) && set("pipe-user-pages-hard", 0) && as_user(user_has_large_pipes) == 0,
		"what has ended is not counted");
	check(set("pipe-max-size", 4096) && pipe_pages() == 16 && set("pipe-max-size", 1 << 20),
		"small pipes are for others");
	check(set("file-max", 1) && as_user(user_reaches_files) == 0 && open("/dev/null", O_RDONLY) > 0 &&
			set("file-max", files),
		"file-max");
	check(get("inotify/max_user_instances") == 128 && get("inotify/max_queued_events") == 16384 && watches >= 8192,
		"limits of inotify at first");
	check(set("inotify/max_user_instances", 2) && set("inotify/max_user_watches", 3) &&
			as_user(user_reaches_watches) == 0 && as_user(user_reaches_watches) == 0 &&
			set("inotify/max_user_instances", 128) && set("inotify/max_user_watches", watches),
		"instances and watches");
	return tap_end();
}

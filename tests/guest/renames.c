/* rename and renameat2: RENAME_NOREPLACE, RENAME_EXCHANGE, what is refused in which order; open files, working directories and
 * programs' names follow the file. If there is a folder /renames (a share of the host's), all of it happens there, but for
 * exchanges. */
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tap.h"

#define LONG_NAME "a-name-that-is-longer-than-what-fits-into-a-dentry-itself"

static void put(const char *name, const char *text)
{
	int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		check(false, name);
	close(fd);
}

static bool holds(const char *name, const char *text)
{
	char buffer[100] = "";
	int fd = open(name, O_RDONLY);
	bool same = fd >= 0 && read(fd, buffer, sizeof(buffer) - 1) >= 0 && !strcmp(buffer, text);

	close(fd);
	return same;
}

static int swap(const char *a, const char *b)
{
	return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

static int keep(const char *a, const char *b)
{
	return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_NOREPLACE);
}

/* Whether the file that a link of /proc leads to has that last name. */
static bool is_called(const char *link, const char *name)
{
	char path[PATH_MAX] = "";
	const char *last;

	if (readlink(link, path, sizeof(path) - 1) < 0)
		return false;
	last = strrchr(path, '/');
	return last && !strcmp(last + 1, name);
}

static bool fd_is_called(int fd, const char *name)
{
	char link[40];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return is_called(link, name);
}

static nlink_t links(const char *name)
{
	struct stat about;

	return stat(name, &about) ? 0 : about.st_nlink;
}

static void test_noreplace(void)
{
	put("a", "A");
	put("b", "B");
	link("a", "a2");
	check_errno(keep("a", "b"), EEXIST, "RENAME_NOREPLACE: the name is taken");
	check_errno(keep("a", "a"), EEXIST, "RENAME_NOREPLACE: its own name");
	check_errno(keep("a", "a2"), EEXIST, "RENAME_NOREPLACE: another name of the same file");
	check_errno(keep("a", "."), EEXIST, "RENAME_NOREPLACE: the directory");
	check_errno(keep("none", "b"), ENOENT, "RENAME_NOREPLACE: nothing there");
	check(keep("a", "c") == 0 && holds("c", "A") && access("a", F_OK) < 0, "RENAME_NOREPLACE: a free name");
	check(keep("c", LONG_NAME) == 0 && holds(LONG_NAME, "A") && rename(LONG_NAME, "a") == 0 && holds("a", "A"),
		"a long name");
	check(rename("a", "a2") == 0 && holds("a", "A") && holds("a2", "A"), "rename: two names of one file both stay");
	check_errno(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE | RENAME_EXCHANGE), EINVAL,
		"renameat2: both flags");
	check_errno(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", 64), EINVAL, "renameat2: bad flags");
	unlink("a2");
}

static void test_exchange(void)
{
	mkdir("d", 0700);
	mkdir("e", 0700);
	mkdir("d/sub", 0700);
	put("d/x", "X");
	check(swap("a", "b") == 0 && holds("a", "B") && holds("b", "A"), "RENAME_EXCHANGE: two files");
	check(swap("a", "d") == 0 && holds("d", "B") && holds("a/x", "X"), "RENAME_EXCHANGE: a file and a directory");
	check(swap("a", LONG_NAME) == -1 && errno == ENOENT, "RENAME_EXCHANGE: nothing there");
	check(swap("a/sub", "d") == 0 && holds("a/sub", "B") && links("a") == 2 && links("d") == 2,
		"RENAME_EXCHANGE: a directory goes to another parent");
	check(rename("b", LONG_NAME) == 0 && swap(LONG_NAME, "a/x") == 0 && holds("a/x", "A") && holds(LONG_NAME, "X"),
		"RENAME_EXCHANGE: a long name and a short one");
	check_errno(swap("a", "a/x"), EINVAL, "RENAME_EXCHANGE: with what is inside");
	check_errno(swap("a/x", "a"), EINVAL, "RENAME_EXCHANGE: with what it is in");
	check_errno(swap("a/x/", "e"), ENOTDIR, "RENAME_EXCHANGE: a file with a slash");
	check(swap("e", "e") == 0 && swap("d", "e") == 0 && links("d") == 2, "RENAME_EXCHANGE: itself");
	check(rename("a", "b") == 0 && rename("b/x", "a") == 0 && rename("b/sub", "b/x") == 0, "the rest");
}

static void test_followers(void)
{
	int fd = open("a", O_RDWR), dir = -1;

	mkdir("w", 0700);
	put("w/inside", "I");
	dir = open("w", O_RDONLY);
	check(chdir("w") == 0 && rename("../w", "../moved") == 0 && is_called("/proc/self/cwd", "moved"),
		"rename: the working directory is called by its new name");
	put("made", "M");
	check(holds("../moved/made", "M") && holds("inside", "I"), "rename: files can be made in it");
	check(chdir("..") == 0 && fd_is_called(dir, "moved") && openat(dir, "inside", O_RDONLY) > 0,
		"rename: an open directory");
	check(rename("a", "moved/a") == 0 && fd_is_called(fd, "a") && rename("moved/a", LONG_NAME) == 0 &&
			fd_is_called(fd, LONG_NAME),
		"rename: an open file");
	put("old", "O");
	check(rename("old", LONG_NAME) == 0 && fd_is_called(fd, LONG_NAME " (deleted)"),
		"rename: a file that is replaced");
	check(rename(LONG_NAME, "a") == 0 && holds("a", "O"), "rename: and back");
	check(unlink("moved/made") == 0 && unlink("moved/inside") == 0 && rmdir("moved") == 0 && access("w", F_OK) < 0,
		"rename: nothing is left of the old name");
	close(fd);
	close(dir);
}

static void test_refused(void)
{
	mkdir("full", 0700);
	put("full/x", "X");
	mkdir("empty", 0700);
	check_errno(rename("full", "full/y"), EINVAL, "rename: into itself");
	check_errno(rename("full/x", "full"), ENOTEMPTY, "rename: to the directory that it is in");
	check_errno(rename("a", "full"), EISDIR, "rename: a file to a directory");
	check_errno(rename("full", "a"), ENOTDIR, "rename: a directory to a file");
	check_errno(rename("empty", "full"), ENOTEMPTY, "rename: to a directory that is not empty");
	check_errno(rename("full/x", "empty/."), EBUSY, "rename: to a dot");
	check_errno(rename("empty/..", "q"), EBUSY, "rename: dots");
	check_errno(rename("a", "q/"), ENOTDIR, "rename: a file to a name with a slash");
	check(rename("full", "empty") == 0 && holds("empty/x", "X") && access("full", F_OK) < 0,
		"rename: over an empty directory");
	check(unlink("empty/x") == 0 && rmdir("empty") == 0, "rename: the directory can be removed");
}

/* A file without a name can be given one if it was made so. */
static void test_nameless(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0600), never = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
	int gone = open("a", O_RDWR);
	char link[40];

	check(linkat(fd, "", AT_FDCWD, "named", AT_EMPTY_PATH) == 0 && links("named") == 1,
		"linkat: a file without a name");
	check_errno(linkat(never, "", AT_FDCWD, "n", AT_EMPTY_PATH), ENOENT, "linkat: one that is to have none");
	check(unlink("named") == 0, "linkat: the name goes");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	check_errno(linkat(AT_FDCWD, link, AT_FDCWD, "n", AT_SYMLINK_FOLLOW), ENOENT, "linkat: a file that had a name");
	check(unlink("a") == 0 && linkat(gone, "", AT_FDCWD, "n", AT_EMPTY_PATH) == -1 && errno == ENOENT,
		"linkat: a removed file");
	mkdir("empty", 0700);
	check_errno(rmdir("empty/."), EINVAL, "rmdir: a dot");
	check_errno(rmdir("empty/.."), ENOTEMPTY, "rmdir: two dots");
	rmdir("empty");
	put("a", "A");
	close(fd);
	close(never);
	close(gone);
}

static void test_rights(void)
{
	int status;

	chmod(".", 0755);
	mkdir("open", 0777);
	chmod("open", 0777);
	mkdir("open/other", 0777);
	chmod("open/other", 0777);
	mkdir("open/fixed", 0755);
	status = fork();
	if (!status) {
		if (setgid(1000) || setuid(1000))
			_exit(9);
		check_errno(rename("open/fixed", "open/other/fixed"), EACCES,
			"rename: who may not write to a directory does not move it");
		check(rename("open/fixed", "open/called") == 0, "rename: but may give it a name in the same place");
		_exit(0);
	}
	waitpid(status, &status, 0);
	check(rmdir("open/called") == 0 && rmdir("open/other") == 0 && rmdir("open") == 0, "rename: that is all");
}

/* Flags of mmap are taken or refused, never forgotten. */
static void test_mapping_flags(void)
{
	int fd = open("a", O_RDWR);

	check(mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE, fd, 0) != MAP_FAILED, "mmap: MAP_SHARED_VALIDATE");
	check_errno((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0), EOPNOTSUPP,
		"mmap: MAP_SYNC");
	check_errno((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE | (1 << 24), fd, 0), EOPNOTSUPP,
		"mmap: unknown flags");
	check_errno((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_SYNC, fd, 0), EOPNOTSUPP,
		"mmap: MAP_SYNC, with an older type");
	check(mmap(NULL, 4096, PROT_READ, MAP_SHARED | (1 << 24), fd, 0) != MAP_FAILED &&
			mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | (1 << 24), fd, 0) != MAP_FAILED &&
			mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_SYNC, -1, 0) != MAP_FAILED,
		"mmap: older types take no notice of unknown flags");
	check_errno((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0), EINVAL,
		"mmap: MAP_SHARED_VALIDATE without a file");
	close(fd);
}

int main(void)
{
	bool share = chdir("/renames") == 0;

	if (!share)
		tap_directory("renames");
	test_noreplace();
	if (share)
		check_errno(swap("a", "b"), EINVAL, "RENAME_EXCHANGE: not in a share");
	else
		test_exchange();
	test_followers();
	test_refused();
	if (!share)
		test_nameless();
	if (!share)
		test_rights();
	test_mapping_flags();
	return tap_end();
}

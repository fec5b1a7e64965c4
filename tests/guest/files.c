/* Files and directories: opening, offsets, sizes, names, links, listing, errno values. Works in a directory of its own. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "tap.h"

static int make(const char *name, const char *text)
{
	int file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	if (file < 0 || write(file, text, strlen(text)) != (ssize_t)strlen(text))
		check(false, name);
	return file;
}

static bool holds(const char *name, const char *text)
{
	char buffer[1000];
	int file = open(name, O_RDONLY);
	ssize_t n = read(file, buffer, sizeof(buffer));

	close(file);
	return n == (ssize_t)strlen(text) && !memcmp(buffer, text, (size_t)n);
}

static off_t size_of(const char *name)
{
	struct stat s;

	return stat(name, &s) < 0 ? -1 : s.st_size;
}

static void test_open(void)
{
	char buffer[10];
	int file;

	umask(022);
	close(make("plain", "text"));
	check_errno(open("plain", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST, "open: O_EXCL");
	file = open("plain", O_RDONLY);
	check_errno(write(file, "x", 1), EBADF, "write: opened for reading");
	close(file);
	file = open("plain", O_WRONLY);
	check_errno(read(file, buffer, 1), EBADF, "read: opened for writing");
	close(file);
	check_errno(open("none", O_RDONLY), ENOENT, "open: no such file");
	check_errno(open("none/x", O_RDWR | O_CREAT, 0600), ENOENT, "open: no such directory");
	check_errno(open("plain/x", O_RDONLY), ENOTDIR, "open: below a file");
	check_errno(open("plain/", O_RDONLY), ENOTDIR, "open: a file with a slash");
	check_errno(open(".", O_WRONLY), EISDIR, "open: a directory for writing");
	check_errno(open("plain", O_RDONLY | O_DIRECTORY), ENOTDIR, "open: O_DIRECTORY");
	check_errno(open("", O_RDONLY), ENOENT, "open: an empty name");
	check(open("plain", O_RDONLY | O_TRUNC | O_WRONLY) >= 3 && size_of("plain") == 0, "open: O_TRUNC");
	check(mkdir("sub", 0777) == 0 && (file = open("sub", O_RDONLY | O_DIRECTORY)) >= 0, "open: a directory");
	check_errno(read(file, buffer, 1), EISDIR, "read: a directory");
	close(openat(file, "inside", O_WRONLY | O_CREAT, 0600));
	check(size_of("sub/inside") == 0, "openat");
	check_errno(openat(999, "inside", O_RDONLY), EBADF, "openat: closed");
	check(openat(999, "/dev/null", O_RDONLY) >= 0, "openat: an absolute name");
	close(file);
	memset(buffer, 0, sizeof(buffer));
}

static void test_names(void)
{
	char name[300], path[5000];

	memset(name, 'n', sizeof(name));
	name[255] = 0;
	close(make(name, "long"));
	check(holds(name, "long") && unlink(name) == 0, "names: 255 bytes");
	name[255] = 'n';
	name[256] = 0;
	check_errno(open(name, O_RDWR | O_CREAT, 0600), ENAMETOOLONG, "names: 256 bytes");
	memset(path, '/', sizeof(path));
	strcpy(path + 4000, "etc");
	check(access(path, F_OK) == 0, "names: many slashes");
	memset(path, '/', sizeof(path));
	path[4500] = 0;
	check_errno(access(path, F_OK), ENAMETOOLONG, "names: a path that is too long");
	close(make("with space \xc3\xa9\x01", "odd"));
	check(holds("./sub/.././/with space \xc3\xa9\x01", "odd"), "names: dots, slashes, odd bytes");
	check_errno(mkdir(".", 0700), EEXIST, "names: mkdir of a dot");
	check_errno(rmdir("."), EINVAL, "names: rmdir of a dot");
}

static void test_offsets(void)
{
	char buffer[100] = "";
	int file = make("offsets", "0123456789"), other;

	check(lseek(file, 0, SEEK_CUR) == 10 && lseek(file, 3, SEEK_SET) == 3 && read(file, buffer, 2) == 2 &&
			!memcmp(buffer, "34", 2) && lseek(file, -1, SEEK_END) == 9 && lseek(file, -4, SEEK_CUR) == 5,
		"lseek");
	check_errno(lseek(file, -100, SEEK_CUR), EINVAL, "lseek: before the start");
	check_errno(lseek(file, 0, 99), EINVAL, "lseek: bad kind");
	check(pread(file, buffer, 3, 7) == 3 && !memcmp(buffer, "789", 3) && lseek(file, 0, SEEK_CUR) == 5,
		"pread leaves the offset");
	check(pwrite(file, "xy", 2, 1) == 2 && lseek(file, 0, SEEK_CUR) == 5 && holds("offsets", "0xy3456789"),
		"pwrite leaves the offset");
	check(pread(file, buffer, 10, 100) == 0, "pread: behind the end");
	check_errno(pread(file, buffer, 1, -1), EINVAL, "pread: negative");
	check(lseek(file, 20, SEEK_SET) == 20 && write(file, "z", 1) == 1 && size_of("offsets") == 21,
		"write: behind the end");
	check(pread(file, buffer, 20, 8) == 13 && !memcmp(buffer, "89\0\0\0\0\0\0\0\0\0\0z", 13),
		"read: a hole is zero");
	other = open("offsets", O_WRONLY | O_APPEND);
	check(write(other, "A", 1) == 1 && lseek(file, 0, SEEK_SET) == 0 && write(file, "B", 1) == 1 &&
			write(other, "C", 1) == 1 && size_of("offsets") == 23 && pread(file, buffer, 3, 20) == 3 &&
			!memcmp(buffer, "zAC", 3),
		"write: O_APPEND");
	close(other);
	check(lseek(file, 0, SEEK_HOLE) > 0 && lseek(file, 0, SEEK_DATA) >= 0, "lseek: holes are found or not told");
	close(file);
	file = open("offsets", O_RDONLY);
	other = dup(file);
	check(read(file, buffer, 4) == 4 && lseek(other, 0, SEEK_CUR) == 4, "dup shares the offset");
	close(file);
	close(other);
}

static void test_sizes(void)
{
	static char block[70000], back[70000];
	char tail[10] = "";
	int file = make("sizes", "0123456789");

	check(ftruncate(file, 4) == 0 && holds("sizes", "0123"), "ftruncate: shorter");
	check(truncate("sizes", 8) == 0 && pread(file, tail, 10, 0) == 8 && !memcmp(tail, "0123\0\0\0\0", 8),
		"truncate: longer is zero");
	check_errno(ftruncate(file, -1), EINVAL, "ftruncate: negative");
	check_errno(truncate(".", 0), EISDIR, "truncate: a directory");
	check_errno(truncate("none", 0), ENOENT, "truncate: no such file");
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (char)(i * 7 + i / 4096);
	check(pwrite(file, block, sizeof(block), 3000) == sizeof(block) &&
			pread(file, back, sizeof(back), 3000) == sizeof(back) && !memcmp(block, back, sizeof(block)) &&
			size_of("sizes") == 73000,
		"write: many pages at an odd offset");
	check(fsync(file) == 0 && fdatasync(file) == 0, "fsync");
	close(file);
	file = open("sizes", O_RDONLY);
	check_errno(ftruncate(file, 0), EINVAL, "ftruncate: opened for reading");
	close(file);
}

static void test_unlink(void)
{
	char buffer[10];
	struct stat s;
	int file = make("open-file", "still");

	check(unlink("open-file") == 0 && size_of("open-file") == -1, "unlink");
	check(pread(file, buffer, 10, 0) == 5 && write(file, "+", 1) == 1 && fstat(file, &s) == 0 && s.st_size == 6 &&
			s.st_nlink == 0,
		"unlink: an open file lives on");
	close(file);
	check_errno(unlink("open-file"), ENOENT, "unlink: twice");
	check_errno(unlink("sub"), EISDIR, "unlink: a directory");
	check_errno(rmdir("sub"), ENOTEMPTY, "rmdir: not empty");
	check_errno(rmdir("plain"), ENOTDIR, "rmdir: a file");
	check(unlink("sub/inside") == 0 && rmdir("sub") == 0, "rmdir");
	check_errno(rmdir("sub"), ENOENT, "rmdir: twice");
	check_errno(unlinkat(AT_FDCWD, "plain", 0x10000000), EINVAL, "unlinkat: bad flags");
}

static void test_rename(void)
{
	struct stat before, after;

	close(make("a", "a"));
	close(make("b", "b"));
	stat("a", &before);
	check(rename("a", "c") == 0 && holds("c", "a") && size_of("a") == -1, "rename");
	check(rename("c", "b") == 0 && holds("b", "a") && stat("b", &after) == 0 && before.st_ino == after.st_ino,
		"rename: replaces");
	check(rename("b", "b") == 0 && holds("b", "a"), "rename: to itself");
	check(mkdir("d", 0700) == 0 && mkdir("d/e", 0700) == 0 && rename("b", "d/e/f") == 0 && holds("d/e/f", "a"),
		"rename: between directories");
	check_errno(rename("none", "x"), ENOENT, "rename: no such file");
	check_errno(rename("d/e/f", mkdir("onto", 0700) == 0 ? "onto" : ""), EISDIR, "rename: a file onto a directory");
	check_errno(rename("d/e/f", "d"), ENOTEMPTY, "rename: a file onto its grandparent");
	check_errno(rename("d", "plain"), ENOTDIR, "rename: a directory onto a file");
	check_errno(rename("d", "d/e/g"), EINVAL, "rename: a directory below itself");
	check(mkdir("empty", 0700) == 0 && rename("d/e", "empty") == 0 && holds("empty/f", "a"),
		"rename: onto an empty directory");
	check_errno(rename("d", "empty"), ENOTEMPTY, "rename: onto a full directory");
	check(unlink("empty/f") == 0 && rmdir("empty") == 0 && rmdir("d") == 0, "rename: all removed");
}

static void test_links(void)
{
	char buffer[100] = "";
	struct stat s;
	int file;

	close(make("target", "target"));
	check(symlink("target", "soft") == 0 && holds("soft", "target") && readlink("soft", buffer, 100) == 6 &&
			!memcmp(buffer, "target", 6),
		"symlink");
	check(lstat("soft", &s) == 0 && S_ISLNK(s.st_mode) && s.st_size == 6 && stat("soft", &s) == 0 &&
			S_ISREG(s.st_mode),
		"lstat and stat");
	check(readlink("soft", buffer, 3) == 3, "readlink: a short buffer");
	check_errno(readlink("target", buffer, 100), EINVAL, "readlink: not a link");
	check_errno(symlink("x", "soft"), EEXIST, "symlink: exists");
	check_errno(open("soft", O_RDONLY | O_NOFOLLOW), ELOOP, "open: O_NOFOLLOW");
	check(symlink("loop2", "loop1") == 0 && symlink("loop1", "loop2") == 0, "symlink: a loop");
	check_errno(open("loop1", O_RDONLY), ELOOP, "open: a loop");
	check_errno(stat("loop1/x", &s), ELOOP, "stat: through a loop");
	check(symlink("nowhere", "dangling") == 0 && access("dangling", F_OK) == -1 && errno == ENOENT,
		"symlink: to nowhere");
	file = open("dangling", O_WRONLY | O_CREAT, 0600);
	check(file >= 0 && size_of("nowhere") == 0, "open: O_CREAT through a link");
	close(file);
	check_errno(open("soft", O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST, "open: O_EXCL of a link");
	check(mkdir("dir", 0700) == 0 && symlink("../target", "dir/up") == 0 && holds("dir/up", "target"),
		"symlink: relative to itself");
	check(symlink("dir", "way") == 0 && holds("way/up", "target") && holds("way/../target", "target"),
		"symlink: of a directory");
	check(link("target", "hard") == 0 && stat("hard", &s) == 0 && s.st_nlink == 2, "link");
	file = open("hard", O_WRONLY | O_TRUNC);
	check(write(file, "via", 3) == 3 && holds("target", "via"), "link: the same file");
	close(file);
	check(unlink("target") == 0 && holds("hard", "via") && stat("hard", &s) == 0 && s.st_nlink == 1,
		"link: outlives the other");
	check_errno(link("dir", "x"), EPERM, "link: of a directory");
	check_errno(link("hard", "soft"), EEXIST, "link: exists");
	check(unlink("soft") == 0 && holds("hard", "via"), "unlink: a symlink, not its target");
}

static void test_status(void)
{
	struct timespec times[2] = { { 1000000000, 5000 }, { 1100000000, 7000 } };
	struct statfs fs;
	struct stat s;
	int file;

	umask(027);
	file = open("mode", O_RDWR | O_CREAT, 0777);
	check(fstat(file, &s) == 0 && S_ISREG(s.st_mode) && (s.st_mode & 07777) == 0750 && s.st_nlink == 1 &&
			s.st_uid == getuid(),
		"open: mode and umask");
	check(fchmod(file, 0604) == 0 && fstat(file, &s) == 0 && (s.st_mode & 07777) == 0604, "fchmod");
	check(chmod("mode", 04711) == 0 && stat("mode", &s) == 0 && (s.st_mode & 07777) == 04711, "chmod");
	check(mkdir("made", 0777) == 0 && stat("made", &s) == 0 && S_ISDIR(s.st_mode) && (s.st_mode & 0777) == 0750,
		"mkdir: mode and umask");
	check(umask(022) == 027, "umask");
	check(utimensat(AT_FDCWD, "mode", times, 0) == 0 && stat("mode", &s) == 0 && s.st_atim.tv_sec == 1000000000 &&
			s.st_mtim.tv_sec == 1100000000,
		"utimensat");
	check(write(file, "123", 3) == 3 && fstat(file, &s) == 0 && s.st_mtim.tv_sec > 1600000000 && s.st_size == 3,
		"write: changes the time");
	check(s.st_blksize >= 512 && s.st_blocks >= 0, "stat: blocks");
	check(statfs(".", &fs) == 0 && fs.f_bsize > 0, "statfs");
	check(access("mode", R_OK | W_OK) == 0 && access("none", F_OK) == -1 && errno == ENOENT, "access");
	check_errno(access("mode", 99), EINVAL, "access: bad mode");
	check(stat("/", &s) == 0 && S_ISDIR(s.st_mode) && fstatat(AT_FDCWD, "mode", &s, AT_SYMLINK_NOFOLLOW) == 0 &&
			s.st_size == 3,
		"fstatat");
	check_errno(fstat(999, &s), EBADF, "fstat: closed");
	close(file);
}

static void test_directories(void)
{
	char before[PATH_MAX], after[PATH_MAX], name[20];
	bool seen[200] = { false }, dots[2] = { false, false }, twice = false;
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	check(getcwd(before, sizeof(before)) == before && before[0] == '/', "getcwd");
	check(mkdir("list", 0700) == 0 && chdir("list") == 0 && getcwd(after, sizeof(after)) &&
			!strncmp(after, before, strlen(before)) && !strcmp(after + strlen(before), "/list"),
		"chdir");
	check_errno(syscall(SYS_getcwd, after, 3), ERANGE, "getcwd: a short buffer");
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		close(make(name, ""));
	}
	dir = opendir(".");
	while ((entry = readdir(dir))) {
		int i = -1;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) {
			dots[strlen(entry->d_name) - 1] = entry->d_type == DT_DIR;
		} else if (sscanf(entry->d_name, "file-%d", &i) == 1 && i >= 0 && i < 200) {
			twice |= seen[i];
			seen[i] = true;
			count += entry->d_type == DT_REG;
		}
	}
	check(count == 200 && !twice, "readdir: each of 200 files once");
	check(dots[0] && dots[1], "readdir: dots");
	rewinddir(dir);
	for (count = 0; readdir(dir); count++)
		;
	check(count == 202, "rewinddir");
	closedir(dir);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		count -= unlink(name) == 0;
	}
	check(count == 2 && chdir("..") == 0 && rmdir("list") == 0, "rmdir: after all files are gone");
	check_errno(chdir("none"), ENOENT, "chdir: no such directory");
	check_errno(chdir("hard"), ENOTDIR, "chdir: a file");
	check_errno(mkdir("hard", 0700), EEXIST, "mkdir: exists");
	check_errno(mkdir("none/x", 0700), ENOENT, "mkdir: no such directory");
	dir = opendir("made");
	check(dir && fchdir(dirfd(dir)) == 0 && chdir("..") == 0 && size_of("hard") == 3, "fchdir");
	closedir(dir);
}

/* Several processes write to the same file and to many files. */
static void test_together(void)
{
	char name[30], line[32], text[300];
	int right = 0, file;

	close(make("log", ""));
	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			file = open("log", O_WRONLY | O_APPEND);
			for (int n = 0; n < 100; n++) {
				snprintf(name, sizeof(name), "p%d-%d", i, n);
				close(make(name, name));
				snprintf(line, sizeof(line), "%-15s\n", name);
				if (!holds(name, name) || unlink(name) < 0 || write(file, line, 16) != 16)
					_exit(1);
			}
			_exit(0);
		}
	for (int i = 0; i < 4; i++) {
		int status;

		right += wait(&status) > 0 && status == 0;
	}
	check(right == 4 && size_of("log") == 6400, "O_APPEND: from four processes");
	file = open("log", O_RDONLY);
	for (right = 0; read(file, text, 16) == 16; right++)
		if (text[0] != 'p' || text[15] != '\n')
			break;
	check(right == 400, "O_APPEND: lines stay whole");
	close(file);
	file = open("log", O_RDONLY);
	check(read(file, text, sizeof(text)) == 300 && close(file) == 0, "read: after many writers");
}

static void test_vectors_and_copies(void)
{
	struct iovec vector[] = { { (char[]){ "abc" }, 3 }, { (char[]){ "defg" }, 4 } };
	char x[4] = "", y[5] = "";
	struct iovec back[] = { { x, 3 }, { y, 4 } };
	int file = make("vectors", "");

	check(writev(file, vector, 2) == 7 && holds("vectors", "abcdefg"), "writev: a file");
	check(preadv(file, back, 2, 0) == 7 && !strcmp(x, "abc") && !strcmp(y, "defg"), "preadv");
	check(pwritev(file, vector, 2, 7) == 7 && holds("vectors", "abcdefgabcdefg"), "pwritev");
	check_errno(ioctl(file, 0x5401, x), ENOTTY, "ioctl: not a terminal");
	check(isatty(file) == 0, "isatty");
	close(file);
}

int main(void)
{
	tap_directory("files");
	test_open();
	test_names();
	test_offsets();
	test_sizes();
	test_unlink();
	test_rename();
	test_links();
	test_status();
	test_directories();
	test_together();
	test_vectors_and_copies();
	return tap_end();
}

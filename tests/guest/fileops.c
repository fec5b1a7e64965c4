/* A long random sequence of file calls (sequence.h), with a sum of all that they returned. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "sequence.h"

enum { STEPS = 20000, FILES = 12, NAMES = 10 };

static const char *const names[NAMES] = { "a", "b", "c", "d", "d/a", "d/b", "e", "e/a", "e/d", "d/../a" };
static int files[FILES];

static const char *name(void)
{
	return names[next() % NAMES];
}

static int *file(void)
{
	return &files[next() % FILES];
}

/* What a call returned: the error if it failed. */
static void note(const char *call, long result)
{
	if (loud)
		dprintf(1, "%s %ld %s\n", call, result, result < 0 ? strerror(errno) : "");
	mix((uint64_t)result);
	if (result < 0)
		mix((uint64_t)errno);
}

static void do_open(void)
{
	static const int flags[] = { O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_CREAT, O_RDWR | O_CREAT | O_EXCL,
		O_RDWR | O_CREAT | O_TRUNC, O_WRONLY | O_APPEND, O_RDWR | O_CREAT | O_APPEND, O_RDONLY | O_DIRECTORY,
		O_RDONLY | O_NOFOLLOW, O_RDWR | O_TRUNC };
	const char *path = name();
	int *f = file(), fd;

	if (*f >= 0)
		close(*f);
	*f = -1;
	fd = open(path, flags[next() % (sizeof(flags) / sizeof(flags[0]))], 0640);
	note(path, fd < 0 ? -1 : 0);
	/* Descriptor numbers are the same too. */
	note("descriptor", fd < 0 ? 0 : fd);
	*f = fd;
}

static void do_write(void)
{
	static char data[9000];
	size_t bytes = next() % 4 ? next() % 100 : next() % sizeof(data);

	bool at_offset = next() % 2;
	int fd = *file();

	memset(data, (int)(next() % 256), bytes);
	if (at_offset)
		note("pwrite", pwrite(fd, data, bytes, (off_t)(next() % 20000)));
	else
		note("write", write(fd, data, bytes));
}

static void do_read(void)
{
	static unsigned char data[30000];
	bool at_offset = next() % 2;
	int fd = *file();
	size_t bytes = next() % sizeof(data);
	ssize_t n = at_offset ? pread(fd, data, bytes, (off_t)(next() % 20000)) : read(fd, data, bytes);

	note("read", n);
	for (ssize_t i = 0; i < n; i++)
		mix(data[i]);
}

static void do_status(void)
{
	struct stat s;
	int error = next() % 2 ? lstat(name(), &s) : fstat(*file(), &s);

	note("stat", error);
	if (error)
		return;
	mix(s.st_mode);
	if (S_ISREG(s.st_mode)) {
		mix((uint64_t)s.st_nlink);
		note("size", s.st_size);
	}
}

static void do_names(void)
{
	const char *from = name(), *to = name();
	char target[100];
	ssize_t n;

	switch (next() % 8) {
	case 0:
		note("rename", rename(from, to));
		break;
	case 1:
		note("link", link(from, to));
		break;
	case 2:
		note("symlink", symlink(from, to));
		break;
	case 3:
		note("unlink", unlink(from));
		break;
	case 4:
		note("mkdir", mkdir(from, 0750));
		break;
	case 5:
		note("rmdir", rmdir(from));
		break;
	case 6:
		note("chmod", chmod(from, 0600 | (next() % 8) << 3));
		break;
	default:
		n = readlink(from, target, sizeof(target));
		note("readlink", n);
		for (ssize_t i = 0; i < n; i++)
			mix((unsigned char)target[i]);
	}
}

static void do_size(void)
{
	off_t at = (off_t)(next() % 30000);
	int whence;

	switch (next() % 4) {
	case 0:
		note("truncate", truncate(name(), at));
		break;
	case 1:
		note("ftruncate", ftruncate(*file(), at));
		break;
	case 2:
		note("lseek", lseek(*file(), at - 100, SEEK_SET));
		break;
	default:
		whence = (int)(next() % 2) + 1;
		note("lseek", lseek(*file(), at % 1000 - 500, whence));
	}
}

/* Directories' offsets and sizes differ between file systems: such descriptors are not asked for them. */
static bool is_directory(int fd)
{
	struct stat s;

	return fstat(fd, &s) == 0 && S_ISDIR(s.st_mode);
}

static void do_descriptors(void)
{
	int *from = file(), *to = file();

	if (next() % 2 && from != to) {
		if (*to >= 0)
			close(*to);
		*to = dup(*from);
		note("dup", *to);
	} else if (*from >= 0) {
		note("close", close(*from));
		*from = -1;
	}
}

static void do_map(void)
{
	int fd = *file(), shared = next() % 2 ? MAP_SHARED : MAP_PRIVATE;
	unsigned char *map;
	struct stat s;

	if (fstat(fd, &s) < 0 || !S_ISREG(s.st_mode) || !s.st_size)
		return;
	map = mmap(NULL, (size_t)s.st_size, PROT_READ | PROT_WRITE, shared, fd, 0);
	note("mmap", map == MAP_FAILED ? -1 : 0);
	if (map == MAP_FAILED)
		return;
	for (int i = 0; i < 10; i++) {
		size_t at = next() % (size_t)s.st_size;

		mix(map[at]);
		map[at] = (unsigned char)next();
	}
	munmap(map, (size_t)s.st_size);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void do_list(void)
{
	char *found[40];
	unsigned n = 0;
	DIR *dir = opendir(next() % 2 ? "." : "d");
	struct dirent *entry;

	note("opendir", dir ? 0 : -1);
	while (dir && (entry = readdir(dir)) && n < 40)
		found[n++] = strdup(entry->d_name);
	if (dir)
		closedir(dir);
	qsort(found, n, sizeof(found[0]), compare);
	for (unsigned i = 0; i < n; i++) {
		for (const char *c = found[i]; *c; c++)
			mix((unsigned char)*c);
		free(found[i]);
	}
	note("entries", n);
}

static void step(void)
{
	static void (*const calls[])(void) = { do_open, do_open, do_open, do_write, do_write, do_write, do_read,
		do_read, do_status, do_names, do_names, do_names, do_size, do_descriptors, do_map, do_list };

	calls[next() % (sizeof(calls) / sizeof(calls[0]))]();
	for (int i = 0; i < FILES; i++)
		if (files[i] >= 0 && is_directory(files[i])) {
			note("directory", files[i]);
			close(files[i]);
			files[i] = -1;
		}
}

int main(int argc, char **argv)
{
	(void)argv;
	loud = argc > 1;
	seed = 1234567;
	tap_directory("fileops");
	umask(022);
	for (int i = 0; i < FILES; i++)
		files[i] = -1;
	/* What was inherited would take up numbers. */
	for (int fd = 3; fd < 256; fd++)
		close(fd);
	sequence_run(STEPS, step, NULL);
	return tap_end();
}

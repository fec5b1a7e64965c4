/* Sparse files: what is a hole reads as zero, takes no blocks, and is found by SEEK_HOLE and SEEK_DATA; truncate, punching, very
 * large offsets. */
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tap.h"

enum { PAGE = 4096, MIB = 1 << 20 };
#define GIB (1ull << 30)
#define TIB (1ull << 40)

static char buffer[MIB];

static int fresh(void)
{
	return open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
}

static long blocks(int fd)
{
	struct stat about;

	return fstat(fd, &about) ? -1 : (long)about.st_blocks;
}

static bool is_zero(int fd, off_t from, size_t bytes)
{
	memset(buffer, 'x', bytes);
	if (pread(fd, buffer, bytes, from) != (ssize_t)bytes)
		return false;
	for (size_t i = 0; i < bytes; i++)
		if (buffer[i])
			return false;
	return true;
}

static void test_seek(void)
{
	int fd = fresh();

	check(pwrite(fd, "a", 1, 0) == 1 && pwrite(fd, "b", 1, MIB) == 1 && blocks(fd) == 16,
		"two pages of a file are data");
	check(lseek(fd, 0, SEEK_DATA) == 0 && lseek(fd, 1, SEEK_DATA) == 1 && lseek(fd, 0, SEEK_HOLE) == PAGE,
		"the first page");
	check(lseek(fd, 5000, SEEK_DATA) == MIB && lseek(fd, 5000, SEEK_HOLE) == 5000, "the hole");
	check(lseek(fd, MIB, SEEK_HOLE) == MIB + 1 && lseek(fd, 0, SEEK_CUR) == MIB + 1, "the end is a hole");
	check_errno(lseek(fd, 2 * MIB, SEEK_DATA), ENXIO, "SEEK_DATA: behind the end");
	check_errno(lseek(fd, MIB + 1, SEEK_HOLE), ENXIO, "SEEK_HOLE: at the end");
	check_errno(lseek(fd, -1, SEEK_HOLE), ENXIO, "SEEK_HOLE: negative");
	check(is_zero(fd, PAGE, MIB - PAGE) && blocks(fd) == 16 && lseek(fd, PAGE, SEEK_DATA) == MIB,
		"reading a hole fills nothing");
	check(ftruncate(fd, 4 * MIB) == 0 && lseek(fd, MIB + PAGE, SEEK_HOLE) == MIB + PAGE && blocks(fd) == 16,
		"a larger size");
	check_errno(lseek(fd, MIB + PAGE, SEEK_DATA), ENXIO, "SEEK_DATA: only a hole is left");
	check(ftruncate(fd, 10) == 0 && blocks(fd) == 8 && ftruncate(fd, MIB) == 0 && is_zero(fd, 10, MIB - 10),
		"a smaller size");
	close(fd);
	fd = fresh();
	check(ftruncate(fd, MIB) == 0 && lseek(fd, 0, SEEK_HOLE) == 0 && blocks(fd) == 0, "nothing but a hole");
	check_errno(lseek(fd, 0, SEEK_DATA), ENXIO, "no data at all");
	close(fd);
}

static int punch(int fd, off_t from, off_t bytes)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, bytes);
}

static void test_punch(void)
{
	int fd = fresh();
	struct stat about;

	memset(buffer, 'd', sizeof(buffer));
	check(write(fd, buffer, MIB) == MIB && blocks(fd) == 2048, "a MiB of data");
	check(punch(fd, 64 * PAGE, 64 * PAGE) == 0 && blocks(fd) == 1536 && is_zero(fd, 64 * PAGE, 64 * PAGE),
		"a hole is punched");
	check(lseek(fd, 0, SEEK_HOLE) == 64 * PAGE && lseek(fd, 64 * PAGE, SEEK_DATA) == 128 * PAGE, "and found");
	check(pread(fd, buffer, 1, 64 * PAGE - 1) == 1 && buffer[0] == 'd' && pread(fd, buffer, 1, 128 * PAGE) == 1 &&
			buffer[0] == 'd',
		"what is beside it stays");
	check(punch(fd, 10, 20) == 0 && is_zero(fd, 10, 20) && pread(fd, buffer, 1, 9) == 1 && buffer[0] == 'd' &&
			pread(fd, buffer, 1, 30) == 1 && buffer[0] == 'd' && blocks(fd) == 1536,
		"a part of a page becomes zero");
	check(ftruncate(fd, MIB - 1) == 0 && punch(fd, MIB - PAGE, PAGE) == 0 && blocks(fd) == 1528 &&
			ftruncate(fd, MIB) == 0,
		"the last page, which the file does not fill");
	check(punch(fd, 0, 2 * MIB) == 0 && blocks(fd) == 0 && fstat(fd, &about) == 0 && about.st_size == MIB &&
			is_zero(fd, 0, MIB),
		"all of it, and the size stays");
	check(pwrite(fd, "new", 3, 100) == 3 && blocks(fd) == 8 && lseek(fd, 0, SEEK_DATA) == 0, "data in a hole");
	check(fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 200) == 0 && is_zero(fd, 0, PAGE), "FALLOC_FL_ZERO_RANGE");
	check(fallocate(fd, FALLOC_FL_ZERO_RANGE, MIB, PAGE) == 0 && fstat(fd, &about) == 0 &&
			about.st_size == MIB + PAGE,
		"FALLOC_FL_ZERO_RANGE: behind the end");
	check(fallocate(fd, 0, 0, 2 * MIB) == 0 && fstat(fd, &about) == 0 && about.st_size == 2 * MIB &&
			is_zero(fd, MIB, MIB),
		"fallocate: a larger size");
	check(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 3 * MIB) == 0 && fstat(fd, &about) == 0 && about.st_size == 2 * MIB,
		"FALLOC_FL_KEEP_SIZE");
	check_errno(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, PAGE), EOPNOTSUPP, "FALLOC_FL_PUNCH_HOLE alone");
	check_errno(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE | FALLOC_FL_ZERO_RANGE, 0, PAGE),
		EOPNOTSUPP, "both");
	check_errno(fallocate(fd, 0x4000, 0, PAGE), EOPNOTSUPP, "fallocate: bad flags");
	check_errno(fallocate(fd, 0, -1, PAGE), EINVAL, "fallocate: negative");
	check_errno(fallocate(fd, 0, 0, 0), EINVAL, "fallocate: nothing");
	check_errno(fallocate(999, 0, 0, 1), EBADF, "fallocate: no file");
	close(fd);
	fd = open("file", O_RDONLY);
	check_errno(fallocate(fd, 0, 0, PAGE), EBADF, "fallocate: a file that is read only");
	close(fd);
}

static void test_mapped(void)
{
	int fd = fresh();
	char *at;

	memset(buffer, 'm', sizeof(buffer));
	check(write(fd, buffer, 16 * PAGE) == 16 * PAGE, "write");
	at = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(at != MAP_FAILED && at[4 * PAGE] == 'm' && punch(fd, 4 * PAGE, 4 * PAGE) == 0 && at[4 * PAGE] == 0 &&
			at[8 * PAGE - 1] == 0 && at[8 * PAGE] == 'm',
		"a mapping sees the hole");
	at[5 * PAGE] = 'n';
	check(pread(fd, buffer, 1, 5 * PAGE) == 1 && buffer[0] == 'n', "and fills it");
	munmap(at, 16 * PAGE);
	close(fd);
}

static void test_large(void)
{
	int fd = fresh();
	struct stat about;
	char byte = 0;

	check(ftruncate(fd, 100 * GIB) == 0 && fstat(fd, &about) == 0 && about.st_size == (off_t)(100 * GIB) &&
			blocks(fd) == 0,
		"100 GiB of nothing");
	check(is_zero(fd, 99 * GIB, PAGE) && lseek(fd, 0, SEEK_HOLE) == 0, "and it is zero");
	check(pwrite(fd, "a", 1, 0) == 1 && ftruncate(fd, 3 * TIB) == 0 && pwrite(fd, "z", 1, 3 * TIB - 1) == 1 &&
			blocks(fd) == 16,
		"a byte at either end of 3 TiB");
	check(lseek(fd, PAGE, SEEK_DATA) == (off_t)(3 * TIB - PAGE) && pread(fd, &byte, 1, 3 * TIB - 1) == 1 &&
			byte == 'z',
		"the last byte");
	check(punch(fd, PAGE, 3 * TIB - PAGE) == 0 && blocks(fd) == 8 && pread(fd, &byte, 1, 3 * TIB - 1) == 1 &&
			byte == 0,
		"a hole of 3 TiB");
	check(ftruncate(fd, 15 * TIB) == 0 && pread(fd, &byte, 1, 15 * TIB - 1) == 1 && byte == 0, "15 TiB");
	check_errno(ftruncate(fd, -1), EINVAL, "ftruncate: negative");
	check_errno(pwrite(fd, "x", 1, INT64_MAX), EINVAL, "pwrite: behind the last offset");
	check_errno(pread(fd, &byte, 1, INT64_MAX), EINVAL, "pread: behind the last offset");
	check(ftruncate(fd, 0) == 0 && blocks(fd) == 0, "nothing");
	close(fd);
}

int main(void)
{
	tap_directory("holes");
	test_seek();
	test_punch();
	test_mapped();
	test_large();
	unlink("file");
	return tap_end();
}

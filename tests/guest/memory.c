/* Memory: mmap, munmap, mprotect, mremap, brk, file mappings, bad user pointers, stack growth, many regions. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "machine.h"
#include "tap.h"

enum { PAGE = 4096 };

static char *map_pages(size_t pages, int protection)
{
	return mmap(NULL, pages * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static bool is_zero(const char *area, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (area[i])
			return false;
	return true;
}

static void test_anonymous(void)
{
	char *area = map_pages(16, PROT_READ | PROT_WRITE), *other;

	check(area != MAP_FAILED && ((uintptr_t)area & (PAGE - 1)) == 0 && is_zero(area, 16 * PAGE),
		"mmap: zero-filled");
	memset(area, 'x', 16 * PAGE);
	check(munmap(area + 4 * PAGE, 2 * PAGE) == 0, "munmap: in the middle");
	check(tap_read(area + 3 * PAGE) == 0 && tap_read(area + 4 * PAGE) == SIGSEGV &&
			tap_read(area + 5 * PAGE) == SIGSEGV && tap_read(area + 6 * PAGE) == 0,
		"munmap: the rest stays");
	check(munmap(area + 4 * PAGE, 2 * PAGE) == 0, "munmap: of nothing");
	other = mmap(area + 4 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	check(other == area + 4 * PAGE && is_zero(other, PAGE), "mmap: MAP_FIXED into a gap");
	other = mmap(area + 8 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	check(other == area + 8 * PAGE && is_zero(other, PAGE) && area[7 * PAGE] == 'x' && area[9 * PAGE] == 'x',
		"mmap: MAP_FIXED replaces");
	check_errno(mmap(area + 7 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
		EEXIST, "mmap: MAP_FIXED_NOREPLACE");
	other = mmap(area + 8 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(other != MAP_FAILED && other != area + 8 * PAGE, "mmap: a taken hint");
	munmap(other, PAGE);
	other = mmap(area + 5 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(other == area + 5 * PAGE, "mmap: a free hint");
	check(munmap(area, 16 * PAGE) == 0 && tap_read(area + 8 * PAGE) == SIGSEGV, "munmap: over several regions");
}

static void test_anonymous_errors(void)
{
	char *area = map_pages(2, PROT_READ);

	check_errno(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL, "mmap: no length");
	check_errno(mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL, "mmap: neither private nor shared");
	check_errno(mmap(area + 1, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EINVAL,
		"mmap: not aligned");
	check_errno(mmap(NULL, ~0ul - PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM, "mmap: too long");
	check_errno(mmap(NULL, 1ul << 60, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM,
		"mmap: longer than the address space");
	check_errno(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0), EBADF, "mmap: no such file");
	check_errno(munmap(area + 1, PAGE), EINVAL, "munmap: not aligned");
	check_errno(munmap(area, 0), EINVAL, "munmap: no length");
	check_errno(mprotect(area + 1, PAGE, PROT_READ), EINVAL, "mprotect: not aligned");
	munmap(area + PAGE, PAGE);
	check_errno(mprotect(area, 2 * PAGE, PROT_READ | PROT_WRITE), ENOMEM, "mprotect: a part is unmapped");
	check(mprotect(area, 0, PROT_READ) == 0, "mprotect: no length");
	check_errno(mprotect(tap_pointer(0xffff800000000000), PAGE, PROT_READ), ENOMEM,
		"mprotect: of the kernel's half");
	munmap(area, PAGE);
}

/* As compilers at run time do it: the same address holds one function, then another. */
static void test_made_code(void)
{
	static const unsigned char codes[2][sizeof((unsigned char[])CODE_42)] = { CODE_42, CODE_43 };
	char *area = map_pages(1, PROT_READ | PROT_WRITE | PROT_EXEC);
	int (*function)(void) = tap_pointer((uintptr_t)area);
	int right = 0;

	for (int i = 0; i < 100; i++) {
		memcpy(area, codes[i % 2], sizeof(codes[0]));
		__builtin___clear_cache(area, area + sizeof(codes[0]));
		right += function() == 42 + i % 2;
	}
	check(right == 100, "code that the program makes");
	munmap(area, PAGE);
}

static void test_protect(void)
{
	static const unsigned char code[] = CODE_42;
	char *area = map_pages(3, PROT_READ | PROT_WRITE);
	int (*function)(void);
	volatile int result = 0;

	memcpy(area, "kept", 5);
	memcpy(area + PAGE, "kept", 5);
	mprotect(area, PAGE, PROT_NONE);
	check(tap_read(area) == SIGSEGV && tap_info.si_code == SEGV_ACCERR && tap_read(area + PAGE) == 0,
		"mprotect: PROT_NONE");
	mprotect(area, PAGE, PROT_READ);
	check(tap_read(area) == 0 && tap_write(area) == SIGSEGV && tap_write(area + PAGE) == 0, "mprotect: PROT_READ");
	mprotect(area, 3 * PAGE, PROT_READ | PROT_WRITE);
	check(!strcmp(area, "kept") && tap_write(area) == 0 && tap_write(area + 2 * PAGE) == 0,
		"mprotect: data is kept");
	memcpy(area, code, sizeof(code));
	function = tap_pointer((uintptr_t)area);
	check(TAP_TRY(function()) == SIGSEGV, "mprotect: data is not executable");
	mprotect(area, PAGE, PROT_READ | PROT_EXEC);
	check(TAP_TRY(result = function()) == 0 && result == 42, "mprotect: PROT_EXEC");
	check(tap_write(area) == SIGSEGV, "mprotect: code is not writable");
	munmap(area, 3 * PAGE);
	check(tap_write(tap_pointer((uintptr_t)test_protect)) == SIGSEGV, "the program's code is not writable");
	check(tap_write(tap_pointer((uintptr_t)code)) == SIGSEGV, "constants are not writable");
}

static void test_remap(void)
{
	char *area = map_pages(4, PROT_READ | PROT_WRITE), *moved, *target = map_pages(8, PROT_READ);

	for (int i = 0; i < 4; i++)
		memset(area + i * PAGE, 'a' + i, PAGE);
	check(mremap(area, 4 * PAGE, 2 * PAGE, 0) == area && tap_read(area + 2 * PAGE) == SIGSEGV && area[PAGE] == 'b',
		"mremap: shrinks");
	check(mremap(area, 2 * PAGE, 4 * PAGE, 0) == area && area[PAGE] == 'b' && is_zero(area + 2 * PAGE, 2 * PAGE),
		"mremap: grows in place");
	mmap(area + 2 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	check_errno(mremap(area, 2 * PAGE, 3 * PAGE, 0), ENOMEM, "mremap: no room in place");
	moved = mremap(area, 2 * PAGE, 32 * PAGE, MREMAP_MAYMOVE);
	check(moved != MAP_FAILED && moved != area && moved[0] == 'a' && moved[2 * PAGE - 1] == 'b' &&
			is_zero(moved + 2 * PAGE, 30 * PAGE),
		"mremap: moves");
	check(tap_read(area) == SIGSEGV && tap_read(area + 2 * PAGE) == 0, "mremap: the old place is empty");
	check(mremap(moved, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target + PAGE) == target + PAGE &&
			target[PAGE] == 'a' && target[3 * PAGE - 1] == 'b' && target[0] == 0 &&
			tap_write(target + 3 * PAGE) == SIGSEGV,
		"mremap: MREMAP_FIXED");
	check_errno(mremap(area, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT, "mremap: of nothing");
	check_errno(mremap(target + 1, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EINVAL, "mremap: not aligned");
	check_errno(mremap(target, PAGE, 0, MREMAP_MAYMOVE), EINVAL, "mremap: no length");
	munmap(moved, 32 * PAGE);
	munmap(target, 8 * PAGE);
	munmap(area, 4 * PAGE);
}

static void test_brk(void)
{
	char *start = sbrk(0), *more;
	bool fine;

	check(sbrk(10 * PAGE) == start && sbrk(0) == (void *)(start + 10 * PAGE), "brk: grows");
	more = (char *)(((uintptr_t)start + PAGE) & ~(uintptr_t)(PAGE - 1));
	fine = is_zero(more, 8 * PAGE);
	memset(more, 'x', 8 * PAGE);
	check(fine && more[8 * PAGE - 1] == 'x', "brk: zero-filled");
	check(sbrk(-8 * PAGE) == (void *)(start + 10 * PAGE), "brk: shrinks");
	check(tap_read(more + 7 * PAGE) == SIGSEGV, "brk: what was given back is gone");
	check(sbrk(8 * PAGE) != (void *)-1 && is_zero(more + 4 * PAGE, 4 * PAGE), "brk: zero again");
	check_errno(brk(tap_pointer(0xffffffffffff0000)), ENOMEM, "brk: too far");
}

/* --- files --- */

static int make_file(const char *name, size_t pages)
{
	char page[PAGE];
	int file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

	for (size_t i = 0; i < pages; i++) {
		memset(page, 'A' + (int)i, PAGE);
		if (write(file, page, PAGE) != PAGE)
			check(false, name);
	}
	return file;
}

static void test_private_file(void)
{
	int file = make_file("private", 3);
	char byte = 0, *map = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0), *second;

	check(map != MAP_FAILED && map[0] == 'A' && map[PAGE] == 'B' && map[3 * PAGE - 1] == 'C',
		"mmap: a private file");
	map[PAGE] = 'x';
	check(pread(file, &byte, 1, PAGE) == 1 && byte == 'B', "mmap: private changes do not reach the file");
	second = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, file, PAGE);
	check(second[0] == 'B' && second[PAGE] == 'C', "mmap: an offset");
	check(pwrite(file, "y", 1, 2 * PAGE) == 1 && second[PAGE] == 'y',
		"mmap: untouched private pages follow the file");
	check_errno(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, file, 100), EINVAL, "mmap: offset not aligned");
	close(file);
	check(map[PAGE] == 'x' && map[0] == 'A' && second[0] == 'B', "mmap: lives on without the descriptor");
	munmap(map, 3 * PAGE);
	munmap(second, 2 * PAGE);
}

static void test_shared_file(void)
{
	int file = make_file("shared", 2), status, reader;
	char byte = 0, *map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), *second;
	pid_t child;

	second = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, file, 0);
	map[10] = 'm';
	check(pread(file, &byte, 1, 10) == 1 && byte == 'm', "mmap: a shared write is read from the file");
	check(pwrite(file, "w", 1, PAGE + 10) == 1 && map[PAGE + 10] == 'w', "mmap: a write to the file is seen");
	check(second[10] == 'm' && second[PAGE + 10] == 'w', "mmap: two shared mappings agree");
	child = fork();
	if (child == 0) {
		map[11] = 'c';
		_exit(second[10] == 'm' ? 0 : 1);
	}
	check(waitpid(child, &status, 0) == child && status == 0 && map[11] == 'c' && second[11] == 'c',
		"mmap: shared with a child");
	check(msync(map, 2 * PAGE, MS_SYNC) == 0, "msync");
	reader = open("shared", O_RDONLY);
	check_errno(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0), EACCES,
		"mmap: shared write of a read-only file");
	check(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, reader, 0) != MAP_FAILED,
		"mmap: private write of a read-only file");
	close(reader);
	reader = open("shared", O_WRONLY);
	check_errno(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0), EACCES, "mmap: a write-only file");
	close(reader);
	check(ftruncate(file, PAGE) == 0 && tap_read(map + PAGE) == SIGBUS && tap_read(map) == 0,
		"mmap: a truncated file");
	check(ftruncate(file, 2 * PAGE) == 0 && tap_read(map + PAGE) == 0 && map[PAGE + 10] == 0,
		"mmap: a file made longer again");
	munmap(map, 2 * PAGE);
	munmap(second, 2 * PAGE);
	close(file);
}

static void test_end_of_file(void)
{
	int file = open("end", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *map;

	check(write(file, "short", 5) == 5, "write: five bytes");
	map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	check(!memcmp(map, "short", 5) && is_zero(map + 5, PAGE - 5), "mmap: zero behind the end of the file");
	check(tap_read(map + PAGE) == SIGBUS, "mmap: SIGBUS on the next page");
	munmap(map, 2 * PAGE);
	close(file);
}

static void test_kinds(void)
{
	int zero = open("/dev/zero", O_RDWR), status;
	char *map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
	char *shared = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;

	check(map != MAP_FAILED && is_zero(map, 2 * PAGE) && tap_write(map) == 0, "mmap: /dev/zero");
	child = fork();
	if (child == 0) {
		strcpy(shared + PAGE, "from the child");
		_exit(0);
	}
	waitpid(child, &status, 0);
	check(!strcmp(shared + PAGE, "from the child"), "mmap: shared anonymous memory, first touched by the child");
	memset(map, 'x', 2 * PAGE);
	check(madvise(map, PAGE, MADV_DONTNEED) == 0 && is_zero(map, PAGE) && map[PAGE] == 'x',
		"madvise: MADV_DONTNEED");
	munmap(map, 2 * PAGE);
	munmap(shared, 2 * PAGE);
	close(zero);
	map = mmap(NULL, 512ul << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	check(map != MAP_FAILED && tap_write(map + (300ul << 20)) == 0 && map[400ul << 20] == 0,
		"mmap: much, used little");
	munmap(map, 512ul << 20);
}

/* --- pointers handed to system calls --- */

static void test_user_pointers(void)
{
	char *area = map_pages(3, PROT_READ | PROT_WRITE), *fresh = map_pages(2, PROT_READ | PROT_WRITE);
	void *bad[] = { tap_pointer(0), tap_pointer(8), tap_pointer(0x7ffffffff000), tap_pointer(0x8000000000000000),
		tap_pointer(0xffffffff81000000), tap_pointer(0xfffffffffffffff8), tap_pointer(0x00dead0000000000) };
	volatile int negative = -1;
	int ends[2], zero = open("/dev/zero", O_RDONLY), all = 0;
	struct iovec vector[2];
	struct stat status;

	if (pipe(ends) < 0)
		return;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		all += write(ends[1], bad[i], 16) == -1 && errno == EFAULT;
		all += stat("/", bad[i]) == -1 && errno == EFAULT;
		all += open(bad[i], O_RDONLY) == -1 && errno == EFAULT;
		all += pipe(bad[i]) == -1 && errno == EFAULT;
	}
	check(all == 4 * sizeof(bad) / sizeof(bad[0]), "EFAULT: pointers to nowhere");
	munmap(area + 2 * PAGE, PAGE);
	mprotect(area, PAGE, PROT_READ);
	check_errno(stat("/", (struct stat *)(void *)area), EFAULT, "EFAULT: into read-only memory");
	check_errno(stat("/", (struct stat *)(void *)(area + 2 * PAGE - 8)), EFAULT,
		"EFAULT: over the end of a mapping");
	check_errno(open(memset(area + 2 * PAGE - 4, 'x', 4), O_RDONLY), EFAULT, "EFAULT: a path without an end");
	check(write(ends[1], "0123456789", 10) == 10 && read(ends[0], fresh + PAGE - 5, 10) == 10 &&
			!memcmp(fresh + PAGE - 5, "0123456789", 10),
		"read: into fresh pages");
	vector[0] = (struct iovec){ fresh, 3 };
	vector[1] = (struct iovec){ tap_pointer(8), 3 };
	check_errno(writev(ends[1], (struct iovec *)tap_pointer(16), 2), EFAULT, "EFAULT: a bad vector");
	vector[1].iov_len = ~0ul;
	check_errno(writev(ends[1], vector, 2), EINVAL, "writev: too long");
	check_errno(writev(ends[1], vector, negative), EINVAL, "writev: a negative count");
	check(fstat(zero, &status) == 0 && S_ISCHR(status.st_mode), "fstat: /dev/zero");
	munmap(area, 2 * PAGE);
	munmap(fresh, 2 * PAGE);
	close(ends[0]);
	close(ends[1]);
	close(zero);
}

/* --- many --- */

static int __attribute__((noinline)) dig(int depth)
{
	volatile char frame[16384];

	frame[0] = (char)depth;
	frame[sizeof(frame) - 1] = 1;
	return depth == 0 ? frame[sizeof(frame) - 1] : dig(depth - 1) + (frame[0] == (char)depth);
}

static void test_many(void)
{
	enum { MANY = 600 };
	static char *maps[MANY];
	int right = 0, status;
	char *area = map_pages(MANY, PROT_READ | PROT_WRITE);
	pid_t child;

	check(dig(400) == 401, "the stack grows to 6 MiB");
	for (int i = 0; i < MANY; i += 2)
		mprotect(area + i * PAGE, PAGE, PROT_READ);
	for (int i = 0; i < MANY; i++) {
		maps[i] = mmap(NULL, (size_t)(1 + i % 3) * PAGE, i % 2 ? PROT_READ | PROT_WRITE : PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (maps[i] != MAP_FAILED && i % 2)
			maps[i][PAGE - 1] = (char)i;
	}
	child = fork();
	if (child == 0) {
		for (int i = 0; i < MANY; i++)
			right += i % 2 ? maps[i][PAGE - 1] == (char)i && tap_write(area + i * PAGE) == 0
				       : maps[i][0] == 0 && tap_write(area + i * PAGE) == SIGSEGV;
		_exit(right == MANY ? 0 : 1);
	}
	check(waitpid(child, &status, 0) == child && status == 0, "fork: hundreds of regions");
	for (int i = 0; i < MANY; i++)
		right += munmap(maps[i], (size_t)(1 + i % 3) * PAGE) == 0;
	check(right == MANY, "munmap: hundreds of regions");
	munmap(area, MANY * PAGE);
}

/* Random calls against a model of which pages are there, writable, and what they hold. */
static void test_random(void)
{
	enum { PAGES = 64, STEPS = 3000 };
	struct {
		bool mapped, writable;
		char value;
	} model[PAGES] = { 0 };
	char *base = map_pages(PAGES, PROT_NONE);
	unsigned seed = 12345, wrong = 0;

	munmap(base, PAGES * PAGE);
	for (int step = 0; step < STEPS; step++) {
		unsigned first, count, what;

		seed = seed * 1103515245 + 12345;
		first = (seed >> 8) % PAGES, count = 1 + (seed >> 16) % 8, what = (seed >> 24) % 8;
		if (first + count > PAGES)
			count = PAGES - first;
		if (what < 2) {
			mmap(base + first * PAGE, count * PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		} else if (what == 2) {
			munmap(base + first * PAGE, count * PAGE);
		} else if (what == 3) {
			mprotect(base + first * PAGE, PAGE, PROT_READ);
			count = 1;
		}
		for (unsigned p = first; p < first + count; p++) {
			int expected = !model[p].mapped ? SIGSEGV : 0;

			if (what < 2) {
				model[p].mapped = model[p].writable = true;
				model[p].value = 0;
			} else if (what == 2) {
				model[p].mapped = false;
			} else if (what == 3) {
				model[p].writable = false;
			} else {
				wrong += tap_read(base + p * PAGE) != expected ||
					(!expected && base[p * PAGE] != model[p].value);
				expected = model[p].mapped && model[p].writable ? 0 : SIGSEGV;
				wrong += tap_write(base + p * PAGE) != expected;
				if (!expected)
					model[p].value = 'w';
			}
		}
	}
	check(wrong == 0, "random mmap, munmap and mprotect against a model");
	munmap(base, PAGES * PAGE);
}

int main(void)
{
	tap_directory("memory");
	tap_catch_faults();
	test_anonymous();
	test_anonymous_errors();
	test_protect();
	test_made_code();
	test_remap();
	test_brk();
	test_private_file();
	test_shared_file();
	test_end_of_file();
	test_kinds();
	test_user_pointers();
	test_many();
	test_random();
	return tap_end();
}

/* Bad ranges of memory and bad sizes: each call that takes an address and a length checks the whole range, each that takes a number
 * checks it before it allocates, and none touches memory beside the range. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <grp.h>

#include "tests/guest/tap.h"

enum { PAGE = 4096, OPEN_MAX_ALL = 1 << 20 };

static char *map_pages(size_t pages, int rights)
{
	return mmap(NULL, pages * PAGE, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* A page that cannot be accessed, a hole, and a neighbour of 3 pages that has something written into it. */
static char *with_hole(void)
{
	char *at = map_pages(5, PROT_READ | PROT_WRITE);

	munmap(at + PAGE, PAGE);
	strcpy(at + 2 * PAGE, "neighbour");
	mprotect(at, PAGE, PROT_NONE);
	return at;
}

static bool neighbour_is_there(char *at)
{
	return tap_read(at + 2 * PAGE) == 0 && !strcmp(at + 2 * PAGE, "neighbour");
}

static void moving(void)
{
	char *at = with_hole(), *other = map_pages(8, PROT_READ);

	check_errno(mremap(at, 3 * PAGE, 8 * PAGE, MREMAP_MAYMOVE), EFAULT, "mremap over a hole");
	check(neighbour_is_there(at), "the neighbour stays");
	check_errno(mremap(at, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, other), EFAULT, "to a fixed place");
	check(neighbour_is_there(at) && tap_read(other) == 0, "nothing is moved or unmapped");
	munmap(at, 5 * PAGE);
	at = map_pages(4, PROT_READ | PROT_WRITE);
	mprotect(at + PAGE, PAGE, PROT_READ);
	check_errno(mremap(at, 3 * PAGE, 8 * PAGE, MREMAP_MAYMOVE), EFAULT, "mremap over different rights");
	check_errno(mremap(at, SIZE_MAX, 8 * PAGE, MREMAP_MAYMOVE), EINVAL,
		"mremap with a length that is none when rounded up");
	check_errno(mremap(at, PAGE, SIZE_MAX, MREMAP_MAYMOVE), EINVAL, "to a length that is none when rounded up");
	check_errno(mremap(at, PAGE, (size_t)1 << 46, MREMAP_MAYMOVE), ENOMEM, "to more than there is");
	check_errno(mremap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at + 1), EINVAL, "to a place within a page");
	check_errno(mremap(at, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, tap_pointer(-PAGE)), EINVAL,
		"to a place that wraps");
	check_errno(mremap(at + 1, PAGE, PAGE, 0), EINVAL, "from a place within a page");
	/* Two mappings side by side that are the same are one. */
	check(mprotect(at + PAGE, PAGE, PROT_READ | PROT_WRITE) == 0, "the same rights again");
	at[3 * PAGE] = 'x';
	at = mremap(at, 4 * PAGE, 6 * PAGE, MREMAP_MAYMOVE);
	check(at != MAP_FAILED && at[3 * PAGE] == 'x' && tap_write(at + 5 * PAGE) == 0, "all of it moves");
	check(mremap(at, 6 * PAGE, 2 * PAGE, 0) == at && tap_read(at + 2 * PAGE) == SIGSEGV, "and shrinks");
}

/* Prints what a call has returned, to be compared. */
static void tell(const char *name, int result)
{
	dprintf(1, "ok %s %d %d\n", name, result, result ? errno : 0);
}

/* Lengths with which the end of a range from `at` lies behind the last address there is, or is far away. */
static void wrapping(void)
{
	const size_t wrapping[] = { SIZE_MAX, SIZE_MAX - PAGE + 1 }, far[] = { SIZE_MAX / 2, (size_t)1 << 47 };
	char *at = map_pages(4, PROT_READ | PROT_WRITE), *bytes = map_pages(2, PROT_READ | PROT_WRITE);
	char *target = map_pages(2, PROT_READ);
	bool untouched = true;

	memset(bytes, 0x55, 2 * PAGE);
	for (int i = 0; i < 2; i++) {
		check_errno(mprotect(at, wrapping[i], PROT_READ | PROT_WRITE), ENOMEM,
			"mprotect with a length that wraps");
		check_errno(madvise(at, wrapping[i], MADV_DONTNEED), EINVAL, "madvise");
		tell("msync", msync(at, wrapping[i], MS_SYNC));
		tell("mlock", mlock(at, wrapping[i]));
		check_errno(mremap(at, wrapping[i], PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target), EINVAL, "mremap");
	}
	for (int i = 0; i < 4; i++) {
		size_t length = i < 2 ? wrapping[i] : far[i - 2];

		check_errno(mincore(at, length, (unsigned char *)bytes), ENOMEM, "mincore with a length too large");
		check_errno(munmap(at, length), EINVAL, "munmap");
		check_errno(mmap(at, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), ENOMEM,
			"mmap");
	}
	check(tap_write(at) == 0 && tap_write(at + 3 * PAGE) == 0, "all is as it was");
	for (int i = 0; i < 2 * PAGE; i++)
		untouched &= bytes[i] == 0x55;
	check(untouched, "nothing is written by mincore");
	check_errno(mincore(at, 4 * PAGE, tap_pointer(-2)), EFAULT, "mincore to an address that wraps");
	check_errno(munmap(at + 1, PAGE), EINVAL, "munmap within a page");
	check_errno(munmap(at, 0), EINVAL, "munmap of nothing");
	check(mprotect(at, 0, PROT_READ) == 0 && madvise(at, 0, MADV_NORMAL) == 0 && msync(at, 0, MS_SYNC) == 0 &&
			mincore(at, 0, NULL) == 0,
		"nothing is a good range");
	munmap(at + PAGE, PAGE);
	check_errno(mincore(at, 3 * PAGE, (unsigned char *)bytes), ENOMEM, "mincore over a hole");
	check_errno(msync(at, 3 * PAGE, MS_SYNC), ENOMEM, "msync over a hole");
	check_errno(madvise(at, 3 * PAGE, MADV_WILLNEED), ENOMEM, "madvise over a hole");
	check_errno(mprotect(at, 3 * PAGE, PROT_READ), ENOMEM, "mprotect over a hole");
}

/* --- numbers that make room --- */

static void descriptors(void)
{
	static const unsigned far[] = { 0xaaaaaa90, 0xaaaaaa80, 0xaaaaaac0, 0x7fffffff, 0x80000000, 0xfffffffe,
		OPEN_MAX_ALL };
	struct rlimit limit = { OPEN_MAX_ALL, OPEN_MAX_ALL };

	check_errno(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY }), EPERM,
		"not without any limit");
	if (getuid() == 0)
		setrlimit(RLIMIT_NOFILE, &limit);
	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		check_errno(syscall(SYS_dup3, 1, far[i], 0), EBADF, "a descriptor far away");
		check_errno(fcntl(1, F_DUPFD, far[i]), EINVAL, "a descriptor not below that");
	}
	check(dup2(1, 5000) == 5000 && fcntl(1, F_DUPFD, 6000) == 6000, "descriptors that are allowed");
	check(close(5000) == 0 && close(6000) == 0 && fcntl(1, F_GETFD) == 0, "and work");
}

static void counts(void)
{
	struct iovec vector = { NULL, 0 };
	struct msghdr header = { .msg_iov = &vector, .msg_iovlen = SIZE_MAX / 8 };
	int ends[2];

	check(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0, "socketpair");
	check_errno(syscall(SYS_readv, ends[0], &vector, -1), EINVAL, "readv");
	check_errno(syscall(SYS_writev, ends[0], &vector, 1ul << 30), EINVAL, "writev");
	check_errno(sendmsg(ends[0], &header, 0), EMSGSIZE, "sendmsg");
	header = (struct msghdr){ .msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = &vector,
		.msg_controllen = SIZE_MAX / 2 };
	check_errno(sendmsg(ends[0], &header, 0), ENOBUFS, "sendmsg with much control");
	check_errno(syscall(SYS_ppoll, NULL, 0x80000001u, NULL, NULL, 8), EINVAL, "poll");
	check_errno(select(-1, NULL, NULL, NULL, &(struct timeval){ 0, 0 }), EINVAL, "select");
	check_errno(syscall(SYS_sendto, ends[0], "x", (size_t)1 << 32, 0, NULL, 0), EMSGSIZE, "a message of 4 GiB");
	check_errno(syscall(SYS_bind, ends[0], "x", 0x7fffffff), EINVAL, "an address of 2 GiB");
	check_errno(setgroups(1u << 30, (gid_t[]){ 0 }), getuid() ? EPERM : EINVAL, "setgroups");
	check_errno(syscall(SYS_getgroups, -1, NULL), EINVAL, "getgroups");
}

int main(void)
{
	tap_catch_faults();
	moving();
	wrapping();
	descriptors();
	counts();
	return tap_end();
}

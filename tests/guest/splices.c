/* splice, tee, vmsplice, sendfile and copy_file_range: what they move, what they leave, offsets, flags and errors; the sizes of
 * pipes. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "tap.h"

enum { FULL = 65536 };

static int a[2], b[2];
static char buffer[FULL * 4] __attribute__((aligned(4096)));

static void two_pipes(int flags)
{
	if (pipe2(a, flags) < 0 || pipe2(b, flags) < 0)
		check(false, "pipe2");
}

static void close_both(void)
{
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}

static int file_with(size_t bytes)
{
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);

	for (size_t i = 0; i < bytes; i++)
		buffer[i] = (char)(i * 7 + i / 256);
	if (fd < 0 || write(fd, buffer, bytes) != (ssize_t)bytes || lseek(fd, 0, SEEK_SET) != 0)
		check(false, "the file");
	return fd;
}

static bool is_file(const char *bytes, size_t from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i] != (char)((from + i) * 7 + (from + i) / 256))
			return false;
	return true;
}

static void test_file_to_pipe(void)
{
	int fd = file_with(3 * FULL);
	loff_t at = 100;

	two_pipes(O_NONBLOCK);
	check(splice(fd, NULL, a[1], NULL, 1000, 0) == 1000 && lseek(fd, 0, SEEK_CUR) == 1000,
		"splice: moves the file's position");
	check(read(a[0], buffer, FULL) == 1000 && is_file(buffer, 0, 1000), "splice: from a file");
	check(splice(fd, &at, a[1], NULL, 50, SPLICE_F_MOVE | SPLICE_F_MORE) == 50 && at == 150 &&
			lseek(fd, 0, SEEK_CUR) == 1000,
		"splice: moves the offset that it is given");
	check(read(a[0], buffer, FULL) == 50 && is_file(buffer, 100, 50), "splice: from an offset");
	at = 0;
	check(splice(fd, &at, a[1], NULL, 3 * FULL, 0) == FULL && at == FULL,
		"splice: as much as the pipe has room for");
	check_errno(splice(fd, &at, a[1], NULL, 1, 0), EAGAIN, "splice: into a full pipe");
	check(read(a[0], buffer, FULL) == FULL && is_file(buffer, 0, FULL), "splice: a full pipe");
	at = 3 * FULL - 10;
	check(splice(fd, &at, a[1], NULL, 100, 0) == 10 && splice(fd, &at, a[1], NULL, 100, 0) == 0,
		"splice: at the end of a file");
	check(read(a[0], buffer, FULL) == 10 && is_file(buffer, 3 * FULL - 10, 10), "splice: the end of a file");
	close_both();
	close(fd);
}

static void test_pipe_to_file(void)
{
	int fd = open("out", O_RDWR | O_CREAT | O_TRUNC, 0600), append = open("out", O_WRONLY | O_APPEND);
	loff_t at = 5;

	two_pipes(O_NONBLOCK);
	check_errno(splice(a[0], NULL, fd, NULL, 10, 0), EAGAIN, "splice: from an empty pipe");
	check(write(a[1], "hello world", 11) == 11 && splice(a[0], NULL, fd, NULL, 5, 0) == 5 &&
			lseek(fd, 0, SEEK_CUR) == 5,
		"splice: a part of what is in the pipe");
	check(splice(a[0], NULL, fd, &at, 100, 0) == 6 && at == 11 && lseek(fd, 0, SEEK_CUR) == 5,
		"splice: to an offset");
	check(pread(fd, buffer, 100, 0) == 11 && !memcmp(buffer, "hello world", 11), "splice: to a file");
	check(write(a[1], "x", 1) == 1, "write");
	check_errno(splice(a[0], NULL, append, NULL, 1, 0), EINVAL, "splice: to a file that is appended to");
	at = -1;
	check_errno(splice(a[0], NULL, fd, &at, 1, 0), EINVAL, "splice: a negative offset");
	check(read(a[0], buffer, 10) == 1 && buffer[0] == 'x', "splice: what failed took nothing");
	close(a[1]);
	check(splice(a[0], NULL, fd, NULL, 10, 0) == 0, "splice: the pipe's end");
	close_both();
	close(fd);
	close(append);
}

static void test_sockets(void)
{
	int ends[2], nothing = open("/dev/null", O_WRONLY), zeros = open("/dev/zero", O_RDONLY);

	two_pipes(0);
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && write(a[1], "to a socket", 11) == 11 &&
			splice(a[0], NULL, ends[0], NULL, 100, 0) == 11 && read(ends[1], buffer, 100) == 11 &&
			!memcmp(buffer, "to a socket", 11),
		"splice: to a socket");
	check(write(ends[1], "from a socket", 13) == 13 && splice(ends[0], NULL, b[1], NULL, 100, 0) == 13 &&
			read(b[0], buffer, 100) == 13 && !memcmp(buffer, "from a socket", 13),
		"splice: from a socket");
	check_errno(splice(ends[0], NULL, b[1], NULL, 100, SPLICE_F_NONBLOCK), EAGAIN,
		"splice: from a socket that is empty");
	check(write(a[1], "gone", 4) == 4 && splice(a[0], NULL, nothing, NULL, 100, 0) == 4, "splice: to /dev/null");
	check(splice(zeros, NULL, a[1], NULL, 10, 0) == 10 && read(a[0], buffer, 100) == 10 && !buffer[0] && !buffer[9],
		"splice: from /dev/zero");
	close_both();
	close(ends[0]);
	close(ends[1]);
	close(nothing);
	close(zeros);
}

static void test_pipe_to_pipe(void)
{
	int status;

	two_pipes(O_NONBLOCK);
	check_errno(splice(a[0], NULL, b[1], NULL, 10, 0), EAGAIN, "splice: from an empty pipe to another");
	check(write(a[1], "0123456789", 10) == 10 && splice(a[0], NULL, b[1], NULL, 4, 0) == 4 &&
			read(b[0], buffer, 100) == 4 && !memcmp(buffer, "0123", 4),
		"splice: from pipe to pipe");
	check(tee(a[0], b[1], 100, 0) == 6 && read(b[0], buffer, 100) == 6 && !memcmp(buffer, "456789", 6),
		"tee: copies");
	check(tee(a[0], b[1], 2, 0) == 2 && read(b[0], buffer, 100) == 2 && read(a[0], buffer + 2, 100) == 6 &&
			!memcmp(buffer, "45456789", 8),
		"tee: takes nothing");
	check_errno(tee(a[0], b[1], 100, 0), EAGAIN, "tee: from an empty pipe");
	check(write(a[1], buffer, FULL) == FULL && tee(a[0], b[1], FULL, 0) == FULL, "tee: a full pipe");
	check_errno(tee(a[0], b[1], 1, 0), EAGAIN, "tee: into a full pipe");
	check(read(b[0], buffer, 4 * FULL) == FULL, "tee: all of it");
	check_errno(splice(a[0], NULL, a[1], NULL, 1, 0), EINVAL, "splice: a pipe into itself");
	check_errno(tee(a[0], a[1], 1, 0), EINVAL, "tee: a pipe into itself");
	close(b[0]);
	status = fork();
	if (!status) {
		splice(a[0], NULL, b[1], NULL, 1, 0);
		_exit(0);
	}
	check(waitpid(status, &status, 0) > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE, "splice: SIGPIPE");
	signal(SIGPIPE, SIG_IGN);
	check_errno(tee(a[0], b[1], 1, 0), EPIPE, "tee: EPIPE");
	signal(SIGPIPE, SIG_DFL);
	close_both();
}

static void test_memory(void)
{
	struct iovec out[] = { { (void *)"one", 3 }, { (void *)"", 0 }, { (void *)"two", 3 } };
	struct iovec in[] = { { buffer, 2 }, { buffer + 2, 100 } }, much = { buffer, 2 * FULL },
		     bad = { tap_pointer(8), 100 };

	two_pipes(0);
	check(vmsplice(a[1], out, 3, 0) == 6 && vmsplice(a[0], in, 2, 0) == 6 && !memcmp(buffer, "onetwo", 6),
		"vmsplice: into a pipe and out of it");
	check(vmsplice(a[1], &much, 1, SPLICE_F_NONBLOCK) == FULL, "vmsplice: as much as there is room for");
	check_errno(vmsplice(a[1], &much, 1, SPLICE_F_NONBLOCK), EAGAIN, "vmsplice: into a full pipe");
	check(read(a[0], buffer, 4 * FULL) == FULL && vmsplice(a[1], out, 0, 0) == 0, "vmsplice: nothing");
	check_errno(vmsplice(a[0], &much, 1, SPLICE_F_NONBLOCK), EAGAIN, "vmsplice: out of an empty pipe");
	check_errno(vmsplice(a[1], &bad, 1, 0), EFAULT, "vmsplice: bad memory");
	check_errno(vmsplice(a[1], tap_pointer(8), 1, 0), EFAULT, "vmsplice: a bad vector");
	check_errno(vmsplice(a[1], out, 1025, 0), EINVAL, "vmsplice: too many");
	check_errno(vmsplice(a[1], out, 1, 64), EINVAL, "vmsplice: bad flags");
	check_errno(vmsplice(999, out, 1, 0), EBADF, "vmsplice: no file");
	close_both();
}

static void test_errors(void)
{
	int fd = file_with(100), write_only = open("file", O_WRONLY), counter = memfd_create("m", 0);
	loff_t at = 0;

	two_pipes(0);
	check(splice(999, NULL, 999, NULL, 0, 64) == 0 && tee(999, 999, 0, 0) == 0, "splice, tee: nothing");
	check_errno(tee(999, 999, 0, 64), EINVAL, "tee: bad flags");
	check_errno(splice(fd, NULL, a[1], NULL, 1, 64), EINVAL, "splice: bad flags");
	check_errno(splice(999, NULL, a[1], NULL, 1, 0), EBADF, "splice: no file");
	check_errno(splice(fd, NULL, 999, NULL, 1, 0), EBADF, "splice: no pipe");
	check_errno(splice(fd, NULL, counter, NULL, 1, 0), EINVAL, "splice: no pipe at all");
	check_errno(splice(fd, NULL, a[1], &at, 1, 0), ESPIPE, "splice: an offset in a pipe");
	check_errno(splice(a[0], &at, fd, NULL, 1, 0), ESPIPE, "splice: an offset in the first pipe");
	check_errno(splice(write_only, NULL, a[1], NULL, 1, 0), EBADF, "splice: from a file that cannot be read");
	check_errno(splice(fd, NULL, a[0], NULL, 1, 0), EBADF, "splice: into the wrong end");
	check_errno(splice(fd, tap_pointer(8), a[1], NULL, 1, 0), EFAULT, "splice: a bad offset");
	at = -5;
	check_errno(splice(fd, &at, a[1], NULL, 1, 0), EINVAL, "splice: a negative offset in a file");
	check_errno(tee(fd, a[1], 1, 0), EINVAL, "tee: no pipe");
	check_errno(tee(a[1], b[1], 1, 0), EBADF, "tee: the wrong end");
	close_both();
	close(fd);
	close(write_only);
	close(counter);
}

static void test_sendfile(void)
{
	int fd = file_with(3 * FULL), out = open("out", O_RDWR | O_CREAT | O_TRUNC, 0600),
	    append = open("out", O_WRONLY | O_APPEND);
	off_t at = 10;

	two_pipes(O_NONBLOCK);
	check(sendfile(out, fd, NULL, 2 * FULL) == 2 * FULL && lseek(fd, 0, SEEK_CUR) == 2 * FULL &&
			lseek(out, 0, SEEK_CUR) == 2 * FULL,
		"sendfile: moves both positions");
	check(sendfile(out, fd, &at, 100) == 100 && at == 110 && lseek(fd, 0, SEEK_CUR) == 2 * FULL,
		"sendfile: an offset");
	at = 4096;
	check(sendfile(a[1], fd, &at, 3 * FULL) == FULL && at == 4096 + FULL,
		"sendfile: to a pipe, as much as there is room for");
	check_errno(sendfile(a[1], fd, &at, 1), EAGAIN, "sendfile: to a full pipe");
	check_errno(sendfile(append, fd, NULL, 1), EINVAL, "sendfile: to a file that is appended to");
	check_errno(sendfile(out, a[0], &at, 1), ESPIPE, "sendfile: an offset in a pipe");
	check_errno(sendfile(out, a[0], NULL, 1), EINVAL, "sendfile: from a pipe");
	check_errno(sendfile(fd, 999, NULL, 1), EBADF, "sendfile: from nothing");
	check_errno(sendfile(999, fd, NULL, 1), EBADF, "sendfile: to nothing");
	check_errno(sendfile(out, append, NULL, 1), EBADF, "sendfile: from a file that cannot be read");
	at = -1;
	check_errno(sendfile(out, fd, &at, 1), EINVAL, "sendfile: a negative offset");
	close_both();
	close(fd);
	close(out);
	close(append);
}

static void test_copy(void)
{
	int fd = file_with(FULL), out = open("out", O_RDWR | O_CREAT | O_TRUNC, 0600), dir = open(".", O_RDONLY);
	loff_t from = 100, to = 7;

	two_pipes(0);
	check(copy_file_range(fd, &from, out, &to, 50, 0) == 50 && from == 150 && to == 57 &&
			lseek(fd, 0, SEEK_CUR) == 0,
		"copy_file_range: offsets");
	check(copy_file_range(fd, NULL, out, NULL, 4 * FULL, 0) == FULL && lseek(fd, 0, SEEK_CUR) == FULL &&
			pread(out, buffer, 4 * FULL, 0) == FULL && is_file(buffer, 0, FULL),
		"copy_file_range: all of it");
	check(copy_file_range(fd, NULL, out, NULL, 10, 0) == 0, "copy_file_range: at the end");
	from = FULL - 10, to = FULL;
	check(copy_file_range(fd, &from, fd, &to, 1000, 0) == 10, "copy_file_range: behind itself");
	from = 0, to = 5;
	check_errno(copy_file_range(fd, &from, fd, &to, 10, 0), EINVAL, "copy_file_range: over itself");
	check_errno(copy_file_range(fd, NULL, out, NULL, 10, 1), EINVAL, "copy_file_range: flags");
	check_errno(copy_file_range(dir, NULL, out, NULL, 10, 0), EISDIR, "copy_file_range: a directory");
	check_errno(copy_file_range(a[0], NULL, out, NULL, 10, 0), EINVAL, "copy_file_range: a pipe");
	check_errno(copy_file_range(999, NULL, out, NULL, 10, 0), EBADF, "copy_file_range: nothing");
	from = 10;
	check_errno(copy_file_range(fd, &from, out, NULL, SIZE_MAX, 0), EOVERFLOW, "copy_file_range: too far");
	close_both();
	close(fd);
	close(out);
	close(dir);
}

static void test_sizes(void)
{
	int fd = file_with(10);

	two_pipes(O_NONBLOCK);
	check(fcntl(a[0], F_GETPIPE_SZ) == FULL, "F_GETPIPE_SZ");
	check_errno(fcntl(fd, F_GETPIPE_SZ), EBADF, "F_GETPIPE_SZ: a file");
	check(write(a[1], "kept", 4) == 4 && fcntl(a[1], F_SETPIPE_SZ, 3 * FULL) == 4 * FULL &&
			fcntl(a[0], F_GETPIPE_SZ) == 4 * FULL,
		"F_SETPIPE_SZ: a power of two");
	check(write(a[1], buffer, 4 * FULL) >= 3 * FULL && write(a[1], buffer, 1) == -1 && errno == EAGAIN,
		"F_SETPIPE_SZ: full");
	check_errno(fcntl(a[1], F_SETPIPE_SZ, 4096), EBUSY, "F_SETPIPE_SZ: smaller than what is in it");
	check(read(a[0], buffer, 4) == 4 && !memcmp(buffer, "kept", 4), "F_SETPIPE_SZ: keeps what is in the pipe");
	while (read(a[0], buffer, sizeof(buffer)) > 0)
		;
	check(fcntl(a[1], F_SETPIPE_SZ, 0) == 4096 && write(a[1], buffer, FULL) == 4096,
		"F_SETPIPE_SZ: a page at least");
	check_errno(fcntl(a[1], F_SETPIPE_SZ, -1), EINVAL, "F_SETPIPE_SZ: too large");
	close_both();
	close(fd);
}

/* Bytes go through splice in a chain while others read, and arrive in order. */
static void test_chain(void)
{
	enum { BYTES = 40 * FULL };
	int status;
	size_t got = 0;
	bool right = true;
	pid_t maker, mover;

	two_pipes(0);
	maker = fork();
	if (!maker) {
		for (size_t i = 0; i < BYTES; i++) {
			buffer[i % FULL] = (char)(i * 7 + i / 256);
			if (i % FULL == FULL - 1 && write(a[1], buffer, FULL) != FULL)
				_exit(1);
		}
		_exit(0);
	}
	close(a[1]);
	mover = fork();
	if (!mover) {
		ssize_t n;

		close(b[0]);
		while ((n = splice(a[0], NULL, b[1], NULL, 50000, 0)) > 0)
			;
		_exit(n < 0);
	}
	close(b[1]);
	for (ssize_t n; (n = read(b[0], buffer, 30011)) > 0; got += (size_t)n)
		right = right && is_file(buffer, got, (size_t)n);
	check(got == BYTES && right, "splice: a chain of pipes");
	check(waitpid(maker, &status, 0) == maker && !status && waitpid(mover, &status, 0) == mover && !status,
		"splice: ends with the pipe");
	close(a[0]);
	close(b[0]);
}

int main(void)
{
	tap_directory("splices");
	test_file_to_pipe();
	test_pipe_to_file();
	test_sockets();
	test_pipe_to_pipe();
	test_memory();
	test_errors();
	test_sendfile();
	test_copy();
	test_sizes();
	test_chain();
	return tap_end();
}

/* Every allocation failed once, in what programs do with their memory, with processes, threads and signals. Runs on Allod only,
 * and only if it was booted with `test=fail`. */
#include <linux/futex.h>
#include <sys/mman.h>
#include <time.h>

#include "shortage.h"

enum { PAGE = 4096 };

/* --- memory --- */

static char *mapped(size_t pages)
{
	char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

static int do_mmap(void)
{
	char *at;
	int error = 0;

	arm();
	at = mapped(3);
	if (!at)
		error = errno;
	else
		at[PAGE] = 1;
	disarm();
	if (at)
		munmap(at, 3 * PAGE);
	return error;
}

static int do_mmap_file(void)
{
	int fd = open("/etc/passwd", O_RDONLY), error;
	char *at, *shared;

	arm();
	at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	shared = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	error = outcome(at == MAP_FAILED || shared == MAP_FAILED ? -1 : 0);
	if (!error) {
		arm();
		error = *(volatile char *)shared ? 0 : EIO;
		*(volatile char *)at = 1;
		disarm();
	}
	if (at != MAP_FAILED)
		munmap(at, PAGE);
	if (shared != MAP_FAILED)
		munmap(shared, PAGE);
	close(fd);
	return error;
}

/* Whether the pages are there, by their content. */
static bool holds(const char *at, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		if (at[i * PAGE] != (char)(i + 1))
			return false;
	return true;
}

static char *filled(size_t pages)
{
	char *at = mapped(pages);

	for (size_t i = 0; at && i < pages; i++)
		at[i * PAGE] = (char)(i + 1);
	return at;
}

static int do_mprotect(void)
{
	char *at = filled(5);
	int error;

	if (!at)
		return errno;
	arm();
	error = outcome(mprotect(at + PAGE, PAGE, PROT_READ));
	if (!holds(at, 5) || (tap_write(at + PAGE) == 0) != (error != 0))
		error = EIO;
	munmap(at, 5 * PAGE);
	return error;
}

static int do_munmap(void)
{
	char *at = filled(5);
	int error;

	if (!at)
		return errno;
	arm();
	error = outcome(munmap(at + 2 * PAGE, PAGE));
	if ((error && !holds(at, 5)) || (!error && tap_read(at + 2 * PAGE) != SIGSEGV))
		error = EIO;
	munmap(at, 5 * PAGE);
	return error;
}

static int do_mremap(void)
{
	char *at = filled(5), *moved;
	int error;

	if (!at)
		return errno;
	arm();
	moved = mremap(at + PAGE, 3 * PAGE, 600 * PAGE, MREMAP_MAYMOVE);
	error = outcome(moved == MAP_FAILED ? -1 : 0);
	if (error && !holds(at, 5))
		error = EIO;
	if (!error)
		munmap(moved, 600 * PAGE);
	munmap(at, 5 * PAGE);
	return error;
}

static int do_madvise(void)
{
	char *at = filled(5);
	int error;

	arm();
	error = outcome(madvise(at + PAGE, PAGE, MADV_DONTNEED));
	if (!error && at[PAGE])
		error = EIO;
	munmap(at, 5 * PAGE);
	return error;
}

static int do_brk(void)
{
	void *before = sbrk(0);
	int error;

	arm();
	error = outcome(sbrk(20 * PAGE) == (void *)-1 ? -1 : 0);
	if (brk(before))
		return errno;
	return error;
}

/* --- processes and threads --- */

static int do_fork(void)
{
	pid_t child;
	int error, status;

	arm();
	child = fork();
	if (child == 0)
		_exit(7);
	error = outcome(child);
	if (error)
		return waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD ? error : EIO;
	return waitpid(child, &status, 0) == child && status == 7 << 8 ? 0 : EIO;
}

static int do_vfork(void)
{
	pid_t child;
	int error, status;

	arm();
	child = vfork();
	if (child == 0)
		_exit(7);
	error = outcome(child);
	if (error)
		return error;
	return waitpid(child, &status, 0) == child && status == 7 << 8 ? 0 : EIO;
}

/* A program that runs out of memory while it starts is killed. */
static int do_exec(void)
{
	pid_t child = fork();

	if (child == 0) {
		child_start();
		execute();
	}
	return ending(child);
}

static volatile uint32_t thread_ran, thread_number;

static int thread_body(void *argument)
{
	(void)argument;
	thread_ran = 1;
	return 0;
}

/* By hand, because pthread_create() keeps stacks of threads that it could not make. */
static int do_thread(void)
{
	static char stack[4 * PAGE] __attribute__((aligned(PAGE)));
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
		CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
	uint32_t number;
	int error;

	thread_ran = 0;
	thread_number = 1;
	arm();
	error = outcome(clone(thread_body, stack + sizeof(stack), flags, NULL, &thread_number, NULL, &thread_number));
	while (!error && (number = thread_number) != 0)
		syscall(SYS_futex, &thread_number, FUTEX_WAIT, number, NULL, NULL, 0);
	return error ? error : thread_ran ? 0 : EIO;
}

static int do_signal(void)
{
	const union sigval value = { .sival_int = 5 };
	siginfo_t info;
	sigset_t set;
	int error;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	arm();
	error = outcome(sigqueue(getpid(), SIGRTMIN, value));
	if (!error && (sigwaitinfo(&set, &info) != SIGRTMIN || info.si_value.sival_int != 5))
		error = EIO;
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return error;
}

static volatile sig_atomic_t handled;

static void handler(int number)
{
	handled = number;
}

static int do_handler(void)
{
	struct sigaction action = { .sa_handler = handler };

	sigaction(SIGUSR1, &action, NULL);
	handled = 0;
	arm();
	raise(SIGUSR1);
	disarm();
	return handled == SIGUSR1 ? 0 : EIO;
}

static int do_timer(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_NONE };
	timer_t timer;
	int error;

	arm();
	error = outcome(timer_create(CLOCK_MONOTONIC, &event, &timer));
	if (!error && timer_delete(timer))
		error = errno;
	return error;
}

static int do_futex(void)
{
	static uint32_t word = 1;
	const struct timespec soon = { 0, 1000000 };
	int error;

	arm();
	error = outcome(syscall(SYS_futex, &word, FUTEX_WAIT, 1, &soon, NULL, 0));
	return error == ETIMEDOUT ? 0 : error;
}

static const struct operation operations[] = {
	OPERATION("mmap", do_mmap),
	OPERATION("mmap of a file", do_mmap_file),
	OPERATION("mprotect", do_mprotect),
	OPERATION("munmap", do_munmap),
	OPERATION("mremap", do_mremap),
	OPERATION("madvise", do_madvise),
	OPERATION("brk", do_brk),
	OPERATION("fork", do_fork, .errors = { EAGAIN }),
	OPERATION("vfork", do_vfork, .errors = { EAGAIN }),
	OPERATION("execve", do_exec),
	OPERATION("clone of a thread", do_thread, .errors = { EAGAIN }),
	OPERATION("sigqueue", do_signal, .errors = { EAGAIN }),
	OPERATION("a signal handler", do_handler),
	OPERATION("timer_create", do_timer, .errors = { EAGAIN }),
	OPERATION("futex", do_futex),
};

int main(int argc, char **argv)
{
	if (!shortage_start(argc, argv))
		return tap_end();
	tap_catch_faults();
	fail_all(operations, COUNT(operations), argc, argv);
	tap_directory("shortage_memory");
	storm_twice(operations, COUNT(operations));
	return tap_end();
}

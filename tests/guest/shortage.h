/* Makes every allocation fail once, for programs that run in a guest booted with `test=fail`.
 *
 * An operation is a function that prepares, calls arm(), does one thing, calls disarm(), and takes back all that it did.
 * fail_each() runs it again and again: the first time the first allocation fails that the kernel or the Linux service makes for
 * this thread, then the second, and so on, until none fails. Each time the operation must succeed or return one of the errors that
 * it may return, and afterwards everything must be as before: free frames of the machine, spaces, threads, grants, portals,
 * descriptors. */
#ifndef TESTS_GUEST_SHORTAGE_H
#define TESTS_GUEST_SHORTAGE_H

#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "native.h"
#include "tap.h"

enum { SHORTAGE_MAX = 3000, DESCRIPTORS = 40 };

static int fail_fd = -1;
static unsigned fail_at, fail_left;
static unsigned *fail_own; /* not the file, but a number of the program's own counts, as that does */

/* For the thread that calls it. */
static inline int fail_open(void)
{
	char path[60];

	snprintf(path, sizeof(path), "/proc/self/task/%d/fail-nth", (int)syscall(SYS_gettid));
	return open(path, O_RDWR | O_CLOEXEC);
}

static inline void fail_set(int fd, unsigned count)
{
	char number[16];
	int bytes = snprintf(number, sizeof(number), "%u", count);

	if (fail_own)
		*fail_own = count;
	else if (pwrite(fd, number, (size_t)bytes, 0) != bytes)
		dprintf(2, "# fail-nth: %s\n", strerror(errno));
}

static inline unsigned fail_get(int fd)
{
	char number[16] = "";

	if (fail_own)
		return *fail_own;
	return pread(fd, number, sizeof(number) - 1, 0) > 0 ? (unsigned)strtoul(number, NULL, 10) : 0;
}

static inline void arm(void)
{
	fail_left = 0;
	fail_set(fail_fd, fail_at);
}

/* Keeps errno. */
static inline void disarm(void)
{
	int error = errno;

	fail_left = fail_get(fail_fd);
	fail_set(fail_fd, 0);
	errno = error;
}

/* disarm(), and the result of a call in the way of C -> 0 or errno. */
static inline int outcome(long result)
{
	int error = result == -1 ? errno : 0;

	disarm();
	return error;
}

/* --- what there is --- */

struct tally {
	uint64_t frames, spaces, threads, grants, portals, descriptors;
};

static inline uint64_t count_listed(uint64_t kind, size_t bytes)
{
	static char records[LIST_MAX * sizeof(struct space_info)];
	uint64_t after = 0, count = 0;
	int64_t got;

	while ((got = native6(CALL_list, kind, 0, after, (uintptr_t)records, LIST_MAX, 0).w0) > 0) {
		const char *last = records + (size_t)(got - 1) * bytes;

		count += (uint64_t)got;
		after = kind == LIST_PORTALS ? ((const struct portal_info *)last)->address :
			kind == LIST_GRANTS  ? ((const struct grant_info *)last)->number :
					       ((const struct space_info *)last)->number;
	}
	return count;
}

static inline struct tally tally(void)
{
	static struct kernel_stats stats;
	struct tally t = { 0 };

	native(CALL_stats, (uintptr_t)&stats, offsetof(struct kernel_stats, pairs), 0, 0);
	t.frames = stats.frames_free;
	t.spaces = stats.spaces;
	t.threads = stats.threads;
	t.grants = count_listed(LIST_GRANTS, sizeof(struct grant_info));
	t.portals = count_listed(LIST_PORTALS, sizeof(struct portal_info));
	for (int fd = 0; fd < DESCRIPTORS; fd++)
		t.descriptors += fcntl(fd, F_GETFD) >= 0;
	return t;
}

/* More free frames than before are none that were lost. */
static inline bool is_as_before(const struct tally *a, const struct tally *b)
{
	return b->frames >= a->frames && a->spaces == b->spaces && a->threads == b->threads && a->grants == b->grants &&
		a->portals == b->portals && a->descriptors == b->descriptors;
}

/* Waits for those that are about to end, as long as anything changes. */
static inline struct tally tally_after(const struct tally *before)
{
	struct tally now = tally(), last;

	for (int still = 0; still < 20 && !is_as_before(before, &now); still++) {
		if (still < 10)
			sched_yield();
		else
			usleep(500);
		last = now;
		now = tally();
		if (memcmp(&now, &last, sizeof(now)))
			still = 0;
	}
	return now;
}

/* --- operations --- */

struct operation {
	const char *name;
	int (*run)(void); /* -> 0 or an errno value */
	int errors[4];    /* that it may give besides ENOMEM */
	unsigned step;    /* not each allocation, but each so many; 0: each */
	bool grows;       /* what it has found out is kept each time: frames are not compared */
};

/* One of a table: OPERATION("mmap", do_mmap), with more members behind if it is not plain. */
#define OPERATION(called, function, ...) \
	{ \
		.name = (called), .run = (function), ##__VA_ARGS__ \
	}
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static inline bool may_fail_with(const struct operation *operation, int error)
{
	for (size_t i = 0; i < COUNT(operation->errors); i++)
		if (operation->errors[i] == error)
			return true;
	return error == ENOMEM || error == 0;
}

/* Runs it with the nth allocation failing. -> whether all is right; *through: none failed. What is kept for the next time may
 * have been made meanwhile: what is missing each time is lost. */
static inline bool fail_one(const struct operation *operation, unsigned n, bool *through)
{
	enum { TRIES = 12 };
	struct tally before = { 0 }, after = { 0 };
	int error = 0;

	for (int try = 0; try < TRIES; try++) {
		before = tally();
		fail_at = n;
		error = operation->run();
		*through = fail_left > 0;
		fail_at = 0;
		if (!may_fail_with(operation, error) || (*through && error)) {
			dprintf(2, "# %s, allocation %u: error %d (%s)\n", operation->name, n, error, strerror(error));
			return false;
		}
		if (operation->grows)
			before.frames = 0;
		after = tally_after(&before);
		if (is_as_before(&before, &after)) {
			error = operation->run();
			if (error)
				dprintf(2, "# %s, after allocation %u: error %d (%s)\n", operation->name, n, error,
					strerror(error));
			return !error;
		}
	}
	dprintf(2,
		"# %s, allocation %u (error %d): frames %ld, spaces %ld, threads %ld, grants %ld, portals %ld, "
		"descriptors %ld\n",
		operation->name, n, error, (long)(after.frames - before.frames), (long)(after.spaces - before.spaces),
		(long)(after.threads - before.threads), (long)(after.grants - before.grants),
		(long)(after.portals - before.portals), (long)(after.descriptors - before.descriptors));
	return false;
}

/* On several processors, which take turns at other times each time, not each allocation. */
static inline void fail_each(const struct operation *operation)
{
	bool fine = true, through = false;
	unsigned n, step = (operation->step ? operation->step : 1) * (sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 3 : 1);
	int error;

	fail_at = 0;
	for (int i = 0; i < 3; i++)
		if ((error = operation->run())) {
			dprintf(2, "# %s, nothing failing: error %d (%s)\n", operation->name, error, strerror(error));
			fine = false;
		}
	for (n = 1; fine && !through && n < SHORTAGE_MAX; n += step)
		fine = fail_one(operation, n, &through);
	if (getenv("VERBOSE"))
		dprintf(2, "# %s: %u allocations\n", operation->name, n - 1 - step);
	check(fine && through, operation->name);
}

/* Those that the arguments name, or all. */
static inline void fail_all(const struct operation *operations, size_t count, int argc, char **argv)
{
	for (size_t i = 0; i < count; i++)
		if (argc == 1 || !strcmp(argv[1], operations[i].name))
			fail_each(&operations[i]);
}

/* --- several at once --- */

enum { STORM_PROCESSES = 3, STORM_OPERATIONS = 60 };

/* One process of a storm, in a folder of its own. -> 0 if nothing went wrong but what may. */
static inline int storm_part(const struct operation *operations, size_t count, unsigned seed)
{
	char name[20];

	snprintf(name, sizeof(name), "storm%u", seed);
	mkdir(name, 0700);
	if (chdir(name))
		return 1;
	close(fail_fd);
	fail_fd = fail_open();
	for (int i = 0; i < STORM_OPERATIONS; i++) {
		const struct operation *operation = &operations[(seed = seed * 1103515245 + 12345) / 65536 % count];
		int error;

		fail_at = (seed = seed * 1103515245 + 12345) / 65536 % 40 + 1;
		error = operation->grows ? 0 : operation->run();
		if (!may_fail_with(operation, error)) {
			dprintf(2, "# storm: %s, allocation %u: error %d (%s)\n", operation->name, fail_at, error,
				strerror(error));
			return 1;
		}
	}
	return 0;
}

/* Operations of several processes at once, each with some allocation failing. */
static inline bool storm(const struct operation *operations, size_t count)
{
	bool fine = true;
	int status;

	for (unsigned i = 1; i <= STORM_PROCESSES; i++)
		if (fork() == 0)
			_exit(storm_part(operations, count, i));
	while (waitpid(-1, &status, 0) > 0)
		fine &= status == 0;
	return fine;
}

/* Tables for the numbers of new threads, and the like, may be made, but not as much as each operation would lose. */
static inline void storm_twice(const struct operation *operations, size_t count)
{
	enum { SPARE = STORM_PROCESSES * STORM_OPERATIONS / 2 };
	bool fine = storm(operations, count);
	struct tally before = tally(), after;

	check(fine && storm(operations, count), "several processes at once");
	before.frames -= SPARE;
	after = tally_after(&before);
	if (!check(is_as_before(&before, &after), "... which leave nothing behind"))
		dprintf(2, "# frames %ld, spaces %ld, threads %ld\n", (long)(after.frames - before.frames - SPARE),
			(long)(after.spaces - before.spaces), (long)(after.threads - before.threads));
}

/* --- operations in children --- */

/* In a child: arm() and disarm() are about its own allocations from now on. */
static inline void child_start(void)
{
	fail_fd = fail_open();
}

enum { CHILD_THROUGH = 100 }; /* its exit status if none failed; else that is what the operation returned */

/* Ends a child that has made an operation. */
static inline void child_exit(int error)
{
	_exit(!fail_left ? error : error ? EIO : CHILD_THROUGH);
}

/* Waits for it. -> what the operation returned there. */
static inline int child_outcome(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return EIO;
	fail_left = WEXITSTATUS(status) == CHILD_THROUGH;
	return fail_left ? 0 : WEXITSTATUS(status);
}

/* An operation that a child makes, because something stays of it. */
static inline int in_child(int (*run)(void))
{
	pid_t child = fork();

	if (child == 0) {
		child_start();
		child_exit(run());
	}
	return child_outcome(child);
}

/* --- programs that are executed --- */

static const char *shortage_path; /* this program */

/* How a child ends that does not tell what failed, but only whether something did; or with a signal, for want of memory. */
enum { GOT_OVER, WENT_THROUGH, REFUSED, NOT_RIGHT };

/* -> 0 or an errno value. */
static inline int ending(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child)
		return errno;
	fail_left = WIFEXITED(status) && WEXITSTATUS(status) == WENT_THROUGH;
	if (WIFSIGNALED(status))
		return fail_at && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGBUS) ? ENOMEM : EIO;
	/* 127: the C library refuses to start. */
	return WEXITSTATUS(status) == REFUSED || WEXITSTATUS(status) == 127 ? ENOMEM
		: WEXITSTATUS(status) <= WENT_THROUGH                       ? 0
									    : EIO;
}

/* Ends a child: what is left of its number says how. */
static inline void exit_by_count(int fd)
{
	unsigned left = fail_get(fd);

	fail_set(fd, 0);
	_exit(left ? WENT_THROUGH : GOT_OVER);
}

/* In a child: becomes this program anew, which ends as soon as main() has started. */
static inline void execute(void)
{
	char number[16];

	fcntl(fail_fd, F_SETFD, 0);
	snprintf(number, sizeof(number), "%d", fail_fd);
	arm();
	execl(shortage_path, shortage_path, "executed", number, NULL);
	disarm();
	_exit(errno == ENOMEM ? REFUSED : NOT_RIGHT);
}

/* The first thing that main() does. -> false: not booted for it. */
static inline bool shortage_start(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "executed"))
		exit_by_count(atoi(argv[2]));
	shortage_path = argv[0];
	fail_fd = fail_open();
	return check(native_present(), "this is Allod") && check(fail_fd >= 0, "allocations can be made to fail");
}

#endif

/* Copies of a program in spaces of their own (liballod, allod/space.h): calls, memory, what Linux does for them, how they end and
 * what their callers learn. Runs on Allod only. */
#include <fcntl.h>
#include <fenv.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include <allod/portal.h>

#include "native.h"
#include "tap.h"

static struct allod_space *box;
static int global = 1;
static _Thread_local int local = 5;

/* --- functions that are called over there --- */

static long six(long a, int b, unsigned char c, const char *d, long long e, short f)
{
	return a + b + c + (long)d + e + f;
}
ALLOD_PORTAL(long, six, (long, a), (int, b), (unsigned char, c), (const char *, d), (long long, e), (short, f))

static int bump(void)
{
	return ++global * 100 + ++local;
}
ALLOD_PORTAL(int, bump)

static void set_global(int value)
{
	global = value;
}
ALLOD_PORTAL_VOID(set_global, (int, value))

static bool is_negative(signed char c)
{
	return c < 0;
}
ALLOD_PORTAL(bool, is_negative, (signed char, c))

/* Asks for memory in all ways. -> how many of them worked. */
static int allocate(size_t bytes)
{
	char *small = malloc(100), *large = malloc(bytes), *mapped;
	int fine = 0;

	mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fine += small && strcpy(small, "text") && !strcmp(small, "text");
	fine += large && memset(large, 1, bytes) && large[bytes - 1] == 1;
	fine += mapped != MAP_FAILED && memset(mapped, 2, bytes) && mapped[bytes - 1] == 2;
	large = realloc(large, bytes * 3);
	fine += large && large[bytes - 1] == 1;
	fine += !mprotect(mapped, 4096, PROT_READ) && !madvise(mapped + 4096, 4096, MADV_DONTNEED) && !mapped[4096];
	fine += !munmap(mapped, bytes);
	free(large);
	free(small);
	return fine;
}
ALLOD_PORTAL(int, allocate, (size_t, bytes))

/* Everything that reaches outside of the space's own memory. -> how many of them were refused. */
static int reach_out(const char *path)
{
	int status, refused = 0;
	struct sigaction action = { .sa_handler = SIG_IGN };

	refused += write(1, "not ok: a sandbox writes\n", 25) == -1 && errno == EPERM;
	refused += open(path, O_RDONLY) == -1 && errno == EPERM;
	refused += close(1) == -1 && errno == EPERM;
	refused += fork() == -1 && errno == EPERM;
	refused += execl("/bin/true", "true", NULL) == -1 && errno == EPERM;
	refused += kill(getppid(), SIGTERM) == -1 && errno == EPERM;
	refused += sigaction(SIGTERM, &action, NULL) == -1 && errno == EPERM;
	refused += wait(&status) == -1 && errno == EPERM;
	refused += mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 0, 0) == MAP_FAILED && errno == EPERM;
	refused += setuid(0) == -1 && errno == EPERM;
	return refused;
}
ALLOD_PORTAL(int, reach_out, (const char *, path))

static long clock_there(void)
{
	struct timespec t, nap = { 0, 1000000 };

	nanosleep(&nap, NULL);
	return clock_gettime(CLOCK_MONOTONIC, &t) ? -1 : t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
ALLOD_PORTAL(long, clock_there)

static int set_errno(int value)
{
	errno = value;
	return errno;
}
ALLOD_PORTAL(int, set_errno, (int, value))

static int recurse(int n)
{
	volatile char page[4096];

	page[0] = (char)n;
	return (n ? recurse(n - 1) : 7) + (page[0] != (char)n);
}
ALLOD_PORTAL(int, recurse, (int, n))

enum crash { NULL_POINTER, DIVIDE, ILLEGAL, ABORT, OVERFLOW, READ_ONLY, JUMP, EXIT, EXIT_NOW, HANG };

static int crash(enum crash how)
{
	static const int constant = 3;
	volatile int zero = 0;

	switch (how) {
	case NULL_POINTER:
		return *(volatile int *)tap_pointer(0);
	case DIVIDE:
		raise(SIGFPE);
		return 1 / zero;
	case ILLEGAL:
		__builtin_trap();
	case ABORT:
		abort();
	case OVERFLOW:
		return recurse(1000000);
	case READ_ONLY:
		*(volatile int *)tap_pointer((uintptr_t)&constant) = 1;
		return 0;
	case JUMP:
		((void (*)(void))tap_pointer(0x123450))();
		return 0;
	case EXIT:
		exit(3);
	case EXIT_NOW:
		_exit(3);
	case HANG:
		for (;;)
			zero++;
	}
	return 0;
}
ALLOD_PORTAL(int, crash, (enum crash, how))

/* --- calls --- */

static void test_calls(void)
{
	static const char text[] = "x";
	long six_here = six(1, -2, 250, text, 1ll << 40, -7);

	check(six_in(box, 1, -2, 250, text, 1ll << 40, -7) == six_here && errno == 0, "six arguments of six types");
	check(bump_in(box) == 206 && bump_in(box) == 307, "no argument; the sandbox keeps its variables");
	check(global == 1 && local == 5, "the program has its own");
	set_global_in(box, 9);
	check(errno == 0 && bump_in(box) == 1008, "no result");
	check(is_negative_in(box, -1) && !is_negative_in(box, 1), "a narrow argument keeps its sign");
	errno = 77;
	check(set_errno_in(box, 33) == 33 && errno == 0, "each side has its errno");
	check(recurse_in(box, 50) == 7, "a stack of 200 KiB");
	fesetround(FE_UPWARD);
	bump_in(box);
	check(fegetround() == FE_UPWARD, "the rounding mode is kept");
	fesetround(FE_TONEAREST);
	check(bump_at(allod_portal_at(box, (const void *)bump)) > 0 && errno == 0, "through the portal's address");
	errno = 0;
	check(bump_at(12345) == -1 && errno != 0, "an address that is no portal");
	check(bump_in(NULL) == -1 && errno == EINVAL, "no space");
}

static void test_plain(void)
{
	long (*remote)(long, int, unsigned char, const char *, long long, short) =
		(__typeof__(remote))(uintptr_t)allod_portal_at(box, (const void *)six);
	volatile long kept[10];
	long sum = 0;

	for (int i = 0; i < 10; i++)
		kept[i] = remote(i, 1, 2, NULL, 3, 4);
	for (int i = 0; i < 10; i++)
		sum += kept[i];
	check(sum == 145 && errno == 0, "a plain call through a function pointer");
	check(TAP_TRY(((void (*)(void))tap_pointer((uintptr_t)remote + 1))()) == SIGSEGV,
		"an address beside it cannot be called");
	check(!allod_withdraw(box, (const void *)six) &&
			TAP_TRY(((void (*)(void))tap_pointer((uintptr_t)remote))()) == SIGSEGV,
		"nor can one that is withdrawn");
}

/* --- Linux --- */

static void test_linux(void)
{
	long before = clock_there();

	check(allocate_in(box, 100000) == 6 && allocate_in(box, 10 << 20) == 6, "memory: malloc, mmap and their like");
	check(reach_out_in(box, "/dev/null") == 10, "everything else fails with EPERM");
	check(clock_there_in(box) > before, "the clock, and sleeping");
}

static void test_memory(void)
{
	char *text = strdup("some text of the program's");
	struct allod_info info;

	check(tap_read(allod_space_view(box, (uintptr_t)&global)) == 0, "its maker can read it");
	check(!allod_space_info(allod_space_number(box), &info) && info.manager == allod_self() && info.frames > 0,
		"what it is can be asked");
	check(allod_global(text) != text && allod_local(allod_global(text)) == text &&
			allod_space_of(allod_global(text)) == allod_self() && allod_space_of(text) == allod_self() &&
			*(char *)allod_global(text) == 's' && allod_global(allod_global(text)) == allod_global(text),
		"pointers: global, local, the number in them");
	check(allod_space_of(allod_space_view(box, 16)) == allod_space_number(box), "pointers: into another space");
	free(text);
}

/* --- ends --- */

static bool crashes(enum crash how, int signal)
{
	struct allod_space *space = allod_sandbox(NULL);
	struct allod_report report;
	bool fine;

	if (!space)
		return false;
	fine = crash_in(space, how) == -1 && errno == EOWNERDEAD;
	fine &= !allod_space_wait(space, &report) && report.end == ALLOD_FAULTED && report.signal == signal &&
		(report.instruction || signal == SIGABRT);
	fine &= bump_in(space) == -1 && errno == EOWNERDEAD;
	fine &= allod_space_kill(space) == -1 && errno == ENOENT;
	allod_space_close(space);
	return fine;
}

static void test_ends(void)
{
	struct allod_space *space = allod_sandbox(NULL);
	struct allod_report report;

	check(crashes(NULL_POINTER, SIGSEGV), "crash: a null pointer");
	check(crashes(DIVIDE, SIGFPE), "crash: a signal to itself");
	check(crashes(ABORT, SIGABRT), "crash: abort()");
	check(crashes(OVERFLOW, SIGSEGV), "crash: the stack is full");
	check(crashes(READ_ONLY, SIGSEGV), "crash: a constant is written");
	check(crashes(JUMP, SIGSEGV), "crash: a jump to nowhere");
	check(crash_in(space, EXIT) == -1 && errno == EOWNERDEAD && bump_in(space) == 206, "exit() ends the call only");
	check(crash_in(space, EXIT_NOW) == -1 && errno == EOWNERDEAD && bump_in(space) == 307, "so does _exit()");
	check(!allod_space_kill(space) && bump_in(space) == -1 && errno == EOWNERDEAD, "killed");
	check(!allod_space_wait(space, &report) && report.end == ALLOD_KILLED && !allod_space_wait(space, &report) &&
			report.end == ALLOD_KILLED,
		"why it ended can be asked more than once");
	allod_space_close(space);
	allod_space_close(NULL);
}

static void *kill_soon(void *space)
{
	usleep(20000);
	allod_space_kill(space);
	return NULL;
}

static long sleep_there(long ms)
{
	struct timespec nap = { ms / 1000, ms % 1000 * 1000000 };

	return nanosleep(&nap, NULL);
}
ALLOD_PORTAL(long, sleep_there, (long, ms))

static void test_kill(void)
{
	struct allod_space *space = allod_sandbox(NULL);
	pthread_t thread;

	pthread_create(&thread, NULL, kill_soon, space);
	check(crash_in(space, HANG) == -1 && errno == EOWNERDEAD, "killed while it loops");
	pthread_join(thread, NULL);
	allod_space_close(space);
	space = allod_sandbox(NULL);
	pthread_create(&thread, NULL, kill_soon, space);
	check(sleep_there_in(space, 100000) == -1 && errno == EOWNERDEAD, "killed while it sleeps in Linux");
	pthread_join(thread, NULL);
	allod_space_close(space);
	space = allod_sandbox(NULL);
	native(CALL_space_destroy, allod_space_number(space), 0, 0, 0);
	check(sleep_there_in(space, 1) == -1 && errno == EOWNERDEAD, "killed before its first call, by another");
	allod_space_close(space);
}

static volatile sig_atomic_t alarms;

static void note(int number)
{
	(void)number;
	alarms++;
}

static void test_signals(void)
{
	signal(SIGALRM, note);
	ualarm(5000, 0);
	sleep_there_in(box, 30);
	while (!alarms)
		usleep(1000);
	check(alarms == 1, "a signal arrives after the call");
}

/* --- many threads --- */

static int count_to(int n)
{
	static _Thread_local volatile int at;

	for (at = 0; at < n; at++)
		;
	return at + local++ * 0;
}
ALLOD_PORTAL(int, count_to, (int, n))

static void *call_often(void *space)
{
	long right = 0;

	for (int i = 0; i < 200; i++)
		right += count_to_in(space, 100) >= 100 && errno == 0;
	return (void *)right;
}

static bool together(struct allod_space *space)
{
	pthread_t threads[6];
	long right = 0;
	void *result;

	for (int i = 0; i < 6; i++)
		pthread_create(&threads[i], NULL, call_often, space);
	for (int i = 0; i < 6; i++) {
		pthread_join(threads[i], &result);
		right += (long)result;
	}
	return right == 6 * 200;
}

static volatile bool is_back;

/* -> how many sandboxes it made that work. */
static void *make_till_back(void *argument)
{
	long made = 0;

	(void)argument;
	while (!is_back) {
		struct allod_space *space = allod_sandbox(NULL);

		if (!space || bump_in(space) != 206)
			return (void *)-1l;
		allod_space_close(space);
		made++;
	}
	return (void *)made;
}

static void test_threads(void)
{
	struct allod_options options = { .name = "many", .contexts = 3, .stack = 65536 };
	struct allod_space *space = allod_sandbox(&options);
	struct allod_info info;
	pthread_t thread;
	void *made;

	check(together(box), "six threads take turns");
	check(space && together(space), "six threads in three contexts");
	check(space && !allod_space_info(allod_space_number(space), &info) && !strcmp(info.name, "many"), "its name");
	allod_space_close(space);
	pthread_create(&thread, NULL, make_till_back, NULL);
	for (int i = 0; i < 5; i++)
		sleep_there_in(box, 50);
	is_back = true;
	pthread_join(thread, &made);
	check((long)made > 0, "a thread makes sandboxes while the first one sleeps in one");
	options.contexts = 1000;
	check(!allod_sandbox(&options) && errno == EINVAL, "too many contexts");
}

/* --- limits --- */

static void test_deadline(void)
{
	struct allod_space *space = allod_sandbox(NULL);
	struct allod_how how = { 1 };
	const uint64_t none[6] = { 0 };
	uint64_t result;

	allod_space_deadline(space, 20000000);
	check(crash_in(space, HANG) == -1 && errno == ETIMEDOUT, "a deadline ends a loop");
	allod_space_deadline(space, 60000000000);
	check(bump_in(space) == 206 && errno == 0, "the next call works");
	allod_space_deadline(space, 20000000);
	check(sleep_there_in(space, 100000) == -1 && (errno == ETIMEDOUT || errno == EOWNERDEAD), "and a sleep");
	allod_space_deadline(space, 60000000000);
	check(bump_in(space) == 307 && errno == 0, "the next call works after that");
	check(allod_call(allod_portal_at(space, (const void *)bump), none, &result, &how) == -1 && errno == ETIMEDOUT,
		"a deadline that has passed");
	allod_space_deadline(space, 0);
	check(together(space), "all threads still get in");
	allod_space_close(space);
}

static void test_quota(void)
{
	struct allod_options options = { .name = "small", .frames = 1000 };
	struct allod_space *space = allod_sandbox(&options);
	struct allod_report report;

	check(bump_in(space) == 206, "a sandbox with a quota of frames");
	check(allocate_in(space, 40 << 20) == -1 && errno == EOWNERDEAD && !allod_space_wait(space, &report) &&
			report.end == ALLOD_FAULTED && report.signal == SIGKILL,
		"more than that ends it");
	allod_space_close(space);
}

/* --- processes --- */

static void use_parents(void)
{
	struct allod_space *space;

	if (bump_in(box) != -1 || errno == 0)
		_exit(1);
	space = allod_sandbox(NULL);
	if (!space || bump_in(space) < 0)
		_exit(2);
	_exit(3);
}

static void exit_with_sandbox(void)
{
	struct allod_space *space = allod_sandbox(NULL);

	exit(bump_in(space) > 0 ? 4 : 5);
}

static void test_processes(void)
{
	pid_t child;
	int status;

	check(tap_child(use_parents) == 3 << 8, "a child cannot use its parent's, and makes its own");
	check(tap_child(exit_with_sandbox) == 4 << 8, "a program that has sandboxes ends");
	child = fork();
	if (child == 0) {
		sleep_there_in(allod_sandbox(NULL), 1000000);
		_exit(1);
	}
	usleep(100000);
	kill(child, SIGKILL);
	check(waitpid(child, &status, 0) == child && WIFSIGNALED(status), "killed while it sleeps in a sandbox");
	child = fork();
	if (child == 0) {
		crash_in(allod_sandbox(NULL), HANG);
		_exit(1);
	}
	usleep(100000);
	kill(child, SIGKILL);
	check(waitpid(child, &status, 0) == child && WIFSIGNALED(status), "killed while it loops in a sandbox");
}

static void test_many(void)
{
	unsigned right = 0;

	for (int i = 0; i < 100; i++) {
		struct allod_space *space = allod_sandbox(NULL);

		right += space && bump_in(space) == 206;
		allod_space_close(space);
	}
	check(right == 100, "a hundred one after the other");
}

/* --- more spaces than a thread keeps stacks in --- */

enum { TURNS = 40 };
static struct allod_space *turns[TURNS];

/* Calls all of them. -> how many answered rightly, being called for the n-th time. */
static int call_all(int n)
{
	int fine = 0;

	for (int i = 0; i < TURNS; i++)
		fine += bump_in(turns[i]) == (global + n) * 100 + local + n;
	return fine;
}
ALLOD_PORTAL(int, call_all, (int, n))

/* In a sandbox: back to who called. */
static int back(allod_portal portal, int n)
{
	char text[64] = "on the stack";
	int fine = call_all_at(portal, n);

	return strcmp(text, "on the stack") ? -1 : fine;
}
ALLOD_PORTAL(int, back, (allod_portal, portal), (int, n))

static void test_turns(void)
{
	struct allod_space *first = allod_sandbox(NULL);
	allod_portal portal = first ? allod_offer((const void *)call_all, allod_space_number(first)) : 0;
	int made = 0;

	for (int i = 0; i < TURNS; i++)
		made += (turns[i] = allod_sandbox(NULL)) != NULL;
	if (!check(portal && made == TURNS, "turns: forty sandboxes"))
		return;
	check(call_all(1) == TURNS && call_all(2) == TURNS, "turns: a thread calls one after the other, twice");
	check(back_in(first, portal, 3) == TURNS,
		"turns: from a callback, and back through the space that called back");
	check(back_in(first, portal, 4) == TURNS && bump_in(turns[0]) > 0, "turns: again");
	for (int i = 0; i < TURNS; i++)
		allod_space_close(turns[i]);
	allod_space_close(first);
}

int main(void)
{
	if (!check(allod_present(), "this is Allod"))
		return tap_end();
	tap_catch_faults();
	box = allod_sandbox(NULL);
	if (!check(box != NULL, "a sandbox"))
		return tap_end();
	test_calls();
	test_plain();
	test_linux();
	test_memory();
	test_ends();
	test_kill();
	test_deadline();
	test_quota();
	test_signals();
	test_threads();
	test_processes();
	test_many();
	test_turns();
	return tap_end();
}

/* Spaces and their neighbours: which accesses each right allows, that a grant costs a grantee nothing that did not ask for it,
 * exact bytes when the callee dies, pointers over fork, calls as deep as they may be, calls that are cut short while the callee is
 * in another space, signals that end a program inside of a call, exceptions. Runs on Allod only. */
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>
#include <unwind.h>

#include <allod/portal.h>

#include "native.h"
#include "tap.h"

enum { PAGE = 4096, PAGES = 8, MS = 1000000 };

static unsigned char *pages;
static struct allod_space *box;

static uint64_t in_ms(uint64_t ms)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec + ms * MS;
}

/* --- what a right lets through --- */

enum access { READ, WRITE, EXECUTE };

static int answer(void)
{
	return 5;
}
ALLOD_PORTAL(int, answer)

/* -> 5 if it may. */
static int try_access(enum access how, volatile unsigned char *data, int (*code)(void))
{
	switch (how) {
	case READ:
		return *data;
	case WRITE:
		*data = 5;
		return 5;
	default:
		return code();
	}
}
ALLOD_PORTAL(int, try_access, (enum access, how), (volatile unsigned char *, data), (int (*)(void), code))

/* With these rights on the page of data or code: a fresh space each time, since a refusal is its end. */
static bool goes(unsigned rights, enum access how)
{
	struct allod_space *space = allod_sandbox(NULL);
	uint32_t number = allod_space_number(space);
	int (*code)(void) = (int (*)(void))allod_global((const void *)answer);
	void *page = (void *)((uintptr_t)code & ~(uintptr_t)(PAGE - 1));
	bool went;

	pages[0] = 5;
	if (rights)
		allod_grant(how == EXECUTE ? page : (void *)pages, PAGE, number, rights);
	went = try_access_in(space, how, allod_global(pages), code) == 5 && errno == 0;
	allod_space_close(space);
	return went;
}

static void test_rights(void)
{
	unsigned wrong = 0;

	for (unsigned rights = 0; rights < 16; rights++) {
		wrong += goes(rights, READ) != ((rights & (ALLOD_R | ALLOD_W | ALLOD_X)) != 0);
		wrong += goes(rights, WRITE) != ((rights & ALLOD_W) != 0);
		wrong += goes(rights, EXECUTE) != ((rights & ALLOD_X) != 0);
	}
	check(!wrong, "each of sixteen sets of rights lets through what it says, and no more");
}

/* --- a grant to a stranger --- */

static void test_stranger(void)
{
	struct allod_options options = { .name = "stranger", .frames = 2000, .grants = 20 };
	struct allod_space *stranger = allod_sandbox(&options);
	uint32_t number = allod_space_number(stranger);
	struct space_info before = { 0 }, after = { 0 };
	struct region_info region;
	unsigned made = 0, regions = 0;

	check(answer_in(stranger) == 5, "a stranger with quotas");
	for (uint64_t at = 0; native(CALL_map_query, number, at, (uintptr_t)&region, 0) == 0; at = region.end)
		regions++;
	native(CALL_space_info, number, (uintptr_t)&before, 0, 0);
	for (unsigned i = 0; i < 500; i++)
		made += allod_grant(pages + i, 1 + i * 10, number, ALLOD_R | ALLOD_W) > 0;
	native(CALL_space_info, number, (uintptr_t)&after, 0, 0);
	check(made == 500 && before.used.grants == after.used.grants && before.used.frames == after.used.frames &&
			before.frames == after.frames,
		"500 grants cost it nothing of its quotas");
	for (uint64_t at = 0; native(CALL_map_query, number, at, (uintptr_t)&region, 0) == 0; at = region.end)
		regions--;
	check(regions == 0, "nor is its map another one");
	pages[0] = 9;
	check(try_access_in(stranger, READ, allod_global(pages), NULL) == 9, "it can use them");
	native(CALL_space_info, number, (uintptr_t)&after, 0, 0);
	check(before.used.frames == after.used.frames, "nor does using them: the tables are on the granter's account");
	allod_space_close(stranger);
}

/* --- right p taken back while another processor calls --- */

static volatile long served; /* calls that came in */

static int serve(void)
{
	return (int)++served;
}

/* In a sandbox. -> why it could not call any more. */
static int call_till_refused(allod_portal portal)
{
	uint64_t words[6] = { 0 }, result;

	while (!allod_call(portal, words, &result, NULL))
		;
	return errno;
}
ALLOD_PORTAL(int, call_till_refused, (allod_portal, portal))

static void *be_refused(void *portal)
{
	return (void *)(long)call_till_refused_in(box, (allod_portal)portal);
}

static void test_revoked_portal(void)
{
	struct allod_space *somebody = allod_sandbox(NULL);
	allod_portal portal = allod_offer((const void *)serve, allod_space_number(somebody));
	unsigned fine = 0;

	for (unsigned i = 0; i < 10; i++) {
		int grant = allod_grant((void *)portal, 1, allod_space_number(box), ALLOD_P);
		pthread_t thread;
		void *why = NULL;
		long seen;

		served = 0;
		pthread_create(&thread, NULL, be_refused, (void *)portal);
		while (served < 100 * (long)i + 10)
			sched_yield();
		allod_revoke(grant);
		seen = served;
		pthread_join(thread, &why);
		/* One call may have begun before. */
		fine += (long)why == EPERM && served <= seen + 1;
	}
	check(fine == 10, "a portal is revoked while another thread calls it: no call more");
	allod_space_close(somebody);
}

/* --- exact bytes --- */

static int write_and_crash(unsigned char *bytes)
{
	bytes[0] = 'a';
	bytes[9] = 'z';
	return *(volatile int *)tap_pointer(8);
}
ALLOD_PORTAL(int, write_and_crash, (unsigned char *, bytes))

static void test_exact(void)
{
	struct allod_space *space = allod_sandbox(NULL);
	unsigned char *edge = pages + 3 * PAGE - 5;

	memset(pages, 1, PAGES * PAGE);
	check(write_and_crash_in(space, allod_lend(edge, 10, ALLOD_R | ALLOD_W | ALLOD_EXACT)) == -1 &&
			errno == EOWNERDEAD && edge[0] == 'a' && edge[9] == 'z' && edge[-1] == 1 && edge[10] == 1,
		"exact: what a callee wrote before it died has come back");
	allod_space_close(space);
}

/* --- pointers over fork --- */

static void test_fork(void)
{
	volatile int *own = (volatile int *)(void *)pages, *parents = allod_global(pages);
	int there[2], back[2], status, grant = 0;
	uint32_t number = 0;
	pid_t child;
	char byte;

	if (pipe(there) || pipe(back))
		return;
	*own = 1;
	child = fork();
	if (child == 0) {
		bool fine = *own == 1;

		*own = 2; /* its own copy now */
		number = allod_self();
		fine &= write(back[1], &number, sizeof(number)) == sizeof(number) && read(there[0], &byte, 1) == 1;
		/* The same global pointer means the parent's memory, as it did in the parent. */
		fine &= allod_space_of((void *)parents) != number && *parents == 1 && *own == 2;
		*parents = 3;
		fine &= *own == 2 && tap_read(parents + PAGE) == SIGSEGV;
		fine &= write(back[1], &byte, 1) == 1 && read(there[0], &byte, 1) == 1;
		fine &= tap_read(parents) == SIGSEGV;
		_exit(fine ? 0 : 1);
	}
	if (read(back[0], &number, sizeof(number)) == sizeof(number))
		grant = allod_grant(pages, PAGE, number, ALLOD_R | ALLOD_W);
	check(grant > 0 && write(there[1], "", 1) == 1 && read(back[0], &byte, 1) == 1 && *own == 3,
		"fork: a worker writes to its parent's memory through the parent's pointer");
	check(!allod_revoke(grant) && write(there[1], "", 1) == 1 && waitpid(child, &status, 0) == child && status == 0,
		"fork: its own pointers are to its own copy, and what is not granted is refused");
	close(there[0]), close(there[1]), close(back[0]), close(back[1]);
}

/* --- as deep as it goes --- */

/* In both: calls the other until the thread is inside of `left` calls more. -> 0, or an errno value. */
static int go_down(allod_portal mine, allod_portal other, int left)
{
	uint64_t words[6] = { other, mine, (uint64_t)left - 1 }, result;
	struct timespec now;

	if (left > 1)
		return allod_call(other, words, &result, NULL) ? errno : (int)result;
	return clock_gettime(CLOCK_MONOTONIC_RAW, &now) ? 1000 : 0;
}
ALLOD_PORTAL(int, go_down, (allod_portal, mine), (allod_portal, other), (int, left))

static void test_depth(void)
{
	struct allod_space *space = allod_sandbox(NULL);
	allod_portal there = allod_portal_at(space, (const void *)go_down);
	allod_portal here = allod_offer((const void *)go_down, allod_space_number(space));
	uint64_t words[6] = { there, here, ALLOD_DEPTH_MAX }, result = 99;
	int beyond;

	check(there && here && !allod_call(there, words, &result, NULL) && result == 0,
		"depth: as many calls as documented, and a system call of Linux inside of the last");
	words[2] = ALLOD_DEPTH_MAX + 2;
	beyond = allod_call(there, words, &result, NULL) ? errno : (int)result;
	check(beyond == ELOOP, "depth: ELOOP beyond");
	words[2] = ALLOD_DEPTH_MAX;
	check(!allod_call(there, words, &result, NULL) && result == 0, "depth: and then as before");
	allod_space_close(space);
}

/* --- the callee is elsewhere when the call ends --- */

static int loop(void)
{
	for (volatile int on = 1; on;)
		;
	return 0;
}
ALLOD_PORTAL(int, loop)

static int sleep_long(void)
{
	struct timespec nap = { 1000, 0 };

	return nanosleep(&nap, NULL);
}
ALLOD_PORTAL(int, sleep_long)

/* -> what the portal answers, or an errno value below 0. */
static int call_on(allod_portal portal)
{
	uint64_t words[6] = { 0 }, result;

	return allod_call(portal, words, &result, NULL) ? -errno : (int)result;
}
ALLOD_PORTAL(int, call_on, (allod_portal, portal))

static bool times_out(struct allod_space *through, allod_portal last)
{
	allod_portal portal = allod_portal_at(through, (const void *)call_on);
	uint64_t words[6] = { last }, result;
	struct allod_how how = { in_ms(20) };

	return allod_call(portal, words, &result, &how) == -1 && errno == ETIMEDOUT;
}

static void test_deadlines(void)
{
	struct allod_space *middle = allod_sandbox(NULL), *last = allod_sandbox(NULL);
	allod_portal loops = allod_portal_at(last, (const void *)loop),
		     sleeps = allod_portal_at(last, (const void *)sleep_long);
	allod_portal answers = allod_portal_at(last, (const void *)answer);
	uint32_t number = allod_space_number(middle);
	int refused;

	allod_grant((void *)loops, 1, number, ALLOD_P);
	allod_grant((void *)sleeps, 1, number, ALLOD_P);
	allod_grant((void *)answers, 1, number, ALLOD_P);
	check(times_out(middle, loops), "deadline: the callee's callee loops");
	check(call_on_in(middle, answers) == 5 && errno == 0, "deadline: both work afterwards");
	check(times_out(middle, sleeps), "deadline: the callee's callee sleeps in Linux");
	check(call_on_in(middle, answers) == 5 && errno == 0, "deadline: both work then, too");
	allod_space_kill(last);
	refused = call_on_in(middle, answers);
	check((refused == -EPERM || refused == -ENOENT) && errno == 0 && answer_in(middle) == 5,
		"the callee's callee is killed: the callee is told, and goes on");
	allod_space_close(middle);
	allod_space_close(last);
}

/* --- signals and exceptions --- */

static volatile sig_atomic_t noted;

static void note(int number)
{
	noted = number;
}

static void loop_till_signal(void)
{
	struct allod_space *space = allod_sandbox(NULL);

	signal(SIGUSR1, note);
	answer_in(space);
	kill(getppid(), SIGUSR1);
	loop_in(space);
}

static void sleep_till_signal(void)
{
	struct allod_space *space = allod_sandbox(NULL);

	answer_in(space);
	kill(getppid(), SIGUSR1);
	sleep_long_in(space);
}

/* A child that goes into a call that does not return is sent a signal. -> how it ended. */
static int end_with(void (*body)(void), int number, useconds_t later)
{
	pid_t child;
	int status;

	noted = 0;
	signal(SIGUSR1, note);
	child = fork();
	if (child == 0) {
		body();
		_exit(0);
	}
	while (!noted)
		usleep(1000);
	usleep(later);
	/* A signal with a handler waits until the call has returned, but it ends a sleep in Linux. */
	if (body == loop_till_signal)
		kill(child, SIGUSR1);
	kill(child, number);
	return waitpid(child, &status, 0) == child && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static _Unwind_Reason_Code count_frame(struct _Unwind_Context *context, void *count)
{
	(void)context;
	++*(int *)count;
	return _URC_NO_REASON;
}

/* Nobody catches it: then raising it returns. (What it returns is wrong on arm64 up to gcc 13, so a backtrace is asked.) */
static int raise_exception(void)
{
	static struct _Unwind_Exception exception;
	int frames = 0;

	_Unwind_RaiseException(&exception);
	return _Unwind_Backtrace(count_frame, &frames) == _URC_END_OF_STACK ? frames : -1;
}
ALLOD_PORTAL(int, raise_exception)

static void test_signals(void)
{
	const int deadly[] = { SIGALRM, SIGINT, SIGTERM, SIGQUIT, SIGRTMIN + 1, SIGKILL };
	unsigned wrong = 0;
	int frames;

	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		wrong += end_with(loop_till_signal, deadly[i], i % 2 * 20000) != deadly[i];
		wrong += end_with(sleep_till_signal, deadly[i], i % 2 * 20000) == 0;
	}
	check(!wrong, "a signal that is deadly ends a program whose callee loops, or sleeps in Linux");
	frames = raise_exception_in(box);
	check(frames > 0 && frames < 4 && errno == 0 && answer_in(box) == 5,
		"an exception that nobody catches gets as far as the callee's end");
}

int main(void)
{
	if (!check(allod_present(), "this is Allod"))
		return tap_end();
	tap_catch_faults();
	pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	box = allod_sandbox(NULL);
	test_rights();
	test_stranger();
	test_revoked_portal();
	test_exact();
	test_fork();
	test_depth();
	test_deadlines();
	test_signals();
	return tap_end();
}

/* Portal calls between this process and spaces that it makes: arguments, cleared registers, stacklets, callbacks, depth, faults
 * in the callee, ends of the callee, rights, and that no frame is lost. Runs on Allod only. */
#include <pthread.h>
#include <sys/time.h>
#include <time.h>

#include "server.h"
#include "tap.h"

enum operation {
	SUM,
	STACK,
	CALL_BACK,
	RECURSE,
	FAULT,
	DESTROY_SELF,
	EXIT_THREAD,
	SLEEP,
	READ,
	WRITE,
	COUNT,
	BUMP_LOCAL,
	BASES
};

static struct words words(int64_t w0, uint64_t w1)
{
	return (struct words){ w0, w1 };
}

static uint64_t local = 7; /* each space has its own */

/* --- in the server --- */

struct words server_call(uint64_t operation, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	switch (operation) {
	case SUM:
		return words((int64_t)(a + 2 * b + 3 * c + 4 * d + 5 * e), a ^ e);
	case STACK:
		return words((int64_t)(uintptr_t)__builtin_frame_address(0), 0);
	case CALL_BACK:
		return portal_call(a, b, 0);
	case RECURSE: /* a: portal of the client, b: how deep it is */
		return portal_call(a, b + 1, 0);
	case FAULT:
		*(volatile char *)tap_pointer(a) = 1;
		return words(0, 0);
	case DESTROY_SELF:
		native(CALL_space_destroy, 0, 0, 0, 0);
		return words(0, 0);
	case EXIT_THREAD:
		native(CALL_thread_exit, 0, 0, 0, 0);
		return words(0, 0);
	case SLEEP: /* a: deadline */
		SHARED->word = 1;
		return words(native(CALL_wait, (uintptr_t)&SHARED->never, 0, a, 0), 0);
	case READ:
		return words(*(volatile unsigned char *)tap_pointer(a), 0);
	case WRITE:
		*(volatile unsigned char *)tap_pointer(a) = (unsigned char)b;
		return words(0, 0);
	case BUMP_LOCAL:
		return words((int64_t)++local, 0);
	case BASES: {
		uint64_t second = second_base();

		set_second_base(0x4321);
		return words((int64_t)thread_pointer(), second);
	}
	default:
		return words(-E_INVAL, 0);
	}
}

static int64_t call(uint64_t operation, uint64_t a, uint64_t b)
{
	return portal_call6((uint64_t)SHARED->portal, (uint64_t[6]){ operation, a, b }).w0;
}

/* --- arguments and registers --- */

static void test_arguments(void)
{
	const uint64_t in[6] = { SUM, 1, 10, 100, 1000, 10000 };
	struct words out = portal_call6((uint64_t)SHARED->portal, in);

	check(out.w0 == 1 + 20 + 300 + 4000 + 50000 && out.w1 == (1 ^ 10000), "call: six words there, two back");
	check(pointer_call((uint64_t)SHARED->portal, SUM, 1, 10) == 21, "call: by a plain call instruction");
	check(call(BUMP_LOCAL, 0, 0) == 8 && call(BUMP_LOCAL, 0, 0) == 9 && local == 7,
		"call: the callee has its own memory");
}

/* The first thread of the server for this test. */
void register_main(void);
void register_main(void)
{
	struct shared *s = SHARED;

	s->portal = native(CALL_portal_create, (uintptr_t)register_entry, 0, 0, 0);
	s->grant = native(CALL_grant, (uint64_t)s->portal, 1, s->client, RIGHT_P);
	s->ready = 1;
	for (;;)
		native(CALL_wait, (uintptr_t)&s->never, 0, 0, 0);
}

static void test_registers(void)
{
	const uint64_t *seen = (const uint64_t *)(uintptr_t)(SHARED_AT + PAGE_SIZE);
	uint64_t back[12], portal_before = (uint64_t)SHARED->portal;
	unsigned char vectors[96];
	struct thread_spec thread = { .ip = (uintptr_t)register_main,
		.space = (uint32_t)(portal_before >> number_shift()) };
	bool leaked = false, full = false, vector_leaked = false;

	SHARED->ready = 0;
	if (!check(native(CALL_thread_create, (uintptr_t)&thread, 0, 0, 0) >= 0, "thread_create: a second thread"))
		return;
	for (unsigned i = 0; i < 1000000 && !SHARED->ready; i++)
		native(CALL_yield, 0, 0, 0, 0);
	memset((void *)(uintptr_t)(SHARED_AT + PAGE_SIZE), 0xff, 160);
	memset(back, 0, sizeof(back));
	memset(vectors, 0xff, sizeof(vectors));
	call_with_registers((uint64_t)SHARED->portal, back, vectors);
	for (int i = 0; i < 8; i++)
		leaked |= seen[i] == 0x5ec2e75ec2e75ec2 || (i != 2 && i != 3 && seen[i] != 0);
	for (int i = 8; i < 20; i++)
		vector_leaked |= seen[i] != 0;
	check(!leaked, "registers: the callee finds none of the caller's");
	check(!vector_leaked, "registers: the callee finds empty vector registers");
	vector_leaked = false;
	for (int i = 0; i < 11; i++)
		full |= back[i] == 0x0bad0bad0bad0bad || back[i] == 0x5ec2e75ec2e75ec2;
	for (size_t i = 0; i < sizeof(vectors); i++)
		vector_leaked |= vectors[i] != 0;
	check(back[11] == 1 && !full, "registers: the caller finds none of the callee's");
	check(!vector_leaked, "registers: the caller finds empty vector registers");
	SHARED->portal = (int64_t)portal_before;
}

static void test_bases(void)
{
	const uint64_t in[6] = { BASES };
	uint64_t pointer = thread_pointer();
	bool fine = true, kept = true;

	call(SLEEP, 1, 0);
	set_second_base(0x12345678);
	for (int i = 0; i < 4; i++) {
		struct words out = portal_call6((uint64_t)SHARED->portal, in);

		fine &= out.w0 == 0 && (out.w1 == 0 || out.w1 == 0x4321);
		kept &= thread_pointer() == pointer && second_base() == 0x12345678;
		if (i == 2)
			call(SLEEP, 1, 0);
	}
	set_second_base(0);
	check(fine, "registers: the callee does not learn the caller's thread pointer");
	check(kept, "registers: the callee does not change the caller's thread pointer");
}

static void test_stacklets(void)
{
	uint64_t number = (uint64_t)SHARED->portal >> number_shift(), stack = (uint64_t)call(STACK, 0, 0);

	check(stack >= STACKLET_BASE && stack < STACKLET_END, "stacklet: the callee runs on its own stack");
	check((uint64_t)call(STACK, 0, 0) == stack, "stacklet: the same at the next call");
	check(tap_read(tap_pointer(number << number_shift() | stack)) == SIGSEGV,
		"stacklet: the caller cannot read it");
	check(tap_read(tap_pointer(number << number_shift() | (uintptr_t)&local)) == SIGSEGV,
		"the caller cannot read the callee's memory");
}

/* --- callbacks --- */

static uint64_t callback_portal;
static volatile uint64_t deepest;
static volatile bool called_back;

/* In this process, called by the server. */
static struct words called(uint64_t what, uint64_t unused)
{
	(void)unused;
	called_back = true;
	if (what == 5)
		return words(55, 0);
	if (what > deepest)
		deepest = what;
	return portal_call6((uint64_t)SHARED->portal, (uint64_t[6]){ RECURSE, callback_portal, what });
}

static void test_callbacks(void)
{
	uint64_t number = (uint64_t)SHARED->portal >> number_shift();
	static _Thread_local int thread_local = 99;
	volatile int here = 1234;

	callback_portal = (uint64_t)native(CALL_portal_create, (uintptr_t)portal_stub, (uintptr_t)called, 0, 0);
	check((int64_t)callback_portal > 0, "portal_create: in a process");
	check(call(CALL_BACK, callback_portal, 5) == -E_PERM && !called_back, "callback: not without right p");
	check(native(CALL_grant, callback_portal, 1, number, RIGHT_P) >= 0, "grant: of right p");
	check(call(CALL_BACK, callback_portal, 5) == 55 && called_back, "callback: into the caller");
	check(here == 1234 && thread_local == 99, "callback: the caller's stack and thread pointer are as before");
	check(call(RECURSE, callback_portal, 100) == -E_DEPTH && deepest > 105 && deepest < 130,
		"depth: the limit is an error");
	check(call(CALL_BACK, callback_portal, 5) == 55, "depth: calls work afterwards");
}

/* --- errors --- */

static void test_rights(void)
{
	uint64_t portal = (uint64_t)SHARED->portal;
	int status;

	check(portal_call(portal + 1, 0, 0).w0 < 0 && portal_call(portal & ~0xffful, 0, 0).w0 < 0,
		"rights: an address that is no portal");
	check(portal_call((uintptr_t)portal_stub + 1, 0, 0).w0 < 0 && portal_call(0, 0, 0).w0 < 0 &&
			portal_call(~0ul, 0, 0).w0 < 0 && portal_call(0x8000000000000000, 0, 0).w0 < 0,
		"rights: rubbish");
	if (fork() == 0) {
		int64_t e = portal_call6(portal, (uint64_t[6]){ SUM }).w0;

		_exit(e == -E_PERM ? 0 : 1);
	}
	wait(&status);
	check(status == 0, "rights: a child does not inherit them");
	check(portal_return(1, 2) < 0, "portal_return: outside of a call");
	check(native(CALL_system_return, 0, 0, 0, 0) < 0, "system_return: by a process");
}

static void test_memory(void)
{
	uint64_t own = own_number() << number_shift(), number = (uint64_t)SHARED->portal >> number_shift();
	static unsigned char page[2 * 4096] __attribute__((aligned(4096)));
	int64_t grant;

	page[10] = 77;
	grant = native(CALL_grant, own | (uintptr_t)page, 4096, number, RIGHT_R);
	check(grant >= 0 && call(READ, own | (uintptr_t)(page + 10), 0) == 77, "grant: the server reads");
	check(call(WRITE, own | (uintptr_t)page, 1) == -E_DEAD && page[0] == 0,
		"grant: writing what is only readable ends the server");
	number = (uint64_t)server_make();
	check((int64_t)number > 0 && call(READ, own | (uintptr_t)(page + 10), 0) == -E_DEAD,
		"without a grant reading ends the server");
	number = (uint64_t)server_make();
	grant = native(CALL_grant, own | (uintptr_t)page, 4096, number, RIGHT_R | RIGHT_W);
	check(grant >= 0 && call(WRITE, own | (uintptr_t)(page + 1), 42) == 0 && page[1] == 42,
		"grant: the server writes");
	check(native(CALL_revoke, (uint64_t)grant, 0, 0, 0) == 0, "revoke");
	check(call(READ, own | (uintptr_t)(page + 10), 0) == -E_DEAD, "revoke: then reading ends the server");
	check(call(SUM, 1, 1) < 0, "a dead server cannot be called");
}

static void *sleep_in_call(void *argument)
{
	*(int64_t *)argument = call(SLEEP, 0, 0);
	return NULL;
}

static int64_t monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static volatile sig_atomic_t alarms;

static void note(int number)
{
	(void)number;
	alarms++;
}

static void test_ends(void)
{
	struct itimerval timer = { .it_value.tv_usec = 5000 };
	int64_t number = server_make(), result = 0;
	struct words ended;
	pthread_t thread;
	int status;
	pid_t child;

	check(number > 0 && call(FAULT, 0, 0) == -E_DEAD, "end: a null pointer in the callee");
	ended = native6(CALL_space_wait, (uint64_t)number, 0, 0, 0, 0, 0);
	check(ended.w0 == SPACE_FAULTED && ended.w1 == 0, "space_wait: how an ended space ended");
	check(native(CALL_space_wait, (uint64_t)number + 1000, 0, 0, 0) == -E_NOENT, "space_wait: no such space");
	number = server_make();
	check(number > 0 && call(FAULT, 0xffffffff80000000, 0) == -E_DEAD, "end: a kernel address in the callee");
	number = server_make();
	check(number > 0 && call(DESTROY_SELF, 0, 0) == -E_DEAD, "end: the callee destroys itself");
	number = server_make();
	check(number > 0 && call(99, 0, 0) == -E_INVAL, "end: an error is a result like any other");
	signal(SIGALRM, note);
	setitimer(ITIMER_REAL, &timer, NULL);
	check(call(SLEEP, (uint64_t)monotonic() + 30000000, 0) == -E_TIMEDOUT, "a call that sleeps");
	while (!alarms)
		usleep(1000);
	check(alarms == 1, "a signal during a call arrives after it");
	SHARED->word = 0;
	pthread_create(&thread, NULL, sleep_in_call, &result);
	while (!SHARED->word)
		sched_yield();
	check(native(CALL_space_destroy, (uint64_t)number, 0, 0, 0) == 0 && pthread_join(thread, NULL) == 0 &&
			result == -E_DEAD,
		"end: the callee is destroyed while the call sleeps");
	child = fork();
	if (child == 0) {
		if (server_prepare() < 0 || server_make() < 0)
			_exit(1);
		call(SLEEP, (uint64_t)monotonic() + 60000000000, 0);
		_exit(2);
	}
	usleep(50000);
	kill(child, SIGKILL);
	check(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
		"end: a caller killed inside of a call ends when that returns");
}

static void exit_inside(void)
{
	if (server_prepare() < 0 || server_make() < 0)
		_exit(1);
	_exit(call(EXIT_THREAD, 0, 0) == -E_DEAD ? 0 : 2);
}

/* --- the end comes from another processor --- */

struct caller {
	int64_t portal, last;
	uint64_t right, wrong;
};

/* Calls, by the short way most of the time, until that fails. */
static void *call_on(void *argument)
{
	struct caller *caller = argument;

	while ((caller->last = portal_call((uint64_t)caller->portal, SUM, 5).w0) >= 0)
		*(caller->last == 5 ? &caller->right : &caller->wrong) += 1;
	return NULL;
}

static void test_races(void)
{
	unsigned ended = 0, killed = 0, calls = 0;
	int status;

	for (unsigned i = 0; i < 20; i++) {
		int64_t number = server_make();
		struct caller caller = { .portal = SHARED->portal };
		pthread_t thread;

		pthread_create(&thread, NULL, call_on, &caller);
		usleep(200 + i * 173);
		if (number < 0 || native(CALL_space_destroy, (uint64_t)number, 0, 0, 0) < 0)
			break;
		pthread_join(thread, NULL);
		calls += caller.right > 0;
		ended += !caller.wrong && (caller.last == -E_DEAD || caller.last == -E_NOENT || caller.last == -E_PERM);
	}
	check(ended == 20 && calls > 0, "race: the callee is destroyed while another thread calls it");
	for (unsigned i = 0; i < 20; i++) {
		pid_t child = fork();

		if (child == 0) {
			struct caller caller = { 0 };

			if (server_prepare() < 0 || server_make() < 0)
				_exit(1);
			caller.portal = SHARED->portal;
			call_on(&caller);
			_exit(2);
		}
		usleep(3000 + i * 733);
		kill(child, SIGKILL);
		killed += waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	}
	check(killed == 20, "race: the caller is killed while it calls");
}

/* --- frames --- */

static void make_and_destroy(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		int64_t number = server_make();

		if (number < 0 || call(SUM, 1, 1) < 0 || native(CALL_space_destroy, (uint64_t)number, 0, 0, 0) < 0)
			check(false, "frames: make and destroy");
	}
}

static void test_frames(void)
{
	uint64_t before;
	int right = 0;

	make_and_destroy(2);
	before = frames_at_rest();
	make_and_destroy(10);
	check(frames_come_back(before) >= before, "frames: none is lost over ten servers");
	server_make();
	call(SUM, 1, 1); /* makes the stacklet */
	before = frames_at_rest();
	for (int i = 0; i < 10000; i++)
		right += call(SUM, 1, 1) == 3;
	check(right == 10000 && frames_come_back(before) >= before, "frames: none is lost over 10,000 calls");
}

/* A portal of a space that has no frame for the stack of who calls it. */
static uint64_t poor_portal(void)
{
	struct space_spec spec = { .name = "poor" };
	int64_t space = -1;

	for (spec.quota.frames = 1; space < 0 && spec.quota.frames < 64; spec.quota.frames++)
		space = native(CALL_space_create, (uintptr_t)&spec, 0, 0, 0);
	return space < 0 ? 0 : (uint64_t)native(CALL_portal_create, 0x1000, 0, (uint64_t)space, 0);
}

/* The stack of the space that was called last makes room for one that cannot be had: the short way must not lead to it. In each
 * turn the thread has a stack in one space more. */
static void test_lost_stack(void)
{
	enum { TURNS = 40, CALLS = 3 };
	uint64_t poor = poor_portal(), victim = (uint64_t)SHARED->portal, in[6] = { SUM, 1, 10, 100 };
	int64_t others[TURNS];
	bool fine = true, refused = poor != 0;

	for (unsigned i = 0; i < TURNS; i++) {
		others[i] = server_make();
		fine &= others[i] > 0 && portal_call6((uint64_t)SHARED->portal, in).w0 == 321;
		for (unsigned j = 0; j < CALLS; j++)
			fine &= portal_call6(victim, in).w0 == 321;
		refused &= portal_call(poor, 0, 0).w0 == -E_NOMEM;
		fine &= portal_call6(victim, in).w0 == 321;
	}
	for (unsigned i = 0; i < TURNS; i++)
		native(CALL_space_destroy, (uint64_t)others[i], 0, 0, 0);
	native(CALL_space_destroy, poor >> number_shift(), 0, 0, 0);
	SHARED->portal = (int64_t)victim;
	check(refused, "stacklet: a space without frames cannot be called");
	check(fine, "stacklet: the space called before still answers");
}

int main(void)
{
	int64_t e;

	if (!check(native_present(), "this is Allod"))
		return tap_end();
	tap_catch_faults();
	e = server_prepare();
	if (!check(e >= 0, "the image of the servers") || !check((e = server_make()) > 0, "a server")) {
		dprintf(2, "# error %lld\n", (long long)e);
		return tap_end();
	}
	test_arguments();
	test_registers();
	test_bases();
	test_stacklets();
	test_callbacks();
	test_lost_stack();
	test_rights();
	test_memory();
	test_ends();
	test_races();
	check(tap_child(exit_inside) == 0, "end: the callee ends the thread");
	test_frames();
	return tap_end();
}

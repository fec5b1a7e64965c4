/* Portal calls with grants and with deadlines, and recalls: what the callee may touch during the call and after it, grants that it
 * keeps, bytes that an exact grant hides, calls that never return. Runs on Allod only. */
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#include "server.h"
#include "tap.h"

enum operation { SUM, STACK, READ, WRITE, READ_ON, LOOP, SLEEP, KEEP, PASS_ON, CALL_BACK, CALL_BACK_BRIEFLY, READ_TWO };

enum { MS = 1000000 };

static struct words words(int64_t w0, uint64_t w1)
{
	return (struct words){ w0, w1 };
}

/* --- in the server --- */

static int64_t read_byte(uint64_t address)
{
	return *(volatile unsigned char *)tap_pointer(address);
}

struct words server_call(uint64_t operation, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	(void)d, (void)e;
	switch (operation) {
	case SUM:
		return words((int64_t)(a + b + c), 0);
	case STACK:
		return words((int64_t)(uintptr_t)__builtin_frame_address(0), 0);
	case READ:
		return words(read_byte(a), 0);
	case READ_TWO:
		return words(read_byte(a) | read_byte(b) << 8, 0);
	case WRITE:
		*(volatile unsigned char *)tap_pointer(a) = (unsigned char)b;
		return words(read_byte(a), 0);
	case READ_ON:
		for (SHARED->word = 1;;)
			read_byte(a);
	case LOOP:
		for (SHARED->word = 1;;)
			SHARED->value++;
	case SLEEP:
		SHARED->word = 1;
		return words(native(CALL_wait, (uintptr_t)&SHARED->never, 0, 0, 0), 0);
	case KEEP:
		return words(native(CALL_grant_keep, a, 0, 0, 0), 0);
	case PASS_ON: /* b: to whom */
		return words(native(CALL_grant, a, 1, b, RIGHT_R), 0);
	case CALL_BACK:
		return portal_call(a, b, 0);
	case CALL_BACK_BRIEFLY: { /* c: deadline */
		struct call_spec spec = { .portal = a, .words = { b }, .deadline = c };

		return words(77, (uint64_t)lossy_call6(CALL_portal_call_with, 0, (uint64_t[6]){ (uintptr_t)&spec }).w0);
	}
	default:
		return words(-E_INVAL, 0);
	}
}

/* --- in this process --- */

static uint64_t own;
static unsigned char pages[8 * PAGE_SIZE] __attribute__((aligned(4096)));

static uint64_t global(const volatile void *pointer)
{
	return own | (uintptr_t)pointer;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct words call_spec(struct call_spec *spec)
{
	return lossy_call6(CALL_portal_call_with, 0, (uint64_t[6]){ (uintptr_t)spec });
}

static struct words call_with(uint64_t operation, uint64_t a, uint64_t b, uint64_t deadline, struct grant_spec *grants,
	unsigned count)
{
	struct call_spec spec = { .portal = (uint64_t)SHARED->portal,
		.words = { operation, a, b },
		.deadline = deadline,
		.grants = (uintptr_t)grants,
		.grant_count = count };

	return call_spec(&spec);
}

static int64_t call_granting(uint64_t operation, const void *at, uint64_t value, const void *start, uint64_t bytes,
	uint32_t flags)
{
	struct grant_spec grant = { (uintptr_t)start, bytes, flags, 0 };

	return call_with(operation, global(at), value, 0, &grant, 1).w0;
}

static int64_t call(uint64_t operation, uint64_t a, uint64_t b)
{
	return portal_call6((uint64_t)SHARED->portal, (uint64_t[6]){ operation, a, b }).w0;
}

/* Of this process's memory. */
static int64_t count_grants(void)
{
	static struct grant_info infos[LIST_MAX];

	return native6(CALL_list, LIST_GRANTS, 0, 0, (uintptr_t)infos, LIST_MAX, 0).w0;
}

static void test_plain(void)
{
	struct call_spec spec = { .portal = (uint64_t)SHARED->portal, .words = { SUM, 1, 2, 3 } };

	check(call_spec(&spec).w0 == 6 && call_spec(&spec).w0 == 6, "call_with: nothing but words");
	check(call(SUM, 1, 1) == 2, "call_with: plain calls go on");
}

static void test_grant(void)
{
	struct grant_spec eight[9];
	int64_t before = count_grants();
	bool fine = true;

	pages[10] = 77;
	check(call_granting(READ, pages + 10, 0, pages, PAGE_SIZE, RIGHT_R) == 77, "grant: the callee reads");
	check(call_granting(READ, pages + 10, 0, pages, PAGE_SIZE, RIGHT_R) == 77, "grant: and at the next call");
	check(count_grants() == before, "grant: none is left");
	check(call_granting(WRITE, pages + 11, 5, pages, PAGE_SIZE, RIGHT_W) == 5 && pages[11] == 5,
		"grant: the callee writes");
	check(call(READ, global(pages + 10), 0) == -E_DEAD, "grant: after the call the callee cannot read any more");
	server_make();
	check(call_granting(READ, pages + PAGE_SIZE, 0, pages, PAGE_SIZE, RIGHT_R) == -E_DEAD,
		"grant: not the next page");
	server_make();
	check(call_granting(WRITE, pages + 10, 1, pages, PAGE_SIZE, RIGHT_R) == -E_DEAD && pages[10] == 77,
		"grant: no writing with right r");
	server_make();
	for (unsigned i = 0; i < 9; i++) {
		pages[i % 8 * PAGE_SIZE] = (unsigned char)(i + 1);
		eight[i] = (struct grant_spec){ (uintptr_t)pages + i % 8 * PAGE_SIZE, 1, RIGHT_R, 0 };
	}
	pages[0] = 1;
	for (unsigned i = 0; i < 7; i++)
		fine &= call_with(READ_TWO, global(pages + i * PAGE_SIZE), global(pages + (i + 1) * PAGE_SIZE), 0,
				eight, 8)
				.w0 == (int64_t)((i + 1) | (i + 2) << 8);
	check(fine, "grant: eight at a time");
	check(call_with(SUM, 1, 2, 0, eight, 9).w0 == -E_INVAL, "grant: nine are refused");
	check(count_grants() == before, "grant: none is left after all");
}

static void test_refusals(void)
{
	struct grant_spec grant = { (uintptr_t)pages, 1, RIGHT_R, 0 }, *read_only;
	struct call_spec spec = { .portal = own | 4, .grants = (uintptr_t)&grant, .grant_count = 1 };
	int64_t before = count_grants();

	check(call_spec(&spec).w0 == -E_NOENT, "refused: no portal");
	check(lossy_call6(CALL_portal_call_with, 0, (uint64_t[6]){ 8 }).w0 == -E_FAULT, "refused: no specification");
	check(call_with(SUM, 1, 1, 0, tap_pointer(8), 1).w0 == -E_FAULT, "refused: no list of grants");
	check(call_granting(SUM, pages, 0, pages, 0, RIGHT_R) == -E_INVAL &&
			call_granting(SUM, pages, 0, pages, 1, 0) == -E_INVAL &&
			call_granting(SUM, pages, 0, pages, 1, 0x100 | RIGHT_R) == -E_INVAL &&
			call_granting(SUM, pages, 0, pages, ~0ul, RIGHT_R) == -E_INVAL,
		"refused: malformed grants");
	check(call_granting(SUM, pages, 0, pages, 1, RIGHT_R | GRANT_KEEP | GRANT_EXACT) == -E_INVAL,
		"refused: to keep what is exact");
	grant.address = (uint64_t)SHARED->portal & ~0xffful;
	check(call_with(SUM, 1, 1, 0, &grant, 1).w0 == -E_INVAL, "refused: the callee's own memory");
	grant.address = (1ul << number_shift()) | 0x1000;
	check(call_with(SUM, 1, 1, 0, &grant, 1).w0 == -E_PERM, "refused: memory of a stranger");
	read_only = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*read_only = (struct grant_spec){ (uintptr_t)pages, 1, RIGHT_R, 0 };
	mprotect(read_only, PAGE_SIZE, PROT_READ);
	check(call_with(SUM, 1, 1, 0, read_only, 1).w0 == -E_FAULT, "refused: nowhere to tell the grant's number");
	check(call_granting(SUM, pages, 0, tap_pointer(8), 16, RIGHT_R | GRANT_EXACT) == -E_FAULT,
		"refused: exact, and nothing there");
	check(count_grants() == before, "refused: no grant is left");
}

static void test_keep(void)
{
	struct grant_spec grant = { (uintptr_t)pages, 20, RIGHT_R | GRANT_KEEP, 0 };
	int64_t before = count_grants(), kept;

	pages[10] = 77;
	check(call_granting(KEEP, pages, 0, pages, 20, RIGHT_R) == -E_NOENT, "keep: not without the right to");
	check(call(KEEP, global(pages), 0) == -E_NOENT && native(CALL_grant_keep, global(pages), 0, 0, 0) == -E_NOENT,
		"keep: nothing there");
	kept = call_with(KEEP, global(pages + 10), 0, 0, &grant, 1).w0;
	check(kept > 0 && kept == grant.grant, "keep: its number");
	check(count_grants() == before + 1 && call(READ, global(pages + 10), 0) == 77, "keep: it lasts after the call");
	check(call_granting(READ, pages + 10, 0, pages, PAGE_SIZE, RIGHT_R) == 77 &&
			call(READ, global(pages + 10), 0) == 77,
		"keep: the end of another call's grant does not end it");
	check(native(CALL_revoke, (uint64_t)kept, 0, 0, 0) == 0 && call(READ, global(pages + 10), 0) == -E_DEAD,
		"keep: until it is revoked");
	server_make();
}

static void test_pass_on(void)
{
	uint64_t first = (uint64_t)SHARED->portal, second;
	int64_t passed;

	check(call_granting(PASS_ON, pages, 1, pages, PAGE_SIZE, RIGHT_R) == -E_PERM,
		"pass on: not without the right to");
	server_make();
	second = (uint64_t)SHARED->portal >> number_shift();
	SHARED->portal = (int64_t)first;
	passed = call_granting(PASS_ON, pages, second, pages, PAGE_SIZE, RIGHT_R | GRANT_PASS);
	check(passed > 0 && native(CALL_revoke, (uint64_t)passed, 0, 0, 0) == -E_NOENT,
		"pass on: it ends with the call");
	native(CALL_space_destroy, second, 0, 0, 0);
}

/* --- exact --- */

static bool is_filled(const unsigned char *from, const unsigned char *to, unsigned char with)
{
	for (; from < to; from++)
		if (*from != with)
			return false;
	return true;
}

static void test_exact(void)
{
	const uint32_t rw = RIGHT_R | RIGHT_W | GRANT_EXACT;
	unsigned char *middle = pages + 100;
	struct grant_spec two[2] = { { (uintptr_t)middle, 8, rw, 0 }, { (uintptr_t)middle + 50, 8, rw, 0 } };

	memset(pages, 0x55, sizeof(pages));
	check(call_granting(READ, middle, 0, middle, 8, rw) == 0x55 &&
			call_granting(READ, middle + 7, 0, middle, 8, rw) == 0x55,
		"exact: the callee reads the bytes");
	check(call_granting(READ, middle - 1, 0, middle, 8, rw) == 0 &&
			call_granting(READ, middle + 8, 0, middle, 8, rw) == 0,
		"exact: and none beside them");
	check(call_granting(WRITE, middle + 3, 9, middle, 8, rw) == 9 && middle[3] == 9,
		"exact: what it writes comes back");
	check(call_granting(WRITE, middle + 8, 9, middle, 8, rw) == 9 && middle[8] == 0x55 && middle[3] == 9,
		"exact: but not what it writes beside");
	middle[3] = 0x55;
	check(call_granting(WRITE, pages + 2 * PAGE_SIZE, 7, middle, 3 * PAGE_SIZE, rw) == 7 &&
			pages[2 * PAGE_SIZE] == 7,
		"exact: whole pages in the middle");
	pages[2 * PAGE_SIZE] = 0x55;
	check(call_granting(WRITE, middle + 3 * PAGE_SIZE - 1, 7, middle, 3 * PAGE_SIZE, rw) == 7 &&
			middle[3 * PAGE_SIZE - 1] == 7,
		"exact: the last page");
	middle[3 * PAGE_SIZE - 1] = 0x55;
	check(call_granting(READ, middle + 3 * PAGE_SIZE, 0, middle, 3 * PAGE_SIZE, rw) == 0,
		"exact: and nothing behind it");
	check(call_with(READ_TWO, global(middle + 7), global(middle + 50), 0, two, 2).w0 == 0x5555 &&
			call_with(READ_TWO, global(middle + 8), global(middle + 49), 0, two, 2).w0 == 0,
		"exact: two in one page");
	check(call_with(WRITE, global(middle + 51), 3, 0, two, 2).w0 == 3 && middle[51] == 3 && middle[0] == 0x55,
		"exact: the second of them is written");
	middle[51] = 0x55;
	check(is_filled(pages, pages + sizeof(pages), 0x55), "exact: nothing else has changed");
	check(call_granting(WRITE, middle, 1, middle, 8, RIGHT_R | GRANT_EXACT) == -E_DEAD && middle[0] == 0x55,
		"exact: no writing with right r");
	server_make();
	check(call_granting(READ, pages, 0, pages, PAGE_SIZE, rw) == 0x55, "exact: a whole page");
}

/* --- deadlines --- */

static volatile uint64_t loops;

static _Noreturn struct words loop_here(uint64_t a, uint64_t b)
{
	(void)a, (void)b;
	for (;;)
		loops++;
}

static void test_deadlines(void)
{
	static _Thread_local int thread_local = 99;
	uint64_t start = now(), portal;
	struct grant_spec grant = { (uintptr_t)pages, 20, RIGHT_R, 0 };
	int64_t before = count_grants(), number = (int64_t)((uint64_t)SHARED->portal >> number_shift()), result;
	struct words back;

	errno = 4711;
	check(call_with(LOOP, 0, 0, start + 20 * MS, &grant, 1).w0 == -E_TIMEDOUT, "deadline: a loop ends");
	check(now() >= start + 20 * MS && now() < start + 50000ul * MS, "deadline: in time");
	check(count_grants() == before && errno == 4711 && thread_local == 99,
		"deadline: the grants end, all else is as before");
	check(call_with(SLEEP, 0, 0, now() + 10 * MS, NULL, 0).w0 == -E_TIMEDOUT, "deadline: a wait ends");
	check(call_with(SUM, 1, 1, now() - 1, NULL, 0).w0 == -E_TIMEDOUT, "deadline: it has passed already");
	for (uint64_t ms = 5;
		(result = call_with(SUM, 1, 1, now() + ms * MS, NULL, 0).w0) == -E_TIMEDOUT && ms < 100000;)
		ms *= 2;
	check(result == 2, "deadline: a call that returns in time");
	usleep(10000);
	check(call(SUM, 1, 1) == 2, "deadline: it does not concern the next call");
	portal = (uint64_t)native(CALL_portal_create, (uintptr_t)portal_stub, (uintptr_t)loop_here, 0, 0);
	check(native(CALL_grant, portal, 1, (uint64_t)number, RIGHT_P) > 0, "deadline: a portal for calls back");
	/* The time may be over before the inner call has begun. */
	for (uint64_t ms = 10; (result = call_with(CALL_BACK, portal, 0, now() + ms * MS, NULL, 0).w0) == -E_TIMEDOUT &&
		!loops && ms < 100000;)
		ms *= 2;
	check(result == -E_TIMEDOUT && loops > 0, "deadline: calls inside of the call end with it");
	back = portal_call6((uint64_t)SHARED->portal, (uint64_t[6]){ CALL_BACK_BRIEFLY, portal, 0, now() + 10 * MS });
	check(back.w0 == 77 && (int64_t)back.w1 == -E_TIMEDOUT, "deadline: of the inner call");
	{
		struct call_spec spec = { .portal = (uint64_t)SHARED->portal,
			.deadline = now() + 10 * MS,
			.words = { CALL_BACK_BRIEFLY, portal, 0, now() + 100000ul * MS } };

		start = now();
		check(call_spec(&spec).w0 == -E_TIMEDOUT && now() < start + 50000ul * MS,
			"deadline: the outer one is earlier");
	}
	check(call(SUM, 1, 1) == 2, "deadline: the callee can be called afterwards");
}

/* --- recalls --- */

struct caller {
	uint64_t operation;
	bool plain; /* a call that the gate makes behind the kernel's back */
	int64_t thread, result;
};

static void *call_out(void *argument)
{
	struct caller *caller = argument;

	caller->thread = (call(STACK, 0, 0) - (int64_t)STACKLET_BASE) / (int64_t)STACKLET_SIZE;
	caller->result = caller->plain ? call(caller->operation, 0, 0)
				       : call_granting(caller->operation, pages, 0, pages, PAGE_SIZE, RIGHT_R);
	return NULL;
}

static pthread_t call_and_wait(struct caller *caller)
{
	pthread_t thread;

	SHARED->word = 0;
	pthread_create(&thread, NULL, call_out, caller);
	while (!SHARED->word)
		sched_yield();
	return thread;
}

static void test_recall(void)
{
	const uint64_t operations[] = { LOOP, SLEEP, LOOP };
	bool fine = true;

	for (unsigned i = 0; i < 3; i++) {
		struct caller caller = { .operation = operations[i], .plain = i == 2 };
		pthread_t thread = call_and_wait(&caller);

		fine &= native(CALL_thread_recall, (uint64_t)caller.thread, 0, 0, 0) == 0;
		fine &= pthread_join(thread, NULL) == 0 && caller.result == -E_INTR;
	}
	check(fine, "recall: out of a loop and out of a wait");
	check(native(CALL_thread_recall, 0xffff, 0, 0, 0) == -E_NOENT &&
			native(CALL_thread_recall, ~0ul, 0, 0, 0) == -E_NOENT,
		"recall: no such thread");
	check(native(CALL_thread_recall, (uint64_t)(call(STACK, 0, 0) - (int64_t)STACKLET_BASE) / STACKLET_SIZE, 0, 0,
		      0) == 0 &&
			call(SUM, 1, 1) == 2,
		"recall: of a thread that is in no call");
	check(native(CALL_thread_recall, 0, 0, 0, 0) == -E_PERM, "recall: of init's thread");
}

/* The same from another processor, in a loop. */
static void test_revoke(void)
{
	unsigned dead = 0;

	for (unsigned i = 0; i < 10; i++) {
		struct grant_spec grant = { (uintptr_t)pages, PAGE_SIZE, RIGHT_R, 0 };
		struct caller caller = { .operation = READ_ON };
		pthread_t thread = call_and_wait(&caller);
		static struct grant_info infos[LIST_MAX];
		int64_t n = native6(CALL_list, LIST_GRANTS, 0, 0, (uintptr_t)infos, LIST_MAX, 0).w0;

		(void)grant;
		usleep(500 * i);
		for (int64_t k = 0; k < n; k++)
			if (infos[k].start == (uintptr_t)pages)
				native(CALL_revoke, infos[k].number, 0, 0, 0);
		pthread_join(thread, NULL);
		dead += caller.result == -E_DEAD;
		server_make();
	}
	check(dead == 10, "revoke: during the call ends the callee's reading");
}

static void test_kills(void)
{
	unsigned killed = 0;

	for (unsigned i = 0; i < 4; i++) {
		pid_t child = fork();
		int status;

		if (child == 0) {
			if (server_prepare() < 0 || server_make() < 0)
				_exit(1);
			own = own_number() << number_shift();
			call(i % 2 ? LOOP : SLEEP, 0, 0);
			_exit(2);
		}
		usleep(30000);
		kill(child, SIGKILL);
		killed += waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	}
	check(killed == 4, "kill: a caller whose callee never returns");
}

/* Killed at the moment when it begins a call that never returns: through the kernel, and by the short way. */
static void test_kills_at_once(void)
{
	unsigned killed = 0;

	for (unsigned i = 0; i < 24; i++) {
		int ends[2] = { -1, -1 }, status;
		pid_t child = pipe(ends) ? -1 : fork();
		char byte = 0;

		if (child == 0) {
			if (server_prepare() < 0 || server_make() < 0)
				_exit(1);
			if (i % 2)
				call(SUM, 1, 1);
			if (write(ends[1], &byte, 1) == 1)
				call(LOOP, 0, 0);
			_exit(2);
		}
		killed += read(ends[0], &byte, 1) == 1;
		for (volatile unsigned wait = i * 500; wait; wait--)
			;
		kill(child, SIGKILL);
		killed += waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
		close(ends[0]);
		close(ends[1]);
	}
	check(killed == 48, "kill: a caller that just calls what never returns");
}

static void exit_beside(void)
{
	struct caller caller = { .operation = LOOP };

	if (server_prepare() < 0 || server_make() < 0)
		_exit(1);
	own = own_number() << number_shift();
	call_and_wait(&caller);
	_exit(0);
}

static void test_frames(void)
{
	const uint32_t rw = RIGHT_R | RIGHT_W | GRANT_EXACT;
	uint64_t before = 0;
	bool fine = true;

	for (unsigned i = 0; i < 220; i++) {
		/* Who was taken out of a call has no stack there; then one that the deadline spares makes one. */
		if (i == 20 && call(SUM, 1, 1) == 2)
			before = frames_at_rest();
		fine &= call_granting(READ, pages + 10, 0, pages + 10, 2 * PAGE_SIZE, rw) == 0x55;
		fine &= call_with(LOOP, 0, 0, now() + MS / 10, NULL, 0).w0 == -E_TIMEDOUT;
	}
	/* Where threads were interrupted decides on a page or two that are kept; what is lost is lost 200 times. */
	check(fine && call(SUM, 1, 1) == 2 && frames_come_back(before - 8) + 8 >= before, "frames: none is lost");
}

int main(void)
{
	int64_t e;

	if (!check(native_present(), "this is Allod"))
		return tap_end();
	e = server_prepare();
	if (!check(e >= 0, "the image of the servers") || !check((e = server_make()) > 0, "a server")) {
		dprintf(2, "# error %lld\n", (long long)e);
		return tap_end();
	}
	own = own_number() << number_shift();
	test_plain();
	test_grant();
	test_refusals();
	test_keep();
	test_pass_on();
	test_exact();
	test_deadlines();
	test_recall();
	test_revoke();
	test_kills();
	test_kills_at_once();
	check(tap_child(exit_beside) == 0, "kill: a process ends while a thread of it is in a call");
	test_frames();
	return tap_end();
}

/* What a space must not be able to do to the space that calls it, or that it calls; the space is a copy of this program that
 * attacks. Runs on Allod only. */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <allod/portal.h>

#include "native.h"
#include "stack_switch.h"
#include "tap.h"

#define PAGE 4096

static struct allod_space *box;
static int secret = 4711;

static bool refused(int64_t result)
{
	return result == -E_PERM || result == -E_NOENT || result == -E_INVAL || result == -E_DEAD;
}

/* --- over there --- */

/* Everything that would give power over another space. -> how much of it was not refused. */
static int seize(uint32_t victim, uint64_t address, int grant)
{
	int done = 0;

	done += !refused(native6(CALL_map, victim, 0x10000000, PAGE, RIGHT_R, 0, 0).w0);
	done += !refused(native(CALL_unmap, victim, 0x400000, PAGE, 0));
	done += !refused(native(CALL_protect, victim, 0x400000, PAGE, RIGHT_ALL));
	done += !refused(native(CALL_space_destroy, victim, 0, 0, 0));
	done += !refused(native(CALL_space_destroy, 0, 0, 0, 0));
	done += !refused(native(CALL_space_fork, victim, 0, 0, 0));
	done += !refused(native(CALL_space_wait, victim, 0, 0, 0));
	done += !refused(native(CALL_portal_create, 0x400000, 0, victim, 0));
	done += !refused(native(CALL_portal_destroy, 0x400000, victim, 0, 0));
	done += !refused(native(CALL_grant, address, 1, allod_self(), RIGHT_R));
	done += !refused(native(CALL_grant, allod_layout.window * victim, allod_layout.window, 1, RIGHT_R));
	done += !refused(native(CALL_revoke, (uint64_t)grant, 0, 0, 0));
	done += !refused(native(CALL_system_return, 0, 0, 0, 0));
	done += !refused(native(CALL_frame_set_space, victim, 0, 0, 0));
	for (uint64_t thread = 0; thread < 64; thread++) {
		done += !refused(native(CALL_thread_interrupt, thread, 0, 0, 0));
		done += !refused(native(CALL_thread_recall, thread, 0, 0, 0));
	}
	return done;
}
ALLOD_PORTAL(int, seize, (uint32_t, victim), (uint64_t, address), (int, grant))

/* Returns from within, with words of its own choice, and never gets to its end. */
static int return_early(int depth)
{
	volatile char frame[200];

	frame[0] = 1;
	if (depth)
		return return_early(depth - 1) + frame[0];
	portal_return(0, 99);
	return 1;
}
ALLOD_PORTAL(int, return_early, (int, depth))

/* Works with the stack pointer in memory of the caller. */
static int use_stack(uint64_t stack)
{
	return (int)push_at(stack);
}
ALLOD_PORTAL(int, use_stack, (uint64_t, stack))

/* Calls out with the stack pointer there, so that a call back would begin there. */
static int call_from_stack(uint64_t stack, uint64_t portal)
{
	return (int)call_at(stack, portal);
}
ALLOD_PORTAL(int, call_from_stack, (uint64_t, stack), (uint64_t, portal))

static int answer(void)
{
	return 5;
}
ALLOD_PORTAL(int, answer)

/* Makes portals, segments, spaces and threads until it is told to stop. -> how many. */
static int exhaust(void)
{
	struct space_spec spec = { .name = "many" };
	int made = 0;

	for (uint64_t i = 0; i < 20000 && native(CALL_portal_create, 0x1000 + i, 0, 0, 0) >= 0; i++)
		made++;
	while (made < 40000 && native(CALL_segment_create, 1, 0, 0, 0) >= 0)
		made++;
	while (made < 60000 && native(CALL_space_create, (uintptr_t)&spec, 0, 0, 0) >= 0)
		made++;
	return made;
}
ALLOD_PORTAL(int, exhaust)

static int call_there(int (*portal)(void))
{
	return portal();
}
ALLOD_PORTAL(int, call_there, (int (*)(void), portal))

/* --- here --- */

static void test_seize(void)
{
	static char page[PAGE] __attribute__((aligned(PAGE)));
	struct allod_space *other = allod_sandbox(NULL);
	int grant = allod_grant(page, PAGE, allod_space_number(other), ALLOD_R);

	check(seize_in(box, allod_self(), (uintptr_t)allod_global(&secret), grant) == 0 && errno == 0,
		"a callee has no power over its caller");
	check(seize_in(box, allod_space_number(other), (uintptr_t)allod_space_view(other, (uintptr_t)&secret), grant) ==
			0,
		"nor over another space of its maker's");
	check(answer_in(other) == 5 && !allod_revoke(grant), "both are as before");
	allod_space_close(other);
}

static void test_returns(void)
{
	volatile int before = 1234, result = return_early_in(box, 10);

	check(result == 99 && before == 1234 && errno == 0, "a return from the middle comes out at the call");
	check(answer_in(box) == 5, "and the next call begins at the top");
}

static void test_entries(void)
{
	uint64_t portal = allod_portal_at(box, (const void *)answer), words[6] = { 0 }, result;
	unsigned missed = 0;

	/* liballod's portals are 8 bytes apart. */
	for (uint64_t i = 1; i < 8; i++) {
		missed += allod_call(portal + i, words, &result, NULL) == 0;
		missed += allod_call(portal - i, words, &result, NULL) == 0;
	}
	missed += allod_call((uint64_t)allod_space_view(box, (uintptr_t)answer), words, &result, NULL) == 0;
	check(!missed, "no address but a portal's can be called");
	check(allod_call(portal, words, &result, NULL) == 0 && result == 5, "the portal's can");
}

static int reenter(void)
{
	/* Its stack, as far as it says, is ours. */
	return answer_in(box) == -1 && errno == EOWNERDEAD ? 7 : 8;
}

static void test_stacks(void)
{
	char *stack = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t top = (uint64_t)allod_global(stack + 8 * PAGE), portal;
	bool touched = false;
	volatile int here = 77;

	memset(stack, 's', 16 * PAGE);
	check(use_stack_in(box, top) == -1 && errno == EOWNERDEAD, "a callee on its caller's stack ends");
	box = allod_sandbox(NULL);
	check(use_stack_in(box, (uint64_t)allod_global((const void *)&here) - 512) == -1 && here == 77,
		"also on the stack that the caller is using");
	box = allod_sandbox(NULL);
	portal = allod_offer((const void *)reenter, allod_space_number(box));
	check(call_from_stack_in(box, top, portal) == -1 && errno == EOWNERDEAD, "or if it is called back there");
	for (size_t i = 0; i < 16 * PAGE; i++)
		touched |= stack[i] != 's';
	check(!touched, "nothing was written there");
	box = allod_sandbox(NULL);
	munmap(stack, 16 * PAGE);
}

static void test_exhausting(void)
{
	struct allod_options options = { .name = "greedy", .grants = 200, .spaces = 10, .threads = 4 };
	struct allod_space *greedy = allod_sandbox(&options);
	int made = exhaust_in(greedy);
	struct allod_space *more = allod_sandbox(NULL);

	check(made > 0 && made < 300, "a quota holds for portals, segments and spaces");
	check(more && answer_in(more) == 5, "others do not notice");
	allod_space_close(greedy);
	allod_space_close(more);
}

/* What was once reached by a number is not reached when the number means another space. */
static void test_numbers(void)
{
	struct allod_space *old = allod_sandbox(NULL);
	uint32_t number = allod_space_number(old);
	uint64_t portal = allod_portal_at(old, (const void *)answer), words[6] = { 0 }, result;
	char *view = allod_space_view(old, (uintptr_t)&secret);
	struct space_spec spec = { .name = "later" };
	unsigned again = 0, reached = 0;
	int grant = allod_grant(&secret, 4, number, ALLOD_R);

	check(answer_in(old) == 5 && tap_read(view) == 0, "a space before it ends");
	allod_space_close(old);
	for (int i = 0; i < 5000; i++) {
		int64_t n = native(CALL_space_create, (uintptr_t)&spec, 0, 0, 0);

		if (n == (int64_t)number) {
			again++;
			native6(CALL_map, (uint64_t)n, (uintptr_t)&secret & ~(uint64_t)(PAGE - 1), PAGE,
				RIGHT_R | RIGHT_W, 0, 0);
			reached += allod_call(portal, words, &result, NULL) == 0;
			reached += tap_read(view) == 0;
			reached += allod_revoke(grant) == 0;
		}
		if (n < 0 || native(CALL_space_destroy, (uint64_t)n, 0, 0, 0))
			break;
	}
	check(again > 0 && !reached, "a number that is used again has nothing of what it had");
}

/* --- teardown --- */

static struct allod_space *partner;

static int kill_partner(void)
{
	allod_space_kill(partner);
	return 3;
}

static void test_teardown(void)
{
	uint64_t portal;
	unsigned fine = 0;

	for (int i = 0; i < 20; i++) {
		partner = allod_sandbox(NULL);
		portal = allod_offer((const void *)kill_partner, allod_space_number(partner));
		fine += call_there_in(partner, (int (*)(void))(uintptr_t)portal) == -1 && errno == EOWNERDEAD;
		allod_space_close(partner);
	}
	check(fine == 20, "a space that ends while it calls back");
}

struct race {
	struct allod_space *space;
	uint64_t portal;
	unsigned calls;
};

static void *call_until_dead(void *argument)
{
	struct race *race = argument;

	while (call_there_in(race->space, (int (*)(void))(uintptr_t)race->portal) == 5)
		race->calls++;
	return NULL;
}

static void test_races(void)
{
	unsigned calls = 0;

	for (int i = 0; i < 10; i++) {
		struct race race = { allod_sandbox(NULL), 0, 0 };
		pthread_t thread;

		race.portal = allod_offer((const void *)answer, allod_space_number(race.space));
		pthread_create(&thread, NULL, call_until_dead, &race);
		usleep(500 + 700 * (useconds_t)i);
		allod_space_kill(race.space);
		pthread_join(thread, NULL);
		calls += race.calls;
		allod_space_close(race.space);
	}
	check(calls > 0 && answer_in(box) == 5, "killed by another thread, with calls back under way");
}

int main(void)
{
	if (!check(allod_present(), "this is Allod"))
		return tap_end();
	tap_catch_faults();
	box = allod_sandbox(NULL);
	test_seize();
	test_returns();
	test_entries();
	test_stacks();
	test_exhausting();
	test_numbers();
	test_teardown();
	test_races();
	return tap_end();
}

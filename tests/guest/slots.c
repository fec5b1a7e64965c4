/* New slots appear in a root and go again while another thread runs on it: each processor has a top-level page of its own, and
 * all must stay in step. Runs on Allod only. */
#include <pthread.h>

#include "machine.h"
#include "native.h"
#include "tap.h"

enum { ROUNDS = 700, WHERE = 0x10000 };

static volatile uint64_t address; /* for the helper to use */
static volatile int answer;
static volatile unsigned round_wanted, round_done;

static void *help(void *argument)
{
	while (round_done != ~0u) {
		unsigned wanted = round_wanted;

		if (wanted == round_done) {
			machine_pause();
			continue;
		}
		if (wanted == ~0u)
			return argument;
		answer = tap_write(tap_pointer(address));
		__atomic_store_n(&round_done, wanted, __ATOMIC_SEQ_CST);
	}
	return argument;
}

/* -> what the other thread's write ended with */
static int other_writes(uint64_t to)
{
	address = to;
	__atomic_store_n(&round_wanted, round_wanted + 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&round_done, __ATOMIC_SEQ_CST) != round_wanted)
		;
	return answer;
}

static unsigned find_shift(void)
{
	struct space_info info;
	int64_t portal = native(CALL_portal_create, (uintptr_t)find_shift, 0, 0, 0);
	unsigned shift;

	native(CALL_portal_destroy, (uintptr_t)find_shift, 0, 0, 0);
	native(CALL_space_info, 0, (uintptr_t)&info, 0, 0);
	for (shift = 32; shift < 48 && (uint64_t)portal != ((uint64_t)info.number << shift | (uintptr_t)find_shift);
		shift++)
		;
	return shift;
}

int main(void)
{
	struct space_spec spec = { .flags = SPACE_GRANT_CREATOR, .name = "slot" };
	unsigned shift, made = 0, seen = 0, gone = 0;
	pthread_t thread;

	if (!check(native_present(), "this is Allod"))
		return tap_end();
	tap_catch_faults();
	shift = find_shift();
	pthread_create(&thread, NULL, help, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		int64_t number = native(CALL_space_create, (uintptr_t)&spec, 0, 0, 0);
		uint64_t at = (uint64_t)number << shift | WHERE;

		if (number < 0 || native(CALL_map, (uint64_t)number, WHERE, PAGE_SIZE, RIGHT_R | RIGHT_W) < 0)
			continue;
		made++;
		seen += other_writes(at) == 0 && *(volatile char *)tap_pointer(at) == 'w';
		native(CALL_space_destroy, (uint64_t)number, 0, 0, 0);
		gone += other_writes(at) == SIGSEGV;
	}
	check(made == ROUNDS, "700 spaces, one after another");
	check(seen == ROUNDS, "a new slot is seen by the other thread");
	check(gone == ROUNDS, "an ended slot is gone for the other thread");
	round_wanted = ~0u;
	pthread_join(thread, NULL);
	return tap_end();
}

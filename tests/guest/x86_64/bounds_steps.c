/* A load of a pointer and its bounds is interrupted by a store to the same location, after each of its instructions in turn, and
 * twice at random places: it finds the old pointer with its bounds or the new one with its bounds, never a mixture. The processor
 * traps after each instruction, and the handler plays the other thread. For the software back end, because MPX is off in
 * handlers. */
#include "tables.h"

#include <allod/bounded.h>

#include "machine.h"

enum { TRAP_FLAG = 0x100, STEPS_MAX = 1000, PAIRS = 1000 };

static struct allod_ref found;
static void **location;

/* Where the load is cut, and what is stored there. */
static unsigned step, done, cut_at[2];
static struct allod_ref store_then[2];

static void on_step(int number, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	(void)number, (void)info;
	if (step++ != cut_at[done])
		return;
	allod_ref_store(location, store_then[done++]);
	if (done == 2 || cut_at[done] < step)
		u->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

static __attribute__((noinline)) void load(void)
{
	found = allod_ref_load(location);
}

static void load_in_steps(void)
{
	step = done = 0;
	__asm__ volatile("pushfq; orq %0, (%%rsp); popfq" : : "i"(TRAP_FLAG) : "memory", "cc");
	load();
	__asm__ volatile("pushfq; andq %0, (%%rsp); popfq" : : "i"(~TRAP_FLAG) : "memory", "cc");
}

static bool is(struct allod_ref a, struct allod_ref b)
{
	return a.at == b.at && a.bounds.base == b.bounds.base && a.bounds.rest == b.bounds.rest;
}

/* With or without a table to begin with. -> whether what was found is right. */
static bool cut(struct allod_ref before, bool has_table)
{
	bool right;

	location = (void **)fresh_chunks(1);
	if (has_table)
		allod_bounds_store(location + 1, location, allod_bounds_make(location, 8));
	allod_ref_store(location, before);
	load_in_steps();
	right = is(found, before) || (done > 0 && is(found, store_then[0])) || (done > 1 && is(found, store_then[1]));
	if (done > 0)
		right = right && is(allod_ref_load(location), store_then[done - 1]);
	munmap(location, BOUNDS_CHUNK);
	return right;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };
	static char object[64];
	unsigned cuts = 0, wrong = 0;

	if (argc == 1) {
		setenv("ALLOD_BOUNDS", "software", 1);
		execl("/proc/self/exe", argv[0], "software", NULL);
	}
	check(allod_bounds_back_end() == ALLOD_BOUNDS_SOFTWARE, "the software back end");
	sigaction(SIGTRAP, &action, NULL);
	const struct allod_ref whole = allod_ref_malloc(32), away = allod_ref_of(object, sizeof(object));
	const struct allod_ref all[] = { allod_ref_null(), whole, allod_ref_part(whole, 0, 8), allod_ref_malloc(48),
		away, allod_ref_part(away, 0, 8) };
	const unsigned n = sizeof(all) / sizeof(all[0]);
	for (unsigned i = 0; i < 2 * n * n; i++) {
		store_then[0] = all[i / 2 / n];
		for (cut_at[0] = 0, done = 1; done && cut_at[0] < STEPS_MAX; cut_at[0]++, cuts++)
			wrong += !cut(all[i / 2 % n], i % 2);
	}
	check(wrong == 0 && cuts > 2 * n * n * 10, "what was there or what is there, wherever the load is cut");
	for (unsigned i = 0; i < PAIRS; i++) {
		uint64_t r = next_random();

		cut_at[0] = r % 32;
		cut_at[1] = cut_at[0] + 1 + (r >> 8) % 48;
		store_then[0] = all[(r >> 16) % n];
		store_then[1] = all[(r >> 24) % n];
		wrong += !cut(all[(r >> 32) % n], r >> 40 & 1);
	}
	check(wrong == 0, "or came in between, where it is cut twice");
	return tap_end();
}

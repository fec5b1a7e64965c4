/* A system call or a fault belongs to the space that the thread is in, whatever way it came there. Copies of this program call each
 * other and call back, through the kernel and through the gate, with grants and without. Each Linux call works on the memory, and
 * with the rights, of the space that makes it, and a fault ends the space that caused it. Runs on Allod only. */
#include <fcntl.h>
#include <sys/syscall.h>

#include <allod/portal.h>

#include "native.h"
#include "tap.h"

enum { BOXES = 3, HOME = BOXES, STEPS = 1500, NOBODY = 65534, DEPTH = 4 };

static struct allod_space *box[BOXES];
static uint64_t seed = 1;
static uint64_t word;             /* each space's own: what its last call of getrandom() gave */
static allod_portal step_at_home; /* for the boxes */

/* What is to be done on the way: a digit for each place, from the outside in. */
enum { NOTHING, RANDOM, OPEN, NATIVE, DEEPER };

static uint64_t next(uint64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % below;
}

static uint64_t look(void)
{
	return word;
}
ALLOD_PORTAL(uint64_t, look)

/* -> what Linux answered; other than a sandbox, home may open files. */
static long act(unsigned what)
{
	static const char path[] = "/dev/null";
	long result = 0;

	switch (what) {
	case RANDOM:
		return syscall(SYS_getrandom, &word, sizeof(word), 0);
	case OPEN:
		result = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY, 0);
		if (result >= 0)
			syscall(SYS_close, result);
		return result < 0 ? -1 : 1;
	case NATIVE:
		return native(CALL_revoke, 0xffffff, 0, 0, 0);
	default:
		return 0;
	}
}

/* In a space: acts, perhaps lets another one act, and acts again. The portals are those that this space may call. -> 0 if each
 * answer was right. */
static int step(unsigned here, unsigned first, unsigned second, allod_portal inner, unsigned inner_acts,
	unsigned unused)
{
	const uint64_t words[6] = { HOME, inner_acts % 8, inner_acts / 8, 0, 0, 0 };
	uint64_t result;
	int wrong = 0;

	(void)unused;
	for (unsigned i = 0; i < 2; i++) {
		unsigned what = i ? second : first;
		long answer = act(what);

		wrong += what == RANDOM && answer != sizeof(word);
		wrong += what == OPEN && answer != (here == HOME ? 1 : -1);
		if (!i && inner)
			wrong += allod_call(inner, words, &result, NULL) != 0 || result != 0;
	}
	return wrong;
}
ALLOD_PORTAL(int, step, (unsigned, here), (unsigned, first), (unsigned, second), (allod_portal, inner),
	(unsigned, inner_acts), (unsigned, unused))

static void make_boxes(void)
{
	for (unsigned i = 0; i < BOXES; i++)
		box[i] = allod_sandbox(NULL);
}

/* Random walks: afterwards the words that have changed are those of the spaces that asked. */
static void test_walks(void)
{
	uint64_t expected[BOXES + 1] = { 0 };
	unsigned wrong = 0, strange = 0;
	bool fine = true;

	make_boxes();
	for (unsigned i = 0; i < BOXES; i++) {
		step_at_home = allod_offer((const void *)step, allod_space_number(box[i]));
		fine &= step_at_home != 0;
	}
	for (unsigned n = 0; n < STEPS && fine; n++) {
		unsigned at = (unsigned)next(BOXES), first = (unsigned)next(4), second = (unsigned)next(4),
			 inner = (unsigned)(next(4) * 8 + next(4)), times = 1 + (unsigned)next(3);
		bool back = next(2);
		char lent[16];

		for (unsigned k = 0; k < times; k++) {
			if (!k && !next(4))
				wrong += look_in(box[at]) != expected[at];
			if (!next(8))
				allod_lend(lent, sizeof(lent), ALLOD_R);
			wrong += step_in(box[at], at, first, second, back ? step_at_home : 0, inner, 0) != 0 || errno;
			if (!next(4))
				act(NOTHING), syscall(SYS_getppid);
		}
		for (unsigned i = 0; i < BOXES; i++) {
			uint64_t now = look_in(box[i]);

			strange += i == at ? (first == RANDOM || second == RANDOM) == (now == expected[i])
					   : now != expected[i];
			expected[i] = now;
		}
		strange += (back && (inner % 8 == RANDOM || inner / 8 == RANDOM)) == (word == expected[HOME]);
		expected[HOME] = word;
	}
	check(fine && wrong == 0, "Linux answers each space as it may answer that one");
	check(strange == 0, "and works on its memory");
	for (unsigned i = 0; i < BOXES; i++)
		allod_space_close(box[i]);
}

/* --- faults --- */

static int fault(uintptr_t address)
{
	return *(volatile int *)tap_pointer(address);
}
ALLOD_PORTAL(int, fault, (uintptr_t, address))

static int stay(int *lent)
{
	return lent ? *lent : 3;
}
ALLOD_PORTAL(int, stay, (int *, lent))

/* By plain calls and calls that lend something, in all orders: who faults then ends, nobody else. */
static void test_faults(void)
{
	unsigned wrong = 0;

	for (unsigned pattern = 0; pattern < 32; pattern++) {
		struct allod_report report;
		int lent = 5;

		make_boxes();
		for (unsigned i = 0; i < 4; i++) {
			struct allod_space *to = box[pattern >> 4 ? i % 2 : 0];

			if (pattern >> i & 1)
				wrong += stay_in(to, allod_lend(&lent, sizeof(lent), ALLOD_R)) != 5;
			else
				wrong += stay_in(to, NULL) != 3;
		}
		wrong += fault_in(box[0], 0x1000 + pattern) != -1 || errno != EOWNERDEAD;
		wrong += allod_space_wait(box[0], &report) != 0 || report.end != ALLOD_FAULTED ||
			report.signal != SIGSEGV || report.address != 0x1000 + pattern;
		for (unsigned i = 1; i < BOXES; i++)
			wrong += stay_in(box[i], NULL) != 3;
		for (unsigned i = 0; i < BOXES; i++)
			allod_space_close(box[i]);
	}
	check(wrong == 0, "a fault ends the space that made it, and no other");
}

int main(void)
{
	if (!check(native_present(), "this is Allod"))
		return tap_end();
	check(setgid(NOBODY) == 0 && setuid(NOBODY) == 0, "an ordinary process");
	test_walks();
	test_faults();
	return tap_end();
}

/* Native calls with random arguments from an unprivileged process: each must return, and the machine must go on. Runs on Allod
 * only.
 *
 * First a long row of calls that cannot harm the program itself, whatever its arguments; then children that call anything
 * with anything until they break or are killed. The seed is fixed: a run can be repeated. */
#include <sys/mman.h>

#include "random_native.h"
#include "tap.h"

enum { CALLS = 200000, CHILDREN = 60, CHILD_CALLS = 400 };

/* A space whose memory the call would change: 0 and the own number mean this program. */
static uint64_t other_space(void)
{
	uint64_t n = native_pick();

	return n == 0 || n == native_own ? 12345 : n;
}

/* One call that leaves the program itself alone. */
static int64_t harmless_call(void)
{
	uint64_t nr = CALL_portal_call + (random_next() >> 20) % 0x78, a = native_pick(), b = native_pick(),
		 c = native_pick(), d = native_pick(), e = native_pick(), f = native_pick();

	switch (nr) {
	case CALL_portal_call:
		return portal_call(a, b, c).w0;
	case CALL_portal_return:
		return portal_return(a, b);
	case CALL_thread_exit:
	case CALL_portal_create: /* the next call might be to it */
		return -E_INVAL;
	case CALL_wait: /* the deadline has passed */
		c = 1;
		break;
	case CALL_space_create: { /* real ones are made in the children */
		struct space_spec spec = { .flags = 0x80000000 | (uint32_t)a, .system = (uint32_t)b };

		memcpy(native_page, &spec, sizeof(spec));
		a = random_next() & 1 ? (uintptr_t)native_page : a;
		break;
	}
	case CALL_space_wait: /* a space of ours, made by chance, would never end */
		a |= 0x100000;
		break;
	case CALL_space_destroy:
	case CALL_map:
	case CALL_unmap:
	case CALL_protect:
	case CALL_remap:
	case CALL_space_fork:
		a = other_space();
		break;
	case CALL_thread_create:
	case CALL_space_set_landing:
	case CALL_space_info:
	case CALL_stats:
		if (a >= 0x400000 && a < 0x10000000) /* where the program is */
			a = 8;
		break;
	case CALL_map_query:
	case CALL_frame_vector:
		c = c >= 0x400000 && c < 0x10000000 ? 8 : c;
		b = b >= 0x400000 && b < 0x10000000 ? 8 : b;
		break;
	case CALL_list:
		d = d >= 0x400000 && d < 0x10000000 ? 8 : d;
		break;
	case CALL_shield_list:
		a = (uintptr_t)native_page;
		b %= 8;
		break;
	case CALL_log:
		return -E_INVAL;
	case CALL_segment_create:
		a |= 1ul << 50;
		break;
	default:
		break;
	}
	return native6(nr, a, b, c, d, e, f).w0;
}

static void test_harmless(void)
{
	unsigned bad = 0, errors = 0;
	static char witness[8192];
	uint64_t sum = 0;

	memset(witness, 0x5a, sizeof(witness));
	for (unsigned i = 0; i < CALLS; i++) {
		errors += harmless_call() < 0;
		if (i % 10000 == 0)
			bad += getppid() <= 0;
	}
	for (size_t i = 0; i < sizeof(witness); i++)
		sum += witness[i] != 0x5a;
	check(bad == 0 && sum == 0, "200,000 native calls with rubbish return");
	check(errors > CALLS / 2, "most of them are errors");
}

/* Anything goes; the child ends by a fault, by a call, or is killed. */
static _Noreturn void misbehave(unsigned which)
{
	random_native(random_seed + which, CHILD_CALLS);
	_exit(0);
}

static void test_wild(void)
{
	static struct kernel_stats before, after;
	unsigned ended = 0;

	native(CALL_stats, (uintptr_t)&before, sizeof(before), 0, 0);
	for (unsigned i = 0; i < CHILDREN; i++) {
		pid_t child = fork();
		int status;

		if (child == 0)
			misbehave(i);
		for (int n = 0; n < 100 && waitpid(child, &status, WNOHANG) == 0; n++)
			usleep(2000);
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		ended += kill(child, 0) == -1;
	}
	check(ended == CHILDREN, "60 children that call anything end");
	native(CALL_stats, (uintptr_t)&after, sizeof(after), 0, 0);
	check(after.spaces == before.spaces, "no space is left over");
	check(after.threads == before.threads, "no thread is left over");
}

int main(void)
{
	struct space_info info;

	if (!check(native_present(), "this is Allod"))
		return tap_end();
	if (native(CALL_space_info, 0, (uintptr_t)&info, 0, 0) >= 0)
		native_own = info.number;
	test_harmless();
	test_wild();
	check(tap_child(abort) != 0, "the machine goes on");
	return tap_end();
}

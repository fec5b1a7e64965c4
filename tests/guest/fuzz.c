/* Native calls with rubbish from an unprivileged process: each must return, and the machine must go on. Runs on Allod only.
 *
 * First a long row of calls that cannot harm the program itself, whatever its arguments; then children that call anything
 * with anything until they break or are killed. The seed is fixed: a run can be repeated. */
#include <sys/mman.h>

#include "native.h"
#include "tap.h"

enum { CALLS = 200000, CHILDREN = 60, CHILD_CALLS = 400 };

static uint64_t seed = 88172645463325252;
static char page[8192] __attribute__((aligned(4096)));
static uint64_t own;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint64_t pick(void)
{
	static const uint64_t values[] = { 0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 0x10, 0x20, 0xfff, 0x1000, 0x1001,
		0x2000, 0x400000, 0x401000, 0x40000000, 0x5fffffff, 0x7ffff000, 0x80000000, 0xffffffff, 0x100000000,
		0x1ffffffff, 0x200000000, 0x8000000000, 0xffffffffff, 0x10000000000, 0x7fffffffffff, 0x7ffffffff000,
		0x800000000000, 0xffffffffffffff, 0x100000000000000, 0x7fffffffffffffff, 0x8000000000000000,
		0xff00000000000000, 0xffff800000000000, 0xffffffff80000000, 0xfffffffffffff000, 0xfffffffffffffff8,
		~0ul };
	uint64_t r = next();

	switch (r >> 60) {
	case 0:
		return (uintptr_t)page + (r & 0xfff);
	case 1:
		return (uintptr_t)page;
	case 2:
		return r & 0xff;
	case 3:
		return r & 0xffff;
	case 4:
		return (r & 0xff) << 40 | (r >> 8 & 0xffff) << 8;
	case 5:
		return (r & 0xff) << 33 | 0x400000;
	case 6:
		return r;
	case 7:
		return own;
	default:
		return values[(r >> 8) % (sizeof(values) / sizeof(values[0]))];
	}
}

/* A space whose memory the call would change: 0 and the own number mean this program. */
static uint64_t other_space(void)
{
	uint64_t n = pick();

	return n == 0 || n == own ? 12345 : n;
}

/* One call that leaves the program itself alone. */
static int64_t harmless_call(void)
{
	uint64_t nr = CALL_portal_call + (next() >> 20) % 0x78, a = pick(), b = pick(), c = pick(), d = pick(),
		 e = pick(), f = pick();

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

		memcpy(page, &spec, sizeof(spec));
		a = next() & 1 ? (uintptr_t)page : a;
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
		a = (uintptr_t)page;
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
static void wild(unsigned which)
{
	seed = seed * 6364136223846793005 + which * 1442695040888963407 + 1;
	for (unsigned i = 0; i < CHILD_CALLS; i++) {
		uint64_t nr = CALL_portal_call + (next() >> 20) % 0x68;
		struct space_spec spec = { .flags = next() & 7 ? (uint32_t)next() & 4 : (uint32_t)next() & 7,
			.system = next() & 1 };
		struct thread_spec thread = { .space = (uint32_t)pick(),
			.ip = pick(),
			.sp = pick(),
			.arg = pick(),
			.frame = next() & 1 ? pick() : 0 };
		uint64_t a = pick();

		if (nr == CALL_log)
			continue;
		if (nr == CALL_space_create && next() % 4) {
			memcpy(page, &spec, sizeof(spec));
			a = (uintptr_t)page;
		}
		if (nr == CALL_thread_create && next() % 4) {
			memcpy(page, &thread, sizeof(thread));
			a = (uintptr_t)page;
		}
		if (nr == CALL_segment_create)
			a &= 0xff;
		native6(nr, a, pick(), pick(), pick(), pick(), pick());
	}
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
			wild(i);
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
		own = info.number;
	test_harmless();
	test_wild();
	check(tap_child(abort) != 0, "the machine goes on");
	return tap_end();
}

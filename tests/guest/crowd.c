/* Many spaces alive at a time: numbers, the time and the memory that each takes, that neither grows with how many there are, and
 * that one thread can call into any number of them. Runs on Allod only.
 *
 *   crowd [COUNT]   COUNT spaces; without it 20,000 or as many as there are numbers; "all": until there are no more
 *
 * What it measures goes to stderr; ns are instructions if the guest counts them (allod run --icount). */
#include <time.h>

#include "server.h"
#include "tap.h"

enum { DEFAULT = 20000, NUMBERS = 65536, BATCH = 500, PAGED = 1000, CALLED = 80, MAPPED_AT = 0x10000 };

static uint32_t made[NUMBERS];
static uint8_t seen[NUMBERS];

struct words server_call(uint64_t operation, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	(void)operation, (void)b, (void)c, (void)d, (void)e;
	return (struct words){ (int64_t)a + 1, 0 };
}

static struct kernel_stats stats(void)
{
	struct kernel_stats s = { 0 };

	native(CALL_stats, (uintptr_t)&s, sizeof(s), 0, 0);
	return s;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int64_t make(void)
{
	struct space_spec spec = { .flags = SPACE_GRANT_CREATOR, .name = "one-of-many" };

	return native(CALL_space_create, (uintptr_t)&spec, 0, 0, 0);
}

/* -> how many; the number below which all are. */
static unsigned make_many(unsigned count, uint64_t *first_ns, uint64_t *last_ns, int64_t *error)
{
	unsigned n = 0;
	uint64_t start = now();

	for (; n < count; n++) {
		int64_t number = make();

		*error = number;
		if (number < 0)
			break;
		made[n] = (uint32_t)number;
		if ((n + 1) % BATCH)
			continue;
		*last_ns = (now() - start) / BATCH;
		if (n + 1 == BATCH)
			*first_ns = *last_ns;
		start = now();
	}
	return n;
}

static bool are_different(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (made[i] >= NUMBERS || seen[made[i]])
			return false;
		seen[made[i]] = 1;
	}
	return true;
}

/* A page of some of them is used: through the grant that their maker has. */
static bool use_pages(unsigned count, unsigned shift)
{
	bool fine = true;

	for (unsigned i = 0; i < PAGED && i < count; i++) {
		uint64_t number = made[i * (count / PAGED + 1) % count];
		volatile uint64_t *word = tap_pointer(number << shift | MAPPED_AT);

		if (native6(CALL_map, number, MAPPED_AT, PAGE_SIZE, RIGHT_R | RIGHT_W, 0, 0).w0 < 0)
			continue;
		*word = number;
		fine &= *word == number;
	}
	return fine;
}

static void test_crowd(unsigned count, bool is_default, unsigned shift)
{
	uint64_t first = 1, last = 1;
	int64_t error = 0;
	struct kernel_stats before = stats(), after;
	unsigned n = make_many(count, &first, &last, &error);

	after = stats();
	dprintf(2, "# %u spaces, then %lld; %llu.%02llu KiB each; ns for one: %llu of the first %u, %llu of the last\n",
		n, (long long)error, (unsigned long long)(before.frames_free - after.frames_free) * 4 / n,
		(unsigned long long)(before.frames_free - after.frames_free) * 400 / n % 100, (unsigned long long)first,
		(unsigned)BATCH, (unsigned long long)last);
	check(n == count || error == -E_LIMIT || (!is_default && error == -E_NOMEM), "crowd: all are made");
	check(after.spaces == before.spaces + n && are_different(n), "crowd: each has a number of its own");
	check((before.frames_free - after.frames_free) * 4 <= 32ul * n, "crowd: at most 32 KiB each");
	check(use_pages(n, shift), "crowd: their memory can be used");
	for (unsigned i = 0; i < n; i++)
		native(CALL_space_destroy, made[i], 0, 0, 0);
	after = stats();
	check(after.spaces == before.spaces, "crowd: all are gone");
	/* What stays are tables of numbers, and tables of this process that show slots. */
	check(after.frames_free + n / 30 + 400 > before.frames_free, "crowd: and their memory is back");
}

/* One thread calls into more spaces than it has stacks at a time. */
static void test_calls(void)
{
	static uint64_t portals[CALLED], numbers[CALLED];
	bool fine = true;

	for (unsigned i = 0; i < CALLED; i++) {
		int64_t number = server_make();

		fine &= number > 0;
		numbers[i] = (uint64_t)number;
		portals[i] = (uint64_t)SHARED->portal;
	}
	check(fine, "calls: the servers");
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < CALLED; i++)
			fine &= portal_call(portals[i], 0, i).w0 == (int64_t)i + 1;
	check(fine, "calls: into each, and again");
	for (unsigned i = 0; i < CALLED; i++)
		native(CALL_space_destroy, numbers[i], 0, 0, 0);
}

int main(int argc, char **argv)
{
	bool is_default = argc < 2;
	unsigned shift;

	if (!check(native_present(), "this is Allod"))
		return tap_end();
	shift = number_shift();
	check(server_prepare() >= 0, "the image of the servers");
	test_calls();
	test_crowd(is_default                    ? DEFAULT
			: strcmp(argv[1], "all") ? (unsigned)atoi(argv[1])
						 : NUMBERS,
		is_default, shift);
	return tap_end();
}

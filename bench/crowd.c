/* Spaces until there are no more numbers: what making one costs while few and while many are alive, and the memory that each
 * takes. Runs on Allod only; bench/run says what it prints. */
#include "program.h"
#include "tests/guest/native.h"

enum { NUMBERS = 65536, BATCH = 500 };

static struct kernel_stats stats(void)
{
	struct kernel_stats s = { 0 };

	native(CALL_stats, (uintptr_t)&s, sizeof(s), 0, 0);
	return s;
}

/* -> how many of a batch were made. */
static unsigned make_some(void)
{
	struct space_spec spec = { .flags = SPACE_GRANT_CREATOR, .name = "one-of-many" };
	unsigned n = 0;

	while (n < BATCH && native(CALL_space_create, (uintptr_t)&spec, 0, 0, 0) > 0)
		n++;
	return n;
}

int main(int argc, char **argv)
{
	struct kernel_stats before = stats(), after;
	uint64_t first = 0, last = 0;
	unsigned made = 0, some;

	(void)argv;
	bench_begin(argc);
	do {
		uint64_t start = ticks();

		some = make_some();
		if (some == BATCH)
			last = ticks() - start;
		first = first ? first : last;
		made += some;
	} while (some == BATCH && made < NUMBERS);
	after = stats();
	printf("row space_create, the first %d: %.2f\n", BATCH, (double)first / BATCH);
	printf("row space_create, the last %d: %.2f\n", BATCH, (double)last / BATCH);
	printf("count spaces alive at once: %llu\n", (unsigned long long)after.spaces);
	printf("count frames of each, KiB: %.2f\n", (double)(before.frames_free - after.frames_free) * 4 / made);
	return bench_end();
}

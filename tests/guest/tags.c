/* Short-lived processes, more than the processor has tags (PCIDs, ASIDs): each has a secret of its own at the same address and
 * never sees another's, nor loses its own. With an argument: so many processes.
 *
 * The processes overlap: while one checks, the next ones are made and ended. */
#include <sched.h>
#include <sys/mman.h>

#include "tap.h"

enum { PROCESSES = 800, ALIVE = 4, LOOKS = 3 };

static volatile uint64_t *page;

static uint64_t secret(unsigned i)
{
	return 0x5ec2e70000000000 + i * 0x9e3779b1ull;
}

static _Noreturn void live(unsigned i)
{
	bool fine = page[0] == secret(0);

	page[0] = page[511] = secret(i + 1);
	for (unsigned look = 0; look < LOOKS; look++) {
		sched_yield();
		fine &= page[0] == secret(i + 1) && page[511] == secret(i + 1);
	}
	_exit(fine ? 0 : 1);
}

static bool end_one(void)
{
	int status;

	return wait(&status) > 0 && status == 0;
}

int main(int argc, char **argv)
{
	unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : PROCESSES, right = 0;
	bool own = true;

	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	page[0] = secret(0);
	for (unsigned i = 0; i < count; i++) {
		pid_t child = fork();

		if (child == 0)
			live(i);
		if (child < 0)
			break;
		if (i >= ALIVE)
			right += end_one();
		own &= page[0] == secret(0) && page[511] == 0;
	}
	for (unsigned i = 0; i < ALIVE; i++)
		right += end_one();
	check(right == count, "every process finds its own secret and no other");
	check(own, "so does their parent");
	return tap_end();
}

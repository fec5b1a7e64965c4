/* Runs the programs that are its arguments, one after the other, while other programs use bounds all the time, with each back end
 * that the machine has: all must succeed. TESTS_BESIDE in the environment tells them that others use memory. */
#include <libgen.h>
#include <sys/ucontext.h>

#include "tables.h"

#include <allod/bounds.h>

#include "machine.h"

enum { CHUNKS = 4, PER_CHUNK = 256, STORES = 200, ENOUGH = 10, PAUSE_US = 5000 };

static const char *const names[] = { "off", "software", "mpx" };

/* --- one that uses bounds --- */

static volatile sig_atomic_t is_over;
static volatile unsigned long reports, wrong;
static char object[64];

static void on_end(int number)
{
	(void)number;
	is_over = 1;
}

static void on_report(int number, siginfo_t *info, void *context)
{
	(void)number;
	wrong += info->si_code != SEGV_BNDERR || info->si_addr != object + 64 || info->si_lower != object ||
		info->si_upper != object + 63;
	reports++;
	machine_step(context, ALLOD_BOUNDS_REPORT_BYTES);
}

static struct allod_bounds bounds_of(unsigned long n)
{
	return allod_bounds_make(object + n % 32, n % 31 + 1);
}

/* New memory with new tables; each of its places knows what was stored there. */
static void round_of_bounds(unsigned long round)
{
	char *memory = fresh_chunks(CHUNKS);
	static unsigned long stored[CHUNKS * PER_CHUNK]; /* what its bounds were made from, 0: nothing */
	unsigned long before = reports;

	memset(stored, 0, sizeof(stored));
	machine_bounds_hold(round);
	for (unsigned i = 0; i < STORES; i++) {
		unsigned long n = next_random(), place = n >> 32 & (CHUNKS * PER_CHUNK - 1);
		char *location = memory + place * (BOUNDS_CHUNK / PER_CHUNK);
		struct allod_bounds b, expected = stored[place] ? bounds_of(stored[place]) : allod_bounds_open();
		void *pointer = allod_bounds_load(location, &b);

		wrong += pointer != (stored[place] ? object : NULL) || b.base != expected.base ||
			b.rest != expected.rest;
		stored[place] = n | 1;
		allod_bounds_store(location, object, bounds_of(n | 1));
	}
	allod_bounds_check(allod_bounds_make(object, 64), object + 64, 1);
	wrong += reports != before + 1 || !machine_bounds_hold_still(round);
	munmap(memory, CHUNKS * BOUNDS_CHUNK);
	wrong += tables_shown() != 0;
}

/* -> 0 if all went well. */
static int use_bounds(const char *name)
{
	struct sigaction report = { .sa_sigaction = on_report, .sa_flags = SA_SIGINFO }, end = { .sa_handler = on_end };
	unsigned long round = 0;

	sigaction(SIGSEGV, &report, NULL);
	sigaction(SIGTERM, &end, NULL);
	if (strcmp(names[allod_bounds_back_end()], name))
		return 1;
	while (!is_over || round < ENOUGH) {
		round_of_bounds(++round);
		usleep(PAUSE_US); /* it shares few processors with those that matter */
	}
	dprintf(2, "# %s: %lu rounds, %lu wrong\n", name, round, wrong);
	return wrong ? 2 : 0;
}

/* --- the one that runs everything --- */

static pid_t start(const char *name)
{
	pid_t child = fork();

	if (!child) {
		setenv("ALLOD_BOUNDS", name, 1);
		execl("/proc/self/exe", "beside", "use", name, NULL);
		_exit(127);
	}
	return child;
}

static int run(char *path)
{
	int status = -1;
	pid_t child = fork();

	if (!child) {
		execl(path, path, NULL);
		_exit(127);
	}
	return waitpid(child, &status, 0) == child ? status : -1;
}

int main(int argc, char **argv)
{
	unsigned first = ALLOD_BOUNDS_SOFTWARE, last = allod_bounds_back_end();
	pid_t users[ALLOD_BOUNDS_MPX + 1];
	int status;

	if (argc == 3 && !strcmp(argv[1], "use"))
		return use_bounds(argv[2]);
	check(last >= first && !setenv("TESTS_BESIDE", "1", 1), "there are bounds");
	for (unsigned i = first; i <= last; i++)
		users[i] = start(names[i]);
	for (int i = 1; i < argc; i++)
		check(run(argv[i]) == 0, basename(argv[i]));
	for (unsigned i = first; i <= last; i++) {
		check(waitpid(users[i], &status, WNOHANG) == 0, "bounds were used all the time");
		kill(users[i], SIGTERM);
		check(waitpid(users[i], &status, 0) == users[i] && status == 0, names[i]);
	}
	return tap_end();
}

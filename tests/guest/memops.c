/* A long random sequence of memory calls, accesses and forks in one range of pages (sequence.h), with a sum of all results and
 * contents. */
#include <fcntl.h>
#include <sys/mman.h>

#include "sequence.h"

enum { STEPS = 8000, PAGES = 64, PAGE = 4096, FILE_PAGES = 16, MOST = 8 };

static char *area;
static int file;

static void note(const char *what, unsigned first, unsigned count, long result)
{
	if (loud)
		dprintf(1, "%s %u+%u: %ld %s\n", what, first, count, result, result < 0 ? strerror(errno) : "");
	mix((uint64_t)result);
	if (result < 0)
		mix((uint64_t)errno);
}

static int protection(void)
{
	static const int all[] = { PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ,
		PROT_NONE, PROT_READ | PROT_WRITE | PROT_EXEC, PROT_READ | PROT_EXEC };

	return all[next() % (sizeof(all) / sizeof(all[0]))];
}

static void do_map(unsigned first, unsigned count)
{
	int rights = protection(), shared = next() % 3 ? MAP_PRIVATE : MAP_SHARED;
	char *at = area + first * PAGE, *got;

	if (next() % 2)
		got = mmap(at, count * PAGE, rights, shared | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
	else
		got = mmap(at, count * PAGE, rights, shared | MAP_FIXED, file, (off_t)(next() % FILE_PAGES) * PAGE);
	note("mmap", first, count, got == at ? 0 : -1);
}

/* One page: whether neighbours are one mapping or two is the system's business, and so is growing. */
static void do_remap(unsigned first)
{
	unsigned to = (unsigned)(next() % (PAGES - MOST));
	char *got = mremap(area + first * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, area + to * PAGE);

	note("mremap", first, to, got == MAP_FAILED ? -1 : (got - area) / PAGE);
}

static void do_access(unsigned page)
{
	char *at = area + page * PAGE + next() % PAGE;
	int what;

	if (next() % 3) {
		char value = (char)next();

		what = TAP_TRY(*(volatile char *)at = value);
		note("write", page, 1, what);
	} else {
		what = tap_read(at);
		note("read", page, 1, what);
		if (!what)
			mix((unsigned char)*at);
	}
	if (what == SIGSEGV || what == SIGBUS)
		mix((uint64_t)tap_info.si_code);
}

/* A system call writes into the memory or reads from it. */
static void do_call(unsigned page)
{
	char *at = area + page * PAGE + next() % PAGE;
	size_t bytes = next() % (2 * PAGE);
	off_t offset = (off_t)(next() % (FILE_PAGES * PAGE - 2 * PAGE));

	/* The content of a partly done transfer is nobody's promise: only whole ones are made. */
	if (page + 3 > PAGES)
		return;
	for (volatile unsigned i = 0; i < 3; i++)
		if (tap_read(area + (page + i) * PAGE) || TAP_TRY(*(volatile char *)(area + (page + i) * PAGE) |= 0))
			return;
	if (next() % 2)
		note("pread", page, 3, pread(file, at, bytes, offset));
	else
		note("pwrite", page, 3, pwrite(file, at, bytes, offset));
}

static void mix_contents(void)
{
	for (unsigned page = 0; page < PAGES; page++) {
		int what = tap_read(area + page * PAGE);

		mix((uint64_t)what);
		for (unsigned i = 0; !what && i < PAGE; i += 64)
			mix((unsigned char)area[page * PAGE + i]);
	}
}

/* The child sees what the parent sees; what it then writes to private pages stays its own. */
static void do_fork(void)
{
	uint64_t told = 0;
	int ends[2], status;
	pid_t child;

	if (pipe(ends) < 0)
		return;
	child = fork();
	if (child == 0) {
		mix_contents();
		for (int i = 0; i < 30; i++)
			do_access((unsigned)(next() % PAGES));
		mix_contents();
		_exit(write(ends[1], &sum, sizeof(sum)) == sizeof(sum) ? 0 : 1);
	}
	read(ends[0], &told, sizeof(told));
	waitpid(child, &status, 0);
	close(ends[0]);
	close(ends[1]);
	mix(told);
	note("fork", 0, 0, status);
	mix_contents();
}

static void step(void)
{
	unsigned first = (unsigned)(next() % (PAGES - MOST)), count = 1 + (unsigned)(next() % MOST);

	switch (next() % 24) {
	case 0:
	case 1:
		do_map(first, count);
		break;
	case 2:
		note("munmap", first, count, munmap(area + first * PAGE, count * PAGE));
		break;
	case 3:
	case 4:
		note("mprotect", first, count, mprotect(area + first * PAGE, count * PAGE, protection()));
		break;
	case 5:
		do_remap(first);
		break;
	case 6:
		note("madvise", first, count, madvise(area + first * PAGE, count * PAGE, MADV_DONTNEED));
		break;
	case 7:
	case 8:
		do_call(first);
		break;
	case 9:
		if (next() % 8 == 0)
			do_fork();
		break;
	default:
		do_access(first);
	}
}

int main(int argc, char **argv)
{
	(void)argv;
	loud = argc > 1;
	seed = 7654321;
	tap_directory("memops");
	tap_catch_faults();
	file = open("file", O_RDWR | O_CREAT, 0600);
	if (ftruncate(file, FILE_PAGES * PAGE) < 0)
		return 1;
	area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sequence_run(STEPS, step, mix_contents);
	return tap_end();
}

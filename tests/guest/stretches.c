/* No stretch of the kernel with interrupts off is longer than 100,000 guest instructions, however much a program owns of what the
 * kernel keeps: regions, pages, portals, grants, spaces. To be run with --icount, which makes a nanosecond an instruction, and
 * `measure=stretch`. Runs on Allod only. */
#include <sys/mman.h>

#include "native.h"
#include "tap.h"

enum { LIMIT = 100000, REGIONS = 200000, PAGES = 24000, PORTALS = 16000, GRANTS = 150000, SPACES = 4000 };

static const uintptr_t base = 0x100000000ul; /* far from all else, in any window */

/* Has no stretch so far been longer? */
static bool is_within(const char *what)
{
	static struct kernel_stats stats;

	if (native(CALL_stats, (uintptr_t)&stats, sizeof(stats), 0, 0) < 0)
		return false;
	fprintf(stderr, "# %s: longest stretch %llu, of %#llx\n", what, (unsigned long long)stats.stretch,
		(unsigned long long)stats.stretch_cause);
	return stats.stretch > 0 && stats.stretch < LIMIT;
}

/* Does something in a process of its own, whose end is part of it. -> did it go well? */
static bool in_child(bool (*work)(void))
{
	int status = -1;
	pid_t child = fork();

	if (!child)
		_exit(work() ? 0 : 1);
	return waitpid(child, &status, 0) == child && status == 0;
}

/* Neighbours never continue each other. */
static bool make_regions(void)
{
	for (uint64_t i = 0; i < REGIONS; i++)
		if (native6(CALL_map, 0, base + i * PAGE_SIZE, PAGE_SIZE, i % 2 ? RIGHT_R : RIGHT_R | RIGHT_W, 0, 0).w0)
			return false;
	return true;
}

static bool with_regions(void)
{
	const uint64_t bytes = REGIONS * PAGE_SIZE;

	return make_regions() && !native(CALL_protect, 0, base, bytes, 0) && make_regions() == false &&
		!native(CALL_unmap, 0, base, bytes / 2, 0);
}

static bool fork_regions(void)
{
	int status = -1;
	pid_t child = make_regions() ? fork() : -1;

	if (!child)
		_exit(0);
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static bool with_pages(void)
{
	char *memory = mmap(NULL, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	pid_t child;

	if (memory == MAP_FAILED)
		return false;
	for (uint64_t i = 0; i < PAGES; i++)
		memory[i * PAGE_SIZE] = (char)i;
	child = fork();
	if (!child) {
		for (uint64_t i = 0; i < PAGES; i++)
			if (memory[i * PAGE_SIZE] != (char)i)
				_exit(1);
		_exit(mprotect(memory, PAGES * PAGE_SIZE, PROT_READ));
	}
	return waitpid(child, &status, 0) == child && status == 0 && !munmap(memory, PAGES * PAGE_SIZE);
}

static bool with_portals(void)
{
	for (uint64_t i = 1; i <= PORTALS; i++)
		if (native(CALL_portal_create, base + i * PAGE_SIZE, 0, 0, 0) < 0)
			return false;
	return native(CALL_portal_destroy, base + PAGE_SIZE, 0, 0, 0) == 0;
}

static int64_t make_space(void)
{
	struct space_spec spec = { .flags = SPACE_GRANT_CREATOR, .name = "one-of-many" };

	return native(CALL_space_create, (uintptr_t)&spec, 0, 0, 0);
}

static bool with_grants(void)
{
	int64_t other = make_space();

	for (uint64_t i = 0; i < GRANTS; i++)
		if (other < 0 || native(CALL_grant, base + i, 1, (uint64_t)other, RIGHT_R) < 0)
			return false;
	return native(CALL_space_destroy, (uint64_t)other, 0, 0, 0) == 0;
}

static bool with_spaces(void)
{
	for (unsigned i = 0; i < SPACES; i++)
		if (make_space() < 0)
			return false;
	return true;
}

int main(void)
{
	check(is_within("start"), "starting up is done in short stretches");
	check(in_child(with_pages), "a process of many pages forks, protects, unmaps and ends");
	check(is_within("pages"), "short stretches: pages");
	check(in_child(with_portals), "a process makes many portals and ends");
	check(is_within("portals"), "short stretches: portals");
	check(in_child(with_spaces), "a process makes many spaces and ends with them");
	check(is_within("spaces"), "short stretches: spaces");
	check(in_child(with_regions), "a process protects and unmaps many regions and ends");
	check(is_within("regions"), "short stretches: regions");
	check(in_child(fork_regions), "a process of many regions forks");
	check(is_within("regions forked"), "short stretches: regions forked");
	check(in_child(with_grants), "a process makes many grants, of which some end with the grantee, and ends");
	check(is_within("grants"), "short stretches: grants");
	return tap_end();
}

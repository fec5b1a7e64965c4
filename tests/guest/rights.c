/* A process never gets more rights to memory that is mapped shared than it had when it mapped it, whatever native call it tries: in
 * its own map, in a copy of that, at another place, or through a grant. Runs on Allod only. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <allod/portal.h>

#include "native.h"
#include "tap.h"

enum { PAGE = 4096, PAGES = 4, NOBODY = 65534, READ = RIGHT_R, WRITE = RIGHT_R | RIGHT_W, RUN = RIGHT_R | RIGHT_X };

/* The most that each set of rights asked for may come to, as mmap() was called. */
static const struct how {
	const char *path;
	int open, protection;
	bool writable;
	const char *name;
} hows[] = {
	{ "theirs", O_RDONLY, PROT_READ, false, "another's file" },
	{ "theirs", O_RDONLY, PROT_NONE, false, "another's file, at first without rights" },
	{ "theirs", O_RDONLY, PROT_READ | PROT_EXEC, false, "another's file, to execute" },
	{ "mine", O_RDONLY, PROT_READ, false, "an own file, open to read" },
	{ "mine", O_RDWR, PROT_READ, true, "an own file, open to write" },
	{ "mine", O_RDWR, PROT_READ | PROT_WRITE, true, "an own file, mapped to write" },
	{ "/dev/zero", O_RDONLY, PROT_READ, false, "zeros" },
	{ NULL, 0, PROT_READ, true, "shared memory" },
};

static char *map(const struct how *how)
{
	int fd = how->path ? open(how->path, how->open) : -1;
	char *at = mmap(NULL, PAGES * PAGE, how->protection, MAP_SHARED | (how->path ? 0 : MAP_ANONYMOUS), fd, 0);

	if (fd >= 0)
		close(fd);
	return at;
}

/* Can the pages be made writable natively? They get back what they had. */
static bool can_have(uint64_t space, uint64_t address, size_t pages, uint64_t rights)
{
	struct region_info info;
	int64_t result = native(CALL_protect, space, address, pages * PAGE, rights);

	if (native(CALL_map_query, space, address, (uintptr_t)&info, 0))
		return true;
	native(CALL_protect, space, address, pages * PAGE, RIGHT_R);
	return result == 0;
}

static void test_native(const struct how *how)
{
	char name[100], *at = map(how);
	uint64_t space = allod_self(), there = 0x30000000, wanted = how->writable;
	bool fine = at != MAP_FAILED;

	fine &= can_have(0, (uintptr_t)at, PAGES, WRITE) == wanted;
	fine &= can_have(space, (uintptr_t)at, PAGES, WRITE | RIGHT_X) == wanted;
	fine &= can_have(0, (uintptr_t)at, PAGES, READ) && can_have(0, (uintptr_t)at, PAGES, RUN);
	/* A part, and the rest. */
	fine &= can_have(0, (uintptr_t)at + PAGE, 1, WRITE) == wanted;
	fine &= can_have(0, (uintptr_t)at, 1, WRITE) == wanted && can_have(0, (uintptr_t)at, PAGES, WRITE) == wanted;
	/* At another place; in Linux's way, too. */
	fine &= native(CALL_remap, 0, (uintptr_t)at + PAGE, PAGE, there) == 0 && can_have(0, there, 1, WRITE) == wanted;
	fine &= native(CALL_remap, 0, there, PAGE, (uintptr_t)at + PAGE) == 0;
	fine &= (mprotect(at, PAGES * PAGE, PROT_READ | PROT_WRITE) == 0) == wanted;
	fine &= wanted || errno == EACCES;
	mprotect(at, PAGES * PAGE, PROT_READ);
	at = mremap(at, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (char *)0x31000000);
	fine &= at != MAP_FAILED && can_have(0, (uintptr_t)at, PAGES, WRITE) == wanted;
	snprintf(name, sizeof(name), "%s: %s", how->name, wanted ? "can be written again" : "never to be written");
	check(fine, name);
	munmap(at, PAGES * PAGE);
}

/* --- in a copy of this space, which this process manages --- */

static int write_there(volatile char *at)
{
	*at = 'w';
	return 1;
}
ALLOD_PORTAL(int, write_there, (volatile char *, at))

static void test_copy(const struct how *how)
{
	struct allod_space *copy;
	char name[100], *at = map(how);
	uint64_t number, wanted = how->writable;
	bool fine = at != MAP_FAILED;

	mprotect(at, PAGES * PAGE, PROT_READ);
	copy = allod_sandbox(NULL);
	number = allod_space_number(copy);
	fine &= can_have(number, (uintptr_t)at, PAGES, WRITE) == wanted &&
		can_have(number, (uintptr_t)at, 1, WRITE) == wanted;
	native(CALL_protect, number, (uintptr_t)at, PAGE, WRITE);
	fine &= (write_there_in(copy, at) == 1) == wanted;
	allod_space_close(copy);
	/* All rights are granted: what can be done is what the region allows. */
	copy = allod_sandbox(NULL);
	fine &= native(CALL_grant, (uintptr_t)at, PAGE, allod_space_number(copy), RIGHT_R | RIGHT_W | RIGHT_X) > 0;
	fine &= write_there_in(copy, allod_global(at)) != 1;
	allod_space_close(copy);
	snprintf(name, sizeof(name), "%s: nor more in a copy, or by a grant", how->name);
	check(fine, name);
	munmap(at, PAGES * PAGE);
}

/* Whatever shared memory the process was given that it cannot write, for the machine or by the system, is in no map to be written.
 * */
static void test_all_regions(void)
{
	struct region_info info;
	unsigned shared = 0, wrong = 0;

	for (uint64_t at = 0; native(CALL_map_query, 0, at, (uintptr_t)&info, 0) == 0; at = info.end) {
		if (!(info.flags & MAP_SHARE) || (info.flags & RIGHT_W))
			continue;
		shared++;
		wrong += native(CALL_protect, 0, info.start, info.end - info.start, WRITE) == 0;
		wrong += mprotect((void *)info.start, info.end - info.start, PROT_READ | PROT_WRITE) == 0;
		native(CALL_protect, 0, info.start, info.end - info.start, info.flags & RIGHT_ALL);
	}
	check(wrong == 0, "all shared memory of the process");
}

static void nothing(int number)
{
	(void)number;
}

static bool make(const char *path, char first)
{
	char page[PAGES * PAGE];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	bool fine;

	memset(page, first, sizeof(page));
	fine = fd >= 0 && write(fd, page, sizeof(page)) == sizeof(page);
	close(fd);
	return fine;
}

static char first_of(const char *path)
{
	char byte = 0;
	int fd = open(path, O_RDONLY);

	if (read(fd, &byte, 1) != 1)
		byte = 0;
	close(fd);
	return byte;
}

int main(void)
{
	struct sigaction action = { .sa_handler = nothing };

	if (!check(native_present(), "this is Allod"))
		return tap_end();
	tap_directory("rights");
	check(make("theirs", 't') && make("mine", 'm') && chown("mine", NOBODY, NOBODY) == 0 && chmod(".", 0755) == 0 &&
			setgid(NOBODY) == 0 && setuid(NOBODY) == 0,
		"an ordinary process, its file and another's");
	/* What the machine needs for signals is mapped with the first of them. */
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	for (size_t i = 0; i < sizeof(hows) / sizeof(hows[0]); i++) {
		test_native(&hows[i]);
		test_copy(&hows[i]);
	}
	test_all_regions();
	check(first_of("theirs") == 't', "another's file is what it was");
	check(first_of("mine") == 'w', "the own file was written");
	return tap_end();
}

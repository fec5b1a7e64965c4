/* Every allocation failed once, with bounds of pointers: tables on demand, memory under them that goes, fork. Once for each back
 * end that the machine has: the program runs itself. Runs on Allod only, and only if it was booted with `test=fail`. */
#include <sys/mman.h>

#include <allod/bounds.h>

#include "shortage.h"
#include "tables.h"

static void *location_of(char *memory)
{
	return memory + 64;
}

static bool has_bounds(void *location)
{
	struct allod_bounds b;

	return allod_bounds_load(location, &b) == location && allod_bounds_lower(b) == (uintptr_t)location;
}

static void store(void *location)
{
	allod_bounds_store(location, location, allod_bounds_make(location, 8));
}

/* With MPX there is a signal if a table cannot be made. Who returns from it tries again. */
static volatile sig_atomic_t signals;

static void try_again(int number)
{
	if (++signals > 3)
		_exit(number);
}

/* The first store. Without memory the pointer is stored with open bounds, or there is the signal. */
static int do_store(void)
{
	char *memory = fresh_chunks(1);
	void *location = location_of(memory);
	int error;

	if (!memory)
		return errno;
	signals = 0;
	arm();
	store(location);
	disarm();
	error = signals > 1 || *(void **)location != location ? EIO : signals || !has_bounds(location) ? ENOMEM : 0;
	if (error == ENOMEM)
		store(location);
	if (!has_bounds(location))
		error = EIO;
	munmap(memory, BOUNDS_CHUNK);
	return error;
}

/* Several tables, side by side. */
static int do_unmap(void)
{
	char *memory[4];
	int error;

	for (int i = 0; i < 4; i++) {
		memory[i] = fresh_chunks(1);
		store(location_of(memory[i]));
	}
	arm();
	error = outcome(munmap(memory[1], BOUNDS_CHUNK));
	if (error && munmap(memory[1], BOUNDS_CHUNK))
		return errno;
	/* What stays is as it was, and what comes there later has no bounds. */
	for (int i = 0; i < 4; i++)
		if (i != 1 && !has_bounds(location_of(memory[i])))
			error = EIO;
	if (mmap(memory[1], BOUNDS_CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
			memory[1] ||
		has_bounds(location_of(memory[1])))
		error = EIO;
	for (int i = 0; i < 4; i++)
		munmap(memory[i], BOUNDS_CHUNK);
	return error;
}

/* A part of a chunk. */
static int do_unmap_part(void)
{
	char *memory = fresh_chunks(1);
	int error;

	store(location_of(memory));
	arm();
	error = outcome(munmap(memory + 0x40000, 0x10000));
	if (!has_bounds(location_of(memory)))
		error = EIO;
	munmap(memory, BOUNDS_CHUNK);
	return error;
}

static int do_move(void)
{
	char *memory = fresh_chunks(1), *moved;
	int error;

	store(location_of(memory));
	arm();
	moved = mremap(memory, BOUNDS_CHUNK, 2 * BOUNDS_CHUNK, MREMAP_MAYMOVE);
	error = outcome(moved == MAP_FAILED ? -1 : 0);
	if (error && !has_bounds(location_of(memory)))
		error = EIO;
	munmap(error ? memory : moved, error ? BOUNDS_CHUNK : 2 * BOUNDS_CHUNK);
	return error;
}

static int do_fork(void)
{
	char *memory = fresh_chunks(1);
	int error, status;
	pid_t child;

	store(location_of(memory));
	arm();
	child = fork();
	if (child == 0) {
		store((char *)location_of(memory) + 8);
		_exit(has_bounds(location_of(memory)) && has_bounds((char *)location_of(memory) + 8) ? 7 : 1);
	}
	error = outcome(child);
	if (!error && (waitpid(child, &status, 0) != child || status != 7 << 8))
		error = EIO;
	munmap(memory, BOUNDS_CHUNK);
	return error;
}

static const struct operation operations[] = {
	OPERATION("the first store to a chunk", do_store),
	OPERATION("munmap of a chunk", do_unmap),
	OPERATION("munmap of a part of one", do_unmap_part),
	OPERATION("mremap", do_move),
	OPERATION("fork", do_fork, .errors = { EAGAIN }),
};

int main(int argc, char **argv)
{
	const char *const names[] = { "off", "software", "mpx" };

	if (!getenv("ALLOD_BOUNDS")) {
		int status = -1;
		pid_t child = fork();

		if (child == 0) {
			setenv("ALLOD_BOUNDS", "software", 1);
			execv("/proc/self/exe", argv);
			_exit(1);
		}
		if (waitpid(child, &status, 0) != child || status)
			return 1;
		if (allod_bounds_back_end() == ALLOD_BOUNDS_SOFTWARE)
			return 0;
	}
	if (!shortage_start(argc, argv) ||
		!check(allod_bounds_back_end() != ALLOD_BOUNDS_OFF, names[allod_bounds_back_end()]))
		return tap_end();
	signal(SIGSEGV, try_again);
	fail_all(operations, COUNT(operations), argc, argv);
	return tap_end();
}

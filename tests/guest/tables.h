/* What the tests of bounds tables share: memory that begins with a chunk, what /proc says of tables, threads that miss the same
 * table. abi/bounds.h says what chunks and tables are. */
#ifndef TESTS_GUEST_TABLES_H
#define TESTS_GUEST_TABLES_H

#include <pthread.h>
#include <sys/mman.h>

#include "native.h"
#include "tap.h"

#include "abi/bounds.h"

static inline void *fresh(size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* A fresh range that begins with a chunk; bytes: whole pages. */
static inline char *fresh_aligned(size_t bytes)
{
	char *at = fresh(bytes + BOUNDS_CHUNK), *start = (char *)(((uintptr_t)at + BOUNDS_CHUNK - 1) & -BOUNDS_CHUNK);

	if (at == MAP_FAILED)
		return NULL;
	if (start > at)
		munmap(at, (size_t)(start - at));
	munmap(start + bytes, (size_t)(at + BOUNDS_CHUNK - start));
	return start;
}

static inline char *fresh_chunks(unsigned n)
{
	return fresh_aligned(n * BOUNDS_CHUNK);
}

static uint64_t random_seed = 88172645463325252ull;

static inline uint64_t next_random(void)
{
	random_seed ^= random_seed << 13;
	random_seed ^= random_seed >> 7;
	return random_seed ^= random_seed << 17;
}

/* --- what /proc says --- */

/* Of all tables, and of the memory that begins at the directory. */
struct tables {
	unsigned long count, resident_kib, directory_kib;
};

static inline struct tables tables_look(const char *path, const void *directory)
{
	struct tables t = { 0, 0, 0 };
	unsigned long start, end, kib;
	bool in_table = false, in_directory = false;
	char line[256];
	FILE *file = fopen(path, "r");

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2) {
			in_table = strstr(line, "[bounds]") || strstr(line, "[mpx]");
			in_directory = start == (uintptr_t)directory;
			t.count += in_table ? (end - start) / BOUNDS_TABLE_BYTES : 0;
		} else if (sscanf(line, "Rss: %lu kB", &kib) == 1) {
			t.resident_kib += in_table ? kib : 0;
			t.directory_kib += in_directory ? kib : 0;
		}
	}
	if (file)
		fclose(file);
	return t;
}

static inline unsigned long tables_shown(void)
{
	return tables_look("/proc/self/maps", NULL).count;
}

/* The number behind a name in /proc/self/FILE; a file without names has its first number behind "". */
static inline unsigned long proc_number(const char *file, const char *name)
{
	char line[256];
	unsigned long number = 0;
	FILE *f;

	snprintf(line, sizeof(line), "/proc/self/%s", file);
	f = fopen(line, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) && sscanf(line + strlen(name), "%lu", &number) == 1)
			break;
	if (f)
		fclose(f);
	return number;
}

/* Traps for tables that were not there. */
static inline unsigned long tables_missed(void)
{
	return proc_number("status", "BoundsMisses:");
}

static inline unsigned long violations_counted(void)
{
	return proc_number("status", "BoundsViolations:");
}

/* --- threads that need the same new table at the same time --- */

enum { RACE_THREADS = 4, RACE_CHUNKS = 40, RACE_ROUNDS = 4 };

/* Stores bounds that follow from the round at a location; whether they are what is loaded there. */
struct tables_user {
	void (*store)(char *location, unsigned round);
	bool (*is_right)(char *location, unsigned round);
};

static const struct tables_user *race_user;
static char *race_arena;
static pthread_barrier_t race_barrier;

static inline void *race_run(void *argument)
{
	unsigned long me = (unsigned long)argument, wrong = 0;

	for (unsigned i = 0; i < RACE_CHUNKS; i++) {
		char *location = race_arena + i * BOUNDS_CHUNK + me * 8;

		pthread_barrier_wait(&race_barrier);
		race_user->store(location, i);
		wrong += !race_user->is_right(location, i);
	}
	for (unsigned i = 0; i < RACE_CHUNKS; i++)
		wrong += !race_user->is_right(race_arena + i * BOUNDS_CHUNK + me * 8, i);
	return (void *)wrong;
}

/* -> whether each thread found what it had stored, and each chunk had one table, all gone with the memory. */
static inline bool race_once(void)
{
	pthread_t threads[RACE_THREADS];
	unsigned long wrong = 0, before = tables_shown(), during;
	void *result;

	race_arena = fresh_chunks(RACE_CHUNKS);
	pthread_barrier_init(&race_barrier, NULL, RACE_THREADS);
	for (unsigned long i = 0; i < RACE_THREADS; i++)
		pthread_create(&threads[i], NULL, race_run, (void *)i);
	for (unsigned i = 0; i < RACE_THREADS; i++) {
		pthread_join(threads[i], &result);
		wrong += (unsigned long)result;
	}
	during = tables_shown();
	munmap(race_arena, RACE_CHUNKS * BOUNDS_CHUNK);
	return wrong == 0 && during == before + RACE_CHUNKS && tables_shown() == before;
}

static inline long frames_free(void)
{
	static struct kernel_stats stats;

	usleep(20000); /* the last threads are on their way out */
	return native(CALL_stats, (uintptr_t)&stats, sizeof(stats), 0, 0) < 0 ? -1 : (long)stats.frames_free;
}

static inline void test_race(const struct tables_user *user)
{
	unsigned long bytes, frames;
	bool is_right;
	long lost;

	race_user = user;
	is_right = race_once() && race_once(); /* stacks and the like stay */
	bytes = proc_number("statm", "");
	frames = (unsigned long)frames_free();
	for (unsigned i = 0; i < RACE_ROUNDS; i++)
		is_right = race_once() && is_right;
	check(is_right, "threads that miss the same tables: one each, and none is left");
	/* A table that came too late would be address space; one with something in it, a frame. */
	check(proc_number("statm", "") == bytes, "no address space is lost");
	lost = (long)frames - frames_free();
	for (unsigned i = 0; i < 300 && lost >= RACE_CHUNKS; i++)
		lost = (long)frames - frames_free();
	check(lost < RACE_CHUNKS, "no frames are lost");
}

#endif

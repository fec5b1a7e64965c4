/* <allod/bounds.h>: the same for each back end that the machine has. The program runs itself once for each. */
#include <stdatomic.h>
#include <sys/ucontext.h>

#include "tables.h"

#include <allod/bounds.h>
#include <allod/pointer.h>

#include "machine.h"

enum { SLOTS = 16, PER_SLOT = 512, OPERATIONS = 1000000 };

static const char *const names[] = { "off", "software", "mpx" };

static bool same(struct allod_bounds a, struct allod_bounds b)
{
	return a.base == b.base && a.rest == b.rest;
}

static struct allod_bounds loaded(void *location)
{
	struct allod_bounds b;

	allod_bounds_load(location, &b);
	return b;
}

/* --- values and reports --- */

static siginfo_t info;
static volatile int reports;

static void step_over(int number, siginfo_t *what, void *context)
{
	ucontext_t *uc = context;

	(void)number;
	info = *what;
	reports++;
	machine_step(uc, ALLOD_BOUNDS_REPORT_BYTES);
}

static bool reported(const void *pointer, const void *lower, const void *upper)
{
	bool right = reports == 1 && info.si_signo == SIGSEGV && info.si_code == SEGV_BNDERR &&
		info.si_addr == pointer && info.si_lower == lower && info.si_upper == upper;

	reports = 0;
	return right;
}

static void test_values(void)
{
	char object[64], *p = tap_pointer((uintptr_t)object);
	struct allod_bounds b = allod_bounds_make(p, 64), part;
	struct sigaction action = { .sa_sigaction = step_over, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &action, NULL);
	check(allod_bounds_lower(b) == (uintptr_t)p && allod_bounds_upper(b) == (uintptr_t)p + 63, "make");
	check(allod_bounds_check(b, p, 1) == p && allod_bounds_check(b, p + 63, 1) && allod_bounds_check(b, p, 64) &&
			allod_bounds_check(b, p + 56, 8) && reports == 0,
		"check: inside");
	allod_bounds_check(b, p + 64, 1);
	check(reported(p + 64, p, p + 63), "one behind");
	allod_bounds_check(b, p - 1, 1);
	check(reported(p - 1, p, p + 63), "one before");
	allod_bounds_check(b, p + 61, 4);
	check(reported(p + 64, p, p + 63), "the end of an access");
	allod_bounds_check(b, p - 2, 4);
	check(reported(p - 2, p, p + 63), "the start of one");
	allod_bounds_check(b, p, 65);
	check(reported(p + 64, p, p + 63), "too long");
	allod_bounds_check(b, p, ~0ul);
	reports = reports == 1 ? 0 : 9;
	check(reports == 0, "much too long");
	allod_bounds_check(b, NULL, 1);
	check(reported(NULL, p, p + 63), "a null pointer");
	part = allod_bounds_narrow(b, p + 8, 8);
	allod_bounds_check(part, p + 16, 1);
	check(reported(p + 16, p + 8, p + 15), "narrow");
	allod_bounds_narrow(b, p + 60, 8);
	check(reported(p + 67, p, p + 63), "not wider");
	allod_bounds_check(allod_bounds_open(), p + 100000, 8);
	check(reports == 0, "open");
	allod_bounds_check(allod_bounds_make(p, 1), p, 2);
	check(reported(p + 1, p, p), "an object smaller than the access");
}

/* --- tables --- */

static void test_tables(void)
{
	char *memory = fresh_chunks(3);
	void **location = (void **)memory;
	struct allod_bounds b = allod_bounds_make(memory, 100), other = allod_bounds_make(memory + 5, 3);
	unsigned long before = tables_shown();

	check(allod_bounds_is_open(loaded(location)), "open at first");
	allod_bounds_store(location, memory + 7, b);
	check(tables_shown() == before + 1, "the first store makes one table");
	check(*location == memory + 7 && same(loaded(location), b), "pointer and bounds");
	*location = memory + 8;
	check(allod_bounds_is_open(loaded(location)), "changed by code that knows nothing: open");
	*location = memory + 7;
	check(same(loaded(location), b), "and back");
	allod_bounds_store(location + 1, memory, other);
	check(same(loaded(location), b) && same(loaded(location + 1), other), "neighbours");
	for (unsigned i = 0; i < 3 * 256; i++)
		allod_bounds_store(memory + i * 4096, memory, b);
	check(tables_shown() == before + 3, "a table for each MiB");
	munmap(memory + BOUNDS_CHUNK, BOUNDS_CHUNK);
	check(tables_shown() == before + 2, "unmapped: gone");
	munmap(memory, 4096);
	mmap(memory, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	*location = memory;
	check(allod_bounds_is_open(loaded(location)) && same(loaded(memory + 4096), b),
		"a part unmapped: a part cleared");
	munmap(memory, 3 * BOUNDS_CHUNK);
	check(tables_shown() == before, "all gone");
}

static const void *bounds_directory(void)
{
	uint64_t config = machine_bounds_config();

	return (const void *)(config ? config & -4096ul : BOUNDS_SOFT_DIRECTORY);
}

/* Pages of the directory that hold the entries of so many chunks, and of those the resident ones. */
static unsigned long directory_pages(const char *memory, unsigned chunks, unsigned long *resident)
{
	uintptr_t first = (uintptr_t)memory >> BOUNDS_CHUNK_SHIFT << 3, last = first + 8ul * (chunks - 1);
	unsigned long pages = (last >> 12) - (first >> 12) + 1;
	unsigned char there[16];

	*resident = 0;
	if (pages > sizeof(there) || mincore((char *)bounds_directory() + (first & -4096ul), pages << 12, there) < 0)
		return 0;
	for (unsigned long i = 0; i < pages; i++)
		*resident += there[i] & 1;
	return pages;
}

/* 1 GiB that holds pointers (less where the window cannot hold its tables): four bytes of tables for each of its bytes, of which
 * only what is touched takes frames. Here that is a page of each table, the whole of one, and the directory's pages. */
static void test_memory(void)
{
	unsigned chunks = allod_layout.window >> 34 ? 1024 : 128;
	char *memory = fresh_chunks(chunks);
	unsigned long pages, already, now;
	struct tables before, after;

	pages = directory_pages(memory, chunks, &already);
	before = tables_look("/proc/self/smaps", bounds_directory());
	for (unsigned i = 0; i < chunks; i++)
		allod_bounds_store(memory + i * BOUNDS_CHUNK, memory, allod_bounds_make(memory, 1));
	for (unsigned i = 0; i < BOUNDS_CHUNK / 8; i++)
		allod_bounds_store(memory + i * 8, memory, allod_bounds_make(memory, 1));
	after = tables_look("/proc/self/smaps", bounds_directory());
	dprintf(2, "# %u MiB of pointers: tables %lu MiB, %lu KiB resident; directory %lu KiB resident\n", chunks,
		(after.count - before.count) * BOUNDS_TABLE_BYTES >> 20, after.resident_kib - before.resident_kib,
		after.directory_kib);
	check((after.count - before.count) * BOUNDS_TABLE_BYTES == 4 * chunks * BOUNDS_CHUNK,
		"four bytes of tables for each byte of pointers");
	check(after.resident_kib - before.resident_kib == 4 * (chunks - 1) + BOUNDS_TABLE_BYTES / 1024,
		"of which only what is touched is resident");
	check(pages && directory_pages(memory, chunks, &now) == now &&
			after.directory_kib - before.directory_kib == 4 * (now - already),
		"and of the directory");
	munmap(memory, chunks * BOUNDS_CHUNK);
	after = tables_look("/proc/self/smaps", NULL);
	check(after.count == before.count && after.resident_kib == before.resident_kib, "and nothing afterwards");
}

static void test_copy(void)
{
	char *memory = fresh_chunks(2);
	void **from = (void **)memory, **to = (void **)(memory + BOUNDS_CHUNK);
	struct allod_bounds b = allod_bounds_make(memory, 10);
	unsigned long before = tables_shown();

	memset(memory, 1, 4096);
	allod_bounds_copy(to, from, 4096);
	check(!memcmp(to, from, 4096) && (tables_shown() == before || allod_bounds_back_end() != ALLOD_BOUNDS_SOFTWARE),
		"a copy without pointers makes no table");
	allod_bounds_store(&from[3], memory, b);
	allod_bounds_copy(to, from, 4096);
	check(to[3] == memory && same(loaded(&to[3]), b) && allod_bounds_is_open(loaded(&to[2])),
		"a copy carries bounds");
	allod_bounds_copy(from + 1, from, 64);
	check(same(loaded(&from[4]), b) && from[4] == memory && from[1] == from[2], "overlapping, upwards");
	allod_bounds_copy(from, from + 1, 64);
	check(same(loaded(&from[3]), b) && from[3] == memory, "downwards");
	allod_bounds_clear(from, 4096);
	check(from[3] == memory && allod_bounds_is_open(loaded(&from[3])), "clear");
	munmap(memory, 2 * BOUNDS_CHUNK);
}

/* One side of a fork: stores bounds of its own where both have a table and where neither has one, waits until the other side has,
 * and finds what it stored. */
static bool fork_side(char *memory, unsigned bytes, int done, int other_done)
{
	struct allod_bounds mine = allod_bounds_make(memory, bytes), common = allod_bounds_make(memory, 10);
	char byte = 0;
	bool ok = same(loaded(memory), common);

	for (unsigned i = 0; i < 64; i++) {
		allod_bounds_store(memory + 8 + i * 4096, memory, mine);
		allod_bounds_store(memory + BOUNDS_CHUNK + i * 8, memory, mine);
	}
	ok = ok && write(done, "", 1) == 1 && read(other_done, &byte, 1) == 1;
	for (unsigned i = 0; i < 64; i++)
		ok = ok && same(loaded(memory + 8 + i * 4096), mine) &&
			same(loaded(memory + BOUNDS_CHUNK + i * 8), mine);
	return ok && same(loaded(memory), common);
}

static void test_fork(void)
{
	char *memory = fresh_chunks(2);
	unsigned long before = tables_shown();
	int to_child[2], to_parent[2], status;

	allod_bounds_store(memory, memory, allod_bounds_make(memory, 10));
	if (!check(pipe(to_child) == 0 && pipe(to_parent) == 0, "pipes"))
		return;
	if (!fork()) {
		bool ok = fork_side(memory, 20, to_parent[1], to_child[0]) && tables_shown() == before + 2;

		munmap(memory, 2 * BOUNDS_CHUNK);
		_exit(ok && tables_shown() == before ? 0 : 1);
	}
	check(fork_side(memory, 30, to_child[1], to_parent[0]), "fork: tables are copied, and go their own ways");
	check(wait(&status) > 0 && status == 0 && tables_shown() == before + 2, "in the child likewise");
	check(same(loaded(memory + 8), allod_bounds_make(memory, 30)), "whose end changes nothing");
	for (unsigned i = 0; i < 4; i++)
		close(i < 2 ? to_child[i] : to_parent[i - 2]);
	munmap(memory, 2 * BOUNDS_CHUNK);
}

/* --- threads --- */

enum { WRITERS = 2, READERS = 2, OBJECTS = 64, SHARED = 8 };

static char objects[OBJECTS][32];
static void **shared;
static atomic_bool stop;
static atomic_ulong loads, stores, mismatches, opens;

/* The bounds that belong to a pointer follow from it: any other is a mismatch. Each object has several pointers and each pointer
 * two kinds of bounds, so that the copy of the pointer in the entry alone would not do. */
static struct allod_bounds bounds_of(unsigned object, unsigned kind)
{
	return kind ? allod_bounds_make(objects[object], 32) : allod_bounds_make(objects[object], 16);
}

static void *writer(void *argument)
{
	uint64_t seed = 0x9e3779b97f4a7c15ull + (uintptr_t)argument;
	unsigned long n = 0;

	while (!stop || n <= 10000) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		unsigned object = seed >> 40 & (OBJECTS - 1);

		allod_bounds_store(&shared[seed >> 50 & (SHARED - 1)], objects[object],
			bounds_of(object, seed >> 60 & 1));
		n++;
	}
	stores += n;
	return NULL;
}

static void *reader(void *argument)
{
	unsigned long n = 0, wrong = 0, open = 0;

	(void)argument;
	while (!stop || n <= 10000) {
		struct allod_bounds b;
		char *p = allod_bounds_load(&shared[n++ & (SHARED - 1)], &b);
		unsigned object = (unsigned)((p - objects[0]) / 32);

		if (allod_bounds_is_open(b))
			open++;
		else if (!same(b, bounds_of(object, 0)) && !same(b, bounds_of(object, 1)))
			wrong++;
	}
	loads += n;
	mismatches += wrong;
	opens += open;
	return NULL;
}

static void test_threads(void)
{
	pthread_t threads[WRITERS + READERS];

	shared = (void **)fresh_chunks(1);
	for (unsigned i = 0; i < SHARED; i++)
		allod_bounds_store(&shared[i], objects[0], bounds_of(0, 0));
	stop = false;
	loads = stores = mismatches = opens = 0;
	for (uintptr_t i = 0; i < WRITERS + READERS; i++)
		pthread_create(&threads[i], NULL, i < WRITERS ? writer : reader, (void *)i);
	for (unsigned i = 0; i < 100 && (loads < 2000000 || stores < 2000000); i++)
		usleep(20000);
	stop = true;
	for (unsigned i = 0; i < WRITERS + READERS; i++)
		pthread_join(threads[i], NULL);
	check(mismatches == 0 && opens == 0 && loads > 10000 && stores > 10000,
		"a pointer never comes with another's bounds");
	munmap(shared, BOUNDS_CHUNK);
}

static void race_store(char *location, unsigned round)
{
	allod_bounds_store(location, location, allod_bounds_make(location, round + 1));
}

static bool race_is_right(char *location, unsigned round)
{
	return same(loaded(location), allod_bounds_make(location, round + 1));
}

/* --- a million random operations against a shadow copy --- */

static struct {
	char *memory;
	bool has_table;
	struct allod_bounds bounds[PER_SLOT];
	void *pointer[PER_SLOT];
} slots[SLOTS];

static uintptr_t slots_low = ~0ul, slots_high; /* where they have been */

static void slot_make(unsigned s)
{
	uintptr_t at = (uintptr_t)(slots[s].memory = fresh_chunks(1));

	slots_low = at < slots_low ? at : slots_low;
	slots_high = at > slots_high ? at : slots_high;
	slots[s].has_table = false;
	memset(slots[s].bounds, 0, sizeof(slots[s].bounds));
	memset(slots[s].pointer, 0, sizeof(slots[s].pointer));
}

/* Entries of the directory that are not zero, for these chunks and those between them. */
static unsigned entries_between(uintptr_t low, uintptr_t high)
{
	const uint64_t *directory = bounds_directory();
	unsigned n = 0;

	for (uintptr_t chunk = low >> BOUNDS_CHUNK_SHIFT; chunk <= high >> BOUNDS_CHUNK_SHIFT; chunk++)
		n += directory[chunk] != 0;
	return n;
}

enum operation { STORE, LOAD, CHANGE, CHECK, UNMAP };

/* Reports take long: there are fewer checks. */
static enum operation operation_of(unsigned n, uint64_t word)
{
	if (n % 5000 == 4999)
		return UNMAP;
	return word % 32 ? word % 3 : CHECK;
}

static void test_random(void)
{
	unsigned long wrong = 0, violations = 0, chunks = 0, tables = 0, before = tables_shown();
	unsigned long counted = violations_counted(), missed = tables_missed();
	bool loads_need = allod_bounds_back_end() == ALLOD_BOUNDS_MPX;

	reports = 0;
	for (unsigned n = 0; n < OPERATIONS; n++) {
		uint64_t r = next_random();
		unsigned s = r % SLOTS, e = r / SLOTS % PER_SLOT;
		char *location = slots[s].memory + e * (BOUNDS_CHUNK / PER_SLOT);
		uint64_t word = r >> 20;
		enum operation what = operation_of(n, word);
		struct allod_bounds b;

		if (!slots[s].memory) {
			slot_make(s);
			continue;
		}
		if (!slots[s].has_table && (what == STORE || (loads_need && (what == LOAD || what == CHECK)))) {
			slots[s].has_table = true;
			tables++;
		}
		switch (what) {
		case STORE:
			slots[s].pointer[e] = (char *)slots + word % 100000;
			slots[s].bounds[e] = allod_bounds_make((char *)slots + word % 1000, word % 77777 + 1);
			allod_bounds_store(location, slots[s].pointer[e], slots[s].bounds[e]);
			break;
		case LOAD:
			wrong += allod_bounds_load(location, &b) != slots[s].pointer[e] || !same(b, slots[s].bounds[e]);
			break;
		case CHANGE: /* by code that knows nothing */
			slots[s].pointer[e] = (char *)slots + 200000 + word % 100000;
			slots[s].bounds[e] = allod_bounds_open();
			memcpy(location, &slots[s].pointer[e], sizeof(void *));
			break;
		case CHECK:
			b = loaded(location);
			violations += !allod_bounds_is_open(b) &&
				((uintptr_t)slots[s].pointer[e] < allod_bounds_lower(b) ||
					(uintptr_t)slots[s].pointer[e] > allod_bounds_upper(b));
			allod_bounds_check(b, slots[s].pointer[e], 1);
			break;
		case UNMAP:
			munmap(slots[s].memory, BOUNDS_CHUNK);
			slots[s].memory = NULL;
			chunks++;
		}
	}
	check(wrong == 0 && chunks > 100, "a million operations agree with the shadow copy");
	check(violations > 100 && (unsigned long)reports == violations && violations_counted() == counted + violations,
		"exactly as many reports as violations");
	check(tables_missed() == missed + tables, "exactly as many traps as tables");
	for (unsigned s = 0; s < SLOTS; s++)
		if (slots[s].memory)
			munmap(slots[s].memory, BOUNDS_CHUNK);
	check(tables_shown() == before, "no table is left");
	check(entries_between(slots_low, slots_high) == 0, "and no entry in the directory");
}

static void test_off(void)
{
	void *pointer;
	struct allod_bounds b = allod_bounds_make(&pointer, 1);

	allod_bounds_store(&pointer, &b, b);
	check(pointer == &b && allod_bounds_is_open(loaded(&pointer)), "off: pointers only");
}

int main(int argc, char **argv)
{
	enum allod_bounds_back_end end = allod_bounds_back_end();
	int status;

	if (argc > 1) {
		if (!check(!strcmp(argv[1], names[end]), argv[1]))
			return tap_end();
		if (end == ALLOD_BOUNDS_OFF) {
			test_off();
			return tap_end();
		}
		test_values();
		test_tables();
		test_memory();
		test_copy();
		test_fork();
		test_race(&(struct tables_user){ race_store, race_is_right });
		test_threads();
		test_random();
		return tap_end();
	}
	for (unsigned i = 0; i < 3; i++) {
		if (i == ALLOD_BOUNDS_MPX && end != ALLOD_BOUNDS_MPX)
			continue;
		if (!fork()) {
			setenv("ALLOD_BOUNDS", names[i], 1);
			execl("/proc/self/exe", argv[0], names[i], NULL);
		}
		check(wait(&status) > 0 && status == 0, "as a whole");
	}
	return tap_end();
}

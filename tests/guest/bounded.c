/* <allod/bounded.h>: each function does what the C library's does, and reports an access outside of an object, with each back end;
 * and with the software back end, the heap finds bounds without tables. */
#include <ucontext.h>

#include "tables.h"

#include <allod/bounded.h>
#include <allod/portal.h>

#include "machine.h"

static volatile int reports;
static siginfo_t info;

static void step_over(int number, siginfo_t *what, void *context)
{
	(void)number;
	info = *what;
	reports++;
	machine_step(context, ALLOD_BOUNDS_REPORT_BYTES);
}

/* Whether the statement was reported, for the first byte behind the object or wherever it says. */
#define REPORTED(statement, where) \
	({ \
		reports = 0; \
		statement; \
		reports == 1 && info.si_code == SEGV_BNDERR &&info.si_addr == (void *)(where); \
	})
#define SILENT(condition) (reports = 0, (condition) && reports == 0)

static struct allod_ref text(const char *string)
{
	return allod_ref_strdup(allod_ref_string(string));
}

/* No NUL inside. */
static struct allod_ref endless(size_t bytes)
{
	return allod_ref_memset(allod_ref_malloc(bytes), 'x', bytes);
}

static void test_memory(void)
{
	struct allod_ref a = allod_ref_malloc(32), b = allod_ref_calloc(4, 8), c;
	void **slot = b.at;

	check(SILENT(ALLOD_AT(int, a, 7) = 5) && REPORTED(ALLOD_AT(int, a, 0) = ALLOD_AT(int, a, 8), (char *)a.at + 32),
		"elements");
	volatile size_t many = SIZE_MAX;
	check(SILENT(ALLOD_AT(long, b, 3) == 0) && !allod_ref_calloc(many, 3).at, "calloc");
	allod_ref_store(slot, a);
	c = allod_ref_load(slot);
	check(c.at == a.at && REPORTED(allod_ref_memset(c, 0, 33), (char *)a.at + 32),
		"a pointer in memory keeps its bounds");
	b = allod_ref_realloc(b, 4096);
	slot = b.at;
	c = allod_ref_load(slot);
	check(c.at == a.at && !allod_bounds_is_open(c.bounds) && SILENT(ALLOD_AT(char, b, 4095) = 1),
		"realloc: larger");
	b = allod_ref_realloc(b, 16);
	slot = b.at;
	c = allod_ref_load(slot);
	check(!allod_bounds_is_open(c.bounds) &&
			REPORTED(ALLOD_AT(char, b, 16) = ALLOD_AT(char, b, 0), (char *)b.at + 16),
		"smaller");
	check(REPORTED(allod_ref_free(allod_ref_add(a, 8)), (char *)a.at - 1), "free of an inner address");
	allod_ref_free(b);
	allod_ref_free(a);
	allod_ref_free(allod_ref_null());
	c = allod_ref_realloc(allod_ref_null(), 10);
	check(SILENT(ALLOD_AT(char, c, 9) = 1), "realloc of nothing");
	allod_ref_free(c);
}

static void test_copies(void)
{
	struct allod_ref a = endless(16), b = endless(8), part = allod_ref_part(a, 4, 4);
	char *first = a.at, *second = b.at;

	check(SILENT(allod_ref_memcpy(a, b, 8).at == a.at), "memcpy");
	check(REPORTED(allod_ref_memcpy(a, b, 9), second + 8), "memcpy reads too much");
	check(REPORTED(allod_ref_memcpy(b, a, 9), second + 8), "memcpy writes too much");
	check(REPORTED(allod_ref_memmove(allod_ref_add(a, 10), a, 8), first + 17), "memmove");
	check(REPORTED(allod_ref_memset(part, 0, 5), first + 8), "memset of a part");
	check(REPORTED(allod_ref_memcmp(a, b, 9), second + 8) && SILENT(allod_ref_memcmp(a, b, 8) == 0), "memcmp");
	check(REPORTED(allod_ref_part(a, 12, 5), first + 16), "a part is no larger");
	allod_ref_free(a);
	allod_ref_free(b);
}

static void test_strings(void)
{
	struct allod_ref a = text("hello"), b = endless(6), room = endless(12), found;
	char *second = b.at, *third = room.at;

	check(SILENT(allod_ref_strlen(a) == 5) && REPORTED(allod_ref_strlen(b), second + 6), "strlen");
	check(SILENT(!strcmp(allod_ref_strcpy(b, a).at, "hello")), "strcpy that fits");
	check(REPORTED(allod_ref_strcpy(allod_ref_add(b, 1), a), second + 6), "one that does not");
	allod_ref_strcpy(room, a);
	check(SILENT(!strcmp(allod_ref_strcat(room, a).at, "hellohello")) &&
			REPORTED(allod_ref_strcat(room, a), third + 15),
		"strcat");
	check(SILENT(!memcmp(allod_ref_strncpy(room, a, 8).at, "hello\0\0\0", 8)) &&
			REPORTED(allod_ref_strncpy(room, a, 13), third + 12),
		"strncpy");
	b = endless(6);
	second = b.at;
	check(SILENT(!memcmp(allod_ref_strncpy(room, b, 6).at, "xxxxxx", 6)) &&
			REPORTED(allod_ref_strncpy(room, b, 7), second + 6),
		"strncpy without an end");
	check(SILENT(allod_ref_strcmp(a, allod_ref_string("help")) < 0 && !allod_ref_strcmp(a, a)), "strcmp");
	check(SILENT(allod_ref_strcmp(a, b) < 0) &&
			REPORTED(allod_ref_strcmp(b, allod_ref_string("xxxxxxx")), second + 6),
		"strcmp without an end");
	check(SILENT(!allod_ref_strncmp(b, allod_ref_string("xxxxxxx"), 6)), "strncmp");
	found = allod_ref_strchr(a, 'l');
	check(SILENT((char *)found.at - (char *)a.at == 2 && allod_ref_strlen(found) == 3), "strchr");
	check(!allod_ref_strchr(a, 'z').at && SILENT(ALLOD_AT(char, found, -2) == 'h'), "its bounds are the string's");
	found = allod_ref_strstr(a, allod_ref_string("ll"));
	check((char *)found.at - (char *)a.at == 2 && !allod_ref_strstr(a, allod_ref_string("lx")).at, "strstr");
	check(SILENT(allod_ref_strlen(allod_ref_strdup(a)) == 5), "strdup");
}

/* --- the heap --- */

static bool has_bounds(void *location, struct allod_bounds b)
{
	struct allod_ref r = allod_ref_load(location);

	return r.bounds.base == b.base && r.bounds.rest == b.rest;
}

static void test_heap(void)
{
	struct allod_ref a = allod_ref_malloc(64), b = allod_ref_malloc(64), part = allod_ref_part(a, 0, 8);
	void **location = (void **)fresh_chunks(1), **other = (void **)fresh_chunks(1);
	unsigned long before = tables_shown();

	allod_ref_store(location, a);
	allod_ref_store(location + 1, allod_ref_null());
	check(*location == a.at && has_bounds(location, a.bounds) && tables_shown() == before,
		"the start of an object needs no table");
	*location = b.at;
	check(has_bounds(location, b.bounds), "nor when code that knows nothing writes it");
	*location = (char *)b.at + 16;
	check(has_bounds(location, allod_bounds_open()), "an inner address is open then");
	*location = (char *)a.at + 64;
	check(has_bounds(location, allod_bounds_open()), "and so is the one behind: it starts no other object");
	allod_ref_store(location, part);
	check(tables_shown() == before + 1 && has_bounds(location, part.bounds),
		"other bounds of a start need a table");
	*location = a.at;
	check(has_bounds(location, part.bounds), "and stay as long as the pointer does");
	allod_ref_store(location, a);
	check(has_bounds(location, a.bounds), "until others are stored");
	*location = b.at;
	check(has_bounds(location, b.bounds), "an entry of another pointer is not in the way");
	allod_bounds_store(other, a.at, allod_bounds_open());
	check(has_bounds(other, allod_bounds_open()), "open when stored so");
	allod_ref_store(location, a);
	allod_bounds_copy((void **)fresh_chunks(1), location, 64);
	check(tables_shown() == before + 2, "copies need no table either");
	allod_bounds_clear(location, 8);
	check(*location == a.at && has_bounds(location, allod_bounds_open()), "clear");
	allod_bounds_store(a.at, location, allod_bounds_make(location, 8));
	allod_ref_free(a);
	*other = a.at;
	allod_bounds_clear(location, 64);
	check(REPORTED(allod_ref_free(a), (char *)a.at - 1), "freed twice");
	other[1] = a.at;
	check(has_bounds(other + 1, allod_bounds_open()), "what was freed starts nothing");
	a = allod_ref_malloc(66);
	memcpy(a.at, &(void *){ location }, sizeof(void *));
	check(has_bounds(a.at, allod_bounds_open()), "and what it held is forgotten");
	check(other[1] == a.at && has_bounds(other + 1, a.bounds), "used again, with other bounds");
	allod_ref_free(a);
	a = allod_ref_calloc(1, 66);
	check(other[1] == a.at && !memcmp(a.at, (char[66]){ 0 }, 66), "or zeroed");
	allod_ref_free(a);
	allod_ref_free(b);
}

/* Objects of all sizes, each filled with its number: none reaches into another, and each has exactly its own bounds. */
static void test_sizes(void)
{
	enum { OBJECTS = 512, ROUNDS = 20000 };
	static struct allod_ref objects[OBJECTS];
	static size_t sizes[OBJECTS];
	void **location = (void **)fresh_chunks(1);
	uint64_t seed = 1;
	unsigned wrong = 0;

	for (unsigned n = 0; n < ROUNDS; n++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		unsigned i = seed >> 40 & (OBJECTS - 1);
		size_t bytes = (seed >> 50 & 1023) << (seed >> 60 == 0 ? 8 : seed >> 60 & 3);
		unsigned char *first = objects[i].at;

		if (first) {
			allod_ref_store(location, objects[i]);
			wrong += !has_bounds(location, allod_bounds_make(first, sizes[i]));
			for (size_t k = 0; k < sizes[i]; k++)
				wrong += first[k] != (unsigned char)i;
			allod_ref_free(objects[i]);
		}
		objects[i] = n & 1 ? allod_ref_malloc(bytes) : allod_ref_calloc(bytes, 1);
		sizes[i] = bytes;
		first = objects[i].at;
		for (size_t k = 0; k < bytes && !(n & 1); k++)
			wrong += first[k] != 0;
		memset(first, (int)i, bytes);
	}
	check(wrong == 0, "objects of all sizes are apart and have their bounds");
	for (unsigned i = 0; i < OBJECTS; i++)
		allod_ref_free(objects[i]);
}

static void *share(void *argument)
{
	enum { MINE = 4, TURNS = 100000 };
	struct allod_ref mine[MINE] = { 0 };
	unsigned long wrong = 0;

	for (unsigned n = 0; n < TURNS; n++) {
		struct allod_ref *r = &mine[n % MINE];

		wrong += r->at && ALLOD_AT(void *, *r, 0) != argument;
		allod_ref_free(*r);
		*r = allod_ref_malloc(24);
		memcpy(r->at, &argument, sizeof(argument));
	}
	return (void *)wrong;
}

static void test_sharing(void)
{
	pthread_t threads[4];
	unsigned long wrong = 0;
	void *result;

	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, share, (void *)(i + 1));
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		wrong += (unsigned long)result;
	}
	check(wrong == 0, "no object is two threads'");
}

/* Odd objects are always stored whole, even ones always a part of them: while the first of these has a table made. */
enum { RACERS = 4, RACES = 60, RACE_OBJECTS = 32, RACE_LOCATIONS = 8 };

static struct allod_ref race_objects[RACE_OBJECTS];
static void **race_locations[RACES];
static pthread_barrier_t start_barrier;

static void *store_and_load(void *argument)
{
	uint64_t seed = (uintptr_t)argument;
	unsigned long wrong = 0;

	for (unsigned round = 0; round < RACES; round++) {
		pthread_barrier_wait(&start_barrier);
		for (unsigned n = 0; n < 400; n++) {
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			void **location = &race_locations[round][(seed >> 33 & (RACE_LOCATIONS - 1)) * 1024];
			unsigned i = seed >> 40 & (RACE_OBJECTS - 1);

			/* Only the first thread stores parts, and not at once, so that the others have gone on by then. */
			if (n % 4 == 0 && (i % 2 || ((uintptr_t)argument == 0 && n > 40)))
				allod_ref_store(location, race_objects[i]);
			struct allod_ref r = allod_ref_load(location);
			struct allod_ref mine = allod_ref_malloc(16 + i);

			for (i = 0; r.at && race_objects[i].at != r.at; i++)
				;
			wrong += r.at &&
				(r.bounds.base != race_objects[i].bounds.base ||
					r.bounds.rest != race_objects[i].bounds.rest);
			allod_ref_free(mine);
		}
	}
	return (void *)wrong;
}

static void test_starts(void)
{
	pthread_t threads[RACERS];
	unsigned long wrong = 0;
	void *result;

	for (unsigned i = 0; i < RACE_OBJECTS; i++)
		race_objects[i] = i % 2 ? allod_ref_malloc(32) : allod_ref_part(allod_ref_malloc(32), 0, 16);
	for (unsigned i = 0; i < RACES; i++)
		race_locations[i] = (void **)fresh_chunks(1);
	pthread_barrier_init(&start_barrier, NULL, RACERS);
	for (uintptr_t i = 0; i < RACERS; i++)
		pthread_create(&threads[i], NULL, store_and_load, (void *)i);
	for (unsigned i = 0; i < RACERS; i++) {
		pthread_join(threads[i], &result);
		wrong += (unsigned long)result;
	}
	check(wrong == 0, "no thread sees a start with other bounds than those it was stored with");
}

static void test_heap_fork(void)
{
	struct allod_ref a = allod_ref_malloc(40), b;
	void **location = (void **)fresh_chunks(1);
	int status;

	allod_ref_store(location, a);
	if (!fork()) {
		bool ok = has_bounds(location, a.bounds);

		allod_ref_free(a);
		b = allod_ref_malloc(33);
		_exit(ok && b.at == a.at && has_bounds(location, b.bounds) ? 0 : 1);
	}
	check(wait(&status) > 0 && status == 0 && has_bounds(location, a.bounds), "fork: two heaps");
	allod_ref_free(a);
}

/* --- in a sandbox --- */

/* In a copy: stores into several pieces of memory, and unmaps them. -> in how many there were the right bounds. */
static int store_there(char *memory, int chunks)
{
	struct allod_ref part = allod_ref_part(allod_ref_malloc(16), 4, 8);
	int right = 0;

	for (int i = 0; i < chunks; i++) {
		allod_ref_store(memory + (size_t)i * BOUNDS_CHUNK, part);
		right += has_bounds((void **)(memory + (size_t)i * BOUNDS_CHUNK), part.bounds);
	}
	return munmap(memory, (size_t)chunks * BOUNDS_CHUNK) ? -2 : right;
}
ALLOD_PORTAL(int, store_there, (char *, memory), (int, chunks))

static char object_there[16];

static int write_there(int at)
{
	return ALLOD_AT(char, allod_ref_of(object_there, sizeof(object_there)), at) = 1;
}
ALLOD_PORTAL(int, write_there, (int, at))

static void test_sandbox(void)
{
	enum { CHUNKS = 3, MORE = 40 };
	struct allod_ref part = allod_ref_part(allod_ref_malloc(16), 4, 8);
	char *memory = fresh_chunks(CHUNKS), *more;
	unsigned long before = tables_shown();
	struct allod_report report;
	struct allod_space *box;

	allod_ref_store(memory, part);
	box = allod_sandbox(NULL);
	/* What is known of the program's tables moves, and is not the copy's. */
	more = fresh_chunks(MORE);
	for (int i = 0; i < MORE; i++)
		allod_ref_store(more + (size_t)i * BOUNDS_CHUNK, part);
	check(store_there_in(box, memory, CHUNKS) == CHUNKS && errno == 0, "a sandbox: tables are made there, too");
	check(tables_shown() == before + 1 + MORE && has_bounds((void **)memory, part.bounds), "and go there only");
	munmap(more, (size_t)MORE * BOUNDS_CHUNK);
	munmap(memory, (size_t)CHUNKS * BOUNDS_CHUNK);
	check(tables_shown() == before, "all gone");
	check(write_there_in(box, 15) == 1 && errno == 0, "within bounds there");
	check(write_there_in(box, 16) == -1 && errno == EOWNERDEAD, "outside: the end of the sandbox");
	check(!allod_space_wait(box, &report) && report.end == ALLOD_FAULTED && report.signal == SIGSEGV &&
			report.address == (uintptr_t)object_there + 16,
		"which says where");
	allod_space_close(box);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_sigaction = step_over, .sa_flags = SA_SIGINFO };
	bool software = allod_bounds_back_end() == ALLOD_BOUNDS_SOFTWARE;

	sigaction(SIGSEGV, &action, NULL);
	test_memory();
	test_copies();
	test_strings();
	if (!check(software || argc == 1, "the back end"))
		return tap_end();
	if (software) {
		test_heap();
		test_sizes();
		test_sharing();
		test_starts();
		test_heap_fork();
		test_sandbox();
	} else {
		int status;

		if (!fork()) {
			setenv("ALLOD_BOUNDS", "software", 1);
			execl("/proc/self/exe", argv[0], "software", NULL);
		}
		check(wait(&status) > 0 && status == 0, "with the software back end");
	}
	return tap_end();
}

/* What bounds cost, on Allod: operations, tables, and five programs with and without. bench/run says what it prints. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <allod/bounded.h>

#include "abi/bounds.h"
#include "bench_machine.h"

#include "bounds_plain.h"
#include "bounds_programs.h"

#include "bounds_checked.h"
#include "bounds_programs.h"

enum { ROUNDS = 100000, TOUCHES = 64 };

static void row_round(const char *name, uint64_t spent, uint64_t idle)
{
	printf("row %s: %.4f\n", name, (double)(spent - idle) / ROUNDS);
}

static char *fresh(size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static unsigned long resident(void)
{
	unsigned long total, pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file && fscanf(file, "%lu %lu", &total, &pages) != 2)
		pages = 0;
	if (file)
		fclose(file);
	return pages;
}

/* Each loop does the program's own part too, which the second measurement takes off again. */
#define LOOP(statement) \
	({ \
		uint64_t start = ticks(); \
		for (unsigned i = 0; i < ROUNDS; i++) { \
			statement; \
		} \
		ticks() - start; \
	})
#define KEEP(value) __asm__ volatile("" : "+r"(value) : : "memory")

static inline void load_only(const void *location)
{
	struct allod_bounds b;

	allod_bounds_load(location, &b);
	__asm__ volatile("" : : "r"(b.base), "r"(b.rest)); /* used */
}

/* The start of an object of bounded.h's heap, at a location without a table. */
static void bench_starts(void **location)
{
	struct allod_ref object = allod_ref_malloc(100);

	KEEP(location);
	KEEP(object.bounds.base);
	KEEP(object.bounds.rest);
	row_round("store of an object's start", LOOP(allod_ref_store(location, object)),
		LOOP(*(void *volatile *)location = object.at));
	row_round("load of an object's start", LOOP(load_only(location)),
		LOOP(object.at = *(void *volatile *)location));
}

static void bench_operations(void)
{
	void **location = (void **)fresh(4096);
	struct allod_bounds b = allod_bounds_make(location, 4096);
	char *p = (char *)location + 5;

	allod_bounds_store(location, p, b);
	KEEP(location);
	row_round("store", LOOP(allod_bounds_store(location, p, b)), LOOP(*(void *volatile *)location = p));
	row_round("load", LOOP(load_only(location)), LOOP(p = *(void *volatile *)location));
	bench_starts((void **)fresh(BOUNDS_CHUNK));
	KEEP(b.base);
	KEEP(b.rest);
	row_round("check", LOOP(KEEP(p); allod_bounds_check(b, p, 1)), LOOP(KEEP(p)));
	row_round("a system call", LOOP(system_call(SYS_getpid)), LOOP(KEEP(p)));
}

/* A first touch of an ordinary page, and what of it is zeroing the frame. -> ticks for that. */
static double bench_page(void)
{
	const size_t bytes = (TOUCHES + 1024) * 4096;
	char *all = fresh(bytes);
	volatile char *memory = (char *)(((uintptr_t)all + (1 << 21) - 1) & -(1ul << 21)); /* one page table */
	uint64_t start;
	double zeroing;

	memory[TOUCHES * 4096] = 1;
	start = ticks();
	for (unsigned i = 0; i < TOUCHES; i++)
		memory[i * 4096] = 1;
	printf("row first touch of a plain page: %.2f\n", (double)(ticks() - start) / TOUCHES);
	start = ticks();
	for (unsigned i = 0; i < TOUCHES; i++)
		machine_zero((char *)memory + i * 4096);
	zeroing = (double)(ticks() - start) / TOUCHES;
	printf("row first touch of a plain page, of which zeroing: %.2f\n", zeroing);
	munmap(all, bytes);
	return zeroing;
}

static void bench_first_touch(void)
{
	const size_t bytes = (TOUCHES + 2) * BOUNDS_CHUNK;
	char *all = fresh(bytes), *memory = (char *)(((uintptr_t)all + BOUNDS_CHUNK - 1) & -BOUNDS_CHUNK);
	unsigned long pages;
	uint64_t start;
	double frames;

	for (unsigned i = 0; i <= TOUCHES; i++)
		memory[i * BOUNDS_CHUNK] = 1;
	allod_bounds_store(memory, memory, allod_bounds_make(memory, 1)); /* a page of the directory */
	pages = resident();
	start = ticks();
	for (unsigned i = 1; i <= TOUCHES; i++)
		allod_bounds_store(memory + i * BOUNDS_CHUNK, memory, allod_bounds_make(memory, 1));
	printf("row first touch of a table: %.2f\n", (double)(ticks() - start) / TOUCHES);
	/* Pages of tables, and of page tables for them. */
	frames = (double)(resident() - pages) / TOUCHES;
	printf("row first touch of a table, of which zeroing: %.2f\n", frames * bench_page());
	printf("count first touch of a table, frames that are zeroed: %.2f\n", frames);
	munmap(all, bytes);
}

/* The processor's own instructions, and the library with them as its back end. */
static void bench_processor(void)
{
	char *memory = fresh((TOUCHES + 2) * BOUNDS_CHUNK);
	struct allod_bounds b;
	uint64_t began;

	memory = (char *)(((uintptr_t)memory + BOUNDS_CHUNK - 1) & -BOUNDS_CHUNK);
	for (unsigned i = 0; i <= TOUCHES; i++)
		memory[i * BOUNDS_CHUNK] = 1;
	machine_bndstx(memory, memory); /* a page of the directory */
	began = ticks();
	for (unsigned i = 1; i <= TOUCHES; i++)
		machine_bndstx(memory + i * BOUNDS_CHUNK, memory);
	printf("row first touch of a table by bndstx: %.2f\n", (double)(ticks() - began) / TOUCHES);
	row_round("bndstx", LOOP(machine_bndstx(memory, memory)), LOOP(KEEP(memory)));
	row_round("bndldx", LOOP(machine_bndldx(memory, memory)), LOOP(KEEP(memory)));
	b = allod_bounds_make(memory, 1);
	row_round("store, by way of bndstx", LOOP(allod_bounds_store(memory, memory, b)),
		LOOP(*(void *volatile *)memory = memory));
	row_round("load, by way of bndldx", LOOP(load_only(memory)), LOOP((void)*(void *volatile *)memory));
}

/* In a child, so that each begins with the same memory. */
static uint64_t bench_program(const char *name, const char *kind, uint64_t (*program)(void))
{
	int result[2];
	uint64_t value = 0;

	if (pipe(result) < 0)
		return 0;
	fflush(stdout);
	if (!fork()) {
		uint64_t start = ticks(), spent;

		value = program();
		spent = ticks() - start;
		printf("row %s, %s: %llu\n", name, kind, (unsigned long long)spent);
		printf("count %s, %s, pages: %lu\n", name, kind, resident());
		fflush(stdout);
		_exit(write(result[1], &value, sizeof(value)) == sizeof(value) ? 0 : 1);
	}
	wait(NULL);
	if (read(result[0], &value, sizeof(value)) != sizeof(value))
		value = 0;
	close(result[0]);
	close(result[1]);
	return value;
}

static void run_again(const char *back_end)
{
	setenv("ALLOD_BOUNDS", back_end, 1);
	execl("/proc/self/exe", "bounds", (char *)NULL);
}

/* The program runs itself again with each of the library's back ends. */
int main(void)
{
	static const struct {
		const char *name;
		uint64_t (*plain)(void), (*checked)(void);
	} programs[] = {
		{ "compression", plain_compress, checked_compress },
		{ "json", plain_json, checked_json },
		{ "sorting", plain_sort, checked_sort },
		{ "hashing", plain_hash, checked_hash },
		{ "tree insertion", plain_tree, checked_tree },
	};
	bool same = true;

	if (!getenv("ALLOD_BOUNDS")) {
		if (!fork())
			run_again("mpx");
		wait(NULL);
		run_again("software");
	}
	if (!strcmp(getenv("ALLOD_BOUNDS"), "mpx")) {
		if (allod_bounds_back_end() == ALLOD_BOUNDS_MPX)
			bench_processor();
		return 0;
	}

	bench_operations();
	bench_first_touch();
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		same = bench_program(programs[i].name, "plain", programs[i].plain) ==
				bench_program(programs[i].name, "checked", programs[i].checked) &&
			same;
	if (same)
		puts("done");
	return same ? 0 : 1;
}

/* What it costs if programs make bounds tables themselves: the three ways that the description of MPX names, on Allod and on Linux;
 * and on Allod, tables that the system makes. bench/run says what it prints. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <allod/bounds.h>

#include "abi/bounds.h"
#include "program.h"

enum { TABLES = 32 };

static void *map(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* --- one: reserve the tables for all addresses at the start --- */

static void way_reserve(void)
{
	uint64_t bytes = 1ul << 47, most;

	/* What is there to be covered: as much as can be had in one piece. */
	while (bytes > 4096 && !map(bytes))
		bytes /= 2;
	most = bytes;
	for (uint64_t left = most * 4; left && map(most); left -= most)
		;
	printf("note reserve: %llu GiB of addresses take %llu GiB of tables and a directory: %s\n",
		(unsigned long long)(most >> 30), (unsigned long long)(most >> 28),
		map(most * 4) ? "there is room" : "there is no room");
}

/* --- two: hook every allocation --- */

static unsigned long hooked;

static void *hooked_mmap(size_t bytes)
{
	hooked++;
	return map(bytes);
}

/* Memory that no hook of the program's own sees: the stack, the heap of a library, what the kernel maps. */
static void way_hook(void)
{
	char line[256];
	unsigned long start, end, all = 0, seen = 8 << 20;
	FILE *maps = fopen("/proc/self/maps", "r");

	if (!hooked_mmap(seen))
		return;
	free(malloc(1 << 20));
	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx rw", &start, &end) == 2 && strstr(line, " rw"))
			all += end - start;
	if (maps)
		fclose(maps);
	printf("note hook: %lu allocation seen, %lu of %lu KiB that can hold pointers were not\n", hooked,
		(all - seen) >> 10, all >> 10);
}

/* --- three: a signal handler that maps --- */

static char *directory;
static volatile int handled;

static void on_fault(int number, siginfo_t *info, void *context)
{
	char *at = (char *)((uintptr_t)info->si_addr & -BOUNDS_TABLE_BYTES);

	(void)number, (void)context;
	/* mmap() is not among the functions that a handler may call, and two threads may be here. */
	if (mmap(at, BOUNDS_TABLE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
		MAP_FAILED)
		_exit(1);
	handled++;
}

static void way_signal(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	uint64_t start;
	int status = 0;

	sigaction(SIGSEGV, &action, NULL);
	directory = mmap(NULL, (TABLES + 1) * BOUNDS_TABLE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	directory = (char *)(((uintptr_t)directory + BOUNDS_TABLE_BYTES - 1) & -BOUNDS_TABLE_BYTES);
	start = ticks();
	for (unsigned i = 0; i < TABLES; i++)
		*(volatile char *)(directory + i * BOUNDS_TABLE_BYTES) = 1;
	start = ticks() - start;
	/* Any library may set another handler. */
	if (!fork()) {
		signal(SIGSEGV, SIG_DFL);
		mmap(directory, BOUNDS_TABLE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		*(volatile char *)directory = 1;
		_exit(0);
	}
	if (wait(&status) < 0)
		return;
	printf("row a table by a signal handler: %.2f\n", (double)start / handled);
	printf("note signal: with another handler set, the program %s\n",
		WIFSIGNALED(status) ? "was killed" : "went on");
}

/* --- none of them --- */

static void way_system(void)
{
	char *memory = map((TABLES + 2) * BOUNDS_CHUNK);
	uint64_t start;

	if (!memory || allod_bounds_back_end() == ALLOD_BOUNDS_OFF)
		return;
	memory = (char *)(((uintptr_t)memory + BOUNDS_CHUNK - 1) & -BOUNDS_CHUNK);
	for (unsigned i = 0; i <= TABLES; i++)
		memory[i * BOUNDS_CHUNK] = 1;
	allod_bounds_store(memory, memory, allod_bounds_make(memory, 1)); /* a page of the directory */
	start = ticks();
	for (unsigned i = 1; i <= TABLES; i++)
		allod_bounds_store(memory + i * BOUNDS_CHUNK, memory, allod_bounds_make(memory, 1));
	printf("row a table by the system: %.2f\n", (double)(ticks() - start) / TABLES);
}

/* Four bytes of table for each byte, and only what is touched: pointers in 1 GiB, one in each page. */
static void arithmetic(void)
{
	printf("note arithmetic: 1 GiB of pointers takes %lu MiB of tables, %lu of them resident if each page has one pointer, "
	       "and %lu KiB of the directory\n",
		(1ul << 30) / BOUNDS_CHUNK * BOUNDS_TABLE_BYTES >> 20, (1ul << 30) / 4096 * 4096 >> 20,
		(1ul << 30) / BOUNDS_CHUNK * 8 >> 10);
}

int main(int argc, char **argv)
{
	/* The software tables, on every machine. */
	if (!getenv("ALLOD_BOUNDS") && !setenv("ALLOD_BOUNDS", "software", 1))
		execv("/proc/self/exe", argv);
	bench_begin(argc);
	way_hook();
	way_signal();
	way_system();
	arithmetic();
	way_reserve();
	return bench_end();
}

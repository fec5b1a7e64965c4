/* Random updates of more memory than one window shows.
 *
 * The memory is in windows of equal size. Each visit goes to a window chosen at random and updates some words of it, chosen at
 * random too. Runs on Allod and Linux (bench/run says how, and what it prints):
 *
 *   switching N      a VAS for each window: vas_switch() shows it (Allod only)
 *   mapping N        one range of addresses: the window's file in memory is mapped there, and unmapped after the visit
 *   processes N      a process for each window, which reads from a pipe what to update
 *
 * for N windows. A row is one visit, the quickest batch of several. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <allod/vas.h>

#include "program.h"

enum { WINDOWS_MAX = 8, WINDOW = 1 << 20, UPDATES = 64, VISITS = 200, BATCHES = 3, WORDS = WINDOW / 8 };

static uint64_t seed;

static uint64_t roll(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 33;
}

/* What every way does in a window. */
static void update(uint64_t *words, uint64_t from)
{
	for (unsigned i = 0; i < UPDATES; i++) {
		from = from * 6364136223846793005u + 1442695040888963407u;
		words[(from >> 33) % WORDS] ^= from;
	}
}

static uint64_t checksum(const uint64_t *words)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < WORDS; i++)
		sum = sum * 31 + words[i];
	return sum;
}

struct way {
	const char *name;
	bool (*begin)(unsigned windows); /* all pages are there afterwards */
	void (*visit)(unsigned window, uint64_t from);
	uint64_t (*end)(unsigned windows); /* -> checksum of all */
};

/* --- switching --- */

static int vids[WINDOWS_MAX], sids[WINDOWS_MAX];
static uint64_t range[2];

static bool switching_begin(unsigned windows)
{
	char name[32];

	if (vas_range(range) < 0)
		return false;
	for (unsigned i = 0; i < windows; i++) {
		snprintf(name, sizeof(name), "window %u", i);
		vids[i] = vas_create(name, 0600);
		sids[i] = vas_seg_create(name, range[0], range[0] + WINDOW, 0600);
		if (vas_seg_attach(vids[i], sids[i], O_RDWR) < 0 || vas_attach(0, vids[i], O_RDWR) < 0 ||
			vas_switch(vids[i]) < 0)
			return false;
		memset((void *)range[0], 0, WINDOW);
	}
	return true;
}

static void switching_visit(unsigned window, uint64_t from)
{
	if (vas_switch(vids[window]) < 0)
		abort();
	update((uint64_t *)range[0], from);
}

static uint64_t switching_end(unsigned windows)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < windows; i++) {
		vas_switch(vids[i]);
		sum ^= checksum((const uint64_t *)range[0]) + i;
		vas_switch(0);
		vas_detach(0, vids[i]);
		vas_delete(vids[i]);
		vas_seg_delete(sids[i]);
	}
	return sum;
}

/* --- mapping --- */

static int files[WINDOWS_MAX];

static uint64_t *map(unsigned window)
{
	uint64_t *words = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, files[window], 0);

	if (words == MAP_FAILED)
		abort();
	return words;
}

static bool mapping_begin(unsigned windows)
{
	uint64_t *words;
	char name[32];

	for (unsigned i = 0; i < windows; i++) {
		snprintf(name, sizeof(name), "/tmp/window%u", i);
		files[i] = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
		if (files[i] < 0 || ftruncate(files[i], WINDOW) < 0)
			return false;
		unlink(name);
		words = map(i);
		memset(words, 0, WINDOW);
		munmap(words, WINDOW);
	}
	return true;
}

static void mapping_visit(unsigned window, uint64_t from)
{
	uint64_t *words = map(window);

	update(words, from);
	munmap(words, WINDOW);
}

static uint64_t mapping_end(unsigned windows)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < windows; i++) {
		uint64_t *words = map(i);

		sum ^= checksum(words) + i;
		munmap(words, WINDOW);
		close(files[i]);
	}
	return sum;
}

/* --- processes --- */

static int requests[WINDOWS_MAX][2], answers[2];

/* A request is what to begin with; 0: the checksum is wanted, and the end. */
static void serve(int in)
{
	static uint64_t words[WORDS];
	uint64_t from;

	memset(words, 0, sizeof(words));
	while (read(in, &from, sizeof(from)) == sizeof(from)) {
		if (from)
			update(words, from);
		else
			from = checksum(words);
		if (write(answers[1], &from, sizeof(from)) != sizeof(from))
			break;
	}
	_exit(0);
}

static bool processes_begin(unsigned windows)
{
	if (pipe(answers) < 0)
		return false;
	for (unsigned i = 0; i < windows; i++) {
		if (pipe(requests[i]) < 0)
			return false;
		if (fork() == 0) {
			for (unsigned other = 0; other <= i; other++)
				close(requests[other][1]);
			serve(requests[i][0]);
		}
		close(requests[i][0]);
	}
	return true;
}

static uint64_t ask(unsigned window, uint64_t word)
{
	if (write(requests[window][1], &word, sizeof(word)) != sizeof(word) ||
		read(answers[0], &word, sizeof(word)) != sizeof(word))
		abort();
	return word;
}

static void processes_visit(unsigned window, uint64_t from)
{
	ask(window, from);
}

static uint64_t processes_end(unsigned windows)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < windows; i++) {
		sum ^= ask(i, 0) + i;
		close(requests[i][1]);
	}
	while (wait(NULL) > 0)
		;
	close(answers[0]);
	close(answers[1]);
	return sum;
}

/* --- measuring --- */

static const struct way ways[] = {
	{ "switching", switching_begin, switching_visit, switching_end },
	{ "mapping", mapping_begin, mapping_visit, mapping_end },
	{ "processes", processes_begin, processes_visit, processes_end },
};

static void batch(const struct way *way, unsigned windows)
{
	for (unsigned i = 0; i < VISITS; i++) {
		unsigned window = (unsigned)roll() % windows;

		way->visit(window, roll() | 1);
	}
}

/* -> checksum of what came out, 0: the system has no such way. */
static uint64_t measure(const struct way *way, unsigned windows)
{
	uint64_t best = ~0ul, start;

	seed = 1;
	if (!way->begin(windows))
		return 0;
	batch(way, windows);
	for (unsigned i = 0; i < BATCHES; i++) {
		start = ticks();
		batch(way, windows);
		start = ticks() - start;
		best = start < best ? start : best;
	}
	printf("row %s %u: %.2f\n", way->name, windows, (double)best / VISITS);
	return way->end(windows);
}

int main(int argc, char **argv)
{
	(void)argv;
	bench_begin(argc);
	for (unsigned windows = 2; windows <= WINDOWS_MAX; windows *= 2) {
		uint64_t sum = 0;

		for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
			uint64_t result = measure(&ways[i], windows);

			if (result && sum && result != sum) {
				printf("note %s: another result\n", ways[i].name);
				return 1;
			}
			sum = result ? result : sum;
		}
	}
	return bench_end();
}

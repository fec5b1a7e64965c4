/* Micro-benchmarks: one static binary that runs unchanged on Linux and on Allod and measures single operations with the
 * machine's counter. Under QEMU's `-icount shift=0` its ticks are guest instructions (of arm64: 16 each); otherwise time.
 * bench/run runs it and says what it prints. Each figure is the smallest of several batches, each divided by its operations, with
 * the cost of the empty loop taken off. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"
#include "tests/guest/native.h"

struct row {
	const char *name;
	bool (*prepare)(void); /* may be NULL; false: this system does not have it */
	void (*batch)(unsigned operations);
	void (*finish)(void); /* may be NULL */
	unsigned operations, batches;
};

static bool on_allod;

static uint64_t root_writes(void)
{
	static struct kernel_stats stats;

	if (!on_allod || native(CALL_stats, (uintptr_t)&stats, sizeof(stats), 0, 0) < 0)
		return 0;
	return stats.root_writes;
}

static void batch_empty(unsigned operations)
{
	for (unsigned i = 0; i < operations; i++)
		__asm__ volatile("" ::: "memory");
}

static void batch_null(unsigned operations)
{
	for (unsigned i = 0; i < operations; i++)
		system_call(SYS_getppid);
}

static void batch_yield(unsigned operations)
{
	for (unsigned i = 0; i < operations; i++)
		system_call(SYS_sched_yield);
}

/* --- pipe round trip: a byte to a child and back --- */

static int to_child[2], from_child[2];
static pid_t echo_child;

static void echo_loop(void)
{
	char c;

	while (read(to_child[0], &c, 1) == 1)
		if (write(from_child[1], &c, 1) != 1)
			break;
	_exit(0);
}

static bool prepare_pipe(void)
{
	if (pipe(to_child) < 0 || pipe(from_child) < 0)
		return false;
	echo_child = fork();
	if (echo_child < 0)
		return false;
	if (echo_child == 0) {
		close(to_child[1]);
		echo_loop();
	}
	close(to_child[0]);
	close(from_child[1]);
	return true;
}

/* The same over a pair of UNIX sockets, whose ends go both ways. */
static bool prepare_socket(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return false;
	to_child[0] = from_child[1] = ends[1];
	to_child[1] = from_child[0] = ends[0];
	echo_child = fork();
	if (echo_child < 0)
		return false;
	if (echo_child == 0) {
		close(ends[0]);
		echo_loop();
	}
	close(ends[1]);
	return true;
}

static void batch_pipe(unsigned operations)
{
	char c = 'x';

	for (unsigned i = 0; i < operations; i++)
		if (write(to_child[1], &c, 1) != 1 || read(from_child[0], &c, 1) != 1)
			abort();
}

static void finish_pipe(void)
{
	int status;

	close(to_child[1]);
	close(from_child[0]);
	waitpid(echo_child, &status, 0);
}

/* --- processes and memory --- */

static void batch_fork(unsigned operations)
{
	for (unsigned i = 0; i < operations; i++) {
		int status;
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		if (child < 0 || waitpid(child, &status, 0) != child)
			abort();
	}
}

static char *area;
enum { AREA_PAGES = 1024 };

/* A fresh area for each batch, made outside of the measured time by prepare and by the end of the batch before. */
static bool prepare_touch(void)
{
	area = mmap(NULL, AREA_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		return false;
	madvise(area, AREA_PAGES * PAGE_SIZE, MADV_NOHUGEPAGE);
	*(volatile char *)area = 1;
	return true;
}

static void batch_touch(unsigned operations)
{
	static unsigned next;

	for (unsigned i = 0; i < operations; i++)
		((volatile char *)area)[(1 + (next + i) % (AREA_PAGES - 1)) * PAGE_SIZE] = 1;
	next += operations;
}

static void finish_touch(void)
{
	munmap(area, AREA_PAGES * PAGE_SIZE);
}

static void batch_mmap(unsigned operations)
{
	for (unsigned i = 0; i < operations; i++) {
		char *page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (page == MAP_FAILED)
			abort();
		*(volatile char *)page = 1;
		munmap(page, PAGE_SIZE);
	}
}

/* --- portal call and return: between this process and a space that it makes ---
 *
 * The space gets one page of code and one of data. Its first thread makes a portal at the entry below, grants right p on it to
 * this process, stores the portal's address in the data page and sleeps. The code is copied there and uses no absolute address. */

enum { CODE_AT = 0x10000, DATA_AT = 0x20000 };

struct shared {
	uint64_t portal, result;
	uint32_t ready, never;
};

_Static_assert(CALL_portal_create == 0x1042 && CALL_grant == 0x1040 && CALL_wait == 0x1004 &&
		CALL_portal_return == 0x1002 && RIGHT_P == 8 && DATA_AT == 0x20000,
	"the code of the server");

static uint64_t portal, server_space;

static bool portal_failed(const char *what, int64_t error)
{
	printf("note portal call: %s failed with %lld\n", what, (long long)error);
	return false;
}

/* The number_shift of this machine, from the address that a portal of our own gets. */
static bool find_shift(unsigned number, unsigned *shift)
{
	int64_t address = native(CALL_portal_create, (uintptr_t)batch_empty, 0, 0, 0);

	if (address < 0)
		return portal_failed("portal_create", address);
	native(CALL_portal_destroy, (uintptr_t)batch_empty, 0, 0, 0);
	for (*shift = 32; *shift < 48; ++*shift)
		if ((uint64_t)address == ((uint64_t)number << *shift | (uintptr_t)batch_empty))
			return true;
	return portal_failed("globalize", address);
}

static bool prepare_portal(void)
{
	struct space_spec spec = { .flags = SPACE_GRANT_CREATOR, .name = "bench-server" };
	struct thread_spec thread = { .ip = CODE_AT };
	struct space_info self;
	volatile struct shared *shared;
	unsigned shift;
	int64_t e;

	if (!on_allod)
		return false;
	if ((e = native(CALL_space_info, 0, (uintptr_t)&self, 0, 0)) < 0)
		return portal_failed("space_info", e);
	if (!find_shift(self.number, &shift))
		return false;
	if ((e = native(CALL_space_create, (uintptr_t)&spec, 0, 0, 0)) < 0)
		return portal_failed("space_create", e);
	server_space = e;
	if ((e = native(CALL_map, server_space, CODE_AT, PAGE_SIZE, RIGHT_R | RIGHT_W | RIGHT_X)) < 0 ||
		(e = native(CALL_map, server_space, DATA_AT, PAGE_SIZE, RIGHT_R | RIGHT_W)) < 0)
		return portal_failed("map", e);
	memcpy((void *)(server_space << shift | CODE_AT), bench_server, bench_server_end - bench_server);
	shared = (void *)(server_space << shift | DATA_AT);
	shared->ready = 0;
	thread.space = server_space;
	thread.arg = self.number;
	if ((e = native(CALL_thread_create, (uintptr_t)&thread, 0, 0, 0)) < 0)
		return portal_failed("thread_create", e);
	for (unsigned i = 0; i < 100000 && !shared->ready; i++)
		native(CALL_yield, 0, 0, 0, 0);
	if (!shared->ready || (int64_t)shared->portal < 0 || (int64_t)shared->result < 0)
		return portal_failed("the server", shared->ready ? (int64_t)shared->result : 0);
	portal = shared->portal;
	e = portal_call(portal, 42, 0).w0;
	return e == 42 ? true : portal_failed("portal_call", e);
}

static void batch_portal(unsigned operations)
{
	for (unsigned i = 0; i < operations; i++)
		portal_call(portal, i, 0);
}

static void finish_portal(void)
{
	native(CALL_space_destroy, server_space, 0, 0, 0);
}

/* --- grants --- */

static uint64_t reader, own_base;
static char granted_page[PAGE_SIZE] __attribute__((aligned(4096)));

/* The callee reads a byte of the page that it is granted for the call. */
static bool prepare_call_grant(void)
{
	struct space_info self;
	unsigned shift;

	if (!prepare_portal() || native(CALL_space_info, 0, (uintptr_t)&self, 0, 0) < 0 ||
		!find_shift(self.number, &shift))
		return false;
	own_base = (uint64_t)self.number << shift;
	granted_page[0] = 42;
	reader = native(CALL_portal_create, CODE_AT + (bench_reader - bench_server), 0, server_space, 0);
	return (int64_t)reader > 0 ? true : portal_failed("portal_create", (int64_t)reader);
}

static void batch_call_grant(unsigned operations)
{
	static struct grant_spec grant;
	static struct call_spec spec;

	grant = (struct grant_spec){ (uintptr_t)granted_page, PAGE_SIZE, RIGHT_R | RIGHT_W, 0 };
	spec = (struct call_spec){ .portal = reader,
		.words = { own_base | (uintptr_t)granted_page },
		.grants = (uintptr_t)&grant,
		.grant_count = 1 };
	for (unsigned i = 0; i < operations; i++)
		if (lossy_call6(CALL_portal_call_with, 0, (uint64_t[6]){ (uintptr_t)&spec }).w0 != 42)
			abort();
}

static uint64_t granting_space;

/* A space with `bytes` mapped, of which a part is there; the space that it is granted to is the portal's. */
static bool prepare_grant(uint64_t bytes)
{
	struct space_spec spec = { .flags = SPACE_GRANT_CREATOR, .name = "bench-grant" };
	uint64_t at = 0x100000000;
	struct space_info self;
	unsigned shift;
	int64_t e;

	if (!prepare_portal() || native(CALL_space_info, 0, (uintptr_t)&self, 0, 0) < 0 ||
		!find_shift(self.number, &shift))
		return false;
	if ((e = native(CALL_space_create, (uintptr_t)&spec, 0, 0, 0)) < 0)
		return portal_failed("space_create", e);
	granting_space = e;
	own_base = granting_space << shift;
	/* Half of a window can be mapped. */
	if (at + bytes > 1ul << (shift - 1) && bytes > 1ul << (shift - 2)) {
		bytes = 1ul << (shift - 2);
		printf("note 16 GiB mapped: %llu GiB, a window of this machine is smaller\n",
			(unsigned long long)bytes >> 30);
	}
	if (at + bytes > 1ul << (shift - 1))
		at = 1ul << (shift - 2);
	if ((e = native(CALL_map, granting_space, at, bytes, RIGHT_R | RIGHT_W)) < 0)
		return portal_failed("map", e);
	for (uint64_t i = 0; i < bytes; i += bytes / 1024 + PAGE_SIZE)
		*(volatile char *)(own_base | (at + (i & ~(PAGE_SIZE - 1)))) = 1;
	return true;
}

static bool prepare_small_grant(void)
{
	return prepare_grant(PAGE_SIZE);
}

static bool prepare_large_grant(void)
{
	return prepare_grant(16ul << 30);
}

static void batch_grant(unsigned operations)
{
	uint64_t window = own_base / granting_space;

	for (unsigned i = 0; i < operations; i++) {
		int64_t grant = native(CALL_grant, own_base, window, server_space, RIGHT_R | RIGHT_W);

		if (grant < 0 || native(CALL_revoke, (uint64_t)grant, 0, 0, 0) < 0)
			abort();
	}
}

static void finish_grant(void)
{
	native(CALL_space_destroy, granting_space, 0, 0, 0);
	finish_portal();
}

/* --- spaces --- */

static bool prepare_space(void)
{
	return on_allod;
}

static void batch_space(unsigned operations)
{
	struct space_spec spec = { .name = "bench" };

	for (unsigned i = 0; i < operations; i++)
		if (native(CALL_space_destroy, (uint64_t)native(CALL_space_create, (uintptr_t)&spec, 0, 0, 0), 0, 0,
			    0) < 0)
			abort();
}

enum { CROWD = 8000 };
static int64_t crowd[CROWD];

/* The same while many others live. */
static bool prepare_crowd(void)
{
	struct space_spec spec = { .name = "crowd" };

	if (!on_allod)
		return false;
	for (unsigned i = 0; i < CROWD; i++)
		if ((crowd[i] = native(CALL_space_create, (uintptr_t)&spec, 0, 0, 0)) < 0)
			return portal_failed("space_create", crowd[i]);
	return true;
}

static void finish_crowd(void)
{
	for (unsigned i = 0; i < CROWD; i++)
		native(CALL_space_destroy, (uint64_t)crowd[i], 0, 0, 0);
}

#include "space_rows.h"
#include "vas_rows.h"

static const struct row rows[] = {
	{ "null system call", NULL, batch_null, NULL, 200, 50 },
	{ "sched_yield", NULL, batch_yield, NULL, 200, 50 },
	{ "portal call+return", prepare_portal, batch_portal, finish_portal, 200, 50 },
	{ "portal call+return with callback", prepare_call_back, batch_call_back, finish_call_back, 200, 50 },
	{ "portal call+return with 4 KiB grant", prepare_call_grant, batch_call_grant, finish_portal, 200, 50 },
	{ "grant+revoke space", prepare_small_grant, batch_grant, finish_grant, 200, 50 },
	{ "grant+revoke space, 16 GiB mapped", prepare_large_grant, batch_grant, finish_grant, 200, 50 },
	{ "space create+destroy", prepare_space, batch_space, NULL, 200, 10 },
	{ "space create+destroy among 8,000", prepare_crowd, batch_space, finish_crowd, 200, 10 },
	{ "native load", prepare_native_load, batch_load, NULL, 200, 50 },
	{ "granted load", prepare_granted_load, batch_load, finish_space, 200, 50 },
	{ "pipe round trip", prepare_pipe, batch_pipe, finish_pipe, 50, 40 },
	{ "UNIX socket round trip", prepare_socket, batch_pipe, finish_pipe, 50, 40 },
	{ "fork+exit+wait", NULL, batch_fork, NULL, 20, 10 },
	{ "first touch of a page", prepare_touch, batch_touch, finish_touch, 100, 10 },
	{ "mmap+touch+munmap", NULL, batch_mmap, NULL, 100, 10 },
	{ "vas_switch there and back", prepare_vas_switch, batch_vas_switch, finish_vas_switch, 200, 50 },
	{ "vas_attach", prepare_vas_attach, batch_vas_attach, finish_vas, 10, 10 },
	{ "vas_create", prepare_vas_create, batch_vas_create, finish_vas, 10, 10 },
};

static uint64_t batch_ticks(void (*batch)(unsigned), unsigned operations)
{
	uint64_t start = ticks();

	batch(operations);
	return ticks() - start;
}

static uint64_t smallest(void (*batch)(unsigned), unsigned operations, unsigned batches)
{
	uint64_t best = ~0ul;

	for (unsigned i = 0; i < batches; i++) {
		uint64_t t = batch_ticks(batch, operations);

		if (t < best)
			best = t;
	}
	return best;
}

static void measure(const struct row *row)
{
	uint64_t empty = smallest(batch_empty, row->operations, 3), best, roots;
	long thousandths = -1;

	if (row->prepare && !row->prepare())
		return;
	roots = root_writes();
	best = smallest(row->batch, row->operations, row->batches);
	if (on_allod)
		thousandths = (long)((root_writes() - roots) * 1000 / ((uint64_t)row->operations * row->batches));
	if (row->finish)
		row->finish();
	best = best > empty ? best - empty : 0;
	printf("row %s: %llu.%02u %ld\n", row->name, (unsigned long long)(best / row->operations),
		(unsigned)(best % row->operations * 100 / row->operations), thousandths);
}

int main(int argc, char **argv)
{
	(void)argv;
	bench_begin(argc);
	on_allod = native_present();
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		measure(&rows[i]);
	return bench_end();
}

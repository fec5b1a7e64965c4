/* MPX as Linux 3.19 to 5.5 had it: the two prctl calls, tables on demand, reports, and that tables are freed when memory is
 * unmapped. */
#include <sys/resource.h>
#include <sys/ucontext.h>

#include "tables.h"

#include "mpx.h"
#include "mpx_dig.h"

enum { ENABLE = 43, DISABLE = 44, TRAP_BOUND = 5 };

int main(int argc, char **argv);

static uint64_t *directory;

static uint64_t *entry_of(const void *location)
{
	return &directory[(uintptr_t)location >> BOUNDS_CHUNK_SHIFT];
}

/* --- the calls --- */

static void test_calls(void)
{
	check_errno(prctl(ENABLE, 1, 0, 0, 0), EINVAL, "enable: argument 2");
	check_errno(prctl(ENABLE, 0, 0, 0, 1), EINVAL, "enable: argument 5");
	check_errno(prctl(DISABLE, 0, 1, 0, 0), EINVAL, "disable: argument 3");
	check_errno(prctl(ENABLE, 0, 0, 0, 0), ENXIO, "enable without configuration");
	mpx_set_config((uintptr_t)directory);
	check_errno(prctl(ENABLE, 0, 0, 0, 0), ENXIO, "enable with the enable bit off");
	mpx_set_config(MPX_ENABLE);
	check_errno(prctl(ENABLE, 0, 0, 0, 0), ENXIO, "enable without a directory");
	mpx_set_config((uintptr_t)directory | MPX_ENABLE | MPX_PRESERVE);
	check(prctl(DISABLE, 0, 0, 0, 0) == 0, "disable when not enabled");
	check(prctl(ENABLE, 0, 0, 0, 0) == 0, "enable");
	check(prctl(ENABLE, 0, 0, 0, 0) == 0, "enable again");
}

/* --- tables --- */

static void test_first_touch(void)
{
	char *memory = fresh_chunks(2);
	void **location = (void **)(memory + 4096);
	struct mpx_bounds b = mpx_bounds(memory, memory + 99), other = mpx_bounds(memory + 8, memory + 15);
	unsigned long before = tables_shown();

	check(*entry_of(location) == 0, "no table at first");
	mpx_store(location, memory, b);
	check((*entry_of(location) & 1) && tables_shown() == before + 1, "the first store makes one table");
	check(mpx_same(mpx_load(location, memory), b), "its bounds are loaded");
	check(mpx_is_open(mpx_load(location, memory + 1)), "another pointer at the location has none");
	mpx_store(location + 1, memory, other);
	check(tables_shown() == before + 1 && mpx_same(mpx_load(location, memory), b) &&
			mpx_same(mpx_load(location + 1, memory), other),
		"the next entry is in the same table");
	check(mpx_is_open(mpx_load(memory + BOUNDS_CHUNK, NULL)) && tables_shown() == before + 2,
		"a load makes one, too");
	munmap(memory, 2 * BOUNDS_CHUNK);
	check(tables_shown() == before && *entry_of(location) == 0, "both go with the memory");
}

/* Without the preserve bit, branches reset the registers: the system's are not to be seen. */
static void test_registers_kept(void)
{
	char *memory = fresh_chunks(1);
	struct mpx_bounds b = mpx_bounds(memory, memory + 7), after[4];
	long result;

	mpx_set_config((uintptr_t)directory | MPX_ENABLE);
	__asm__ volatile("bndmov (%2), %%bnd0\n\t"
			 "bndmov %%bnd0, %%bnd3\n\t"
			 "syscall\n\t"
			 "bndmov %%bnd3, (%3)\n\t"
			 : "=m"(after[0]), "=a"(result)
			 : "D"(&b), "S"(&after[0]), "1"(39)
			 : "rcx", "r11", "memory");
	check(result == getpid() && mpx_same(after[0], b), "a system call keeps bounds registers");
	__asm__ volatile("bndmov (%1), %%bnd0\n\t"
			 "bndmov %%bnd0, %%bnd1\n\t"
			 "movb $1, (%2)\n\t"                     /* a page fault */
			 "bndstx %%bnd0, 8(%2,%2); nop; nop\n\t" /* a missing table */
			 "bndmov %%bnd1, (%3)\n\t"
			 : "=m"(after[1])
			 : "D"(&b), "a"(memory), "S"(&after[1])
			 : "memory");
	check(mpx_same(after[1], b), "so do a page fault and a missing table");
	check(mpx_same(mpx_load(memory + 8, memory), b), "and what is stored is right");
	__asm__ volatile("bndmov (%1), %%bnd0; cmpl %%eax, %%eax; je 1f; 1: bndmov %%bnd0, (%2)"
			 : "=m"(after[2])
			 : "D"(&b), "S"(&after[2])
			 : "memory");
	check(mpx_is_open(after[2]), "a branch without prefix resets them");
	mpx_set_config((uintptr_t)directory | MPX_ENABLE | MPX_PRESERVE);
	munmap(memory, BOUNDS_CHUNK);
}

static void test_unmap(void)
{
	char *memory = fresh_chunks(3);
	struct mpx_bounds b = mpx_bounds(memory, memory + 9);
	unsigned long before = tables_shown();
	char *moved;

	for (unsigned i = 0; i < 3 * 256; i++)
		mpx_store(memory + i * 4096, memory, b);
	check(tables_shown() == before + 3, "three chunks, three tables");
	munmap(memory + BOUNDS_CHUNK / 2, BOUNDS_CHUNK);
	check(tables_shown() == before + 3, "chunks of which something is left keep their tables");
	mmap(memory + BOUNDS_CHUNK / 2, BOUNDS_CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		-1, 0);
	check(mpx_is_open(mpx_load(memory + BOUNDS_CHUNK / 2, memory)) &&
			mpx_is_open(mpx_load(memory + BOUNDS_CHUNK, memory)),
		"what was unmapped is cleared");
	check(mpx_same(mpx_load(memory + BOUNDS_CHUNK / 2 - 4096, memory), b) &&
			mpx_same(mpx_load(memory + BOUNDS_CHUNK * 3 / 2, memory), b),
		"its neighbours are not");
	mmap(memory, BOUNDS_CHUNK, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	check(tables_shown() == before + 2, "a fixed mapping over a whole chunk frees its table");
	mmap(memory + 2 * BOUNDS_CHUNK, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	check(mpx_is_open(mpx_load(memory + 2 * BOUNDS_CHUNK, memory)) &&
			mpx_same(mpx_load(memory + 2 * BOUNDS_CHUNK + 4096, memory), b),
		"one over a page clears its part");
	moved = fresh_chunks(1);
	check(mremap(memory + 2 * BOUNDS_CHUNK + 4096, 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, moved) == moved &&
			mpx_is_open(mpx_load(memory + 2 * BOUNDS_CHUNK + 4096, memory)),
		"mremap clears where it was");
	munmap(moved, BOUNDS_CHUNK);
	munmap(memory, 3 * BOUNDS_CHUNK);
	check(tables_shown() == before, "all gone");
}

static void test_break(void)
{
	char *start = sbrk(0), *chunk = (char *)(((uintptr_t)start + 2 * BOUNDS_CHUNK) & -BOUNDS_CHUNK);
	unsigned long before = tables_shown();

	check(brk(chunk + BOUNDS_CHUNK) == 0, "break up");
	mpx_store(chunk, chunk, mpx_bounds(chunk, chunk + 1));
	check(tables_shown() == before + 1, "a table for the heap");
	check(brk(start) == 0 && tables_shown() == before, "break down");
}

/* --- reports --- */

static ucontext_t caught;
static siginfo_t caught_info;
static volatile int caught_count;
static volatile uint64_t caught_config;

/* Steps over the instruction at fault: skip says how long it is. */
static volatile unsigned skip;

static void step_over(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	uint64_t status, config;

	(void)number;
	caught_info = *info;
	memcpy(&caught, uc, sizeof(caught));
	mpx_control(&config, &status);
	caught_config = config;
	caught_count++;
	uc->uc_mcontext.gregs[REG_RIP] += skip;
}

#define REPORTED(pointer, lower, last) \
	(caught_info.si_signo == SIGSEGV && caught_info.si_code == SEGV_BNDERR && \
		caught_info.si_addr == (void *)(pointer) && caught_info.si_lower == (void *)(lower) && \
		caught_info.si_upper == (void *)(last) && caught.uc_mcontext.gregs[REG_TRAPNO] == TRAP_BOUND)

static void on_fault(void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSEGV, &action, NULL);
}

static char object[64];

/* A check that must fail: `length` is that of the instruction, `nops` follow for QEMU. */
#define FAILING(instruction, nops, length, pointer, ...) \
	({ \
		int before = caught_count; \
		skip = (length); \
		__asm__ volatile(instruction "; .fill " #nops ", 1, 0x90" \
				 : \
				 : __VA_ARGS__ \
				 : "r9", "r12", "r13", "r14", "cc"); \
		caught_count == before + 1 && REPORTED(pointer, object, object + 63); \
	})

static void test_reports(void)
{
	char *at = tap_pointer((uintptr_t)object);
	struct mpx_bounds b = mpx_bounds(object, object + 63);
	uint64_t config, status;

	on_fault(step_over);
	mpx_put(&b);
	__asm__ volatile("bndmov %%bnd0, %%bnd2" : : "r"(0));
	caught_count = 0;
	__asm__ volatile("bndcl %0, %%bnd0; bndcu %1, %%bnd0" : : "a"(at), "d"(at + 63));
	check(caught_count == 0, "within bounds");
	check(FAILING("bndcl %0, %%bnd0", 0, 4, at - 1, "a"(at - 1)), "bndcl of a register");
	check(FAILING("bndcu %0, %%bnd2", 0, 4, at + 64, "d"(at + 64)), "bndcu, bnd2");
	check(FAILING("bndcn %0, %%bnd0", 0, 4, ~0ul, "d"(~0ul)), "bndcn takes the upper bound as it is");
	check(FAILING("bndcu (%0), %%bnd0", 0, 4, at + 65, "a"(at + 65)), "of an address");
	check(FAILING("bndcu 100(%0), %%bnd0", 1, 5, at + 100, "a"(at)), "with a displacement");
	check(FAILING("bndcu 2000(%0), %%bnd0", 4, 8, at + 2000, "a"(at)), "a long one");
	check(FAILING("bndcl -2000(%0), %%bnd0", 4, 8, at - 2000, "a"(at)), "a negative one");
	check(FAILING("bndcu 2(%0,%1,8), %%bnd0", 2, 6, at + 162, "a"(at), "d"(20l)), "with index and scale");
	check(FAILING("movq %0, %%r12; bndcl (%%r12), %%bnd0", 1, 6, at - 7, "a"(at - 7)), "by r12");
	check(FAILING("movq %0, %%r13; bndcl 0(%%r13), %%bnd0", 1, 6, at - 7, "a"(at - 7)), "by r13");
	check(FAILING("movq %0, %%r9; movq %1, %%r14; bndcu (%%r9,%%r14,2), %%bnd0", 1, 6, at + 64, "a"(at), "d"(32l)),
		"by r9 and r14");
	check(FAILING("bndcl 1f(%%rip), %%bnd0; .fill 4, 1, 0x90; 1:", 0, 8, caught.uc_mcontext.gregs[REG_RIP] + 12,
		      "a"(0)),
		"relative to rip");
	check(caught_config == 0, "a handler starts with everything off");
	mpx_control(&config, &status);
	check(config == ((uintptr_t)directory | MPX_ENABLE | MPX_PRESERVE) && mpx_same(mpx_get(), b),
		"behind it configuration and registers are back");
}

/* What a signal frame holds. */
static struct mpx_bounds frame_bounds;
static uint64_t frame_config;

static void look_at_frame(int number, siginfo_t *info, void *context)
{
	const uint8_t *image = (const uint8_t *)((ucontext_t *)context)->uc_mcontext.fpregs;

	(void)number, (void)info;
	memcpy(&frame_bounds, image + mpx_component(3), sizeof(frame_bounds));
	memcpy(&frame_config, image + mpx_component(4), sizeof(frame_config));
}

static void change_frame(int number, siginfo_t *info, void *context)
{
	uint8_t *image = (uint8_t *)((ucontext_t *)context)->uc_mcontext.fpregs;
	struct mpx_bounds b = mpx_bounds(object, object + 7);

	(void)number, (void)info;
	memcpy(image + mpx_component(3), &b, sizeof(b));
}

static void spoil_frame(int number, siginfo_t *info, void *context)
{
	uint8_t *image = (uint8_t *)((ucontext_t *)context)->uc_mcontext.fpregs;

	(void)number, (void)info;
	memset(image + mpx_component(4), 0xff, sizeof(frame_config));
}

static void test_frame(void)
{
	struct sigaction action = { .sa_sigaction = look_at_frame, .sa_flags = SA_SIGINFO };
	struct mpx_bounds b = mpx_bounds(&b, &b + 1);

	sigaction(SIGUSR1, &action, NULL);
	mpx_put(&b);
	raise(SIGUSR1);
	check(mpx_same(frame_bounds, b) && frame_config == ((uintptr_t)directory | MPX_ENABLE | MPX_PRESERVE),
		"the signal frame has the registers");
	check(mpx_same(mpx_get(), b), "they survive a handler");
	action.sa_sigaction = change_frame;
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	check(mpx_same(mpx_get(), mpx_bounds(object, object + 7)), "what a handler writes there is loaded");
}

/* --- what must not be --- */

/* The handler starts with everything off, and jumps out. */
static int fault_of(const void *location)
{
	mpx_set_config((uintptr_t)directory | MPX_ENABLE | MPX_PRESERVE);
	return TAP_TRY(mpx_store(location, NULL, mpx_bounds(NULL, NULL)));
}

static void test_wrong(void)
{
	char *memory = fresh_chunks(2);

	tap_catch_faults();
	*entry_of(memory) = 0x1234560;
	check(fault_of(memory) == SIGSEGV && tap_info.si_code == SI_KERNEL, "an entry that is neither empty nor valid");
	*entry_of(memory) = 0;
	prctl(DISABLE, 0, 0, 0, 0);
	check(fault_of(memory) == SIGSEGV && tap_info.si_code == SI_KERNEL, "a missing table, not managed");
	mpx_set_config((uintptr_t)directory | MPX_ENABLE | MPX_PRESERVE);
	check(prctl(ENABLE, 0, 0, 0, 0) == 0 && fault_of(memory) == 0, "managed again");
	check((*entry_of(memory + BOUNDS_CHUNK) = *entry_of(memory) + 4096, munmap(memory, BOUNDS_CHUNK)) == 0,
		"unmap");
	*entry_of(memory + BOUNDS_CHUNK) = 0;
	check(fault_of(memory + BOUNDS_CHUNK) == 0, "a table for the second");
	*entry_of(memory + BOUNDS_CHUNK) += 4096;
	check(TAP_TRY(munmap(memory + BOUNDS_CHUNK, BOUNDS_CHUNK)) == SIGSEGV, "unmapping finds a changed entry");
	*entry_of(memory + BOUNDS_CHUNK) -= 4096;
	/* Not the first chunk: its place may hold a table by now. */
	memory = mmap(memory + BOUNDS_CHUNK, BOUNDS_CHUNK, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	munmap(memory, BOUNDS_CHUNK);
	mpx_set_config((uintptr_t)directory | MPX_ENABLE | MPX_PRESERVE);
}

/* Each of these ends with the signal, in a process of its own. */

static void store_and_exit(const void *location)
{
	_exit(TAP_TRY(mpx_store(location, NULL, mpx_bounds(NULL, NULL))) == SIGSEGV ? 3 : 4);
}

static void other_directory(void)
{
	char *memory = fresh_chunks(1), *far = tap_pointer(((uintptr_t)directory / 2) & -BOUNDS_CHUNK);

	tap_catch_faults();
	far = mmap(far, 8 * BOUNDS_CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mpx_set_config((uintptr_t)far | MPX_ENABLE | MPX_PRESERVE);
	store_and_exit(memory);
}

static void no_directory(void)
{
	tap_catch_faults();
	munmap(directory, BOUNDS_DIRECTORY_BYTES);
	store_and_exit(fresh_chunks(1));
}

static void entry_to_nowhere(void)
{
	char *memory = fresh_chunks(1);

	tap_catch_faults();
	*entry_of(memory) = 0x12345678000 | BOUNDS_HARD_VALID;
	store_and_exit(memory);
}

static void wild_configuration(void)
{
	struct sigaction action = { .sa_sigaction = spoil_frame, .sa_flags = SA_SIGINFO };

	tap_catch_faults();
	sigaction(SIGUSR1, &action, NULL);
	if (TAP_TRY(raise(SIGUSR1)) == SIGSEGV)
		_exit(3);
	store_and_exit(fresh_chunks(1));
}

static void test_wrong_ends(void)
{
	static const struct {
		const char *name;
		void (*body)(void);
	} wrongs[] = {
		{ "another directory than the managed one", other_directory },
		{ "a directory that is gone", no_directory },
		{ "a valid entry to nowhere", entry_to_nowhere },
		{ "a configuration that no directory can have", wild_configuration },
	};

	for (unsigned i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		int status = tap_child(wrongs[i].body);

		check(WIFEXITED(status) && WEXITSTATUS(status) == 3, wrongs[i].name);
	}
}

/* Nowhere to put a table: the process is told, at once. */
static void exhaust(void)
{
	char *memory = fresh_chunks(64);
	unsigned long bytes = 1ul << 39;

	tap_catch_faults();
	while (bytes >= 4096)
		if (mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED)
			bytes /= 2;
	for (unsigned i = 0; i < 64; i++)
		if (fault_of(memory + i * BOUNDS_CHUNK) == SIGSEGV)
			_exit(tap_info.si_code == SI_KERNEL ? 3 : 4);
}

static void exhaust_limit(void)
{
	char *memory = fresh_chunks(64);
	struct rlimit limit = { 1, 1 };

	setrlimit(RLIMIT_AS, &limit);
	_exit(fault_of(memory) == SIGSEGV ? 3 : 4);
}

/* --- processes and threads --- */

static void test_fork(void)
{
	char *memory = fresh_chunks(1);
	struct mpx_bounds b = mpx_bounds(memory, memory + 3), mine = mpx_bounds(memory, memory + 5);
	int status = -1, go[2];
	pid_t child;
	char c = 0;

	mpx_store(memory, memory, b);
	if (pipe(go) < 0)
		return;
	child = fork();
	if (!child) {
		bool ok = mpx_same(mpx_load(memory, memory), b);

		mpx_store(memory, memory, mine);
		mpx_store(memory + 8, memory, mine);
		if (read(go[0], &c, 1) != 1)
			_exit(2);
		ok = ok && mpx_same(mpx_load(memory, memory), mine) && tables_shown() > 0;
		munmap(memory, BOUNDS_CHUNK);
		_exit(ok && !*entry_of(memory) ? 0 : 1);
	}
	mpx_store(memory + 16, memory, b);
	check(mpx_same(mpx_load(memory, memory), b) && mpx_is_open(mpx_load(memory + 8, memory)),
		"the parent's are its own");
	check(write(go[1], &c, 1) == 1 && waitpid(child, &status, 0) == child && status == 0,
		"the child has a copy of its own");
	check(mpx_same(mpx_load(memory + 16, memory), b), "which it may unmap");
	munmap(memory, BOUNDS_CHUNK);
}

/* QEMU looks for the directory at bits 63:20 of its base taken for a page number. A processor that does not has nothing there. */
static char *copy_of_directory(void)
{
	return tap_pointer((uintptr_t)directory >> 20 << 12);
}

/* A program that starts anew with something where a copy of its directory must be, and then without. */
static bool enable_with_copy(void)
{
	char *copy, *heap = sbrk(0), *other;
	bool is_narrow = fresh(1ul << 33) == MAP_FAILED, refused;

	directory = mpx_directory();
	copy = copy_of_directory();
	mpx_set_config((uintptr_t)directory | MPX_ENABLE | MPX_PRESERVE);
	other = mmap(copy, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (other != copy)
		return false;
	refused = prctl(ENABLE, 0, 0, 0, 0) == -1 && errno == EEXIST;
	munmap(other, 4096);
	if (prctl(ENABLE, 0, 0, 0, 0) != 0 || refused != (msync(copy, 4096, MS_ASYNC) == 0))
		return false;
	mpx_store(directory, copy, mpx_bounds(copy, heap));
	/* Within 4 GiB, copies lie below this. */
	return mpx_same(mpx_load(directory, copy), mpx_bounds(copy, heap)) &&
		(!refused || !is_narrow || (uintptr_t)heap >= (1ul << 32 >> 20 << 12));
}

/* A child that shares the memory has the tables, too. */
static void test_vfork(void)
{
	char *memory = fresh_chunks(1);
	int status = -1;
	pid_t child = vfork();

	if (!child) {
		mpx_store(memory, memory, mpx_bounds(memory, memory + 6));
		_exit(0);
	}
	check(waitpid(child, &status, 0) == child && status == 0 &&
			mpx_same(mpx_load(memory, memory), mpx_bounds(memory, memory + 6)),
		"a child that shares the memory shares the tables");
	munmap(memory, BOUNDS_CHUNK);
}

static int after_exec(void)
{
	uint64_t config, status;
	bool is_off;

	mpx_control(&config, &status);
	mpx_set_config(0);
	is_off = config == 0 && prctl(ENABLE, 0, 0, 0, 0) == -1 && errno == ENXIO && tables_shown() == 0;
	return is_off ? enable_with_copy() ? 0 : 2 : 1;
}

static void race_store(char *location, unsigned round)
{
	mpx_store(location, location, mpx_bounds(location, location + round));
}

static bool race_is_right(char *location, unsigned round)
{
	uint64_t config, status;

	mpx_control(&config, &status);
	return config == ((uintptr_t)directory | MPX_ENABLE | MPX_PRESERVE) &&
		mpx_same(mpx_load(location, location), mpx_bounds(location, location + round));
}

/* --- a million random operations against a shadow copy --- */

enum { SLOTS = 24, OPERATIONS = 1000000, PER_SLOT = 512 };

static struct {
	char *memory;
	bool has_table;
	struct mpx_bounds bounds[PER_SLOT];
	void *pointer[PER_SLOT];
} slots[SLOTS];

enum operation { STORE, LOAD, CHECK, UNMAP };

static void test_random(void)
{
	unsigned long violations = 0, wrong = 0, chunks = 0, tables = 0, before = tables_shown();
	unsigned long counted = violations_counted(), missed = tables_missed();
	const char *home = (const char *)slots;

	on_fault(step_over);
	caught_count = 0;
	skip = 4;
	for (unsigned n = 0; n < OPERATIONS; n++) {
		uint64_t r = next_random();
		unsigned s = r % SLOTS, e = r / SLOTS % PER_SLOT;
		char *location = slots[s].memory + e * (BOUNDS_CHUNK / PER_SLOT);
		uint64_t word = r >> 20;
		enum operation what = n % 5000 == 4999 ? UNMAP : word % 32 ? word % 2 : CHECK; /* reports take long */

		if (!slots[s].memory) {
			slots[s].memory = fresh_chunks(1);
			slots[s].has_table = false;
			memset(slots[s].bounds, 0, sizeof(slots[s].bounds));
			memset(slots[s].pointer, 0, sizeof(slots[s].pointer));
			continue;
		}
		if (what != UNMAP && !slots[s].has_table) {
			slots[s].has_table = true;
			tables++;
		}
		switch (what) {
		case STORE:
			slots[s].pointer[e] = tap_pointer((uintptr_t)home + word % 100000);
			slots[s].bounds[e] = mpx_bounds(home + word % 1000, home + word % 1000 + word % 77777);
			mpx_store(location, slots[s].pointer[e], slots[s].bounds[e]);
			break;
		case LOAD:
			wrong += !mpx_same(mpx_load(location, slots[s].pointer[e]), slots[s].bounds[e]);
			wrong += !mpx_is_open(mpx_load(location, (char *)slots[s].pointer[e] + 1));
			break;
		case CHECK:
			mpx_load(location, slots[s].pointer[e]);
			violations += (uint64_t)slots[s].pointer[e] < slots[s].bounds[e].lower;
			__asm__ volatile("bndcl %0, %%bnd0" : : "a"(slots[s].pointer[e]));
			violations += (uint64_t)slots[s].pointer[e] > ~slots[s].bounds[e].upper;
			__asm__ volatile("bndcu %0, %%bnd0" : : "a"(slots[s].pointer[e]));
			break;
		case UNMAP:
			munmap(slots[s].memory, BOUNDS_CHUNK);
			slots[s].memory = NULL;
			chunks++;
		}
	}
	check(wrong == 0 && chunks > 100, "a million operations agree with the shadow copy");
	check(violations > 1000 && (unsigned long)caught_count == violations &&
			violations_counted() == counted + violations,
		"exactly as many reports as violations");
	check(tables > chunks && tables_missed() == missed + tables, "exactly as many traps as missing tables");
	for (unsigned s = 0; s < SLOTS; s++)
		if (slots[s].memory)
			munmap(slots[s].memory, BOUNDS_CHUNK);
	check(tables_shown() == before, "no table is left");
}

int main(int argc, char **argv)
{
	int status;

	if (argc > 1)
		return after_exec();
	if (!check(mpx_is_there(), "the processor has it"))
		return tap_end();
	directory = mpx_directory();
	check(directory != NULL, "a directory of 2 GiB");
	test_calls();
	test_first_touch();
	test_registers_kept();
	test_unmap();
	test_break();
	test_reports();
	test_frame();
	test_wrong();
	test_wrong_ends();
	status = tap_child(exhaust);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 3, "no address space for a table: a signal");
	status = tap_child(exhaust_limit);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 3, "so with RLIMIT_AS");
	test_fork();
	test_vfork();
	if (!fork())
		execl("/proc/self/exe", argv[0], "exec", NULL);
	wait(&status);
	check(WIFEXITED(status) && WEXITSTATUS(status) != 1, "a new program starts with everything off");
	check(status == 0, "where its memory is in the way of a copy of the directory, enable says so");
	test_race(&(struct tables_user){ race_store, race_is_right });
	test_random();
	check(dig_finds(directory, tables_shown()), "the directory has an entry for each table");
	return tap_end();
}

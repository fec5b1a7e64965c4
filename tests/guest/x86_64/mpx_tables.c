/* MPX against a model of the registers as the processor saves them, of the tables, and of the number of traps; and the entries of
 * the directory while memory is mapped and unmapped. */
#include <sys/ucontext.h>

#include "tables.h"

#include "mpx.h"
#include "mpx_dig.h"

static uint64_t *directory;

/* --- registers and tables against a shadow, operation by operation --- */

enum { ROUNDS = 100, REGISTERS = 4, CHUNKS = 16, PER_CHUNK = 64, CHECK_BYTES = 4 };

/* What must be there. */
static struct {
	struct mpx_bounds registers[REGISTERS];
	struct place {
		char *memory;
		bool has_table;
		struct mpx_bounds bounds[PER_CHUNK];
		void *pointer[PER_CHUNK];
	} places[CHUNKS];
	unsigned long misses, violations;
} shadow;

static struct {
	volatile unsigned long count, wrong;
	uint64_t pointer;
	unsigned index; /* of the register */
} expected;

/* The report must be the one that is expected; the check is stepped over. */
static void on_violation(int number, siginfo_t *info, void *context)
{
	const struct mpx_bounds *b = &shadow.registers[expected.index];

	expected.wrong += number != SIGSEGV || info->si_code != SEGV_BNDERR ||
		(uint64_t)info->si_addr != expected.pointer || (uint64_t)info->si_lower != b->lower ||
		(uint64_t)info->si_upper != ~b->upper;
	expected.count++;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += CHECK_BYTES;
}

/* An instruction with the register of that number; %b is its name. Addresses are in rax, rcx and rdx, which need no displacement;
 * the NOP behind is for the byte that QEMU skips after a SIB byte. */
#define WITH(number, before, after, ...) \
	do { \
		switch (number) { \
		case 0: \
			__asm__ volatile(before "%%bnd0" after "; nop" __VA_ARGS__); \
			break; \
		case 1: \
			__asm__ volatile(before "%%bnd1" after "; nop" __VA_ARGS__); \
			break; \
		case 2: \
			__asm__ volatile(before "%%bnd2" after "; nop" __VA_ARGS__); \
			break; \
		default: \
			__asm__ volatile(before "%%bnd3" after "; nop" __VA_ARGS__); \
		} \
	} while (0)

/* The registers as the processor saves them. */
static bool registers_are_right(void)
{
	static uint8_t image[4096] __attribute__((aligned(64)));
	struct mpx_bounds found[REGISTERS];

	memset(image, 0, sizeof(image));
	__asm__ volatile("xsave64 (%0)" : : "r"(image), "a"(0x8), "d"(0) : "memory");
	memcpy(found, image + mpx_component(3), sizeof(found));
	return !memcmp(found, shadow.registers, sizeof(found));
}

static void operation_make(unsigned r)
{
	char *lower = tap_pointer((uintptr_t)directory + 4096 + next_random() % 100000);
	uint64_t size_less_one = next_random() % 1000;

	shadow.registers[r] = mpx_bounds(lower, lower + size_less_one);
	WITH(r, "bndmk (%0,%1), ", "", : : "a"(lower), "d"(size_less_one));
}

/* One byte too low, and some way too high. */
static void operation_check(unsigned r)
{
	uint64_t below = shadow.registers[r].lower - 1, above = ~shadow.registers[r].upper + 0x1800;

	if (!shadow.registers[r].lower)
		return; /* open: nothing is outside */
	expected.index = r;
	expected.pointer = below;
	WITH(r, "bndcl %0, ", "", : : "a"(below) : "memory");
	WITH(r, "bndcu %0, ", "", : : "a"(below + 1) : "memory");
	expected.pointer = above;
	WITH(r, "bndcu %0, ", "", : : "a"(above) : "memory");
	shadow.violations += 2;
}

static void operation_move(unsigned r)
{
	unsigned to = (r + 1) % REGISTERS;
	struct mpx_bounds b = { 1, 1 };

	WITH(r, "bndmov ", ", (%0)", : : "a"(&b) : "memory");
	expected.wrong += !mpx_same(b, shadow.registers[r]);
	switch (r) {
	case 0:
		__asm__ volatile("bndmov %bnd0, %bnd1");
		break;
	case 1:
		__asm__ volatile("bndmov %bnd1, %bnd2");
		break;
	case 2:
		__asm__ volatile("bndmov %bnd2, %bnd3");
		break;
	default:
		__asm__ volatile("bndmov %bnd3, %bnd0");
	}
	shadow.registers[to] = shadow.registers[r];
}

static void operation_memory(unsigned r)
{
	struct mpx_bounds b = mpx_bounds(&shadow, (char *)&shadow + next_random() % 4096);

	WITH(r, "bndmov (%0), ", "", : : "a"(&b), "m"(b));
	shadow.registers[r] = b;
}

/* A random location; its table will be there after the next access. */
static char *location_at(struct place *place, unsigned i)
{
	if (!place->memory) {
		memset(place, 0, sizeof(*place));
		place->memory = fresh_chunks(1);
	}
	shadow.misses += !place->has_table;
	place->has_table = true;
	return place->memory + i * (BOUNDS_CHUNK / PER_CHUNK);
}

static void operation_store(unsigned r)
{
	struct place *place = &shadow.places[next_random() % CHUNKS];
	unsigned i = next_random() % PER_CHUNK;
	char *location = location_at(place, i), *pointer = (char *)&shadow + next_random() % 4096;

	WITH(r, "bndstx ", ", (%0,%1)", : : "a"(location), "d"(pointer) : "memory");
	place->bounds[i] = shadow.registers[r];
	place->pointer[i] = pointer;
}

static void operation_load(unsigned r)
{
	struct place *place = &shadow.places[next_random() % CHUNKS];
	unsigned i = next_random() % PER_CHUNK, other = next_random() % 4 == 0;
	char *location = location_at(place, i), *pointer = (char *)place->pointer[i] + other;

	WITH(r, "bndldx (%0,%1), ", "", : : "a"(location), "d"(pointer) : "memory");
	shadow.registers[r] = other ? (struct mpx_bounds){ 0, 0 } : place->bounds[i];
}

static void test_shadow(void)
{
	static void (*const operations[])(unsigned) = { operation_make, operation_check, operation_move,
		operation_memory, operation_store, operation_load };
	enum { KINDS = sizeof(operations) / sizeof(operations[0]) };
	struct sigaction action = { .sa_sigaction = on_violation, .sa_flags = SA_SIGINFO };
	unsigned long wrong = 0, misses = tables_missed(), violations = violations_counted(), tables = 0;

	sigaction(SIGSEGV, &action, NULL);
	for (unsigned r = 0; r < REGISTERS; r++)
		operation_memory(r);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned kind = 0; kind < 2 * KINDS; kind++) {
			operations[kind % KINDS](next_random() % REGISTERS);
			wrong += !registers_are_right();
		}
		struct place *place = &shadow.places[next_random() % CHUNKS];
		if (round % 4 == 0 && place->memory) {
			munmap(place->memory, BOUNDS_CHUNK);
			place->memory = NULL;
		}
	}
	check(wrong == 0, "the registers agree with the shadow after each operation");
	check(expected.wrong == 0, "so do stored bounds, and reports");
	check(shadow.violations > ROUNDS && expected.count == shadow.violations, "as many reports as violations");
	check(violations_counted() - violations == shadow.violations, "as many traps as violations");
	check(shadow.misses > CHUNKS && tables_missed() - misses == shadow.misses, "as many traps as missing tables");
	for (unsigned i = 0; i < CHUNKS; i++)
		tables += shadow.places[i].memory != NULL && shadow.places[i].has_table;
	check(tables == tables_shown() && dig_finds(directory, tables), "a table for each chunk that needed one");
	for (unsigned i = 0; i < CHUNKS; i++)
		if (shadow.places[i].memory)
			munmap(shadow.places[i].memory, BOUNDS_CHUNK);
	check(dig_finds(directory, 0), "nothing is left");
}

/* --- memory that comes and goes --- */

enum { SLOTS = 100, ITERATIONS = 3000, DROP = 1000, DIG = 250, KIB_MAX = 1000, SLOTS_PER_BOUNDS = 1000, PAGE = 4096 };

static struct slot {
	char *memory;
	size_t bytes;
} slots[SLOTS];

static void slot_drop(struct slot *slot)
{
	munmap(slot->memory, slot->bytes);
	slot->memory = NULL;
}

static void slot_fill(struct slot *slot)
{
	slot->bytes = ((next_random() % KIB_MAX + 1) * 1024 + PAGE - 1) & -(size_t)PAGE;
	slot->memory = fresh_aligned(slot->bytes);
	/* At least one, so that it has a table. */
	for (size_t n = 0; n < slot->bytes / 8 / SLOTS_PER_BOUNDS + 1; n++) {
		char *location = slot->memory + next_random() % (slot->bytes / 8) * 8;

		mpx_store(location, slot, mpx_bounds(location, location + n));
	}
}

/* A part of what is left of it, which need not begin with a page of its table. */
static void slot_shrink(struct slot *slot)
{
	size_t bytes = next_random() % slot->bytes & -(size_t)PAGE;

	munmap(slot->memory + bytes, slot->bytes - bytes);
	slot->bytes = bytes;
	if (!bytes)
		slot->memory = NULL;
}

static unsigned long slots_used(void)
{
	unsigned long used = 0;

	for (unsigned i = 0; i < SLOTS; i++)
		used += slots[i].memory != NULL;
	return used;
}

static void test_unmap(void)
{
	unsigned wrong = 0, left = 0;

	for (unsigned n = 1; n <= ITERATIONS; n++) {
		struct slot *slot = &slots[next_random() % SLOTS];

		if (!slot->memory)
			slot_fill(slot);
		else if (next_random() % 4)
			slot_drop(slot);
		else
			slot_shrink(slot);
		if (n % DIG == 0)
			wrong += !dig_finds(directory, slots_used());
		for (unsigned i = 0; n % DROP == 0 && i < SLOTS; i++)
			if (slots[i].memory)
				slot_drop(&slots[i]);
		if (n % DROP == 0)
			left += !dig_finds(directory, 0) || tables_shown();
	}
	check(wrong == 0, "a table for each piece of memory, with nothing of what is gone");
	check(left == 0, "an empty directory whenever everything is gone");
}

/* --- moving memory --- */

static void test_move(void)
{
	char *memory = fresh_chunks(2), *there = fresh_chunks(1), *moved;
	struct mpx_bounds b = mpx_bounds(memory, memory + 1);

	for (unsigned i = 0; i < 2 * BOUNDS_CHUNK / PAGE; i++)
		mpx_store(memory + i * PAGE, memory, b);
	mpx_store(there, memory, b);
	mpx_store(there + BOUNDS_CHUNK / 2, memory, b);
	check(mremap(memory, 2 * BOUNDS_CHUNK, BOUNDS_CHUNK / 2, 0) == memory && dig_finds(directory, 2),
		"shrinking memory frees the table of what is gone");
	check(mpx_same(mpx_load(memory + BOUNDS_CHUNK / 2 - PAGE, memory), b), "what is left has its bounds");
	moved = mremap(memory, BOUNDS_CHUNK / 2, BOUNDS_CHUNK / 2, MREMAP_MAYMOVE | MREMAP_FIXED, there);
	check(moved == there && dig_finds(directory, 1), "moving it frees the table of where it was");
	check(mpx_is_open(mpx_load(there, memory)) && mpx_same(mpx_load(there + BOUNDS_CHUNK / 2, memory), b),
		"and clears the part for what it covers, no more");
	moved = mremap(there, BOUNDS_CHUNK / 2, 64 * BOUNDS_CHUNK, MREMAP_MAYMOVE);
	check(moved != MAP_FAILED && moved != there && mpx_same(mpx_load(there + BOUNDS_CHUNK / 2, memory), b) &&
			dig_finds(directory, 1),
		"growing elsewhere, too");
	munmap(there + BOUNDS_CHUNK / 2, BOUNDS_CHUNK / 2);
	munmap(moved, 64 * BOUNDS_CHUNK);
	check(dig_finds(directory, 0), "nothing is left");
}

/* --- copies of the process --- */

/* Tables made after a fork are their makers'; memory unmapped in one is unmapped in the other only by itself. */
static int fork_child(char *memory, struct mpx_bounds b, unsigned long counted)
{
	struct mpx_bounds mine = mpx_bounds(memory + 1, memory + 2);
	bool ok = counted > 0 && tables_missed() == 0 && dig_finds(directory, 2);

	ok = ok && mpx_same(mpx_load(memory, memory), b) && mpx_same(mpx_load(memory + BOUNDS_CHUNK, memory), b);
	mpx_store(memory, memory, mine);
	mpx_store(memory + 2 * BOUNDS_CHUNK, memory, mine);
	munmap(memory + BOUNDS_CHUNK, BOUNDS_CHUNK);
	ok = ok && tables_missed() == 1 && dig_finds(directory, 2);
	ok = ok && mpx_same(mpx_load(memory, memory), mine) &&
		mpx_same(mpx_load(memory + 2 * BOUNDS_CHUNK, memory), mine);
	munmap(memory, BOUNDS_CHUNK);
	munmap(memory + 2 * BOUNDS_CHUNK, 2 * BOUNDS_CHUNK);
	return ok && dig_finds(directory, 0) ? 0 : 1;
}

static void test_fork(void)
{
	char *memory = fresh_chunks(4);
	struct mpx_bounds b = mpx_bounds(memory, memory + 9);
	bool ok = true;
	int status;

	mpx_store(memory, memory, b);
	mpx_store(memory + BOUNDS_CHUNK, memory, b);
	for (unsigned i = 0; i < 3; i++) {
		unsigned long counted = tables_missed();
		pid_t child = fork();

		if (!child)
			_exit(fork_child(memory, b, counted));
		mpx_store(memory + 3 * BOUNDS_CHUNK, memory, b);
		ok = ok && waitpid(child, &status, 0) == child && status == 0;
		ok = ok && mpx_same(mpx_load(memory, memory), b) &&
			mpx_same(mpx_load(memory + BOUNDS_CHUNK, memory), b) && dig_finds(directory, 3);
		munmap(memory + 3 * BOUNDS_CHUNK, BOUNDS_CHUNK);
		mmap(memory + 3 * BOUNDS_CHUNK, BOUNDS_CHUNK, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	}
	check(ok, "after a fork each has tables of its own");
	munmap(memory, 4 * BOUNDS_CHUNK);
	check(dig_finds(directory, 0), "nothing is left");
}

int main(void)
{
	if (!check(mpx_is_there() && (directory = mpx_directory()), "a directory of 2 GiB"))
		return tap_end();
	mpx_set_config((uintptr_t)directory | MPX_ENABLE | MPX_PRESERVE);
	check(prctl(PR_MPX_ENABLE_MANAGEMENT, 0, 0, 0, 0) == 0, "enable");
	test_shadow();
	test_unmap();
	test_move();
	test_fork();
	return tap_end();
}

/* Bounds on x86-64: the traps, and MPX. */
#include "bounds.h"

#include <cpuid.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <allod/pointer.h>

enum { CONFIG_ENABLE = 1, CONFIG_PRESERVE = 2, STATE_BOUNDS = 0x18, STATE_CONTROL = 0x10, STATE_MAX = 4096 };

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define TRAP(kind) "ud1 " TEXT(BOUNDS_TRAP) "+" TEXT(kind) "(%%rax), %%eax"

long bounds_trap_start(void)
{
	long result;

	__asm__ volatile(TRAP(BOUNDS_TRAP_START) : "=a"(result) : : "memory");
	return result;
}

long bounds_trap_table(const void *location)
{
	long result;

	__asm__ volatile(TRAP(BOUNDS_TRAP_TABLE) : "=a"(result) : "D"(location) : "memory");
	return result;
}

void bounds_trap_report(const void *pointer, uint64_t lower, uint64_t upper)
{
	__asm__ volatile(TRAP(BOUNDS_TRAP_REPORT) : : "D"(pointer), "S"(lower), "d"(upper) : "rax", "memory");
}

bool bounds_machine_is_able(void)
{
	return true;
}

static bool has_mpx(void)
{
	unsigned a, b, c, d;

	if (!__get_cpuid_count(1, 0, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
		return false;
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & 1u << 14))
		return false;
	__asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	return (a & STATE_BOUNDS) == STATE_BOUNDS;
}

/* BNDCFGU is loaded with the rest of its component of the processor's state. */
static void config_load(uint64_t config)
{
	static uint8_t image[STATE_MAX] __attribute__((aligned(64)));
	const uint64_t components = STATE_CONTROL;
	unsigned size, offset, c, d;

	__cpuid_count(0xd, 4, size, offset, c, d);
	memcpy(image + 512, &components, sizeof(components));
	memcpy(image + offset, &config, sizeof(config));
	__asm__ volatile("xrstor64 (%0)" : : "r"(image), "a"(STATE_CONTROL), "d"(0) : "memory");
}

bool bounds_hard_start(void)
{
	size_t bytes = allod_layout.window >> BOUNDS_CHUNK_SHIFT << 3; /* no more of a directory is ever used */
	void *directory;

	if (!has_mpx())
		return false;
	directory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (directory == MAP_FAILED)
		return false;
	config_load((uint64_t)directory | CONFIG_ENABLE | CONFIG_PRESERVE);
	if (!prctl(PR_MPX_ENABLE_MANAGEMENT, 0, 0, 0, 0))
		return true;
	config_load(0);
	munmap(directory, bytes);
	return false;
}

/* The registers hold the first address and the complement of the last. The NOPs are for QEMU (docs/caveats.md); everything is in
 * one piece, because nothing else of the program keeps bounds registers. */
#define BNDMOV_FROM_RCX ".byte 0x66, 0x0f, 0x1a, 0x01\n\t" /* bndmov (%rcx), %bnd0: not every assembler knows them */
#define BNDMOV_TO_RCX ".byte 0x66, 0x0f, 0x1b, 0x01\n\t"   /* bndmov %bnd0, (%rcx) */
#define BNDSTX_RAX_RDX ".byte 0x0f, 0x1b, 0x04, 0x10, 0x90\n\t" /* bndstx %bnd0, (%rax,%rdx); nop */
#define BNDLDX_RAX_RDX ".byte 0x0f, 0x1a, 0x04, 0x10, 0x90\n\t" /* bndldx (%rax,%rdx), %bnd0; nop */

struct registers {
	uint64_t lower, upper;
};

void bounds_hard_store(void *location, void *pointer, struct allod_bounds bounds)
{
	struct registers r = { -bounds.base, bounds.rest + bounds.base };

	__asm__ volatile(BNDMOV_FROM_RCX BNDSTX_RAX_RDX : : "a"(location), "d"(pointer), "c"(&r), "m"(r) : "memory");
}

struct allod_bounds bounds_hard_load(void *location, void *pointer)
{
	struct registers r = { 0, 0 }; /* in a signal handler these instructions do nothing */

	__asm__ volatile(BNDLDX_RAX_RDX BNDMOV_TO_RCX : "+m"(r) : "a"(location), "d"(pointer), "c"(&r) : "memory");
	return (struct allod_bounds){ -r.lower, r.upper + r.lower };
}

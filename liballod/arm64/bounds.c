/* Bounds on arm64: the traps. The machine has no instructions for the rest. */
#include "bounds.h"

#include <asm/hwcap.h>
#include <sys/auxv.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define TRAP(kind) ".inst " TEXT(BOUNDS_TRAP) "+" TEXT(kind)

long bounds_trap_start(void)
{
	register long result __asm__("x0");

	__asm__ volatile(TRAP(BOUNDS_TRAP_START) : "=r"(result) : : "memory");
	return result;
}

long bounds_trap_table(const void *location)
{
	register uint64_t word __asm__("x0") = (uint64_t)location;

	__asm__ volatile(TRAP(BOUNDS_TRAP_TABLE) : "+r"(word) : : "memory");
	return (long)word;
}

void bounds_trap_report(const void *pointer, uint64_t lower, uint64_t upper)
{
	register uint64_t word0 __asm__("x0") = (uint64_t)pointer;
	register uint64_t word1 __asm__("x1") = lower;
	register uint64_t word2 __asm__("x2") = upper;

	__asm__ volatile(TRAP(BOUNDS_TRAP_REPORT) : : "r"(word0), "r"(word1), "r"(word2) : "memory");
}

bool bounds_machine_is_able(void)
{
	return getauxval(AT_HWCAP) & HWCAP_ATOMICS;
}

bool bounds_hard_start(void)
{
	return false;
}

void bounds_hard_store(void *location, void *pointer, struct allod_bounds bounds)
{
	(void)location, (void)pointer, (void)bounds;
}

struct allod_bounds bounds_hard_load(void *location, void *pointer)
{
	(void)location, (void)pointer;
	return allod_bounds_open();
}

/* The instructions of MPX and what tests need around them. Bounds register 0 is loaded and stored; the others are the
 * tests' own.
 *
 * QEMU 7.2 reads what follows the ModRM byte of these instructions twice: as many bytes behind the instruction as it has SIB
 * and displacement bytes are skipped. So addresses are in registers that need none, or NOPs follow to be skipped. */
#ifndef TESTS_GUEST_MPX_H
#define TESTS_GUEST_MPX_H

#include <cpuid.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "abi/bounds.h"

enum { MPX_ENABLE = 1, MPX_PRESERVE = 2 };

struct mpx_bounds {
	uint64_t lower, upper; /* upper as in the register: complement */
};

/* Of an XSAVE image, as the processor says. */
static inline unsigned mpx_component(unsigned number)
{
	unsigned a, b, c, d;

	__cpuid_count(0xd, number, a, b, c, d);
	return a ? b : 0;
}

static inline int mpx_is_there(void)
{
	unsigned a, b, c, d, low;

	__cpuid_count(7, 0, a, b, c, d);
	if (!(b & 1u << 14))
		return 0;
	__asm__("xgetbv" : "=a"(low), "=d"(d) : "c"(0));
	return (low & 0x18) == 0x18;
}

static inline void mpx_control(uint64_t *config, uint64_t *status)
{
	static _Thread_local uint8_t image[4096] __attribute__((aligned(64)));

	memset(image, 0, sizeof(image));
	__asm__ volatile("xsave64 (%0)" : : "r"(image), "a"(0x10), "d"(0) : "memory");
	memcpy(config, image + mpx_component(4), 8);
	memcpy(status, image + mpx_component(4) + 8, 8);
}

/* BNDCFGU; the status is cleared. */
static inline void mpx_set_config(uint64_t config)
{
	static _Thread_local uint8_t image[4096] __attribute__((aligned(64)));
	uint64_t components = 0x10;

	memset(image, 0, sizeof(image));
	memcpy(image + 512, &components, 8);
	memcpy(image + mpx_component(4), &config, 8);
	__asm__ volatile("xrstor64 (%0)" : : "r"(image), "a"(0x10), "d"(0) : "memory");
}

/* The directory must be aligned to a page. This one shares no chunk with anything else, so that none is in use because of it. */
static inline void *mpx_directory(void)
{
	char *at = mmap(NULL, BOUNDS_DIRECTORY_BYTES + BOUNDS_CHUNK, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *start = (char *)(((uintptr_t)at + BOUNDS_CHUNK - 1) & -BOUNDS_CHUNK);

	if (at == MAP_FAILED)
		return NULL;
	if (start > at)
		munmap(at, (size_t)(start - at));
	munmap(start + BOUNDS_DIRECTORY_BYTES, (size_t)(at + BOUNDS_CHUNK - start));
	return start;
}

static inline void mpx_put(const struct mpx_bounds *b)
{
	__asm__ volatile("bndmov (%0), %%bnd0" : : "a"(b), "m"(*b));
}

static inline struct mpx_bounds mpx_get(void)
{
	struct mpx_bounds b;

	__asm__ volatile("bndmov %%bnd0, (%1)" : "=m"(b) : "a"(&b));
	return b;
}

/* In one piece, so that nothing comes between. */
static inline void mpx_store(const void *location, const void *pointer, struct mpx_bounds b)
{
	__asm__ volatile("bndmov (%2), %%bnd0; bndstx %%bnd0, (%0,%1); nop"
			 :
			 : "a"(location), "d"(pointer), "c"(&b), "m"(b)
			 : "memory");
}

static inline struct mpx_bounds mpx_load(const void *location, const void *pointer)
{
	struct mpx_bounds b;

	__asm__ volatile("bndldx (%1,%2), %%bnd0; nop; bndmov %%bnd0, (%3)"
			 : "=m"(b)
			 : "a"(location), "d"(pointer), "c"(&b)
			 : "memory");
	return b;
}

static inline struct mpx_bounds mpx_bounds(const void *lower, const void *last)
{
	return (struct mpx_bounds){ (uint64_t)lower, ~(uint64_t)last };
}

static inline int mpx_same(struct mpx_bounds a, struct mpx_bounds b)
{
	return a.lower == b.lower && a.upper == b.upper;
}

static inline int mpx_is_open(struct mpx_bounds b)
{
	return !b.lower && !b.upper;
}

#endif

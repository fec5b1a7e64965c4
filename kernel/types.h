/* Types and small helpers that every file of the kernel uses. */
#ifndef KERNEL_TYPES_H
#define KERNEL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/allod.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t i64;

/* A physical address: not to be mixed with virtual ones. */
typedef struct {
	u64 v;
} pa_t;

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline u64 min_u64(u64 a, u64 b)
{
	return a < b ? a : b;
}

static inline u64 max_u64(u64 a, u64 b)
{
	return a > b ? a : b;
}

static inline u64 page_down(u64 v)
{
	return v & ~(PAGE_SIZE - 1);
}

static inline bool is_page_aligned(u64 v)
{
	return (v & (PAGE_SIZE - 1)) == 0;
}

/* Calls from space to space that a thread can be inside of. */
enum { CALLS_MAX = 24 };

#endif

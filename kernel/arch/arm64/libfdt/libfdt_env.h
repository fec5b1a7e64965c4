/* The environment libfdt wants to be given: types, byte order, and the string functions of lib/. */
#ifndef LIBFDT_ENV_H
#define LIBFDT_ENV_H

#include <limits.h>

#include "lib/string.h"
#include "types.h"

typedef u16 fdt16_t;
typedef u32 fdt32_t;
typedef u64 fdt64_t;

static inline u16 fdt16_to_cpu(fdt16_t value)
{
	return __builtin_bswap16(value);
}

static inline u32 fdt32_to_cpu(fdt32_t value)
{
	return __builtin_bswap32(value);
}

static inline u64 fdt64_to_cpu(fdt64_t value)
{
	return __builtin_bswap64(value);
}

static inline fdt32_t cpu_to_fdt32(u32 value)
{
	return __builtin_bswap32(value);
}

static inline fdt64_t cpu_to_fdt64(u64 value)
{
	return __builtin_bswap64(value);
}

#endif

/* Short names of the fixed-width types and small helpers, as the kernel has them. */
#ifndef RUNTIME_TYPES_H
#define RUNTIME_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/allod.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t i8;
typedef int16_t i16;
typedef int32_t i32;
typedef int64_t i64;

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline u64 round_up(u64 value, u64 power_of_two)
{
	return (value + power_of_two - 1) & ~(power_of_two - 1);
}

static inline u64 round_down(u64 value, u64 power_of_two)
{
	return value & ~(power_of_two - 1);
}

#endif

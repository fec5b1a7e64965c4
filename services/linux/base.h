/* Types and small helpers that every file of the Linux service uses. The numbers and structures of Linux itself come from
 * the installed UAPI headers (<linux/...>, <asm/...>) and are never retyped here. */
#ifndef LINUX_BASE_H
#define LINUX_BASE_H

#include "services/runtime/types.h"

#define NS_PER_S 1000000000ul

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

static inline u64 page_up(u64 v)
{
	return (v + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

static inline bool is_page_aligned(u64 v)
{
	return (v & (PAGE_SIZE - 1)) == 0;
}

/* -errno for the error of a native call. */
int native_errno(i64 error);

#endif

/* The native kernel calls for an ordinary Linux program: a system call with a number of 0x1000 or more goes to the kernel of
 * Allod itself and not to the Linux service. On Linux each of them fails with -ENOSYS, which is how native_present() tells. */
#ifndef TESTS_GUEST_NATIVE_H
#define TESTS_GUEST_NATIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/allod.h"
#include "calls.h"

static inline int64_t native(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return native6(nr, a, b, c, d, 0, 0).w0;
}

/* Everything that is not an argument is cleared on both ways. */
static inline struct words portal_call6(uint64_t portal, const uint64_t in[6])
{
	return lossy_call6(CALL_portal_call, portal, in);
}

/* Only returns if it fails. */
static inline int64_t portal_return(uint64_t a, uint64_t b)
{
	return lossy_call6(CALL_portal_return, 0, (uint64_t[6]){ a, b }).w0;
}

static inline struct words portal_call(uint64_t portal, uint64_t a, uint64_t b)
{
	return portal_call6(portal, (uint64_t[6]){ a, b });
}

/* The program runs on Allod. */
static inline bool native_present(void)
{
	return native(CALL_yield, 0, 0, 0, 0) == 0;
}

#endif

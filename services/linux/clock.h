/* Clocks of the service. */
#ifndef LINUX_CLOCK_H
#define LINUX_CLOCK_H

#include <linux/time_types.h>

#include "services/runtime/service.h"

/* ns since boot. */
static inline u64 time_monotonic(void)
{
	return clock_now();
}

/* ns since 1970 at boot, as `allod run` says. [I] */
extern u64 clock_realtime_base;

/* ns since 1970. */
static inline u64 time_realtime(void)
{
	return clock_realtime_base + clock_now();
}

/* *ns = the time. -> false: a member is out of range. */
bool timespec_to_ns(const struct __kernel_timespec *time, u64 *ns);
struct __kernel_timespec ns_to_timespec(u64 ns);

/* The deadline on the monotonic clock that lies `ns` ahead; never 0, which means none. */
static inline u64 deadline_after(u64 ns)
{
	u64 now = clock_now();
	return now + ns < now ? ~0ull : now + ns;
}

#endif

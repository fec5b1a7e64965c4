/* Clocks of the service: see clock.h. */
#include "services/linux/base.h"
#include "services/linux/clock.h"

u64 clock_realtime_base;

bool timespec_to_ns(const struct __kernel_timespec *time, u64 *ns)
{
	if (time->tv_sec < 0 || time->tv_nsec < 0 || time->tv_nsec >= (long long)NS_PER_S)
		return false;
	u64 seconds = min_u64(time->tv_sec, 9000000000ull);
	*ns = seconds * NS_PER_S + time->tv_nsec;
	return true;
}

struct __kernel_timespec ns_to_timespec(u64 ns)
{
	return (struct __kernel_timespec){ .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };
}

/* Clocks of the service. */
#ifndef LINUX_CLOCK_H
#define LINUX_CLOCK_H

#include "linux/base.h"

/* ns since boot. */
u64 time_monotonic(void);
/* ns since 1970. */
u64 time_wall(void);

#endif

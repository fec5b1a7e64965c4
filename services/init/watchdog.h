/* The watchdog: ends the guest if the Linux service does not answer, or when the time of --timeout is over, and logs where each
 * thread stands. */
#ifndef INIT_WATCHDOG_H
#define INIT_WATCHDOG_H

#include "child.h"

/* Begins to watch, on a thread of its own. */
void watchdog_start(void);
/* REGISTRY_ALIVE: the Linux service answers. Returns when it is to answer again. */
i64 watchdog_alive(void);
/* Logs why the machine ends and where each thread stands, and ends it. */
_Noreturn void watchdog_end(const char *why);

#endif

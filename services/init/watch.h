/* Watching that the Linux service answers, and telling where a guest stands that ends because of it or because its time is up. */
#ifndef INIT_WATCH_H
#define INIT_WATCH_H

#include "child.h"

/* Begins to watch, on a thread of its own. */
void watch_start(void);
/* The Linux service answers. Returns when it is to answer again. */
i64 watch_alive(void);
/* Says in the log why the machine ends and where each thread stands, and ends it. */
_Noreturn void watch_end(const char *why);

#endif

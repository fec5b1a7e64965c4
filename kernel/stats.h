/* Statistics of the whole machine. */
#ifndef KERNEL_STATS_H
#define KERNEL_STATS_H

#include "types.h"

struct space;

/* Counts a portal call between two spaces. [K] */
void stats_call(const struct space *from, const struct space *to);
/* The first instruction in user mode is about to run. */
void stats_booted(void);
/* Fills *stats from the counters of all parts. [K] */
void stats_collect(struct kernel_stats *stats);

#endif

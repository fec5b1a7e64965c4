/* Statistics of the whole machine. */
#ifndef KERNEL_STATS_H
#define KERNEL_STATS_H

#include "types.h"

struct space;

/* The counter of portal calls between two spaces. [K] */
u64 *stats_pair(const struct space *from, const struct space *to);
/* The first instruction in user mode is about to run. */
void stats_booted(void);
/* Fills *stats from the counters of all parts. [K] */
void stats_collect(struct kernel_stats *stats);

#endif

/* What timers of all kinds share: one helper thread (timer.c) moves on those that are due. Service lock held. */
#ifndef LINUX_TIME_TIMER_H
#define LINUX_TIME_TIMER_H

#include "services/linux/task.h"

/* Starts a timer that fires after `ns`, then every `interval`; 0: off, once. */
void interval_set(struct interval_timer *timer, u64 ns, u64 interval);
/* Moves a due timer on. -> how often it was due since it last fired. */
u64 interval_advance(struct interval_timer *timer, u64 now);
/* ns until it fires; 0: it is off. */
u64 interval_left(const struct interval_timer *timer);
/* Takes its deadline into account for the next thing to be done. */
void interval_note(u64 *next, const struct interval_timer *timer);

/* A timer of a room behind this one, a timerfd. Once it is due, due() is called with the service lock held, and advances it. */
struct watched_timer {
	struct list_node node; /* list_remove() ends the watching */
	struct interval_timer interval;
	void (*due)(struct watched_timer *timer, u64 now);
};
void timer_watch(struct watched_timer *timer);

/* The process ends or executes: its timers are gone (interval timers survive exec). */
void timers_end(struct process *process, bool exec);
/* Starts the helper thread. */
void timer_init(void);

#endif

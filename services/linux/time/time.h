/* The time room: clocks, sleeping and timers.
 *
 *   clock.c nanosleep.c           the calls that read clocks, and that sleep
 *   timer.c                       one helper thread sleeps until the next timer is due, and moves it on
 *   itimer.c posix_timer.c        alarm and setitimer; timer_create. Others are of rooms behind: timerfd
 *
 * What time it is, the ground floor knows: clock.h.
 *
 * Everything here needs the service lock. */
#ifndef LINUX_TIME_TIME_H
#define LINUX_TIME_TIME_H

#include "services/linux/task.h"

/* Starts the helper thread. */
void timer_init(void);
/* The process ends or executes: its timers are gone (interval timers survive exec). */
void timers_end(struct process *process, bool exec);

/* --- timers of rooms behind this one --- */

/* A timer of a room behind this one, a timerfd. Once it is due, due() is called with the service lock held, and advances it. */
struct watched_timer {
	struct list_node node; /* list_remove() ends the watching */
	struct interval_timer interval;
	void (*due)(struct watched_timer *timer, u64 now);
};
void timer_watch(struct watched_timer *timer);

/* Starts a timer that fires after `ns`, then every `interval`; 0: off, once. */
void interval_set(struct interval_timer *timer, u64 ns, u64 interval);
/* Moves a due timer on. -> how often it was due since it last fired. */
u64 interval_advance(struct interval_timer *timer, u64 now);
/* ns until it fires; 0: it is off. */
u64 interval_left(const struct interval_timer *timer);

#endif

/* Timers: functions that are called at a point of time. One helper thread sleeps until the earliest is due.
 *
 *	off --timer_start()--> queued --deadline--> due() is called --> off, or expired if it has an interval
 *	                         ^                                                       |
 *	                         +---------------- timer_forward() ----------------------+
 *
 * A timer with an interval does not go on by itself: the code that takes its signal, or the count of a timerfd, calls
 * timer_forward(), which skips the points of time that have passed and says how many they were. So a timer with an interval of 1 ns
 * costs nothing while its program does not look. All functions: with the service lock held; the helper thread lets it go now and
 * then. */
#ifndef LINUX_TIMER_H
#define LINUX_TIMER_H

#include "services/linux/base.h"

struct timer {
	u64 deadline; /* [L] ns of the monotonic clock; 0: off */
	u64 interval; /* [L] ns; 0: once */
	void (*due)(struct timer *timer); /* [I] */
	/* [L] The queue is a tree by deadline and, as a heap, by random rank: it is flat whatever deadlines programs choose. */
	struct timer *left, *right, *parent;
	u64 rank;
	bool queued;
};

/* Sets the timer to be due in `ns` (0: turns it off). */
void timer_start(struct timer *timer, u64 ns, u64 interval);
void timer_stop(struct timer *timer);
/* If the timer is queued and its time has come, calls due() now instead of soon. */
void timer_poll(struct timer *timer);
/* Queues an expired timer for its next point of time. -> how many points have passed, counting the one it was due at; 0: it had not
 * expired. */
u64 timer_forward(struct timer *timer);
/* ns until it is due; 0: it is off. */
u64 timer_left(const struct timer *timer);

/* Starts the helper thread. */
void timer_init(void);

#endif

/* Timers: what is called at a point of time. One helper thread sleeps until the earliest is due.
 *
 *	off --timer_start()--> queued --deadline--> due() is called --> off, or expired if it has an interval
 *	                         ^                                                       |
 *	                         +---------------- timer_forward() ----------------------+
 *
 * A timer with an interval does not go on by itself: whoever takes what it caused (the signal, the count of a timerfd) calls
 * timer_forward(), which skips what has passed meanwhile and says how often that was. So an interval of 1 ns wakes only who looks,
 * as often as it looks. Everything with the service lock held, of which the thread lets go between some timers and the next. */
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

/* Has it be due in `ns` (0: turns it off), whatever it did before. */
void timer_start(struct timer *timer, u64 ns, u64 interval);
void timer_stop(struct timer *timer);
/* If the timer is queued and its time has come, calls due() now instead of soon. */
void timer_poll(struct timer *timer);
/* An expired timer goes on at its next point of time. -> how many have passed, the one it was due at among them; 0: it had not
 * expired. */
u64 timer_forward(struct timer *timer);
/* ns until it is due; 0: it is off. */
u64 timer_left(const struct timer *timer);

/* Starts the helper thread. */
void timer_init(void);

#endif

/* The queue of timers and the thread that runs them: see timer.h. */
#include "services/linux/timer.h"

#include "services/runtime/service.h"

#include "services/linux/clock.h"
#include "services/linux/helper.h"
#include "services/linux/random.h"
#include "services/linux/sleep.h"

enum { AT_ONCE = 16 }; /* timers that are run before the lock is let go */

static struct timer *root;
static u32 timer_word;       /* changes when an earlier deadline has come in */
static u64 wakes_at = ~0ull; /* deadline that the thread sleeps for */

/* --- the tree --- */

/* Replaces `old` by `new` in its parent. */
static void replace(struct timer *old, struct timer *new)
{
	struct timer *parent = old->parent;
	if (!parent)
		root = new;
	else if (parent->left == old)
		parent->left = new;
	else
		parent->right = new;
	if (new)
		new->parent = parent;
}

static void rotate_up(struct timer *timer)
{
	struct timer *parent = timer->parent;
	struct timer **inner = parent->left == timer ? &timer->right : &timer->left;
	struct timer **outer = parent->left == timer ? &parent->left : &parent->right;
	replace(parent, timer);
	*outer = *inner;
	if (*outer)
		(*outer)->parent = parent;
	*inner = parent;
	parent->parent = timer;
}

static void enqueue(struct timer *timer)
{
	struct timer **link = &root, *parent = NULL;
	while (*link) {
		parent = *link;
		link = timer->deadline < parent->deadline ? &parent->left : &parent->right;
	}
	*link = timer;
	timer->parent = parent;
	timer->left = timer->right = NULL;
	timer->rank = random_u64();
	timer->queued = true;
	while (timer->parent && timer->parent->rank < timer->rank)
		rotate_up(timer);
	if (timer->deadline >= wakes_at)
		return;
	wakes_at = timer->deadline;
	__atomic_fetch_add(&timer_word, 1, __ATOMIC_SEQ_CST);
	call_wake(&timer_word, 1);
}

static void dequeue(struct timer *timer)
{
	while (timer->left && timer->right)
		rotate_up(timer->left->rank > timer->right->rank ? timer->left : timer->right);
	replace(timer, timer->left ? timer->left : timer->right);
	timer->queued = false;
}

static struct timer *earliest(void)
{
	struct timer *timer = root;
	while (timer && timer->left)
		timer = timer->left;
	return timer;
}

/* --- timers --- */

void timer_stop(struct timer *timer)
{
	if (timer->queued)
		dequeue(timer);
	timer->deadline = 0;
}

void timer_start(struct timer *timer, u64 ns, u64 interval)
{
	timer_stop(timer);
	timer->interval = interval;
	if (!ns)
		return;
	timer->deadline = deadline_after(ns);
	enqueue(timer);
}

static void expire(struct timer *timer)
{
	dequeue(timer);
	if (!timer->interval)
		timer->deadline = 0;
	timer->due(timer);
}

void timer_poll(struct timer *timer)
{
	if (timer->queued && timer->deadline <= time_monotonic())
		expire(timer);
}

static bool has_expired(const struct timer *timer)
{
	return timer->deadline && !timer->queued;
}

u64 timer_forward(struct timer *timer)
{
	if (!has_expired(timer))
		return 0;
	u64 times = (time_monotonic() - timer->deadline) / timer->interval + 1, ahead;
	if (__builtin_mul_overflow(times, timer->interval, &ahead) ||
		__builtin_add_overflow(timer->deadline, ahead, &timer->deadline))
		timer->deadline = ~0ull;
	enqueue(timer);
	return times;
}

u64 timer_left(const struct timer *timer)
{
	u64 now = time_monotonic();
	if (!timer->deadline)
		return 0;
	if (has_expired(timer))
		return timer->interval - (now - timer->deadline) % timer->interval;
	return timer->deadline > now ? timer->deadline - now : 1;
}

/* --- the thread --- */

static void timer_thread(void *argument)
{
	(void)argument;
	for (;;) {
		service_lock();
		u32 seen = timer_word;
		u64 now = time_monotonic();
		struct timer *timer = earliest();
		for (unsigned i = 0; i < AT_ONCE && timer && timer->deadline <= now; i++) {
			expire(timer);
			timer = earliest();
		}
		wakes_at = timer ? timer->deadline : ~0ull;
		service_unlock();
		call_wait(&timer_word, seen, timer ? wakes_at : 0, 0);
	}
}

void timer_init(void)
{
	helper_start(timer_thread, NULL);
}

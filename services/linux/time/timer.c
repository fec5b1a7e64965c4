/* One helper thread runs the timers of all kinds: it sleeps until the next of them is due. */
#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/helper.h"
#include "services/linux/clock.h"
#include "services/linux/send_signal.h"
#include "services/linux/task.h"
#include "services/linux/time/private.h"
#include "services/linux/time/time.h"

static u32 timer_word; /* changes when an earlier deadline may have come in */
static u64 next_deadline;
static struct list_node watched = LIST_INIT(watched); /* struct watched_timer */

/* --- the helper thread --- */

static void timer_kick(u64 deadline)
{
	if (!deadline || (next_deadline && next_deadline <= deadline))
		return;
	next_deadline = deadline;
	__atomic_fetch_add(&timer_word, 1, __ATOMIC_SEQ_CST);
	call_wake(&timer_word, 1);
}

u64 interval_advance(struct interval_timer *timer, u64 now)
{
	if (!timer->deadline || timer->deadline > now)
		return 0;
	if (!timer->interval) {
		timer->deadline = 0;
		return 1;
	}
	u64 times = (now - timer->deadline) / timer->interval + 1;
	timer->deadline += times * timer->interval;
	return times;
}

void interval_note(u64 *next, const struct interval_timer *timer)
{
	if (timer->deadline && (!*next || timer->deadline < *next))
		*next = timer->deadline;
}

void timer_watch(struct watched_timer *timer)
{
	list_append(&watched, &timer->node);
}

static void watched_run(u64 now, u64 *next)
{
	list_for_each(node, &watched) {
		struct watched_timer *timer = container_of(node, struct watched_timer, node);
		if (timer->interval.deadline && timer->interval.deadline <= now)
			timer->due(timer, now);
		interval_note(next, &timer->interval);
	}
}

/* Sends the signals of the process's timers that are due. */
static void timers_run(struct process *process, u64 now, u64 *next)
{
	itimers_run(process, now, next);
	posix_timers_run(process, now, next);
}

static void timer_thread(void *argument)
{
	(void)argument;
	for (;;) {
		service_lock();
		u32 seen = timer_word;
		u64 next = 0, now = time_monotonic();
		list_for_each_safe(node, &processes)
			timers_run(container_of(node, struct process, all), now, &next);
		watched_run(now, &next);
		next_deadline = next;
		service_unlock();
		call_wait(&timer_word, seen, next, 0);
	}
}

void timer_init(void)
{
	helper_start(timer_thread, NULL);
}

u64 interval_left(const struct interval_timer *timer)
{
	u64 now = time_monotonic();
	return !timer->deadline ? 0 : timer->deadline > now ? timer->deadline - now : 1;
}

void interval_set(struct interval_timer *timer, u64 ns, u64 interval)
{
	timer->deadline = ns ? deadline_after(ns) : 0;
	timer->interval = interval;
	timer_kick(timer->deadline);
}

void timers_end(struct process *process, bool exec)
{
	posix_timers_end(process);
	signal_drop_timers(process);
	if (!exec)
		memset(process->timers, 0, sizeof(process->timers));
}

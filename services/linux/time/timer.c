/* Timers: alarm, setitimer, timer_create. One helper thread sleeps until the next of them is due.
 *
 * Processor-time timers (ITIMER_VIRTUAL, ITIMER_PROF) run on the wall clock, as processors are not accounted. */
#include <asm/errno.h>
#include <linux/time.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/helper.h"
#include "services/linux/syscall.h"
#include "services/linux/clock.h"
#include "services/linux/machine.h"
#include "services/linux/process/process.h"
#include "services/linux/send_signal.h"
#include "services/linux/time/timer.h"
#include "services/linux/user_memory.h"

enum { ITIMERS = 3, POSIX_TIMERS = 8, NS_PER_US = 1000 };

/* A timer of timer_create. */
struct timer {
	struct interval_timer interval;
	int clock;
	u32 tid;    /* SIGEV_THREAD_ID: who gets the signal; 0: the process */
	int signal; /* 0: none */
	sigval_t value;
	u32 overruns;
};

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

static void posix_fire(struct process *process, unsigned id, u64 times)
{
	struct timer *timer = process->posix_timers[id];
	siginfo_t info;
	if (!timer->signal)
		return;
	memset(&info, 0, sizeof(info));
	info.si_signo = timer->signal;
	info.si_code = SI_TIMER;
	info.si_tid = id;
	info.si_overrun = timer->overruns = times - 1;
	info.si_value = timer->value;
	struct task *task = timer->tid ? task_find(timer->tid) : NULL;
	if (task && task->process == process)
		signal_send_task(task, timer->signal, &info);
	else if (!timer->tid)
		signal_send_process(process, timer->signal, &info);
}

static void timers_run(struct process *process, u64 now, u64 *next)
{
	static const int signals[ITIMERS] = { SIGALRM, SIGVTALRM, SIGPROF };
	for (unsigned i = 0; i < ITIMERS; i++) {
		if (interval_advance(&process->timers[i], now))
			signal_send_process(process, signals[i], NULL);
		interval_note(next, &process->timers[i]);
	}
	for (unsigned i = 0; i < POSIX_TIMERS; i++) {
		struct timer *timer = process->posix_timers[i];
		if (!timer)
			continue;
		u64 times = interval_advance(&timer->interval, now);
		if (times)
			posix_fire(process, i, times);
		interval_note(next, &timer->interval);
	}
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

void timers_end(struct process *process, bool exec)
{
	for (unsigned i = 0; i < POSIX_TIMERS; i++) {
		heap_free(process->posix_timers[i]);
		process->posix_timers[i] = NULL;
	}
	signal_drop_timers(process);
	if (!exec)
		memset(process->timers, 0, sizeof(process->timers));
}

/* --- alarm, setitimer --- */

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

long sys_alarm(struct task *self, struct user_frame *frame)
{
	struct interval_timer *timer = &self->process->timers[ITIMER_REAL];
	u64 left = interval_left(timer);
	interval_set(timer, (u32)arg(frame, 0) * NS_PER_S, 0);
	return (left + NS_PER_S - 1) / NS_PER_S;
}

static bool timeval_to_ns(const struct __kernel_old_timeval *time, u64 *ns)
{
	if (time->tv_sec < 0 || time->tv_usec < 0 || time->tv_usec >= 1000000)
		return false;
	*ns = min_u64(time->tv_sec, 9000000000ull) * NS_PER_S + time->tv_usec * NS_PER_US;
	return true;
}

static struct __kernel_old_timeval ns_to_timeval(u64 ns)
{
	return (struct __kernel_old_timeval){ ns / NS_PER_S, ns % NS_PER_S / NS_PER_US };
}

static int itimer_tell(struct task *self, unsigned which, u64 addr)
{
	const struct interval_timer *timer = &self->process->timers[which];
	struct __kernel_old_itimerval value = { ns_to_timeval(timer->interval), ns_to_timeval(interval_left(timer)) };
	return user_write(self, addr, &value, sizeof(value));
}

long sys_getitimer(struct task *self, struct user_frame *frame)
{
	if (arg(frame, 0) >= ITIMERS)
		return -EINVAL;
	return itimer_tell(self, arg(frame, 0), arg(frame, 1));
}

long sys_setitimer(struct task *self, struct user_frame *frame)
{
	struct __kernel_old_itimerval value;
	u64 which = arg(frame, 0), ns, interval;
	memset(&value, 0, sizeof(value));
	if (which >= ITIMERS)
		return -EINVAL;
	if (arg(frame, 1) && user_read(self, arg(frame, 1), &value, sizeof(value)))
		return -EFAULT;
	if (!timeval_to_ns(&value.it_value, &ns) || !timeval_to_ns(&value.it_interval, &interval))
		return -EINVAL;
	if (arg(frame, 2) && itimer_tell(self, which, arg(frame, 2)))
		return -EFAULT;
	interval_set(&self->process->timers[which], ns, interval);
	return 0;
}

/* --- timer_create --- */

static struct timer *timer_find(struct task *self, u64 id)
{
	return id < POSIX_TIMERS ? self->process->posix_timers[id] : NULL;
}

static int timer_event(struct task *self, struct timer *timer, u64 addr, unsigned id)
{
	sigevent_t event;
	timer->signal = SIGALRM;
	timer->value.sival_int = id;
	if (!addr)
		return 0;
	if (user_read(self, addr, &event, sizeof(event)))
		return -EFAULT;
	timer->value = event.sigev_value;
	timer->signal = 0;
	if (event.sigev_notify == SIGEV_NONE)
		return 0;
	if (event.sigev_notify != SIGEV_SIGNAL && event.sigev_notify != SIGEV_THREAD &&
		event.sigev_notify != SIGEV_THREAD_ID)
		return -EINVAL;
	timer->signal = event.sigev_signo;
	if (event.sigev_notify == SIGEV_THREAD_ID) {
		const struct task *task = task_find(event.sigev_notify_thread_id);
		if (!task || task->process != self->process)
			return -EINVAL;
		timer->tid = task->tid;
	}
	return timer->signal < 1 || timer->signal > SIGNALS ? -EINVAL : 0;
}

long sys_timer_create(struct task *self, struct user_frame *frame)
{
	int clock = arg(frame, 0);
	unsigned id = 0;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
		clock != CLOCK_PROCESS_CPUTIME_ID && clock != CLOCK_THREAD_CPUTIME_ID)
		return -EINVAL;
	while (id < POSIX_TIMERS && self->process->posix_timers[id])
		id++;
	struct timer *timer = id < POSIX_TIMERS ? heap_zalloc(sizeof(*timer)) : NULL;
	if (!timer)
		return -EAGAIN;
	timer->clock = clock;
	int error = timer_event(self, timer, arg(frame, 1), id);
	if (!error)
		error = user_put_u32(self, arg(frame, 2), id);
	if (error) {
		heap_free(timer);
		return error;
	}
	self->process->posix_timers[id] = timer;
	return 0;
}

static int timer_tell(struct task *self, const struct timer *timer, u64 addr)
{
	struct __kernel_itimerspec value = {
		.it_interval = ns_to_timespec(timer->interval.interval),
		.it_value = ns_to_timespec(interval_left(&timer->interval)),
	};
	return user_write(self, addr, &value, sizeof(value));
}

long sys_timer_gettime(struct task *self, struct user_frame *frame)
{
	struct timer *timer = timer_find(self, arg(frame, 0));
	return timer ? timer_tell(self, timer, arg(frame, 1)) : -EINVAL;
}

long sys_timer_settime(struct task *self, struct user_frame *frame)
{
	struct timer *timer = timer_find(self, arg(frame, 0));
	struct __kernel_itimerspec value;
	u64 ns, interval;
	if (!timer)
		return -EINVAL;
	if (user_read(self, arg(frame, 2), &value, sizeof(value)))
		return -EFAULT;
	if (!timespec_to_ns(&value.it_value, &ns) || !timespec_to_ns(&value.it_interval, &interval))
		return -EINVAL;
	if (arg(frame, 3) && timer_tell(self, timer, arg(frame, 3)))
		return -EFAULT;
	if ((arg(frame, 1) & TIMER_ABSTIME) && ns) {
		u64 now = timer->clock == CLOCK_REALTIME ? time_realtime() : time_monotonic();
		ns = ns > now ? ns - now : 1;
	}
	interval_set(&timer->interval, ns, interval);
	return 0;
}

long sys_timer_getoverrun(struct task *self, struct user_frame *frame)
{
	struct timer *timer = timer_find(self, arg(frame, 0));
	return timer ? (long)timer->overruns : -EINVAL;
}

long sys_timer_delete(struct task *self, struct user_frame *frame)
{
	struct timer *timer = timer_find(self, arg(frame, 0));
	if (!timer)
		return -EINVAL;
	self->process->posix_timers[arg(frame, 0)] = NULL;
	heap_free(timer);
	return 0;
}

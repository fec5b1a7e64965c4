/* timer_create and its kin. */
#include <asm/errno.h>
#include <linux/time.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/syscall.h"
#include "services/linux/clock.h"
#include "services/linux/machine.h"
#include "services/linux/send_signal.h"
#include "services/linux/task.h"
#include "services/linux/time/private.h"
#include "services/linux/time/time.h"
#include "services/linux/user.h"
#include "services/linux/user_memory.h"

/* A timer of timer_create(), charged to the user who made it, with the place that its signal waits in. When it is deleted while
 * its signal waits, it lasts until that is taken. */
struct posix_timer {
	struct timer timer;
	struct sigqueue signal; /* si_signo 0: there is none */
	struct process *process;
	u32 tid;           /* SIGEV_THREAD_ID: of the process's task that gets the signal; 0: the process does */
	u64 task_start_ns; /* ... if it is still the one that started then */
	int clock;
	bool old; /* the signal that waits is of a setting before this one, and moves nothing on */
	bool deleted;
	u32 overruns; /* of the last signal taken */
	struct user *user;
};

/* By id. A slot without a timer has the number of the next such slot, * 2 + 1. */
struct posix_timers {
	u64 size, free; /* number of the first free slot; size: there is none */
	u64 slots[];    /* struct posix_timer *, or a number */
};

enum { FIRST_SLOTS = 8 };

/* --- by id --- */

static struct posix_timer *timer_find(const struct task *self, u64 id)
{
	const struct posix_timers *timers = self->process->posix_timers;
	id = (u32)id;
	return timers && id < timers->size && !(timers->slots[id] & 1) ? (struct posix_timer *)timers->slots[id] : NULL;
}

/* Makes sure that there is a free slot. -> whether there is. */
static bool slots_reserve(struct process *process)
{
	struct posix_timers *timers = process->posix_timers;
	u64 old = timers ? timers->size : 0, size = old ? old * 2 : FIRST_SLOTS;
	if (timers && timers->free < timers->size)
		return true;
	timers = heap_realloc(timers, sizeof(*timers) + size * sizeof(timers->slots[0]));
	if (!timers)
		return false;
	for (u64 i = old; i < size; i++)
		timers->slots[i] = (i + 1) << 1 | 1;
	timers->size = size;
	timers->free = old;
	process->posix_timers = timers;
	return true;
}

/* -> its id. */
static u64 slot_fill(struct posix_timers *timers, struct posix_timer *timer)
{
	u64 id = timers->free;
	timers->free = timers->slots[id] >> 1;
	timers->slots[id] = (u64)timer;
	return id;
}

/* --- what happens --- */

static void timer_free(struct posix_timer *timer)
{
	user_uncharge(timer->user, USER_SIGNALS, 1);
	heap_free(timer);
}

/* When its signal has come, the timer waits for it to be taken. */
static void posix_due(struct timer *queued)
{
	struct posix_timer *timer = container_of(queued, struct posix_timer, timer);
	struct task *task = timer->tid ? task_find(timer->tid) : NULL;
	timer->old = false;
	if (!timer->signal.info.si_signo)
		return;
	if (timer->signal.waits) {
		timer->signal.info.si_overrun++;
		return;
	}
	if (timer->tid && (!task || task->process != timer->process || task->start_ns != timer->task_start_ns))
		return;
	timer->signal.info.si_overrun = 0;
	signal_send_prepared(timer->process, task, &timer->signal);
}

static void signal_done(struct sigqueue *entry, siginfo_t *taken)
{
	struct posix_timer *timer = container_of(entry, struct posix_timer, signal);
	if (timer->deleted) {
		timer_free(timer);
		return;
	}
	if (!taken || timer->old)
		return;
	u64 times = timer_forward(&timer->timer);
	u64 overruns = (u64)taken->si_overrun + (times ? times - 1 : 0);
	taken->si_overrun = timer->overruns = min_u64(overruns, INT32_MAX);
}

static void timer_delete(struct posix_timer *timer)
{
	timer_stop(&timer->timer);
	timer->deleted = true;
	if (!timer->signal.waits)
		timer_free(timer);
}

static void slot_empty(struct posix_timers *timers, u64 id)
{
	struct posix_timer *timer = (struct posix_timer *)timers->slots[id];
	timers->slots[id] = timers->free << 1 | 1;
	timers->free = id;
	timer_delete(timer);
}

void posix_timers_end(struct process *process)
{
	struct posix_timers *timers = process->posix_timers;
	signal_drop_timers(process);
	for (u64 id = 0; timers && id < timers->size; id++)
		if (!(timers->slots[id] & 1))
			timer_delete((struct posix_timer *)timers->slots[id]);
	heap_free(timers);
	process->posix_timers = NULL;
}

void timers_end(struct process *process, bool exec)
{
	posix_timers_end(process);
	if (!exec)
		itimers_end(process);
}

/* --- the calls --- */

/* Reads a sigevent: the signal into *info, and the task of the caller's process that SIGEV_THREAD_ID names. */
static int timer_event(struct task *self, struct posix_timer *timer, u64 addr)
{
	siginfo_t *info = &timer->signal.info;
	sigevent_t event;
	memset(&event, 0, sizeof(event));
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = SIGALRM;
	if (addr && user_read(self, addr, &event, sizeof(event)))
		return -EFAULT;
	info->si_code = SI_TIMER;
	info->si_value = event.sigev_value;
	if (event.sigev_notify == SIGEV_NONE)
		return 0;
	if (event.sigev_notify == SIGEV_THREAD_ID) {
		const struct task *task = task_find((u32)event.sigev_notify_thread_id);
		if (!task || task->process != self->process)
			return -EINVAL;
		timer->tid = task->tid;
		timer->task_start_ns = task->start_ns;
	} else if (event.sigev_notify != SIGEV_SIGNAL && event.sigev_notify != SIGEV_THREAD) {
		return -EINVAL;
	}
	info->si_signo = event.sigev_signo;
	return info->si_signo < 1 || info->si_signo > SIGNALS ? -EINVAL : 0;
}

long sys_timer_create(struct task *self, struct user_frame *frame)
{
	struct process *process = self->process;
	struct user *user = process->cred.user;
	int clock = arg(frame, 0);
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
		clock != CLOCK_PROCESS_CPUTIME_ID && clock != CLOCK_THREAD_CPUTIME_ID)
		return -EINVAL;
	struct posix_timer *timer = heap_zalloc(sizeof(*timer));
	if (!timer || !user_charge(user, USER_SIGNALS, 1, process_limit(process, RLIMIT_SIGPENDING))) {
		heap_free(timer);
		return -EAGAIN;
	}
	timer->timer.due = posix_due;
	timer->signal.done = signal_done;
	timer->process = process;
	timer->clock = clock;
	timer->user = user;
	int error = timer_event(self, timer, arg(frame, 1));
	if (!error && !slots_reserve(process))
		error = -EAGAIN;
	if (error) {
		timer_free(timer);
		return error;
	}
	u64 id = slot_fill(process->posix_timers, timer);
	timer->signal.info.si_tid = (int)id;
	if (!arg(frame, 1))
		timer->signal.info.si_value.sival_int = (int)id;
	error = user_put_u32(self, arg(frame, 2), id);
	if (error)
		slot_empty(process->posix_timers, id);
	return error;
}

static struct __kernel_itimerspec timer_value(const struct posix_timer *timer)
{
	return (struct __kernel_itimerspec){
		.it_interval = ns_to_timespec(timer->timer.interval),
		.it_value = ns_to_timespec(timer_left(&timer->timer)),
	};
}

long sys_timer_gettime(struct task *self, struct user_frame *frame)
{
	const struct posix_timer *timer = timer_find(self, arg(frame, 0));
	if (!timer)
		return -EINVAL;
	struct __kernel_itimerspec value = timer_value(timer);
	return user_write(self, arg(frame, 1), &value, sizeof(value));
}

/* The timer is looked up when the new value has been read, and set before the old one is written: both may sleep. */
long sys_timer_settime(struct task *self, struct user_frame *frame)
{
	struct __kernel_itimerspec value, old;
	u64 ns, interval;
	if (user_read(self, arg(frame, 2), &value, sizeof(value)))
		return -EFAULT;
	if (!timespec_to_ns(&value.it_value, &ns) || !timespec_to_ns(&value.it_interval, &interval))
		return -EINVAL;
	struct posix_timer *timer = timer_find(self, arg(frame, 0));
	if (!timer)
		return -EINVAL;
	if ((arg(frame, 1) & TIMER_ABSTIME) && ns) {
		u64 now = timer->clock == CLOCK_REALTIME ? time_realtime() : time_monotonic();
		ns = ns > now ? ns - now : 1;
	}
	old = timer_value(timer);
	timer->old = timer->signal.waits;
	timer->overruns = 0;
	timer_start(&timer->timer, ns, interval);
	return arg(frame, 3) ? user_write(self, arg(frame, 3), &old, sizeof(old)) : 0;
}

long sys_timer_getoverrun(struct task *self, struct user_frame *frame)
{
	struct posix_timer *timer = timer_find(self, arg(frame, 0));
	return timer ? (long)timer->overruns : -EINVAL;
}

long sys_timer_delete(struct task *self, struct user_frame *frame)
{
	struct posix_timer *timer = timer_find(self, arg(frame, 0));
	if (!timer)
		return -EINVAL;
	slot_empty(self->process->posix_timers, (u32)arg(frame, 0));
	return 0;
}

/* timer_create and its kin. */
#include <asm/errno.h>
#include <linux/time.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/helper.h"
#include "services/linux/syscall.h"
#include "services/linux/clock.h"
#include "services/linux/machine.h"
#include "services/linux/send_signal.h"
#include "services/linux/task.h"
#include "services/linux/time/private.h"
#include "services/linux/time/time.h"
#include "services/linux/user_memory.h"

/* A timer of timer_create. */
struct timer {
	struct interval_timer interval;
	int clock;
	u32 tid;    /* SIGEV_THREAD_ID: who gets the signal; 0: the process */
	int signal; /* 0: none */
	sigval_t value;
	u32 overruns;
};

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

void posix_timers_run(struct process *process, u64 now, u64 *next)
{
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

void posix_timers_end(struct process *process)
{
	for (unsigned i = 0; i < POSIX_TIMERS; i++) {
		heap_free(process->posix_timers[i]);
		process->posix_timers[i] = NULL;
	}
}

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

/* alarm and setitimer. ITIMER_VIRTUAL and ITIMER_PROF run on the wall clock, as processors are not accounted. */
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
#include "services/linux/user_memory.h"

static void real_due(struct timer *timer)
{
	signal_send_process(container_of(timer, struct process, timers[ITIMER_REAL]), SIGALRM, NULL);
}

static void virtual_due(struct timer *timer)
{
	signal_send_process(container_of(timer, struct process, timers[ITIMER_VIRTUAL]), SIGVTALRM, NULL);
}

static void prof_due(struct timer *timer)
{
	signal_send_process(container_of(timer, struct process, timers[ITIMER_PROF]), SIGPROF, NULL);
}

static void itimer_start(struct process *process, unsigned which, u64 ns, u64 interval)
{
	static void (*const due[ITIMERS])(struct timer *) = { real_due, virtual_due, prof_due };
	process->timers[which].due = due[which];
	timer_start(&process->timers[which], ns, interval);
}

void itimers_end(struct process *process)
{
	for (unsigned i = 0; i < ITIMERS; i++)
		timer_stop(&process->timers[i]);
}

long sys_alarm(struct task *self, struct user_frame *frame)
{
	u64 left = timer_left(&self->process->timers[ITIMER_REAL]);
	itimer_start(self->process, ITIMER_REAL, (u32)arg(frame, 0) * NS_PER_S, 0);
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
	const struct timer *timer = &self->process->timers[which];
	struct __kernel_old_itimerval value = { ns_to_timeval(timer->interval), ns_to_timeval(timer_left(timer)) };
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
	itimer_start(self->process, which, ns, interval);
	return 0;
}

/* nanosleep, clock_nanosleep, and restart_syscall, which goes on with a sleep that a signal interrupted. */
#include <asm/errno.h>
#include <linux/time.h>

#include "services/linux/syscall.h"
#include "services/linux/clock.h"
#include "services/linux/machine.h"
#include "services/linux/time/private.h"
#include "services/linux/user_memory.h"

static long sleep_until(struct task *self, u64 deadline)
{
	int error = 0;
	while (!error)
		error = time_monotonic() >= deadline ? -ETIMEDOUT : task_sleep(self, deadline);
	return error == -ETIMEDOUT ? 0 : error;
}

/* Sleeps for a time. If a signal comes, writes the time that is left, and keeps the deadline for restart_syscall. */
static long sleep_for(struct task *self, u64 deadline, u64 left_addr)
{
	long error = sleep_until(self, deadline);
	if (error != -ERESTARTSYS)
		return error;
	u64 now = time_monotonic();
	struct __kernel_timespec left = ns_to_timespec(deadline > now ? deadline - now : 0);
	self->restart.deadline = deadline;
	self->restart.words[0] = left_addr;
	if (left_addr && user_write(self, left_addr, &left, sizeof(left)))
		return -EFAULT;
	return -ERESTART_RESTARTBLOCK;
}

long sys_restart_syscall(struct task *self, struct user_frame *frame)
{
	(void)frame;
	if (!self->restart.deadline)
		return -EINTR;
	return sleep_for(self, self->restart.deadline, self->restart.words[0]);
}

long sys_nanosleep(struct task *self, struct user_frame *frame)
{
	struct __kernel_timespec time;
	u64 ns;
	if (user_read(self, arg(frame, 0), &time, sizeof(time)))
		return -EFAULT;
	if (!timespec_to_ns(&time, &ns))
		return -EINVAL;
	return sleep_for(self, deadline_after(ns), arg(frame, 1));
}

long sys_clock_nanosleep(struct task *self, struct user_frame *frame)
{
	int clock = arg(frame, 0);
	struct __kernel_timespec time;
	u64 ns, now;
	if (clock == CLOCK_THREAD_CPUTIME_ID || clock_read(self, clock, &now))
		return -EINVAL;
	if (user_read(self, arg(frame, 2), &time, sizeof(time)))
		return -EFAULT;
	if (!timespec_to_ns(&time, &ns))
		return -EINVAL;
	if (!(arg(frame, 1) & TIMER_ABSTIME))
		return sleep_for(self, deadline_after(ns), arg(frame, 3));
	if (ns <= now)
		return 0;
	long error = sleep_until(self, deadline_after(ns - now));
	return error == -ERESTARTSYS ? -ERESTARTNOHAND : error;
}

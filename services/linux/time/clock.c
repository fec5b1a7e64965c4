/* The calls that read clocks, and times. */
#include <asm/errno.h>
#include <linux/time.h>
#include <linux/times.h>

#include "lib/string.h"

#include "services/linux/syscall.h"
#include "services/linux/clock.h"
#include "services/linux/machine.h"
#include "services/linux/task.h"
#include "services/linux/time/private.h"
#include "services/linux/user_memory.h"

/* The calls that read clocks run without the lock, but adding up a process's tasks needs it. */
static u64 process_cpu_time(const struct process *process)
{
	u64 user, system;
	bool locked = service_lock_held();
	if (!locked)
		service_lock();
	process_times(process, &user, &system);
	if (!locked)
		service_unlock();
	return user + system;
}

/* The processor-time clocks of processes and threads have negative numbers: ~number << 3 | kind. Only the caller's own
 * are told. */
static int clock_of_number(struct task *self, int clock, u64 *ns)
{
	u32 number = ~(u32)clock >> 3 & 0x1fffffff;
	if (clock & 4) {
		if (number && number != self->tid)
			return -EINVAL;
		*ns = task_cpu_time(self);
		return 0;
	}
	if (number && number != self->process->pid)
		return -EINVAL;
	*ns = process_cpu_time(self->process);
	return 0;
}

int clock_read(struct task *self, int clock, u64 *ns)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI:
	case CLOCK_REALTIME_ALARM:
		*ns = time_realtime();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		*ns = time_monotonic();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		*ns = process_cpu_time(self->process);
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = task_cpu_time(self);
		return 0;
	default:
		return clock < 0 ? clock_of_number(self, clock, ns) : -EINVAL;
	}
}

/* --- reading --- */

long sys_clock_gettime(struct task *self, struct user_frame *frame)
{
	u64 ns;
	int clock = arg(frame, 0);
	int error = clock_read(self, clock, &ns);
	if (error)
		return error;
	struct __kernel_timespec time = ns_to_timespec(ns);
	return user_write(self, arg(frame, 1), &time, sizeof(time));
}

long sys_clock_getres(struct task *self, struct user_frame *frame)
{
	u64 ns;
	struct __kernel_timespec time = { 0, 1 };
	int clock = arg(frame, 0);
	int error = clock_read(self, clock, &ns);
	if (error)
		return error;
	if (clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE)
		time.tv_nsec = 4000000;
	return arg(frame, 1) ? user_write(self, arg(frame, 1), &time, sizeof(time)) : 0;
}

long sys_gettimeofday(struct task *self, struct user_frame *frame)
{
	u64 ns = time_realtime();
	struct __kernel_old_timeval time = { ns / NS_PER_S, ns % NS_PER_S / NS_PER_US };
	struct timezone zone = { 0, 0 };
	if (arg(frame, 0) && user_write(self, arg(frame, 0), &time, sizeof(time)))
		return -EFAULT;
	return arg(frame, 1) ? user_write(self, arg(frame, 1), &zone, sizeof(zone)) : 0;
}

long sys_time(struct task *self, struct user_frame *frame)
{
	u64 seconds = time_realtime() / NS_PER_S;
	if (arg(frame, 0) && user_put_u64(self, arg(frame, 0), seconds))
		return -EFAULT;
	return seconds;
}

/* The machine's clock is the host's. */
static long clock_set_refused(struct task *self)
{
	(void)self;
	return -EPERM;
}

long sys_clock_settime(struct task *self, struct user_frame *frame)
{
	(void)frame;
	return clock_set_refused(self);
}

long sys_settimeofday(struct task *self, struct user_frame *frame)
{
	(void)frame;
	return clock_set_refused(self);
}

/* --- processor times --- */

long sys_times(struct task *self, struct user_frame *frame)
{
	const u64 tick = NS_PER_S / 100;
	u64 user, system;
	process_times(self->process, &user, &system);
	struct tms times = { user / tick, system / tick, self->process->child_user_ns / tick,
		self->process->child_system_ns / tick };
	if (arg(frame, 0) && user_write(self, arg(frame, 0), &times, sizeof(times)))
		return -EFAULT;
	return time_monotonic() / tick;
}

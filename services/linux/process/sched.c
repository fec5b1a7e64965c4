/* Scheduling calls. The kernel's scheduler is fair and has no priorities: what programs set is kept and returned, nothing more. */
#include <asm/errno.h>
#include <linux/membarrier.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <linux/time_types.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/syscall.h"
#include "services/linux/clock.h"
#include "services/linux/machine.h"
#include "services/linux/task.h"
#include "services/linux/user_memory.h"

long sys_sched_yield(struct task *self, struct user_frame *frame)
{
	(void)self;
	(void)frame;
	call_yield();
	return 0;
}

static struct task *task_or_self(struct task *self, u64 tid)
{
	return (u32)tid ? task_find(tid) : self;
}

/* The task whose scheduling self wants to change. NULL with -ESRCH, or -EPERM: self may not. */
static struct task *task_to_schedule(struct task *self, u64 tid, int *error)
{
	struct task *task = task_or_self(self, tid);
	*error = !task ? -ESRCH : may_schedule(self, task->process) ? 0 : -EPERM;
	return *error ? NULL : task;
}

static u64 processors_mask(void)
{
	u64 count = service_start->processors;
	return count >= 64 ? ~0ull : (1ull << count) - 1;
}

long sys_sched_getaffinity(struct task *self, struct user_frame *frame)
{
	struct task *task = task_or_self(self, arg(frame, 0));
	if (!task)
		return -ESRCH;
	if (arg(frame, 1) < sizeof(u64) || arg(frame, 1) % sizeof(u64))
		return -EINVAL;
	u64 mask = task->affinity & processors_mask();
	return user_put_u64(self, arg(frame, 2), mask) ? -EFAULT : (long)sizeof(mask);
}

long sys_sched_setaffinity(struct task *self, struct user_frame *frame)
{
	u64 mask = 0;
	int error;
	if (user_read(self, arg(frame, 2), &mask, min_u64(arg(frame, 1), sizeof(mask))))
		return -EFAULT;
	struct task *task = task_to_schedule(self, arg(frame, 0), &error);
	if (!task)
		return error;
	if (!(mask & processors_mask()))
		return -EINVAL;
	task->affinity = mask;
	return 0;
}

long sys_sched_getscheduler(struct task *self, struct user_frame *frame)
{
	return task_or_self(self, arg(frame, 0)) ? SCHED_NORMAL : -ESRCH;
}

static int policy_check(u64 policy, i32 priority)
{
	policy &= ~(u64)SCHED_RESET_ON_FORK;
	if (policy == SCHED_FIFO || policy == SCHED_RR)
		return -EPERM;
	if (policy != SCHED_NORMAL && policy != SCHED_BATCH && policy != SCHED_IDLE)
		return -EINVAL;
	return priority ? -EINVAL : 0;
}

static long policy_set(struct task *self, u64 tid, u64 policy, u64 addr)
{
	u32 priority;
	int error;
	if ((i32)tid < 0 || !addr)
		return -EINVAL;
	if (user_get_u32(self, addr, &priority))
		return -EFAULT;
	if (!task_or_self(self, tid))
		return -ESRCH;
	error = policy_check(policy, priority);
	if (!error)
		task_to_schedule(self, tid, &error);
	return error;
}

long sys_sched_setscheduler(struct task *self, struct user_frame *frame)
{
	return policy_set(self, arg(frame, 0), (u32)arg(frame, 1), arg(frame, 2));
}

long sys_sched_getparam(struct task *self, struct user_frame *frame)
{
	return task_or_self(self, arg(frame, 0)) ? user_put_u32(self, arg(frame, 1), 0) : -ESRCH;
}

long sys_sched_setparam(struct task *self, struct user_frame *frame)
{
	return policy_set(self, arg(frame, 0), SCHED_NORMAL, arg(frame, 1));
}

long sys_sched_getattr(struct task *self, struct user_frame *frame)
{
	struct task *task = task_or_self(self, arg(frame, 0));
	struct sched_attr attributes;
	u64 room = arg(frame, 2);
	if (!task)
		return -ESRCH;
	if (room < SCHED_ATTR_SIZE_VER0)
		return -EINVAL;
	memset(&attributes, 0, sizeof(attributes));
	attributes.size = min_u64(room, sizeof(attributes));
	attributes.sched_nice = task->process->nice;
	return user_write(self, arg(frame, 1), &attributes, attributes.size);
}

long sys_sched_get_priority_max(struct task *self, struct user_frame *frame)
{
	(void)self;
	u64 policy = arg(frame, 0);
	if (policy == SCHED_FIFO || policy == SCHED_RR)
		return 99;
	return policy == SCHED_NORMAL || policy == SCHED_BATCH || policy == SCHED_IDLE ? 0 : -EINVAL;
}

long sys_sched_get_priority_min(struct task *self, struct user_frame *frame)
{
	long max = sys_sched_get_priority_max(self, frame);
	return max > 0 ? 1 : max;
}

long sys_sched_rr_get_interval(struct task *self, struct user_frame *frame)
{
	struct __kernel_timespec slice = { 0, 4000000 };
	if (!task_or_self(self, arg(frame, 0)))
		return -ESRCH;
	return user_write(self, arg(frame, 1), &slice, sizeof(slice));
}

long sys_getcpu(struct task *self, struct user_frame *frame)
{
	if (arg(frame, 0) && user_put_u32(self, arg(frame, 0), 0))
		return -EFAULT;
	return arg(frame, 1) ? user_put_u32(self, arg(frame, 1), 0) : 0;
}

/* --- nice values, per process --- */

static bool priority_matches(const struct process *process, u64 which, u32 who)
{
	return which == PRIO_PROCESS ? process->pid == who
		: which == PRIO_PGRP ? process->pgid == who
				     : process->cred.uid == who;
}

static u32 priority_who(const struct task *self, u64 which, u32 who)
{
	const struct process *process = self->process;
	if (who)
		return who;
	return which == PRIO_PROCESS ? process->pid : which == PRIO_PGRP ? process->pgid : process->cred.uid;
}

/* The result is 20 - nice, so that it is never negative. */
long sys_getpriority(struct task *self, struct user_frame *frame)
{
	long best = -ESRCH;
	if (arg(frame, 0) > PRIO_USER)
		return -EINVAL;
	u32 who = priority_who(self, arg(frame, 0), arg(frame, 1));
	list_for_each(node, &processes) {
		const struct process *process = container_of(node, struct process, all);
		if (priority_matches(process, arg(frame, 0), who) && 20 - process->nice > best)
			best = 20 - process->nice;
	}
	return best;
}

/* RLIMIT_NICE is 20 - the lowest that may be asked for. */
static int nice_set(struct task *self, struct process *process, int nice)
{
	if (!may_schedule(self, process))
		return -EPERM;
	if (nice < process->nice && (u64)(20 - nice) > process_limit(process, RLIMIT_NICE) && !task_is_root(self))
		return -EACCES;
	process->nice = nice;
	return 0;
}

long sys_setpriority(struct task *self, struct user_frame *frame)
{
	long result = -ESRCH;
	int nice = arg(frame, 2);
	if (arg(frame, 0) > PRIO_USER)
		return -EINVAL;
	nice = nice < -20 ? -20 : nice > 19 ? 19 : nice;
	u32 who = priority_who(self, arg(frame, 0), arg(frame, 1));
	list_for_each(node, &processes) {
		struct process *process = container_of(node, struct process, all);
		if (!priority_matches(process, arg(frame, 0), who))
			continue;
		int error = nice_set(self, process, nice);
		if (error || result == -ESRCH)
			result = error;
	}
	return result;
}

/* --- barriers --- */

/* Every command but the query orders memory among all processors that run the caller. A processor that leaves a program and comes
 * back executes serialising instructions; a full barrier of the caller pairs with those only, not with a processor that goes on in
 * the program. So the private commands are not offered. */
long sys_membarrier(struct task *self, struct user_frame *frame)
{
	(void)self;
	return arg(frame, 0) == MEMBARRIER_CMD_QUERY && !arg(frame, 1) ? 0 : -EINVAL;
}

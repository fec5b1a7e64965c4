/* Resource limits of processes: prlimit64, getrlimit, setrlimit. */
#include <asm/errno.h>

#include "lib/string.h"

#include "services/linux/syscall.h"
#include "services/linux/clock.h"
#include "services/linux/task.h"
#include "services/linux/user_memory.h"

static int limit_set(struct task *self, struct process *process, unsigned which, const struct rlimit64 *new)
{
	struct rlimit64 *limit = &process->limits[which];
	if (new->rlim_cur > new->rlim_max)
		return -EINVAL;
	if (which == RLIMIT_NOFILE && new->rlim_max > DESCRIPTORS_MAX)
		return -EPERM;
	if (new->rlim_max > limit->rlim_max && !task_is_root(self))
		return -EPERM;
	*limit = *new;
	return 0;
}

static int limits_do(struct task *self, struct process *process, unsigned which, u64 new_addr, u64 old_addr)
{
	struct rlimit64 new, old;
	if (which >= RLIM_NLIMITS)
		return -EINVAL;
	if (new_addr && user_read(self, new_addr, &new, sizeof(new)))
		return -EFAULT;
	old = process->limits[which];
	int error = new_addr ? limit_set(self, process, which, &new) : 0;
	if (!error && old_addr)
		error = user_write(self, old_addr, &old, sizeof(old));
	return error;
}

long sys_prlimit64(struct task *self, struct user_frame *frame)
{
	struct task *task = (u32)arg(frame, 0) ? task_find(arg(frame, 0)) : self;
	if (!task)
		return -ESRCH;
	if (!may_control(self, task->process))
		return -EPERM;
	return limits_do(self, task->process, arg(frame, 1), arg(frame, 2), arg(frame, 3));
}

/* The words of the older structure have the same size here. */
long sys_getrlimit(struct task *self, struct user_frame *frame)
{
	return limits_do(self, self->process, arg(frame, 0), 0, arg(frame, 1));
}

long sys_setrlimit(struct task *self, struct user_frame *frame)
{
	return limits_do(self, self->process, arg(frame, 0), arg(frame, 1), 0);
}

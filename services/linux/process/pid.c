/* getpid, setpgid, setsid and the like: the numbers of processes, process groups and sessions. */
#include <asm/errno.h>

#include "services/linux/syscall.h"
#include "services/linux/machine.h"
#include "services/linux/send_signal.h"
#include "services/linux/task.h"
#include "services/linux/user.h"
#include "services/linux/user_memory.h"

long sys_getpid(struct task *self, struct user_frame *frame)
{
	(void)frame;
	return self->process->pid;
}

long sys_gettid(struct task *self, struct user_frame *frame)
{
	(void)frame;
	return self->tid;
}

long sys_getppid(struct task *self, struct user_frame *frame)
{
	(void)frame;
	return self->process->ppid;
}

long sys_getpgrp(struct task *self, struct user_frame *frame)
{
	(void)frame;
	return self->process->pgid;
}

static struct process *process_or_self(struct task *self, u64 pid)
{
	return (u32)pid ? process_find(pid) : self->process;
}

long sys_getpgid(struct task *self, struct user_frame *frame)
{
	struct process *process = process_or_self(self, arg(frame, 0));
	return process ? (long)process->pgid : -ESRCH;
}

long sys_getsid(struct task *self, struct user_frame *frame)
{
	struct process *process = process_or_self(self, arg(frame, 0));
	return process ? (long)process->sid : -ESRCH;
}

long sys_setpgid(struct task *self, struct user_frame *frame)
{
	struct process *process = process_or_self(self, arg(frame, 0));
	int pgid = arg(frame, 1);
	if (pgid < 0)
		return -EINVAL;
	if (!process)
		return -ESRCH;
	if (process != self->process) {
		if (process->parent != self->process)
			return -ESRCH;
		if (process->sid != self->process->sid)
			return -EPERM;
		if (process->did_exec)
			return -EACCES;
	}
	if (!pgid)
		pgid = process->pid;
	if (process->sid == process->pid && (u32)pgid != process->pgid)
		return -EPERM;
	if ((u32)pgid != process->pid && !group_in_session(pgid, self->process->sid))
		return -EPERM;
	process->pgid = pgid;
	return 0;
}

long sys_setsid(struct task *self, struct user_frame *frame)
{
	struct process *process = self->process;
	(void)frame;
	list_for_each(node, &processes)
		if (container_of(node, struct process, all)->pgid == process->pid)
			return -EPERM;
	process->sid = process->pgid = process->pid;
	return process->pid;
}

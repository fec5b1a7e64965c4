/* The calls about signals. */
#include <asm/errno.h>
#include <linux/time_types.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/signal/signal.h"
#include "services/linux/syscall.h"
#include "services/linux/clock.h"
#include "services/linux/machine.h"
#include "services/linux/send_signal.h"
#include "services/linux/task.h"
#include "services/linux/user_memory.h"

/* --- actions and masks --- */

long sys_rt_sigaction(struct task *self, struct user_frame *frame)
{
	unsigned signal = arg(frame, 0);
	u64 new_addr = arg(frame, 1), old_addr = arg(frame, 2);
	struct sigaction new;
	if (arg(frame, 3) != sizeof(sigset_t) || signal < 1 || signal > SIGNALS)
		return -EINVAL;
	if (new_addr && (signal == SIGKILL || signal == SIGSTOP))
		return -EINVAL;
	if (new_addr && user_read(self, new_addr, &new, sizeof(new)))
		return -EFAULT;
	struct sigaction *action = &self->process->actions[signal - 1], old = *action;
	if (new_addr) {
		*signal_word(&new.sa_mask) &= ~(u64)SIGNALS_UNBLOCKABLE;
		*action = new;
		if (signal_is_ignored(self->process, signal))
			signal_flush(self->process, signal_bit(signal));
	}
	return old_addr ? user_write(self, old_addr, &old, sizeof(old)) : 0;
}

static int mask_change(struct task *self, u64 how, u64 set)
{
	switch (how) {
	case SIG_BLOCK:
		signal_set_mask(self, self->mask | set);
		return 0;
	case SIG_UNBLOCK:
		signal_set_mask(self, self->mask & ~set);
		return 0;
	case SIG_SETMASK:
		signal_set_mask(self, set);
		return 0;
	default:
		return -EINVAL;
	}
}

long sys_rt_sigprocmask(struct task *self, struct user_frame *frame)
{
	u64 new_addr = arg(frame, 1), old_addr = arg(frame, 2), old = self->mask, new;
	if (arg(frame, 3) != sizeof(sigset_t))
		return -EINVAL;
	if (new_addr) {
		if (user_get_u64(self, new_addr, &new))
			return -EFAULT;
		int error = mask_change(self, arg(frame, 0), new);
		if (error)
			return error;
	}
	return old_addr ? user_put_u64(self, old_addr, old) : 0;
}

long sys_rt_sigpending(struct task *self, struct user_frame *frame)
{
	u64 waiting = (self->pending.mask | self->process->pending.mask) & self->mask;
	if (arg(frame, 1) > sizeof(waiting))
		return -EINVAL;
	return user_write(self, arg(frame, 0), &waiting, arg(frame, 1));
}

long sys_sigaltstack(struct task *self, struct user_frame *frame)
{
	u64 new_addr = arg(frame, 0), old_addr = arg(frame, 1);
	bool inside = signal_on_alt_stack(self, frame_sp(frame));
	stack_t new, old;
	memset(&old, 0, sizeof(old));
	old.ss_sp = (void *)self->alt_stack;
	old.ss_size = self->alt_stack_bytes;
	old.ss_flags = !self->alt_stack_bytes ? SS_DISABLE : inside ? SS_ONSTACK : 0;
	if (new_addr) {
		if (user_read(self, new_addr, &new, sizeof(new)))
			return -EFAULT;
		if (inside)
			return -EPERM;
		if (new.ss_flags & ~(int)(SS_DISABLE | SS_ONSTACK | SS_AUTODISARM))
			return -EINVAL;
		bool off = new.ss_flags &SS_DISABLE;
		if (!off && new.ss_size < MINSIGSTKSZ)
			return -ENOMEM;
		self->alt_stack = off ? 0 : (u64) new.ss_sp;
		self->alt_stack_bytes = off ? 0 : new.ss_size;
	}
	return old_addr ? user_write(self, old_addr, &old, sizeof(old)) : 0;
}

long sys_rt_sigreturn(struct task *self, struct user_frame *frame)
{
	u64 mask;
	if (machine_signal_pop(self, frame, &mask)) {
		process_exit(self->process, SIGSEGV);
		return 0;
	}
	signal_set_mask(self, mask);
	/* What is in the result register is the program's own: it restarts nothing. */
	frame->nr = ~0ull;
	return frame_result(frame);
}

/* --- waiting for signals --- */

long sys_rt_sigsuspend(struct task *self, struct user_frame *frame)
{
	if (!arg(frame, 0))
		return -EFAULT;
	int error = signal_mask_swap(self, arg(frame, 0), arg(frame, 1));
	while (!error)
		error = task_sleep(self, 0);
	return error == -ERESTARTSYS ? -ERESTARTNOHAND : error;
}

long sys_pause(struct task *self, struct user_frame *frame)
{
	(void)frame;
	while (!task_sleep(self, 0))
		;
	return -ERESTARTNOHAND;
}

long sys_rt_sigtimedwait(struct task *self, struct user_frame *frame)
{
	u64 set, ns, deadline = 0;
	struct __kernel_timespec time;
	siginfo_t info;
	if (arg(frame, 3) != sizeof(set))
		return -EINVAL;
	if (user_get_u64(self, arg(frame, 0), &set))
		return -EFAULT;
	if (arg(frame, 2)) {
		if (user_read(self, arg(frame, 2), &time, sizeof(time)))
			return -EFAULT;
		if (!timespec_to_ns(&time, &ns))
			return -EINVAL;
		deadline = deadline_after(ns);
	}
	set &= ~(u64)SIGNALS_UNBLOCKABLE;
	int signal, error = 0;
	while (!(signal = signal_dequeue(self, set, &info)) && !error) {
		self->waiting_for = set;
		error = task_sleep(self, deadline);
		self->waiting_for = 0;
		signal_recalc_pending(self);
	}
	signal_recalc_pending(self);
	/* It may have been the one told of others. */
	signal_retarget(self, set & self->mask);
	if (!signal)
		return error == -ETIMEDOUT ? -EAGAIN : -EINTR;
	if (arg(frame, 1) && user_write(self, arg(frame, 1), &info, sizeof(info)))
		return -EFAULT;
	return signal;
}

/* --- sending --- */

static void info_from(struct task *self, siginfo_t *info, int signal, int code)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = signal;
	info->si_code = code;
	info->si_pid = self->process->pid;
	info->si_uid = self->process->cred.uid;
}

static int kill_one(struct task *self, struct process *target, int signal, const siginfo_t *info)
{
	if (!may_signal(self->process, target, signal))
		return -EPERM;
	return signal ? signal_send_process(target, signal, info) : 0;
}

static int kill_group(struct task *self, u32 pgid, int signal, const siginfo_t *info)
{
	int result = -ESRCH;
	list_for_each_safe(node, &processes) {
		struct process *process = container_of(node, struct process, all);
		if (process->pgid != pgid)
			continue;
		int error = kill_one(self, process, signal, info);
		if (result)
			result = error;
	}
	return result;
}

/* kill(-1): sends to every process but the caller's own that the caller may signal. */
static int kill_all(struct task *self, int signal, const siginfo_t *info)
{
	int result = 0;
	bool found = false;
	list_for_each_safe(node, &processes) {
		struct process *process = container_of(node, struct process, all);
		if (process == self->process)
			continue;
		int error = kill_one(self, process, signal, info);
		if (error != -EPERM)
			result = error;
		found = true;
	}
	return found ? result : -ESRCH;
}

long sys_kill(struct task *self, struct user_frame *frame)
{
	int pid = arg(frame, 0);
	unsigned signal = arg(frame, 1);
	siginfo_t info;
	if (signal > SIGNALS)
		return -EINVAL;
	info_from(self, &info, signal, SI_USER);
	if (pid > 0) {
		struct process *target = process_find(pid);
		return target ? kill_one(self, target, signal, &info) : -ESRCH;
	}
	if (pid == (int)0x80000000)
		return -ESRCH;
	if (pid == -1)
		return kill_all(self, signal, &info);
	return kill_group(self, pid ? (u32)-pid : self->process->pgid, signal, &info);
}

/* tgid 0: any. */
static int kill_task(struct task *self, u32 tgid, u32 tid, unsigned signal, const siginfo_t *info)
{
	if (signal > SIGNALS)
		return -EINVAL;
	struct task *task = task_find(tid);
	if (!task || (tgid && task->process->pid != tgid))
		return -ESRCH;
	if (!may_signal(self->process, task->process, signal))
		return -EPERM;
	return signal ? signal_send_task(task, signal, info) : 0;
}

long sys_tkill(struct task *self, struct user_frame *frame)
{
	siginfo_t info;
	info_from(self, &info, arg(frame, 1), SI_TKILL);
	return (int)arg(frame, 0) <= 0 ? -EINVAL : kill_task(self, 0, arg(frame, 0), arg(frame, 1), &info);
}

long sys_tgkill(struct task *self, struct user_frame *frame)
{
	siginfo_t info;
	info_from(self, &info, arg(frame, 2), SI_TKILL);
	if ((int)arg(frame, 0) <= 0 || (int)arg(frame, 1) <= 0)
		return -EINVAL;
	return kill_task(self, arg(frame, 0), arg(frame, 1), arg(frame, 2), &info);
}

/* A siginfo from a program must not look like one of the kernel's, unless it is for itself. */
static int info_from_user(struct task *self, u64 addr, siginfo_t *info, unsigned signal, u32 pid)
{
	if (user_read(self, addr, info, sizeof(*info)))
		return -EFAULT;
	info->si_signo = signal;
	if ((info->si_code >= 0 || info->si_code == SI_TKILL) && pid != self->process->pid)
		return -EPERM;
	return 0;
}

long sys_rt_sigqueueinfo(struct task *self, struct user_frame *frame)
{
	u32 pid = arg(frame, 0);
	unsigned signal = arg(frame, 1);
	siginfo_t info;
	int error = info_from_user(self, arg(frame, 2), &info, signal, pid);
	if (error)
		return error;
	struct process *target = process_find(pid);
	if (!target)
		return -ESRCH;
	return signal > SIGNALS ? -EINVAL : kill_one(self, target, signal, &info);
}

int signal_to_process(struct task *self, struct process *target, unsigned signal, u64 info_addr)
{
	siginfo_t info;
	int error = 0;
	if (!info_addr) {
		info_from(self, &info, signal, SI_USER);
	} else if (user_read(self, info_addr, &info, sizeof(info))) {
		return -EFAULT;
	} else {
		if (info.si_signo != (int)signal)
			return -EINVAL;
		error = info_from_user(self, info_addr, &info, signal, target->pid);
	}
	if (!error && signal > SIGNALS)
		error = -EINVAL;
	return error ? error : kill_one(self, target, signal, &info);
}

long sys_rt_tgsigqueueinfo(struct task *self, struct user_frame *frame)
{
	siginfo_t info;
	int error = info_from_user(self, arg(frame, 3), &info, arg(frame, 2), arg(frame, 0));
	return error ? error : kill_task(self, arg(frame, 0), arg(frame, 1), arg(frame, 2), &info);
}

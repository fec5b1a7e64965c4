/* signalfd: reading blocked signals from a file. A read takes signals that wait for the task that reads. */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/signalfd.h>

#include "lib/string.h"

#include "services/linux/event/event.h"
#include "services/linux/syscall.h"
#include "services/runtime/heap.h"
#include "services/linux/send_signal.h"
#include "services/linux/task.h"

struct signalfd {
	u64 mask;
};

/* Woken by every signal that has to wait, for whatever task. */

static void signalfd_copy_info(const siginfo_t *info, struct signalfd_siginfo *told)
{
	memset(told, 0, sizeof(*told));
	told->ssi_signo = (u32)info->si_signo;
	told->ssi_errno = info->si_errno;
	told->ssi_code = info->si_code;
	told->ssi_pid = (u32)info->si_pid;
	told->ssi_uid = info->si_uid;
	if (info->si_signo == SIGCHLD)
		told->ssi_status = info->si_status;
	else if (info->si_code == SI_TIMER)
		told->ssi_overrun = (u32)info->si_overrun;
	if (info->si_code < 0) {
		told->ssi_int = info->si_int;
		told->ssi_ptr = (u64)info->si_ptr;
	}
}

static long signalfd_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	const struct signalfd *signals = file->data;
	struct signalfd_siginfo told;
	size_t done = 0;
	siginfo_t info;
	int error = 0;

	(void)pos;
	if (bytes < sizeof(told))
		return -EINVAL;
	while (bytes - done >= sizeof(told)) {
		if (signal_dequeue(self, signals->mask, &info)) {
			signal_recalc_pending(self);
			signalfd_copy_info(&info, &told);
			if (copy_guarded((char *)to + done, &told, sizeof(told)) < sizeof(told))
				return done ? (long)done : -EFAULT;
			done += sizeof(told);
			continue;
		}
		if (done || error)
			break;
		error = file->flags & O_NONBLOCK ? -EAGAIN : wait_on(self, &signalfd_queue, 0);
	}
	return done ? (long)done : error;
}

static unsigned signalfd_poll(struct file *file, struct poll_table *wait)
{
	const struct signalfd *signals = file->data;
	const struct task *self = task_of_thread(thread_self());

	poll_wait(wait, &signalfd_queue);
	return self && (self->pending.mask | self->process->pending.mask) & signals->mask ? EPOLLIN : 0;
}

static void signalfd_release(struct task *self, struct file *file)
{
	(void)self;
	heap_free(file->data);
}

static const struct file_ops signalfd_ops = {
	.read = signalfd_read,
	.poll = signalfd_poll,
	.release = signalfd_release,
};

static long signalfd_make(struct task *self, u64 mask, u32 flags)
{
	struct signalfd *signals = heap_zalloc(sizeof(*signals));
	struct file *file =
		anonymous_file(&signalfd_ops, signals, "anon_inode:[signalfd]", O_RDWR | (flags & O_NONBLOCK));

	if (!file)
		return -ENOMEM;
	signals->mask = mask;
	return descriptor_add(self, file, 0, flags & SFD_CLOEXEC);
}

static long signalfd_call(struct task *self, u64 fd, u64 addr, u64 bytes, u32 flags)
{
	struct file *file;
	u64 mask;

	if (flags & ~(u32)(SFD_CLOEXEC | SFD_NONBLOCK) || bytes != sizeof(mask))
		return -EINVAL;
	if (user_get_u64(self, addr, &mask))
		return -EFAULT;
	mask &= ~(u64)SIGNALS_UNBLOCKABLE;
	if ((int)fd == -1)
		return signalfd_make(self, mask, flags);
	file = descriptor_peek(self->files, fd);
	if (!file)
		return -EBADF;
	if (file->ops != &signalfd_ops)
		return -EINVAL;
	((struct signalfd *)file->data)->mask = mask;
	wake_up(&signalfd_queue);
	return (int)fd;
}

long sys_signalfd(struct task *self, struct user_frame *f)
{
	return signalfd_call(self, arg(f, 0), arg(f, 1), arg(f, 2), 0);
}

long sys_signalfd4(struct task *self, struct user_frame *f)
{
	return signalfd_call(self, arg(f, 0), arg(f, 1), arg(f, 2), (u32)arg(f, 3));
}

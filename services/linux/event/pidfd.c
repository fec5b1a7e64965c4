/* pidfds: descriptors that stand for a process, also when its number has been given to another. */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/pidfd.h>

#include "lib/format.h"

#include "services/linux/event/event.h"
#include "services/linux/signal/signal.h"
#include "services/linux/syscall.h"
#include "services/runtime/heap.h"

/* file->data of a pidfd is a struct process_handle. */

static unsigned pidfd_poll(struct file *file, struct poll_table *wait)
{
	struct process_handle *handle = file->data;

	poll_wait(wait, &handle->ended);
	return handle->process && handle->process->state != PROCESS_ZOMBIE ? 0 : EPOLLIN | EPOLLRDNORM;
}

static void pidfd_release(struct task *self, struct file *file)
{
	(void)self;
	process_handle_put(file->data);
}

/* Shows the process's number; -1 if somebody has waited for it. */
static void pidfd_about(struct file *file, char *to, size_t size)
{
	const struct process_handle *handle = file->data;
	int pid = handle->process ? (int)handle->process->pid : -1;

	format(to, size, "Pid:\t%d\nNSpid:\t%d\n", pid, pid);
}

static const struct file_ops pidfd_ops = {
	.poll = pidfd_poll,
	.about = pidfd_about,
	.release = pidfd_release,
};

struct file *pidfd_file(struct process *process, u32 flags)
{
	struct process_handle *handle = process_handle(process);
	struct inode *inode = handle ? anonymous_inode(0600) : NULL;
	struct file *file = inode ? file_new(&pidfd_ops, inode, NULL, O_RDWR | flags) : NULL;

	if (!file) {
		process_handle_put(handle);
		return NULL;
	}
	inode->target = heap_string("anon_inode:[pidfd]", sizeof("anon_inode:[pidfd]") - 1);
	file->data = handle;
	return file;
}

struct process_handle *pidfd_handle(const struct file *file)
{
	return file && file->ops == &pidfd_ops ? file->data : NULL;
}

long sys_pidfd_open(struct task *self, struct user_frame *f)
{
	int pid = (int)arg(f, 0);
	u32 flags = (u32)arg(f, 1);
	struct process *process;
	struct file *file;

	if (flags & ~(u32)PIDFD_NONBLOCK || pid <= 0)
		return -EINVAL;
	process = process_find((u32)pid);
	if (!process)
		return task_find((u32)pid) ? -EINVAL : -ESRCH;
	file = pidfd_file(process, flags);
	return file ? descriptor_add(self, file, 0, true) : -ENOMEM;
}

/* The process of a pidfd. -> 0, -EBADF: no pidfd; -ESRCH: it has been waited for. */
static int pidfd_process(struct task *self, u64 fd, struct process **process)
{
	const struct process_handle *handle = pidfd_handle(descriptor_peek(self->files, fd));

	if (!handle)
		return -EBADF;
	*process = handle->process;
	return *process ? 0 : -ESRCH;
}

long sys_pidfd_send_signal(struct task *self, struct user_frame *f)
{
	struct process *process;
	int error;

	if ((u32)arg(f, 3))
		return -EINVAL;
	error = pidfd_process(self, arg(f, 0), &process);
	return error ? error : signal_to_process(self, process, (unsigned)arg(f, 1), arg(f, 2));
}

long sys_pidfd_getfd(struct task *self, struct user_frame *f)
{
	struct process *process;
	const struct task *task;
	struct file *file;
	int error;

	if ((u32)arg(f, 2))
		return -EINVAL;
	error = pidfd_process(self, arg(f, 0), &process);
	if (error)
		return error;
	if (!may_inspect_really(self, process))
		return -EPERM;
	task = process_task(process);
	if (!task || !task->files)
		return -ESRCH;
	file = descriptor_get(task->files, (int)arg(f, 1));
	return file ? descriptor_add(self, file, 0, true) : -EBADF;
}

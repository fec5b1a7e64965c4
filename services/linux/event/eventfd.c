/* eventfd: a counter as a file. */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>

#include "services/linux/event/event.h"
#include "services/linux/syscall.h"
#include "services/runtime/heap.h"

/* The installed UAPI headers have no eventfd.h yet. */
enum { EFD_SEMAPHORE = 1, EFD_CLOEXEC = O_CLOEXEC, EFD_NONBLOCK = O_NONBLOCK };

struct eventfd {
	u64 count;
	bool semaphore;
	struct wait_queue changed;
};

static long eventfd_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	struct eventfd *event = file->data;
	u64 value;
	int error = 0;

	(void)pos;
	if (bytes < sizeof(value))
		return -EINVAL;
	while (!event->count && !error)
		error = file->flags & O_NONBLOCK ? -EAGAIN : wait_on(self, &event->changed, 0);
	if (error)
		return error;
	value = event->semaphore ? 1 : event->count;
	event->count -= value;
	wake_up(&event->changed);
	return copy_guarded(to, &value, sizeof(value)) < sizeof(value) ? -EFAULT : (long)sizeof(value);
}

static long eventfd_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos)
{
	struct eventfd *event = file->data;
	u64 value;
	int error = 0;

	(void)pos;
	if (bytes < sizeof(value))
		return -EINVAL;
	if (copy_guarded(&value, from, sizeof(value)) < sizeof(value))
		return -EFAULT;
	if (value == ~0ull)
		return -EINVAL;
	while (event->count > ~0ull - 1 - value) {
		error = file->flags & O_NONBLOCK ? -EAGAIN : wait_on(self, &event->changed, 0);
		if (error)
			return error;
	}
	event->count += value;
	wake_up(&event->changed);
	return sizeof(value);
}

static unsigned eventfd_poll(struct file *file, struct poll_table *wait)
{
	struct eventfd *event = file->data;

	poll_wait(wait, &event->changed);
	return (event->count ? EPOLLIN : 0) | (event->count < ~0ull - 1 ? EPOLLOUT : 0);
}

static void eventfd_release(struct task *self, struct file *file)
{
	(void)self;
	heap_free(file->data);
}

static const struct file_ops eventfd_ops = {
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.release = eventfd_release,
};

static long eventfd_make(struct task *self, u32 count, u32 flags)
{
	struct eventfd *event;
	struct file *file;

	if (flags & ~(u32)(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK))
		return -EINVAL;
	event = heap_zalloc(sizeof(*event));
	file = anonymous_file(&eventfd_ops, event, "anon_inode:[eventfd]", O_RDWR | (flags & O_NONBLOCK));
	if (!file)
		return -ENOMEM;
	event->count = count;
	event->semaphore = flags & EFD_SEMAPHORE;
	wait_queue_init(&event->changed);
	return descriptor_add(self, file, 0, flags & EFD_CLOEXEC);
}

long sys_eventfd(struct task *self, struct user_frame *f)
{
	return eventfd_make(self, (u32)arg(f, 0), 0);
}

long sys_eventfd2(struct task *self, struct user_frame *f)
{
	return eventfd_make(self, (u32)arg(f, 0), (u32)arg(f, 1));
}

/* epoll: a set of files, each with a waiter in the wait lists of the file all the time. A wake-up marks the member as
 * active and wakes those who wait for the set, who then ask the marked members what is the case. A member that is level
 * triggered and ready stays active. */
#include "services/linux/clock.h"
#include "services/linux/event/epoll.h"

#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>

#include "services/linux/signal/signal.h"
#include "services/linux/syscall.h"
#include "services/runtime/heap.h"
#include "services/linux/event/poll.h"
#include "services/linux/send_signal.h"

enum { EVENTS_AT_ONCE = 64 };

struct epitem {
	struct list_node of_epoll, of_file, of_ready;
	struct epoll *set;
	struct file *file;
	int fd;
	u32 events;
	u64 data;
	struct poll_table wait;
	struct waiter waiters[POLL_QUEUES];
};

struct epoll {
	struct list_node items, ready;
	struct wait_queue waiters;
};

static const struct file_ops epoll_ops;

static void epitem_activate(struct epitem *item)
{
	if (list_is_empty(&item->of_ready))
		list_append(&item->set->ready, &item->of_ready);
	wake_up(&item->set->waiters);
}

static void epitem_wake(struct waiter *waiter)
{
	epitem_activate(waiter->data);
}

static void epitem_remove(struct epitem *item)
{
	poll_free_waits(&item->wait);
	list_remove(&item->of_epoll);
	list_remove(&item->of_file);
	list_remove(&item->of_ready);
	heap_free(item);
}

void epoll_release_file(struct file *file)
{
	while (!list_is_empty(&file->epolls))
		epitem_remove(container_of(list_first(&file->epolls), struct epitem, of_file));
}

static void epoll_release(struct task *self, struct file *file)
{
	struct epoll *set = file->data;

	(void)self;
	while (!list_is_empty(&set->items))
		epitem_remove(container_of(list_first(&set->items), struct epitem, of_epoll));
	heap_free(set);
}

static unsigned epitem_events(struct epitem *item)
{
	return file_poll(item->file, NULL) & (item->events | EPOLLERR | EPOLLHUP);
}

static unsigned epoll_poll(struct file *file, struct poll_table *wait)
{
	struct epoll *set = file->data;

	poll_wait(wait, &set->waiters);
	list_for_each(node, &set->ready) {
		struct epitem *item = container_of(node, struct epitem, of_ready);

		if (item->events & ~EPOLLET && epitem_events(item))
			return EPOLLIN | EPOLLRDNORM;
	}
	return 0;
}

static const struct file_ops epoll_ops = {
	.poll = epoll_poll,
	.release = epoll_release,
};

static long epoll_make(struct task *self, u32 flags)
{
	struct epoll *set;
	struct file *file;

	if (flags & ~(u32)O_CLOEXEC)
		return -EINVAL;
	set = heap_zalloc(sizeof(*set));
	file = anonymous_file(&epoll_ops, set, "anon_inode:[eventpoll]", O_RDWR);
	if (!file)
		return -ENOMEM;
	list_init(&set->items);
	list_init(&set->ready);
	wait_queue_init(&set->waiters);
	return descriptor_add(self, file, 0, flags & O_CLOEXEC);
}

long sys_epoll_create(struct task *self, struct user_frame *f)
{
	return (int)arg(f, 0) > 0 ? epoll_make(self, 0) : -EINVAL;
}

long sys_epoll_create1(struct task *self, struct user_frame *f)
{
	return epoll_make(self, (u32)arg(f, 0));
}

static int epitem_add(struct epoll *set, struct file *file, int fd, const struct epoll_event *event)
{
	struct epitem *item = heap_zalloc(sizeof(*item));

	if (!item)
		return -ENOMEM;
	list_init(&item->of_ready);
	item->set = set;
	item->file = file;
	item->fd = fd;
	item->events = event->events;
	item->data = event->data;
	item->wait.waiters = item->waiters;
	item->wait.room = POLL_QUEUES;
	item->wait.wake = epitem_wake;
	item->wait.data = item;
	list_append(&set->items, &item->of_epoll);
	list_append(&file->epolls, &item->of_file);
	file_poll(file, &item->wait);
	epitem_activate(item);
	return 0;
}

long sys_epoll_ctl(struct task *self, struct user_frame *f)
{
	struct file *at = descriptor_peek(self->files, arg(f, 0));
	int fd = (int)arg(f, 2), op = (int)arg(f, 1);
	struct file *file = descriptor_peek(self->files, (unsigned)fd);
	struct epitem *item = NULL;
	struct epoll_event event = { 0 };
	struct epoll *set;

	if (!at || !file)
		return -EBADF;
	if (op != EPOLL_CTL_DEL && user_read(self, arg(f, 3), &event, sizeof(event)))
		return -EFAULT;
	if (at->ops != &epoll_ops || at == file)
		return -EINVAL;
	if (!file->ops->poll)
		return -EPERM;
	set = at->data;
	list_for_each(node, &set->items) {
		struct epitem *each = container_of(node, struct epitem, of_epoll);

		if (each->file == file && each->fd == fd)
			item = each;
	}
	switch (op) {
	case EPOLL_CTL_ADD:
		return item ? -EEXIST : epitem_add(set, file, fd, &event);
	case EPOLL_CTL_DEL:
		if (!item)
			return -ENOENT;
		epitem_remove(item);
		return 0;
	case EPOLL_CTL_MOD:
		if (!item)
			return -ENOENT;
		item->events = event.events;
		item->data = event.data;
		epitem_activate(item);
		return 0;
	default:
		return -EINVAL;
	}
}

/* Takes up to `max` events of active members. */
static unsigned collect(struct epoll *set, struct epoll_event *events, unsigned max)
{
	unsigned count = 0;
	struct list_node *last = set->ready.prev;

	while (count < max && !list_is_empty(&set->ready)) {
		struct list_node *node = list_first(&set->ready);
		struct epitem *item = container_of(node, struct epitem, of_ready);
		unsigned ready = item->events & ~(EPOLLET | EPOLLONESHOT) ? epitem_events(item) : 0;

		list_remove(node);
		if (ready) {
			events[count++] = (struct epoll_event){ ready, item->data };
			if (item->events & EPOLLONESHOT)
				item->events &= EPOLLET | EPOLLONESHOT;
			else if (!(item->events & EPOLLET))
				list_append(&set->ready, node);
		}
		if (node == last)
			break;
	}
	return count;
}

static long epoll_wait_user(struct task *self, struct user_frame *f, u64 deadline)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	struct file *file = descriptor_peek(self->files, arg(f, 0));
	int max = (int)arg(f, 2);
	struct epoll *set;
	unsigned count = 0;
	int error = 0;

	if (!file)
		return -EBADF;
	if (file->ops != &epoll_ops || max <= 0)
		return -EINVAL;
	set = file->data;
	file_get(file);
	for (;;) {
		count = collect(set, events, (unsigned)max < EVENTS_AT_ONCE ? (unsigned)max : EVENTS_AT_ONCE);
		if (count || deadline == 1 || error)
			break;
		error = wait_on(self, &set->waiters, deadline);
		if (error && error != -ETIMEDOUT)
			break;
	}
	file_put(self, file);
	if (count)
		return user_write(self, arg(f, 1), events, count * sizeof(*events)) ? -EFAULT : (long)count;
	return !error || error == -ETIMEDOUT ? 0 : -EINTR;
}

static u64 deadline_of_ms(int ms)
{
	if (ms < 0)
		return 0;
	return ms ? time_monotonic() + (u64)ms * 1000000 : 1;
}

long sys_epoll_wait(struct task *self, struct user_frame *f)
{
	return epoll_wait_user(self, f, deadline_of_ms((int)arg(f, 3)));
}

long sys_epoll_pwait(struct task *self, struct user_frame *f)
{
	int error = signal_mask_swap(self, arg(f, 4), arg(f, 5));

	return error ? error : epoll_wait_user(self, f, deadline_of_ms((int)arg(f, 3)));
}

long sys_epoll_pwait2(struct task *self, struct user_frame *f)
{
	u64 deadline;
	int error = deadline_from_timespec(self, arg(f, 3), &deadline);

	if (!error)
		error = signal_mask_swap(self, arg(f, 4), arg(f, 5));
	return error ? error : epoll_wait_user(self, f, deadline);
}

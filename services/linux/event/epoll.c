/* epoll: a set of files, each with a waiter in the wait lists of the file all the time. A wake-up marks the member as
 * active and wakes those who wait for the set, who then ask the marked members what is the case. A member that is level
 * triggered and ready stays active. */
#include "services/linux/clock.h"
#include "services/linux/event/epoll.h"

#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>

#include "services/linux/call.h"
#include "services/runtime/heap.h"
#include "services/linux/event/poll.h"
#include "services/linux/raise.h"

enum { EVENTS_AT_ONCE = 64 };

struct member {
	struct list_node of_set, of_file, of_active;
	struct epoll *set;
	struct file *file;
	int fd;
	u32 events;
	u64 data;
	struct poll_wait wait;
	struct waiter waiters[POLL_LISTS];
};

struct epoll {
	struct list_node members, active;
	struct wait_list waiters;
};

static const struct file_ops epoll_ops;

static void member_activate(struct member *member)
{
	if (list_is_empty(&member->of_active))
		list_append(&member->set->active, &member->of_active);
	wait_wake(&member->set->waiters);
}

static void member_wake(struct waiter *waiter)
{
	member_activate(waiter->data);
}

static void member_remove(struct member *member)
{
	poll_leave(&member->wait);
	list_remove(&member->of_set);
	list_remove(&member->of_file);
	list_remove(&member->of_active);
	heap_free(member);
}

void epoll_forget(struct file *file)
{
	while (!list_is_empty(&file->epolls))
		member_remove(container_of(list_first(&file->epolls), struct member, of_file));
}

static void epoll_release(struct task *self, struct file *file)
{
	struct epoll *set = file->data;

	(void)self;
	while (!list_is_empty(&set->members))
		member_remove(container_of(list_first(&set->members), struct member, of_set));
	heap_free(set);
}

static unsigned member_events(struct member *member)
{
	return file_poll(member->file, NULL) & (member->events | EPOLLERR | EPOLLHUP);
}

static unsigned epoll_poll(struct file *file, struct poll_wait *wait)
{
	struct epoll *set = file->data;

	poll_on(wait, &set->waiters);
	list_for_each(node, &set->active) {
		struct member *member = container_of(node, struct member, of_active);

		if (member->events & ~EPOLLET && member_events(member))
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
	list_init(&set->members);
	list_init(&set->active);
	wait_list_init(&set->waiters);
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

static int member_add(struct epoll *set, struct file *file, int fd, const struct epoll_event *event)
{
	struct member *member = heap_zalloc(sizeof(*member));

	if (!member)
		return -ENOMEM;
	list_init(&member->of_active);
	member->set = set;
	member->file = file;
	member->fd = fd;
	member->events = event->events;
	member->data = event->data;
	member->wait.waiters = member->waiters;
	member->wait.room = POLL_LISTS;
	member->wait.wake = member_wake;
	member->wait.data = member;
	list_append(&set->members, &member->of_set);
	list_append(&file->epolls, &member->of_file);
	file_poll(file, &member->wait);
	member_activate(member);
	return 0;
}

long sys_epoll_ctl(struct task *self, struct user_frame *f)
{
	struct file *at = files_peek(self->files, arg(f, 0));
	int fd = (int)arg(f, 2), op = (int)arg(f, 1);
	struct file *file = files_peek(self->files, (unsigned)fd);
	struct member *member = NULL;
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
	list_for_each(node, &set->members) {
		struct member *each = container_of(node, struct member, of_set);

		if (each->file == file && each->fd == fd)
			member = each;
	}
	switch (op) {
	case EPOLL_CTL_ADD:
		return member ? -EEXIST : member_add(set, file, fd, &event);
	case EPOLL_CTL_DEL:
		if (!member)
			return -ENOENT;
		member_remove(member);
		return 0;
	case EPOLL_CTL_MOD:
		if (!member)
			return -ENOENT;
		member->events = event.events;
		member->data = event.data;
		member_activate(member);
		return 0;
	default:
		return -EINVAL;
	}
}

/* Takes up to `max` events of active members. */
static unsigned collect(struct epoll *set, struct epoll_event *events, unsigned max)
{
	unsigned count = 0;
	struct list_node *last = set->active.prev;

	while (count < max && !list_is_empty(&set->active)) {
		struct list_node *node = list_first(&set->active);
		struct member *member = container_of(node, struct member, of_active);
		unsigned ready = member->events & ~(EPOLLET | EPOLLONESHOT) ? member_events(member) : 0;

		list_remove(node);
		if (ready) {
			events[count++] = (struct epoll_event){ ready, member->data };
			if (member->events & EPOLLONESHOT)
				member->events &= EPOLLET | EPOLLONESHOT;
			else if (!(member->events & EPOLLET))
				list_append(&set->active, node);
		}
		if (node == last)
			break;
	}
	return count;
}

static long epoll_wait_user(struct task *self, struct user_frame *f, u64 deadline)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	struct file *file = files_peek(self->files, arg(f, 0));
	int max = (int)arg(f, 2);
	struct epoll *set;
	unsigned count = 0;
	int error = 0;

	if (!file)
		return -EBADF;
	if (file->ops != &epoll_ops || max <= 0)
		return -EINVAL;
	set = file->data;
	file_share(file);
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

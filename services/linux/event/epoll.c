/* epoll: a set of files. Each member always has waiters in the wait queues of its file. A wake-up marks the member active and wakes
 * the tasks that wait for the set; these poll the files of active members. A level-triggered member that is ready stays active.
 *
 * Sets may be members of sets. A wake-up goes up from set to set, a poll goes down, and both by recursion. So epoll_ctl() keeps
 * this invariant, which is Linux's: sets form no circle, no chain of sets is longer than CHAIN_MAX, and from a file that is no
 * set at most path_limits[n] ways lead through n + 1 sets to one that is in no other set. */

#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>

#include "lib/string.h"

#include "services/linux/event/event.h"
#include "services/linux/signal/signal.h"
#include "services/linux/syscall.h"
#include "services/linux/clock.h"
#include "services/linux/user.h"
#include "services/runtime/heap.h"
#include "services/runtime/service.h"
#include "services/linux/send_signal.h"

enum { EVENTS_AT_ONCE = 64, CHAIN_MAX = 5 /* EP_MAX_NESTS + 1 */ };

/* As Linux has them: there is no limit for ways through one set only. */
static const unsigned path_limits[CHAIN_MAX] = { ~0u, 500, 100, 50, 10 };

struct epitem {
	struct list_node of_epoll, of_file, of_ready;
	struct epoll *set;
	struct file *file;
	int fd;
	u32 events;
	u64 data;
	u64 checked; /* number of the check that has counted the ways up from its file */
	struct poll_table wait;
	struct waiter waiters[POLL_QUEUES];
};

struct epoll {
	struct list_node items, ready;
	struct wait_queue waiters;
	struct file *file;
	struct user *user; /* whom its members are charged to */
	/* What a check has found out about the set, so that it looks at each once: the check's number, sets in the longest chain
	 * down from here, and the ways up. */
	u64 checked_down, checked_up;
	unsigned chain;
	unsigned paths[CHAIN_MAX];
};

static const struct file_ops epoll_ops;

static bool is_set(const struct file *file)
{
	return file->ops == &epoll_ops;
}

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
	user_uncharge(item->set->user, USER_EPOLL_WATCHES, 1);
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
	user_put(set->user);
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
	list_for_each_safe(node, &set->ready) {
		struct epitem *item = container_of(node, struct epitem, of_ready);

		if (item->events & ~(EPOLLET | EPOLLONESHOT) && epitem_events(item))
			return EPOLLIN | EPOLLRDNORM;
		/* A wake-up makes it active again. */
		list_remove(node);
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
	set->user = user_hold(self->process->cred.user);
	set->file = file;
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

/* --- sets in sets --- */

static u64 checks; /* number of the check under way */

/* Sets in the longest chain down from the set; more than CHAIN_MAX if one leads to `in`, which the set is to be put into. */
static unsigned chain_down(struct epoll *set, const struct epoll *in)
{
	if (set == in)
		return CHAIN_MAX + 1;
	if (set->checked_down == checks)
		return set->chain;
	set->checked_down = checks;
	set->chain = 1;
	list_for_each(node, &set->items) {
		struct epitem *item = container_of(node, struct epitem, of_epoll);

		if (is_set(item->file))
			set->chain = (unsigned)max_u64(set->chain, 1 + chain_down(item->file->data, in));
	}
	return set->chain;
}

/* Counts the ways up from a set: paths[n] through n sets above it. */
static void count_paths(struct epoll *set)
{
	if (set->checked_up == checks)
		return;
	set->checked_up = checks;
	memset(set->paths, 0, sizeof(set->paths));
	set->paths[0] = list_is_empty(&set->file->epolls);
	list_for_each(node, &set->file->epolls) {
		struct epoll *above = container_of(node, struct epitem, of_file)->set;

		count_paths(above);
		for (unsigned i = 1; i < CHAIN_MAX; i++)
			set->paths[i] += (unsigned)min_u64(above->paths[i - 1], 1000);
	}
}

/* Sets in the longest chain up from the set. */
static unsigned chain_up(struct epoll *set)
{
	unsigned length = CHAIN_MAX;

	count_paths(set);
	while (length > 1 && !set->paths[length - 1])
		length--;
	return length;
}

/* Are there too many ways up from a file that is no set? */
static bool file_is_crowded(struct file *file)
{
	unsigned paths[CHAIN_MAX] = { 0 };

	list_for_each(node, &file->epolls) {
		struct epitem *item = container_of(node, struct epitem, of_file);

		item->checked = checks;
		count_paths(item->set);
		for (unsigned i = 1; i < CHAIN_MAX; i++) {
			paths[i] += item->set->paths[i];
			if (paths[i] > path_limits[i])
				return true;
		}
	}
	return false;
}

/* The same for all files that are reached from the member; a set is gone through once. */
static bool epitem_is_crowded(struct epitem *item)
{
	struct epoll *set = item->file->data;

	if (item->checked == checks)
		return false;
	if (!is_set(item->file))
		return file_is_crowded(item->file);
	item->checked = checks;
	if (set->checked_down == checks)
		return false;
	set->checked_down = checks;
	list_for_each(node, &set->items)
		if (epitem_is_crowded(container_of(node, struct epitem, of_epoll)))
			return true;
	return false;
}

static bool closes_circle(struct epoll *set, struct epoll *into)
{
	checks++;
	return chain_down(set, into) + chain_up(into) > CHAIN_MAX;
}

/* Does a file in the set add ways through more than one set? */
static bool makes_ways(const struct epoll *set, const struct file *file)
{
	return is_set(file) || !list_is_empty(&set->file->epolls);
}

/* A member is new, or has other events: if its file is ready, wakes the tasks that wait for the set. Otherwise it wakes nobody,
 * because the ways up from a set without files are not limited. */
static void epitem_look(struct epitem *item, unsigned ready)
{
	if (ready & (item->events | EPOLLERR | EPOLLHUP))
		epitem_activate(item);
}

/* As Linux has it: a user's watches take 1/25 of the memory at most. */
u64 epoll_max_user_watches(void)
{
	static u64 most;
	struct kernel_stats stats = { 0 };

	if (!most && call_stats(&stats, offsetof(struct kernel_stats, spaces)) >= 0)
		most = stats.frames_total * PAGE_SIZE / 25 / sizeof(struct epitem);
	return most;
}

static int epitem_add(struct epoll *set, struct file *file, int fd, const struct epoll_event *event)
{
	struct epitem *item = heap_zalloc(sizeof(*item));

	if (!item)
		return -ENOMEM;
	if (!user_charge(set->user, USER_EPOLL_WATCHES, 1, epoll_max_user_watches())) {
		heap_free(item);
		return -ENOSPC;
	}
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
	if (makes_ways(set, file)) {
		checks++;
		if (epitem_is_crowded(item)) {
			epitem_remove(item);
			return -EINVAL;
		}
	}
	epitem_look(item, file_poll(file, &item->wait));
	return 0;
}

/* Finds a file's member of a set. A set may have many members, and a file may be in many sets: walks both lists at the same pace,
 * and so needs as many steps as the shorter one has. */
static struct epitem *epitem_find(struct epoll *set, struct file *file, int fd)
{
	const struct list_node *of_set = set->items.next, *of_file = file->epolls.next;

	while (of_set != &set->items && of_file != &file->epolls) {
		struct epitem *a = container_of(of_set, struct epitem, of_epoll);
		struct epitem *b = container_of(of_file, struct epitem, of_file);

		if (a->file == file && a->fd == fd)
			return a;
		if (b->set == set && b->fd == fd)
			return b;
		of_set = of_set->next;
		of_file = of_file->next;
	}
	return NULL;
}

long sys_epoll_ctl(struct task *self, struct user_frame *f)
{
	struct file *at = descriptor_peek(self->files, arg(f, 0));
	int fd = (int)arg(f, 2), op = (int)arg(f, 1);
	struct file *file = descriptor_peek(self->files, (unsigned)fd);
	struct epoll_event event = { 0 };
	struct epitem *item;
	struct epoll *set;

	if (op != EPOLL_CTL_DEL && user_read(self, arg(f, 3), &event, sizeof(event)))
		return -EFAULT;
	if (!at || !file)
		return -EBADF;
	if (!file->ops->poll)
		return -EPERM;
	if (!is_set(at) || at == file)
		return -EINVAL;
	set = at->data;
	if (op == EPOLL_CTL_ADD && is_set(file) && closes_circle(file->data, set))
		return -ELOOP;
	item = epitem_find(set, file, fd);
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
		epitem_look(item, file_poll(file, NULL));
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
	if (!is_set(file) || max <= 0)
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

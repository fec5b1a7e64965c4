/* inotify: files that tell what happens to other files and directories.
 *
 *   struct file -> struct inotify -- struct watch -- struct watch ...     of the instance
 *                         |              |               |
 *                   struct event    struct inode    struct inode           a watch has a reference; inode->watches, inode->watched
 *
 * An inode has at most one watch of each instance. Instances and watches are charged to the user who makes the instance. */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <linux/limits.h>

#include "lib/string.h"

#include "services/linux/event/event.h"
#include "services/linux/syscall.h"
#include "services/linux/user.h"
#include "services/runtime/heap.h"
#include "services/runtime/service.h"

enum {
	WATCH_BUCKETS = 1024,
	WATCH_COST = 2048,
	WATCHES_LEAST = 8192,
	WATCHES_MOST = 1 << 20,
	MEMORY_PART = 100,
	CLOSE_PIECE = 256
};

enum {
	WATCH_FLAGS = IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ISDIR |
		(int)IN_ONESHOT,
	/* What a watch keeps. */
	WATCH_KEPT = IN_ALL_EVENTS | IN_EXCL_UNLINK | (int)IN_ONESHOT,
};

u64 inotify_max_instances = 128, inotify_max_queued_events = 16384, inotify_max_watches;

struct inotify {
	struct user *user; /* [I] charged */
	struct list_node watches;
	struct list_node events; /* that nobody has read yet */
	u64 count, bytes;        /* of them; bytes as they are read */
	i32 last_wd;
	struct event *overflow; /* [I] says that events were lost; made with the instance */
	bool overflows;         /* it is among the events */
	struct wait_queue can_read;
};

struct watch {
	struct list_node of_instance, of_inode, of_number;
	struct inotify *instance;
	struct inode *inode; /* with a reference */
	u32 mask;
	i32 wd;
};

struct event {
	struct list_node node;
	struct inotify_event head; /* as it is read, then head.len bytes of name with NULs behind it */
	size_t length;
	char name[];
};

static struct list_node buckets[WATCH_BUCKETS];

static struct list_node *bucket_of(const struct inotify *instance, i32 wd)
{
	struct list_node *bucket = &buckets[((u64)instance / sizeof(*instance) + (u32)wd) % WATCH_BUCKETS];

	if (!bucket->next)
		list_init(bucket);
	return bucket;
}

/* --- events --- */

static bool same_event(const struct event *event, const struct watch *watch, u32 mask, const char *name, size_t length)
{
	return event->head.mask == mask && event->head.wd == watch->wd && event->length == length &&
		!(mask & IN_IGNORED) && memcmp(event->name, name, length) == 0;
}

static struct event *event_new(i32 wd, u32 mask, u32 cookie, const char *name, size_t length)
{
	u32 room = length ? (u32)round_up(length + 1, sizeof(struct inotify_event)) : 0;
	struct event *event = heap_zalloc(sizeof(*event) + room);

	if (!event)
		return NULL;
	event->head = (struct inotify_event){ .wd = wd, .mask = mask, .cookie = cookie, .len = room };
	event->length = length;
	memcpy(event->name, name, length);
	return event;
}

static void queue(struct inotify *instance, struct event *event)
{
	list_append(&instance->events, &event->node);
	instance->count++;
	instance->bytes += sizeof(event->head) + event->head.len;
	wake_up(&instance->can_read);
}

/* If there is no room or memory for an event, the last event in the queue says that events were lost. */
static void lose(struct inotify *instance)
{
	if (instance->overflows)
		return;
	instance->overflows = true;
	queue(instance, instance->overflow);
}

static void tell(const struct watch *watch, u32 mask, u32 cookie, const char *name, size_t length)
{
	struct inotify *instance = watch->instance;
	struct event *event;

	if (!list_is_empty(&instance->events) &&
		same_event(container_of(instance->events.prev, struct event, node), watch, mask, name, length))
		return;
	event = instance->count < inotify_max_queued_events ? event_new(watch->wd, mask, cookie, name, length) : NULL;
	if (event)
		queue(instance, event);
	else
		lose(instance);
}

static void event_drop(struct inotify *instance, struct event *event)
{
	list_remove(&event->node);
	instance->count--;
	instance->bytes -= sizeof(event->head) + event->head.len;
	if (event == instance->overflow)
		instance->overflows = false;
	else
		heap_free(event);
}

/* --- watches --- */

/* Ends a watch, with an event for its instance unless that ends, too. */
static void watch_end(struct watch *watch, bool told)
{
	struct inode *inode = watch->inode;

	if (told)
		tell(watch, IN_IGNORED, 0, "", 0);
	list_remove(&watch->of_instance);
	list_remove(&watch->of_inode);
	list_remove(&watch->of_number);
	user_uncharge(watch->instance->user, USER_INOTIFY_WATCHES, 1);
	heap_free(watch);
	inodes_watched--;
	inode->watched--;
	inode_put(inode);
}

void inotify_notify(struct inode *inode, u32 mask, u32 cookie, const char *name, size_t length)
{
	bool unlinked = mask & NOTIFY_UNLINKED;

	mask &= ~(u32)NOTIFY_UNLINKED;
	list_for_each_safe(node, &inode->watches) {
		struct watch *watch = container_of(node, struct watch, of_inode);

		if (!(watch->mask & mask & IN_ALL_EVENTS) || (unlinked && watch->mask & IN_EXCL_UNLINK))
			continue;
		/* As on Linux, IN_ISDIR is not set in these events of a directory itself. */
		tell(watch, mask & (IN_MOVE_SELF | IN_DELETE_SELF) ? mask & ~(u32)IN_ISDIR : mask, cookie,
			name ? name : "", length);
		if (watch->mask & IN_ONESHOT)
			watch_end(watch, true);
	}
}

void inotify_gone(struct inode *inode)
{
	inode_get(inode);
	inotify_notify(inode, IN_DELETE_SELF, 0, NULL, 0);
	list_for_each_safe(node, &inode->watches)
		watch_end(container_of(node, struct watch, of_inode), true);
	inode_put(inode);
}

static struct watch *watch_of(const struct inotify *instance, const struct inode *inode)
{
	if (!inode->watched)
		return NULL;
	list_for_each(node, &inode->watches) {
		struct watch *watch = container_of(node, struct watch, of_inode);

		if (watch->instance == instance)
			return watch;
	}
	return NULL;
}

static struct watch *watch_find(const struct inotify *instance, i32 wd)
{
	list_for_each(node, bucket_of(instance, wd)) {
		struct watch *watch = container_of(node, struct watch, of_number);

		if (watch->instance == instance && watch->wd == wd)
			return watch;
	}
	return NULL;
}

/* A number for a watch. A number is not used again before all others were used. */
static i32 next_wd(struct inotify *instance)
{
	do
		instance->last_wd = instance->last_wd == INT32_MAX ? 1 : instance->last_wd + 1;
	while (watch_find(instance, instance->last_wd));
	return instance->last_wd;
}

static long watch_new(struct inotify *instance, struct inode *inode, u32 mask)
{
	struct watch *watch = heap_zalloc(sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	if (!user_charge(instance->user, USER_INOTIFY_WATCHES, 1, inotify_max_watches)) {
		heap_free(watch);
		return -ENOSPC;
	}
	if (!inode->watched)
		list_init(&inode->watches);
	watch->instance = instance;
	watch->inode = inode_get(inode);
	watch->mask = mask;
	watch->wd = next_wd(instance);
	list_append(&instance->watches, &watch->of_instance);
	list_append(&inode->watches, &watch->of_inode);
	list_append(bucket_of(instance, watch->wd), &watch->of_number);
	inode->watched++;
	inodes_watched++;
	return watch->wd;
}

/* --- as a file --- */

/* -> bytes, 0: it does not fit; -EFAULT, and the event is gone as on Linux. */
static long read_event(struct inotify *instance, char *to, size_t bytes)
{
	struct event *event = container_of(list_first(&instance->events), struct event, node);
	size_t whole = sizeof(event->head) + event->head.len;
	bool copied;

	if (bytes < whole)
		return 0;
	copied = copy_guarded(to, &event->head, sizeof(event->head)) == sizeof(event->head) &&
		copy_guarded(to + sizeof(event->head), event->name, event->head.len) == event->head.len;
	event_drop(instance, event);
	return copied ? (long)whole : -EFAULT;
}

static long inotify_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	struct inotify *instance = file->data;
	size_t done = 0;
	long read = 0;
	int error = 0;

	(void)pos;
	while (list_is_empty(&instance->events)) {
		if (!error)
			error = file->flags & O_NONBLOCK ? -EAGAIN : wait_on(self, &instance->can_read, 0);
		if (error && list_is_empty(&instance->events))
			return error;
	}
	bytes = min_u64(bytes, IO_PIECE);
	while (!list_is_empty(&instance->events) && (read = read_event(instance, (char *)to + done, bytes - done)) > 0)
		done += (size_t)read;
	if (!done)
		return read ? read : -EINVAL;
	return (long)done;
}

static unsigned inotify_poll(struct file *file, struct poll_table *wait)
{
	struct inotify *instance = file->data;

	poll_wait(wait, &instance->can_read);
	return list_is_empty(&instance->events) ? 0 : EPOLLIN | EPOLLRDNORM;
}

static long inotify_ioctl(struct task *self, struct file *file, unsigned command, u64 argument)
{
	const struct inotify *instance = file->data;

	return command == FIONREAD ? user_put_u32(self, argument, (u32)instance->bytes) : -ENOTTY;
}

static void inotify_release(struct task *self, struct file *file)
{
	struct inotify *instance = file->data;
	unsigned done = 0;

	(void)self;
	while (!list_is_empty(&instance->watches)) {
		watch_end(container_of(list_first(&instance->watches), struct watch, of_instance), false);
		if (++done % CLOSE_PIECE == 0)
			service_lock_pass();
	}
	while (!list_is_empty(&instance->events)) {
		event_drop(instance, container_of(list_first(&instance->events), struct event, node));
		if (++done % CLOSE_PIECE == 0)
			service_lock_pass();
	}
	user_uncharge(instance->user, USER_INOTIFY_INSTANCES, 1);
	heap_free(instance->overflow);
	heap_free(instance);
}

static const struct file_ops inotify_ops = {
	.read = inotify_read,
	.poll = inotify_poll,
	.ioctl = inotify_ioctl,
	.release = inotify_release,
};

/* --- the calls --- */

/* As Linux has it: watches take 1/100 of the memory at most. */
void inotify_init_limits(void)
{
	struct kernel_stats stats = { 0 };
	u64 watches = WATCHES_LEAST;

	if (call_stats(&stats, offsetof(struct kernel_stats, spaces)) >= 0)
		watches = max_u64(watches, stats.frames_total * PAGE_SIZE / MEMORY_PART / WATCH_COST);
	inotify_max_watches = min_u64(watches, WATCHES_MOST);
}

static long inotify_make(struct task *self, u32 flags)
{
	struct user *user = self->process->cred.user;
	struct inotify *instance;
	struct event *overflow;
	struct file *file;

	if (flags & ~(u32)(IN_CLOEXEC | IN_NONBLOCK))
		return -EINVAL;
	if (!user_charge(user, USER_INOTIFY_INSTANCES, 1, inotify_max_instances))
		return -EMFILE;
	overflow = event_new(-1, IN_Q_OVERFLOW, 0, "", 0);
	instance = overflow ? heap_zalloc(sizeof(*instance)) : NULL;
	file = anonymous_file(&inotify_ops, instance, "anon_inode:inotify", O_RDONLY | (flags & O_NONBLOCK));
	if (!file) {
		user_uncharge(user, USER_INOTIFY_INSTANCES, 1);
		heap_free(overflow);
		return -ENOMEM;
	}
	instance->user = user;
	instance->overflow = overflow;
	list_init(&instance->watches);
	list_init(&instance->events);
	wait_queue_init(&instance->can_read);
	return descriptor_add(self, file, 0, flags & IN_CLOEXEC);
}

long sys_inotify_init(struct task *self, struct user_frame *f)
{
	(void)f;
	return inotify_make(self, 0);
}

long sys_inotify_init1(struct task *self, struct user_frame *f)
{
	return inotify_make(self, (u32)arg(f, 0));
}

static int instance_of(struct task *self, u64 fd, struct inotify **instance)
{
	struct file *file = descriptor_peek(self->files, fd);

	if (!file)
		return -EBADF;
	if (file->ops != &inotify_ops)
		return -EINVAL;
	*instance = file->data;
	return 0;
}

/* Changes the watch of an inode, or makes a new one if it has none. */
static long watch_set(struct inotify *instance, struct inode *inode, u32 mask)
{
	struct watch *watch = watch_of(instance, inode);
	u32 kept = mask & WATCH_KEPT;

	if (!watch)
		return watch_new(instance, inode, kept);
	if (mask & IN_MASK_CREATE)
		return -EEXIST;
	watch->mask = mask & IN_MASK_ADD ? watch->mask | kept : kept;
	return watch->wd;
}

long sys_inotify_add_watch(struct task *self, struct user_frame *f)
{
	struct inotify *instance;
	char path[PATH_MAX];
	u32 mask = (u32)arg(f, 2);
	struct path at;
	long result;

	if (!(mask & (IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | (u32)WATCH_FLAGS)) ||
		(mask & IN_MASK_ADD && mask & IN_MASK_CREATE))
		return -EINVAL;
	result = instance_of(self, arg(f, 0), &instance);
	if (!result)
		result = user_string(self, arg(f, 1), path, sizeof(path));
	if (result < 0)
		return result;
	result = path_lookup(self, AT_FDCWD, path, mask & IN_DONT_FOLLOW ? 0 : LOOKUP_FOLLOW, &at);
	if (result)
		return result;
	if (mask & IN_ONLYDIR && !is_directory(at.dentry->inode))
		result = -ENOTDIR;
	if (!result)
		result = inode_permission(self, at.dentry->inode, 4);
	/* Looking up the path may have slept: the instance may have changed. */
	if (!result)
		result = instance_of(self, arg(f, 0), &instance);
	if (!result)
		result = watch_set(instance, at.dentry->inode, mask);
	dentry_put(at.dentry);
	return result;
}

long sys_inotify_rm_watch(struct task *self, struct user_frame *f)
{
	struct inotify *instance;
	struct watch *watch;
	int error = instance_of(self, arg(f, 0), &instance);

	if (error)
		return error;
	watch = watch_find(instance, (i32)arg(f, 1));
	if (!watch)
		return -EINVAL;
	watch_end(watch, true);
	return 0;
}

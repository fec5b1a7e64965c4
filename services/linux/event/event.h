/* The event room: waiting for several files at once, and files that are made for it.
 *
 *   poll.c epoll.c                        poll, select, epoll
 *   eventfd.c signalfd.c timerfd.c        files that tell of events
 *   inotify.c                             files that tell what happens to other files
 *   pidfd.c                               files that stand for processes
 *   pipe.c splice.c                       pipes and fifos; splice, tee, vmsplice
 *
 * The poll function of a file returns the events that are the case now, and calls poll_wait() for each wait queue that is woken
 * when that changes. Masks are EPOLL* (the same bits as POLL*). Everything here needs the service lock. */
#ifndef LINUX_EVENT_EVENT_H
#define LINUX_EVENT_EVENT_H

#include "services/linux/fs/fs.h"

/* --- for the poll functions of files --- */

struct poll_table {
	struct task *self;
	struct waiter *waiters;
	unsigned count, room;
	/* What each waiter gets, if a set and not a task waits (epoll); NULL: wakes the task. */
	void (*wake)(struct waiter *);
	void *data;
};

static inline void poll_wait(struct poll_table *wait, struct wait_queue *list)
{
	struct waiter *waiter;

	if (!wait || wait->count == wait->room)
		return;
	waiter = &wait->waiters[wait->count++];
	waiter_init(waiter, wait->self);
	waiter->wake = wait->wake;
	waiter->data = wait->data;
	wait_queue_add(list, waiter);
}
static inline void poll_free_waits(struct poll_table *wait)
{
	while (wait->count)
		wait_queue_remove(&wait->waiters[--wait->count]);
}

/* The most wait queues that a file's poll function names. */
enum { POLL_QUEUES = 2 };

/* --- timeouts --- */

/* Reads a timeout: struct timespec of user memory at addr (0: none) -> deadline in ns, 0 = none, 1 = do not wait. */
int deadline_from_timespec(struct task *self, u64 addr, u64 *deadline);

/* --- what fs calls: fs_hooks --- */

/* Takes a file that goes out of all sets that watch it. */
void epoll_release_file(struct file *file);
/* How many members the epoll sets of a user may have: /proc/sys/fs/epoll/max_user_watches. */
u64 epoll_max_user_watches(void);
/* Opens a fifo: waits for the other end unless O_NONBLOCK. */
int pipe_open(struct task *self, struct inode *inode, struct file *file);
/* F_GETPIPE_SZ and F_SETPIPE_SZ: makes the pipe that large (NULL: not). -> bytes; -EBADF: no pipe. */
long pipe_size(struct task *self, struct file *file, const u64 *wanted);

/* What happens to a watched inode is put into the queues of the instances that watch it. */
void inotify_notify(struct inode *inode, u32 mask, u32 cookie, const char *name, size_t length);
void inotify_gone(struct inode *inode);

/* --- what process calls: process_hooks --- */

/* A new pidfd; flags: O_NONBLOCK. NULL: no memory. */
struct file *pidfd_file(struct process *process, u32 flags);
/* What a pidfd stands for, without a reference. NULL: the file is none. */
struct process_handle *pidfd_handle(const struct file *file);

/* --- what /proc/sys/fs sets --- */

/* The largest that a user makes a pipe; pages that a user's pipes may have in all until new ones get two, and no more; 0: any. */
extern u64 inotify_max_instances, inotify_max_watches, inotify_max_queued_events;
/* Once, at the start. */
void inotify_init_limits(void);
extern u64 pipe_max_size, pipe_user_pages_soft, pipe_user_pages_hard;

#endif

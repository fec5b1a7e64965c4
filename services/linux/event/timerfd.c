/* timerfd: timers as files. Reading tells how often one was due since the last time. */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/time.h>
#include <linux/timerfd.h>

#include "services/linux/call.h"
#include "services/runtime/heap.h"
#include "services/linux/clock.h"
#include "services/linux/event/poll.h"
#include "services/linux/time/timer.h"

struct timer_file {
	struct list_node node; /* in timer_files */
	struct interval_timer timer;
	int clock;
	u64 times; /* it was due and nobody has read it */
	struct wait_list due;
};

static struct list_node timer_files = LIST_INIT(timer_files);

static void timer_update(struct timer_file *timer, u64 now)
{
	u64 times = interval_advance(&timer->timer, now);

	timer->times += times;
	if (times)
		wait_wake(&timer->due);
}

void timer_files_run(u64 now, u64 *next)
{
	list_for_each(node, &timer_files) {
		struct timer_file *timer = container_of(node, struct timer_file, node);

		timer_update(timer, now);
		interval_note(next, &timer->timer);
	}
}

static long timer_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	struct timer_file *timer = file->data;
	u64 times;
	int error = 0;

	(void)pos;
	if (bytes < sizeof(times))
		return -EINVAL;
	timer_update(timer, time_monotonic());
	while (!timer->times && !error)
		error = file->flags & O_NONBLOCK ? -EAGAIN : wait_on(self, &timer->due, 0);
	if (!timer->times)
		return error;
	times = timer->times;
	timer->times = 0;
	return copy_guarded(to, &times, sizeof(times)) < sizeof(times) ? -EFAULT : (long)sizeof(times);
}

static unsigned timer_poll(struct file *file, struct poll_wait *wait)
{
	struct timer_file *timer = file->data;

	poll_on(wait, &timer->due);
	return timer->times ? EPOLLIN | EPOLLRDNORM : 0;
}

static void timer_release(struct task *self, struct file *file)
{
	struct timer_file *timer = file->data;

	(void)self;
	list_remove(&timer->node);
	heap_free(timer);
}

static const struct file_ops timer_ops = {
	.read = timer_read,
	.poll = timer_poll,
	.release = timer_release,
};

long sys_timerfd_create(struct task *self, struct user_frame *f)
{
	int clock = (int)arg(f, 0);
	u32 flags = (u32)arg(f, 1);
	struct timer_file *timer;
	struct file *file;

	if (flags & ~(u32)(TFD_CLOEXEC | TFD_NONBLOCK))
		return -EINVAL;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
		clock != CLOCK_REALTIME_ALARM && clock != CLOCK_BOOTTIME_ALARM)
		return -EINVAL;
	timer = heap_zalloc(sizeof(*timer));
	file = anonymous_file(&timer_ops, timer, "anon_inode:[timerfd]", O_RDWR | (flags & O_NONBLOCK));
	if (!file)
		return -ENOMEM;
	timer->clock = clock;
	list_append(&timer_files, &timer->node);
	wait_list_init(&timer->due);
	return descriptor_add(self, file, 0, flags & TFD_CLOEXEC);
}

static struct timer_file *timer_get(struct task *self, u64 fd, long *error)
{
	struct file *file = files_peek(self->files, fd);

	*error = !file ? -EBADF : file->ops != &timer_ops ? -EINVAL : 0;
	return *error ? NULL : file->data;
}

static int timer_tell(struct task *self, const struct timer_file *timer, u64 addr)
{
	struct __kernel_itimerspec value = {
		.it_interval = ns_to_timespec(timer->timer.interval),
		.it_value = ns_to_timespec(interval_left(&timer->timer)),
	};

	return user_write(self, addr, &value, sizeof(value));
}

long sys_timerfd_settime(struct task *self, struct user_frame *f)
{
	u32 flags = (u32)arg(f, 1);
	struct __kernel_itimerspec value;
	struct timer_file *timer;
	u64 ns, interval;
	long error;

	if (flags & ~(u32)(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	if (user_read(self, arg(f, 2), &value, sizeof(value)))
		return -EFAULT;
	if (!timespec_to_ns(&value.it_value, &ns) || !timespec_to_ns(&value.it_interval, &interval))
		return -EINVAL;
	timer = timer_get(self, arg(f, 0), &error);
	if (!timer)
		return error;
	timer_update(timer, time_monotonic());
	if (arg(f, 3) && timer_tell(self, timer, arg(f, 3)))
		return -EFAULT;
	if (flags & TFD_TIMER_ABSTIME && ns) {
		bool wall = timer->clock == CLOCK_REALTIME || timer->clock == CLOCK_REALTIME_ALARM;
		u64 now = wall ? time_wall() : time_monotonic();

		ns = ns > now ? ns - now : 1;
	}
	timer->times = 0;
	interval_set(&timer->timer, ns, interval);
	return 0;
}

long sys_timerfd_gettime(struct task *self, struct user_frame *f)
{
	long error;
	struct timer_file *timer = timer_get(self, arg(f, 0), &error);

	if (!timer)
		return error;
	timer_update(timer, time_monotonic());
	return timer_tell(self, timer, arg(f, 1));
}

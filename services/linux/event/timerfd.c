/* timerfd: timers as files. A read returns how often the timer has expired since the last read. */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/time.h>
#include <linux/timerfd.h>

#include "services/linux/event/event.h"
#include "services/linux/syscall.h"
#include "services/runtime/heap.h"
#include "services/linux/clock.h"
#include "services/linux/timer.h"

struct timerfd {
	struct timer timer;
	int clock;
	u64 times; /* expiries that were not read yet */
	struct wait_queue due;
};

static void timerfd_due(struct timer *queued)
{
	struct timerfd *timer = container_of(queued, struct timerfd, timer);

	timer->times++;
	wake_up(&timer->due);
}

/* The count is about to be read: adds the expiries since the timer was due, and starts it again. */
static void timerfd_update(struct timerfd *timer)
{
	u64 times;

	timer_poll(&timer->timer);
	times = timer_forward(&timer->timer);
	if (times)
		timer->times += times - 1;
}

static long timerfd_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	struct timerfd *timer = file->data;
	u64 times;
	int error = 0;

	(void)pos;
	if (bytes < sizeof(times))
		return -EINVAL;
	timerfd_update(timer);
	while (!timer->times && !error)
		error = file->flags & O_NONBLOCK ? -EAGAIN : wait_on(self, &timer->due, 0);
	if (!timer->times)
		return error;
	timerfd_update(timer);
	times = timer->times;
	timer->times = 0;
	return copy_guarded(to, &times, sizeof(times)) < sizeof(times) ? -EFAULT : (long)sizeof(times);
}

static unsigned timerfd_poll(struct file *file, struct poll_table *wait)
{
	struct timerfd *timer = file->data;

	poll_wait(wait, &timer->due);
	return timer->times ? EPOLLIN : 0;
}

static void timerfd_release(struct task *self, struct file *file)
{
	struct timerfd *timer = file->data;

	(void)self;
	timer_stop(&timer->timer);
	heap_free(timer);
}

static const struct file_ops timerfd_ops = {
	.read = timerfd_read,
	.poll = timerfd_poll,
	.release = timerfd_release,
};

long sys_timerfd_create(struct task *self, struct user_frame *f)
{
	int clock = (int)arg(f, 0);
	u32 flags = (u32)arg(f, 1);
	struct timerfd *timer;
	struct file *file;

	if (flags & ~(u32)(TFD_CLOEXEC | TFD_NONBLOCK))
		return -EINVAL;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
		clock != CLOCK_REALTIME_ALARM && clock != CLOCK_BOOTTIME_ALARM)
		return -EINVAL;
	timer = heap_zalloc(sizeof(*timer));
	file = anonymous_file(&timerfd_ops, timer, "anon_inode:[timerfd]", O_RDWR | (flags & O_NONBLOCK));
	if (!file)
		return -ENOMEM;
	timer->clock = clock;
	timer->timer.due = timerfd_due;
	wait_queue_init(&timer->due);
	return descriptor_add(self, file, 0, flags & TFD_CLOEXEC);
}

static struct timerfd *timerfd_get(struct task *self, u64 fd, long *error)
{
	struct file *file = descriptor_peek(self->files, fd);

	*error = !file ? -EBADF : file->ops != &timerfd_ops ? -EINVAL : 0;
	return *error ? NULL : file->data;
}

static int timerfd_tell(struct task *self, const struct timerfd *timer, u64 addr)
{
	struct __kernel_itimerspec value = {
		.it_interval = ns_to_timespec(timer->timer.interval),
		.it_value = ns_to_timespec(timer_left(&timer->timer)),
	};

	return user_write(self, addr, &value, sizeof(value));
}

long sys_timerfd_settime(struct task *self, struct user_frame *f)
{
	u32 flags = (u32)arg(f, 1);
	struct __kernel_itimerspec value;
	struct timerfd *timer;
	u64 ns, interval;
	long error;

	if (flags & ~(u32)(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	if (user_read(self, arg(f, 2), &value, sizeof(value)))
		return -EFAULT;
	if (!timespec_to_ns(&value.it_value, &ns) || !timespec_to_ns(&value.it_interval, &interval))
		return -EINVAL;
	timer = timerfd_get(self, arg(f, 0), &error);
	if (!timer)
		return error;
	timerfd_update(timer);
	if (arg(f, 3) && timerfd_tell(self, timer, arg(f, 3)))
		return -EFAULT;
	if (flags & TFD_TIMER_ABSTIME && ns) {
		bool wall = timer->clock == CLOCK_REALTIME || timer->clock == CLOCK_REALTIME_ALARM;
		u64 now = wall ? time_realtime() : time_monotonic();

		ns = ns > now ? ns - now : 1;
	}
	timer->times = 0;
	timer_start(&timer->timer, ns, interval);
	return 0;
}

long sys_timerfd_gettime(struct task *self, struct user_frame *f)
{
	long error;
	struct timerfd *timer = timerfd_get(self, arg(f, 0), &error);

	if (!timer)
		return error;
	timerfd_update(timer);
	return timerfd_tell(self, timer, arg(f, 1));
}

/* poll and select. */
#include "services/linux/clock.h"

#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/poll.h>
#include <linux/time_types.h>

#include "services/linux/event/event.h"
#include "services/linux/signal/signal.h"
#include "services/linux/syscall.h"
#include "services/runtime/heap.h"
#include "services/linux/send_signal.h"

enum { POLL_ON_STACK = 16, FD_MAX = 65536 };

#define DO_NOT_WAIT 1

int deadline_from_timespec(struct task *self, u64 addr, u64 *deadline)
{
	struct __kernel_timespec time;

	*deadline = 0;
	if (!addr)
		return 0;
	if (user_read(self, addr, &time, sizeof(time)))
		return -EFAULT;
	if (time.tv_sec < 0 || (u64)time.tv_nsec >= NS_PER_S)
		return -EINVAL;
	if (!time.tv_sec && !time.tv_nsec)
		*deadline = DO_NOT_WAIT;
	else if ((u64)time.tv_sec < 1ull << 33)
		*deadline = time_monotonic() + (u64)time.tv_sec * NS_PER_S + (u64)time.tv_nsec;
	return 0;
}

static u64 deadline_from_ms(int ms)
{
	if (ms < 0)
		return 0;
	return ms ? time_monotonic() + (u64)ms * 1000000 : DO_NOT_WAIT;
}

/* A set of descriptors that a scan function looks through. */
struct scan {
	struct pollfd *fds;
	unsigned count;
};

/* held: the files to look at, NULL: those that the descriptors are now. -> number that have something to report. */
static unsigned scan_once(struct task *self, struct scan *scan, struct file **held, struct poll_table *wait)
{
	unsigned ready = 0;

	for (unsigned i = 0; i < scan->count; i++) {
		struct pollfd *fd = &scan->fds[i];
		struct file *file;

		fd->revents = 0;
		if (fd->fd < 0)
			continue;
		file = held ? held[i] : descriptor_peek(self->files, (unsigned)fd->fd);
		if (!file)
			fd->revents = POLLNVAL;
		else
			fd->revents = (short)(file_poll(file, ready ? NULL : wait) &
				((unsigned)(unsigned short)fd->events | EPOLLERR | EPOLLHUP));
		ready += fd->revents != 0;
	}
	return ready;
}

/* Files of a scan are kept while it sleeps, and stay those it waits for: another thread may close descriptors meanwhile
 * and open others. */
static void scan_hold(struct task *self, struct scan *scan, struct file **held, bool hold)
{
	for (unsigned i = 0; i < scan->count; i++) {
		if (hold)
			held[i] = scan->fds[i].fd < 0 ? NULL : descriptor_get(self->files, scan->fds[i].fd);
		else
			file_put(self, held[i]);
	}
}

static long scan_wait(struct task *self, struct scan *scan, u64 deadline)
{
	size_t bytes = scan->count * (sizeof(struct waiter) * POLL_QUEUES + sizeof(struct file *));
	long ready = scan_once(self, scan, NULL, NULL);
	struct poll_table wait = { .self = self, .room = scan->count * POLL_QUEUES };
	struct file **held;
	int error = 0;

	if (ready || deadline == DO_NOT_WAIT)
		return ready;
	wait.waiters = heap_zalloc(bytes + 1);
	if (!wait.waiters)
		return -ENOMEM;
	held = (struct file **)(wait.waiters + scan->count * POLL_QUEUES);
	scan_hold(self, scan, held, true);
	while (!ready && !error) {
		ready = scan_once(self, scan, held, &wait);
		if (!ready)
			error = task_sleep(self, deadline);
		poll_free_waits(&wait);
	}
	scan_hold(self, scan, held, false);
	heap_free(wait.waiters);
	if (ready)
		return ready;
	return error == -ETIMEDOUT ? 0 : -ERESTARTNOHAND;
}

static long poll_user(struct task *self, u64 addr, u64 count, u64 deadline)
{
	struct pollfd few[POLL_ON_STACK];
	struct scan scan = { few, (unsigned)count };
	u64 bytes = count * sizeof(struct pollfd);
	long result;

	if (count > process_limit(self->process, RLIMIT_NOFILE) || count > FD_MAX)
		return -EINVAL;
	if (count > POLL_ON_STACK)
		scan.fds = heap_zalloc(bytes);
	if (!scan.fds)
		return -ENOMEM;
	result = user_read(self, addr, scan.fds, bytes);
	if (!result)
		result = scan_wait(self, &scan, deadline);
	/* Writes only the answers (revents) back. */
	for (unsigned i = 0; result >= 0 && i < count; i++)
		if (user_write(self, addr + i * sizeof(struct pollfd) + offsetof(struct pollfd, revents),
			    &scan.fds[i].revents, sizeof(scan.fds[i].revents)))
			result = -EFAULT;
	if (scan.fds != few)
		heap_free(scan.fds);
	return result;
}

long sys_poll(struct task *self, struct user_frame *f)
{
	return poll_user(self, arg(f, 0), (unsigned)arg(f, 1), deadline_from_ms((int)arg(f, 2)));
}

long sys_ppoll(struct task *self, struct user_frame *f)
{
	u64 deadline;
	int error = deadline_from_timespec(self, arg(f, 2), &deadline);

	if (!error)
		error = signal_mask_swap(self, arg(f, 3), arg(f, 4));
	return error ? error : poll_user(self, arg(f, 0), (unsigned)arg(f, 1), deadline);
}

/* --- select --- */

enum {
	SELECT_IN = EPOLLIN | EPOLLRDNORM | EPOLLRDBAND | EPOLLHUP | EPOLLERR,
	SELECT_OUT = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND | EPOLLERR,
	SELECT_EXCEPT = EPOLLPRI
};

static const unsigned select_masks[3] = { SELECT_IN, SELECT_OUT, SELECT_EXCEPT };

/* Reads the three sets, one after another in `bits`. */
static int select_read(struct task *self, struct user_frame *f, u64 *bits, unsigned words)
{
	for (unsigned i = 0; i < 3; i++)
		if (arg(f, i + 1) && user_read(self, arg(f, i + 1), bits + i * words, words * 8ull))
			return -EFAULT;
	return 0;
}

static bool bit_test(const u64 *bits, unsigned i)
{
	return bits[i / 64] >> i % 64 & 1;
}

static long select_run(struct task *self, struct user_frame *f, u64 *bits, unsigned count, unsigned words, u64 deadline)
{
	struct scan scan = { heap_zalloc((count + 1) * sizeof(struct pollfd)), 0 };
	long result = 0;

	if (!scan.fds)
		return -ENOMEM;
	for (unsigned fd = 0; fd < count; fd++) {
		unsigned events = 0;

		for (unsigned i = 0; i < 3; i++)
			if (bit_test(bits + i * words, fd))
				events |= select_masks[i];
		if (!events)
			continue;
		if (!descriptor_peek(self->files, fd))
			result = -EBADF;
		scan.fds[scan.count++] = (struct pollfd){ (int)fd, (short)events, 0 };
	}
	if (!result)
		result = scan_wait(self, &scan, deadline);
	if (result >= 0) {
		u64 *out = bits + 3 * words;

		result = 0;
		for (unsigned i = 0; i < scan.count; i++) {
			unsigned fd = (unsigned)scan.fds[i].fd;

			for (unsigned set = 0; set < 3; set++) {
				if (!bit_test(bits + set * words, fd) ||
					!((unsigned short)scan.fds[i].revents & select_masks[set]))
					continue;
				out[set * words + fd / 64] |= 1ull << fd % 64;
				result++;
			}
		}
		for (unsigned set = 0; set < 3; set++)
			if (arg(f, set + 1) && user_write(self, arg(f, set + 1), out + set * words, words * 8ull))
				result = -EFAULT;
	}
	heap_free(scan.fds);
	return result;
}

static long select_user(struct task *self, struct user_frame *f, u64 deadline)
{
	unsigned count = (unsigned)arg(f, 0);
	unsigned words;
	u64 *bits;
	long result;

	if ((int)count < 0)
		return -EINVAL;
	count = count < FD_MAX ? count : FD_MAX;
	words = (count + 63) / 64;
	bits = heap_zalloc(6 * 8ull * words + 8);
	if (!bits)
		return -ENOMEM;
	result = select_read(self, f, bits, words);
	if (!result)
		result = select_run(self, f, bits, count, words, deadline);
	heap_free(bits);
	return result;
}

/* Writes back how much time was left, as Linux does. */
static void time_left(struct task *self, u64 addr, u64 deadline, u64 unit)
{
	u64 now = time_monotonic();
	u64 left = deadline > now && deadline != DO_NOT_WAIT ? deadline - now : 0;

	if (addr && deadline) {
		user_put_u64(self, addr, left / NS_PER_S);
		user_put_u64(self, addr + 8, left % NS_PER_S / unit);
	}
}

long sys_select(struct task *self, struct user_frame *f)
{
	u64 deadline = 0, s, us;
	long result;

	if (arg(f, 4)) {
		if (user_get_u64(self, arg(f, 4), &s) || user_get_u64(self, arg(f, 4) + 8, &us))
			return -EFAULT;
		if ((i64)s < 0 || (i64)us < 0)
			return -EINVAL;
		if (!s && !us)
			deadline = DO_NOT_WAIT;
		else if (s < 1ull << 33)
			deadline = time_monotonic() + s * NS_PER_S + us * 1000;
	}
	result = select_user(self, f, deadline);
	time_left(self, arg(f, 4), deadline, 1000);
	return result;
}

long sys_pselect6(struct task *self, struct user_frame *f)
{
	u64 deadline, mask[2] = { 0, 8 };
	long result = deadline_from_timespec(self, arg(f, 4), &deadline);

	if (!result && arg(f, 5) && user_read(self, arg(f, 5), mask, sizeof(mask)))
		result = -EFAULT;
	if (!result)
		result = signal_mask_swap(self, mask[0], mask[1]);
	if (!result) {
		result = select_user(self, f, deadline);
		time_left(self, arg(f, 4), deadline, 1);
	}
	return result;
}

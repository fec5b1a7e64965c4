/* Character devices and host streams. */
#include "services/linux/fs/devices.h"

#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "services/runtime/service.h"

#include "services/linux/random.h"
#include "services/linux/tty/console.h"
#include "services/runtime/heap.h"
#include "services/linux/event/poll.h"
#include "services/linux/tty/tty.h"

enum { PIECE_BYTES = 512 };

/* --- memory devices --- */

static long null_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	(void)self, (void)file, (void)to, (void)bytes, (void)pos;
	return 0;
}

static long null_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos)
{
	(void)self, (void)file, (void)from, (void)pos;
	return (long)bytes;
}

static long zero_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	static const char zeros[PAGE_SIZE];
	size_t done = 0;

	(void)self, (void)file, (void)pos;
	while (done < bytes) {
		size_t piece = min_u64(bytes - done, sizeof(zeros));
		size_t copied = copy_guarded((char *)to + done, zeros, piece);

		done += copied;
		if (copied < piece)
			return done ? (long)done : -EFAULT;
		if (task_interrupted(self))
			break;
	}
	return (long)done;
}

static long full_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos)
{
	(void)self, (void)file, (void)from, (void)pos;
	return bytes ? -ENOSPC : 0;
}

static long random_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	char piece[PIECE_BYTES];
	size_t done = 0;

	(void)file, (void)pos;
	while (done < bytes) {
		size_t wanted = min_u64(bytes - done, sizeof(piece));
		size_t copied;

		random_fill(piece, wanted);
		copied = copy_guarded((char *)to + done, piece, wanted);
		done += copied;
		if (copied < wanted)
			return done ? (long)done : -EFAULT;
		if (task_interrupted(self))
			break;
	}
	return (long)done;
}

static const struct file_ops null_ops = { .read = null_read, .write = null_write, .seekable = true };
static const struct file_ops zero_ops = { .read = zero_read, .write = null_write, .seekable = true };
static const struct file_ops full_ops = { .read = zero_read, .write = full_write, .seekable = true };
static const struct file_ops random_ops = { .read = random_read, .write = null_write, .seekable = true };

int device_open(struct task *self, struct inode *inode, struct file *file)
{
	if (S_ISBLK(inode->mode))
		return -ENXIO;
	switch (inode->rdev) {
	case DEVICE(1, 3):
		file->ops = &null_ops;
		return 0;
	case DEVICE(1, 5):
		file->ops = &zero_ops;
		return 0;
	case DEVICE(1, 7):
		file->ops = &full_ops;
		return 0;
	case DEVICE(1, 8):
	case DEVICE(1, 9):
		file->ops = &random_ops;
		return 0;
	case DEVICE(5, 0):
		return tty_open_own(self, file);
	case DEVICE(5, 1):
	case DEVICE(136, 0):
		return tty_open_console(self, file);
	case DEVICE(5, 2):
		return pty_open(self, file);
	default:
		break;
	}
	if (inode->rdev >> 8 == DEVICE(136, 0) >> 8)
		return pty_open_slave(self, file, inode->rdev & 0xff);
	return -ENXIO;
}

bool device_is_zero(const struct file *file)
{
	return file->ops == &zero_ops;
}

i64 device_zero_segment(size_t bytes)
{
	return call_segment_create(page_up(bytes) / PAGE_SIZE, 0);
}

/* --- host streams --- */

static long stream_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	(void)pos;
	if (file->inode->data[0] != PORT_STDIN)
		return -EBADF;
	return console_read(self, to, bytes, !(file->flags & O_NONBLOCK));
}

static long stream_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos)
{
	(void)pos;
	if (file->inode->data[0] == PORT_STDIN)
		return -EBADF;
	return console_write(self, (unsigned)file->inode->data[0], from, bytes, !(file->flags & O_NONBLOCK));
}

static unsigned stream_poll(struct file *file, struct poll_table *wait)
{
	unsigned port = (unsigned)file->inode->data[0];

	if (port == PORT_STDIN) {
		poll_wait(wait, &console_input);
		return console_readable() ? EPOLLIN | EPOLLRDNORM : 0;
	}
	poll_wait(wait, console_output(port));
	return console_writable(port) ? EPOLLOUT | EPOLLWRNORM : 0;
}

static const struct file_ops stream_ops = { .read = stream_read, .write = stream_write, .poll = stream_poll };

/* Opened again through /proc/self/fd. */
static int stream_open(struct task *self, struct inode *inode, struct file *file)
{
	(void)self, (void)inode;
	file->ops = &stream_ops;
	return 0;
}

static const struct inode_ops stream_inode_ops = { .open = stream_open };

struct file *device_stream(unsigned fd)
{
	struct inode *inode = anonymous_inode(S_IFIFO | 0600);

	if (!inode)
		return NULL;
	inode->ops = &stream_inode_ops;
	inode->data[0] = PORT_STDIN + fd;
	return file_new(&stream_ops, inode, NULL, fd ? O_WRONLY : O_RDONLY);
}

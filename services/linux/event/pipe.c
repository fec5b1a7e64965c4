/* Pipes. The ring starts at offset 0 again whenever it is empty, so that a pipe with little in it touches one page. */
#include "services/linux/clock.h"
#include "services/linux/event/event.h"

#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>

#include "services/linux/syscall.h"
#include "services/runtime/heap.h"
#include "services/linux/send_signal.h"

enum { PIPE_BYTES = 65536 };

/* A ring of bytes with its ends. */
struct pipe {
	char *ring;                     /* PIPE_BYTES */
	u32 head, count;                /* next byte to read; bytes in it */
	u32 readers, writers;           /* open files */
	u32 readers_ever, writers_ever; /* for fifos: how often each end was opened */
	bool is_fifo;                   /* it has a name; a pipe that is opened anew through /proc waits for nobody */
	u32 refs;
	struct wait_queue can_read, can_write;
};

/* Rings of pipes that are gone, for the next ones: mapping and unmapping costs every processor an interruption. */
static char *spare_rings[8];
static unsigned spare_count;

static char *ring_new(void)
{
	return spare_count ? spare_rings[--spare_count] : pages_alloc(PIPE_BYTES);
}

static void ring_free(char *ring)
{
	if (spare_count < ARRAY_SIZE(spare_rings))
		spare_rings[spare_count++] = ring;
	else
		pages_free(ring, PIPE_BYTES);
}

static struct pipe *pipe_new(void)
{
	struct pipe *pipe = heap_zalloc(sizeof(*pipe));

	if (!pipe)
		return NULL;
	pipe->ring = ring_new();
	if (!pipe->ring) {
		heap_free(pipe);
		return NULL;
	}
	pipe->refs = 1;
	wait_queue_init(&pipe->can_read);
	wait_queue_init(&pipe->can_write);
	return pipe;
}

static void pipe_put(struct pipe *pipe)
{
	if (--pipe->refs)
		return;
	ring_free(pipe->ring);
	heap_free(pipe);
}

static void pipe_end(struct pipe *pipe, bool reader)
{
	if (reader && --pipe->readers == 0)
		wake_up(&pipe->can_write);
	if (!reader && --pipe->writers == 0)
		wake_up(&pipe->can_read);
}

/* Takes up to `bytes` out. -> bytes, or -EFAULT. */
static long ring_read(struct pipe *pipe, void *to, size_t bytes)
{
	size_t done = 0;

	while (done < bytes && pipe->count) {
		size_t piece = min_u64(min_u64(bytes - done, pipe->count), PIPE_BYTES - pipe->head);
		size_t copied = copy_guarded((char *)to + done, pipe->ring + pipe->head, piece);

		done += copied;
		pipe->count -= (u32)copied;
		pipe->head = pipe->count ? (pipe->head + (u32)copied) % PIPE_BYTES : 0;
		if (copied < piece)
			return done ? (long)done : -EFAULT;
	}
	return (long)done;
}

static long ring_write(struct pipe *pipe, const void *from, size_t bytes)
{
	size_t done = 0;

	while (done < bytes && pipe->count < PIPE_BYTES) {
		u32 tail = (pipe->head + pipe->count) % PIPE_BYTES;
		size_t piece = min_u64(min_u64(bytes - done, PIPE_BYTES - pipe->count), PIPE_BYTES - tail);
		size_t copied = copy_guarded(pipe->ring + tail, (const char *)from + done, piece);

		done += copied;
		pipe->count += (u32)copied;
		if (copied < piece)
			return done ? (long)done : -EFAULT;
	}
	return (long)done;
}

static long pipe_read(struct task *self, struct pipe *pipe, void *to, size_t bytes, bool wait)
{
	bool was_full;
	long done;
	int error;

	if (!bytes)
		return 0;
	while (!pipe->count) {
		if (!pipe->writers)
			return 0;
		if (!wait)
			return -EAGAIN;
		error = wait_on(self, &pipe->can_read, 0);
		if (error)
			return error;
	}
	/* Writers wait only when less than PIPE_BUF is free. */
	was_full = pipe->count > PIPE_BYTES - PIPE_BUF;
	done = ring_read(pipe, to, bytes);
	if (was_full && done > 0)
		wake_up(&pipe->can_write);
	return done;
}

static long pipe_write(struct task *self, struct pipe *pipe, const void *from, size_t bytes, bool wait)
{
	size_t done = 0;
	int error;

	if (!bytes)
		return 0;
	for (;;) {
		/* Up to PIPE_BUF bytes go in one piece or not at all. */
		size_t needed = bytes <= PIPE_BUF ? bytes : 1;

		if (!pipe->readers) {
			if (!done)
				signal_send(self, SIGPIPE);
			return done ? (long)done : -EPIPE;
		}
		if (PIPE_BYTES - pipe->count >= needed) {
			bool was_empty = !pipe->count;
			long more = ring_write(pipe, (const char *)from + done, bytes - done);

			if (more < 0)
				return done ? (long)done : more;
			if (was_empty)
				wake_up(&pipe->can_read);
			done += (size_t)more;
			if (done == bytes)
				return (long)done;
			continue;
		}
		if (!wait)
			return done ? (long)done : -EAGAIN;
		error = wait_on(self, &pipe->can_write, 0);
		if (error)
			return done ? (long)done : error;
	}
}

static unsigned pipe_ready(const struct pipe *pipe, bool reader, bool writer)
{
	unsigned ready = 0;

	if (reader) {
		if (pipe->count)
			ready |= EPOLLIN | EPOLLRDNORM;
		if (!pipe->writers && pipe->writers_ever)
			ready |= EPOLLHUP;
	}
	if (writer) {
		if (PIPE_BYTES - pipe->count >= PIPE_BUF)
			ready |= EPOLLOUT | EPOLLWRNORM;
		if (!pipe->readers)
			ready |= EPOLLERR;
	}
	return ready;
}

/* --- as files --- */

static long pipe_file_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	(void)pos;
	return pipe_read(self, file->data, to, bytes, !(file->flags & O_NONBLOCK));
}

static long pipe_file_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos)
{
	(void)pos;
	return pipe_write(self, file->data, from, bytes, !(file->flags & O_NONBLOCK));
}

static unsigned pipe_file_poll(struct file *file, struct poll_table *wait)
{
	struct pipe *pipe = file->data;

	if (file->may & FILE_READ)
		poll_wait(wait, &pipe->can_read);
	if (file->may & FILE_WRITE)
		poll_wait(wait, &pipe->can_write);
	return pipe_ready(pipe, file->may & FILE_READ, file->may & FILE_WRITE);
}

static long pipe_file_ioctl(struct task *self, struct file *file, unsigned command, u64 argument)
{
	const struct pipe *pipe = file->data;

	return command == FIONREAD ? user_put_u32(self, argument, pipe->count) : -ENOTTY;
}

static void pipe_file_release(struct task *self, struct file *file)
{
	struct pipe *pipe = file->data;

	(void)self;
	if (file->may & FILE_READ)
		pipe_end(pipe, true);
	if (file->may & FILE_WRITE)
		pipe_end(pipe, false);
	if (!pipe->readers && !pipe->writers && file->inode->pipe == pipe)
		file->inode->pipe = NULL;
	pipe_put(pipe);
}

static const struct file_ops pipe_ops = {
	.read = pipe_file_read,
	.write = pipe_file_write,
	.poll = pipe_file_poll,
	.ioctl = pipe_file_ioctl,
	.release = pipe_file_release,
};

/* Opening for reading waits for a writer and the other way round, unless both or none is asked for. */
static int wait_for_other(struct task *self, struct pipe *pipe, struct file *file)
{
	bool reader = file->may == FILE_READ;
	u32 *others = reader ? &pipe->writers : &pipe->readers;
	u32 *ever = reader ? &pipe->writers_ever : &pipe->readers_ever;
	u32 before = *ever;
	int error = 0;

	if (file->may == (FILE_READ | FILE_WRITE) || *others)
		return 0;
	if (file->flags & O_NONBLOCK)
		return reader ? 0 : -ENXIO;
	while (!error && *ever == before)
		error = wait_on(self, reader ? &pipe->can_read : &pipe->can_write, 0);
	return error;
}

int pipe_open(struct task *self, struct inode *inode, struct file *file)
{
	struct pipe *pipe = inode->pipe;
	int error;

	if (pipe) {
		pipe->refs++;
	} else {
		pipe = inode->pipe = pipe_new();
		if (!pipe)
			return -ENOMEM;
		pipe->is_fifo = true;
	}
	if (file->may & FILE_READ) {
		pipe->readers++;
		pipe->readers_ever++;
		wake_up(&pipe->can_write);
	}
	if (file->may & FILE_WRITE) {
		pipe->writers++;
		pipe->writers_ever++;
		wake_up(&pipe->can_read);
	}
	file->ops = &pipe_ops;
	file->data = pipe;
	error = pipe->is_fifo ? wait_for_other(self, pipe, file) : 0;
	if (error)
		pipe_file_release(self, file);
	return error;
}

static struct file *pipe_file(struct inode *inode, u32 flags)
{
	struct file *file = file_new(&pipe_ops, inode_get(inode), NULL, flags);
	struct pipe *pipe = inode->pipe;

	if (!file)
		return NULL;
	file->data = pipe;
	pipe->refs++;
	if (file->may & FILE_READ)
		pipe->readers++;
	else
		pipe->writers++;
	pipe->writers_ever = pipe->readers_ever = 1;
	return file;
}

static long pipe_make(struct task *self, u64 addr, u32 flags)
{
	struct inode *inode;
	struct file *files[2] = { NULL, NULL };
	int fds[2] = { -ENOMEM, -ENOMEM };

	if (flags & ~(u32)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	inode = anonymous_inode(S_IFIFO | 0600);
	if (!inode)
		return -ENOMEM;
	inode->uid = self->process->cred.fsuid;
	inode->gid = self->process->cred.fsgid;
	inode->pipe = pipe_new();
	for (unsigned i = 0; inode->pipe && i < 2; i++) {
		files[i] = pipe_file(inode, (flags & O_NONBLOCK) | (i ? O_WRONLY : O_RDONLY));
		fds[i] = files[i] ? descriptor_add(self, files[i], 0, flags & O_CLOEXEC) : -ENOMEM;
		if (fds[i] < 0)
			break;
	}
	if (inode->pipe)
		pipe_put(inode->pipe);
	inode_put(inode);
	if (fds[1] >= 0 && user_write(self, addr, fds, sizeof(fds)) == 0)
		return 0;
	for (unsigned i = 0; i < 2; i++)
		if (fds[i] >= 0)
			descriptor_close(self, (unsigned)fds[i]);
	return fds[0] < 0 ? fds[0] : fds[1] < 0 ? fds[1] : -EFAULT;
}

long sys_pipe(struct task *self, struct user_frame *f)
{
	return pipe_make(self, arg(f, 0), 0);
}

long sys_pipe2(struct task *self, struct user_frame *f)
{
	return pipe_make(self, arg(f, 0), (u32)arg(f, 1));
}

/* Pipes. The pages of their rings are charged to users and limited: /proc/sys/fs/pipe-user-pages-soft and -hard. */
#include "services/linux/clock.h"
#include "services/linux/event/private.h"

#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>

#include "services/linux/syscall.h"
#include "services/runtime/heap.h"
#include "services/linux/send_signal.h"
#include "services/linux/user.h"

/* A pipe has DEFAULT_PAGES at first; one of a user who has too many gets FEW_PAGES. */
enum { DEFAULT_PAGES = 16, FEW_PAGES = 2, DEFAULT_BYTES = DEFAULT_PAGES << PAGE_SHIFT };

u64 pipe_max_size = 1 << 20, pipe_user_pages_soft = 1024 * DEFAULT_PAGES, pipe_user_pages_hard;

/* Rings of pipes that were closed, for the next pipes: mapping and unmapping interrupts every processor. */
static char *spare_rings[8];
static unsigned spare_count;

static char *ring_new(u32 bytes)
{
	return spare_count && bytes == DEFAULT_BYTES ? spare_rings[--spare_count] : pages_alloc(bytes);
}

static void ring_free(char *ring, u32 bytes)
{
	if (spare_count < ARRAY_SIZE(spare_rings) && bytes == DEFAULT_BYTES)
		spare_rings[spare_count++] = ring;
	else
		pages_free(ring, bytes);
}

/* 0: there is no limit. */
static u64 limit_of(u64 pages, bool root)
{
	return pages && !root ? pages : USER_UNLIMITED;
}

/* Charges a new pipe. -> pages, 0: the user has too many. */
static u32 charge_new(struct user *user, bool root)
{
	u64 hard = limit_of(pipe_user_pages_hard, root), soft = limit_of(pipe_user_pages_soft, root);
	u32 pages = DEFAULT_PAGES;

	if (pages > pipe_max_size >> PAGE_SHIFT && !root)
		pages = (u32)(pipe_max_size >> PAGE_SHIFT);
	if (user_charge(user, USER_PIPE_PAGES, pages, min_u64(hard, soft)))
		return pages;
	return user_charge(user, USER_PIPE_PAGES, FEW_PAGES, hard) ? FEW_PAGES : 0;
}

/* -> 0; -ENOMEM; -ENFILE: the user has too many. */
static int pipe_new(struct task *self, struct pipe **made)
{
	struct user *user = self->process->cred.user;
	struct pipe *pipe = heap_zalloc(sizeof(*pipe));
	u32 pages = pipe ? charge_new(user, task_is_root(self)) : 0;

	if (!pages) {
		heap_free(pipe);
		return pipe ? -ENFILE : -ENOMEM;
	}
	pipe->ring = ring_new(pages << PAGE_SHIFT);
	if (!pipe->ring) {
		user_uncharge(user, USER_PIPE_PAGES, pages);
		heap_free(pipe);
		return -ENOMEM;
	}
	pipe->bytes = pages << PAGE_SHIFT;
	pipe->user = user;
	pipe->refs = 1;
	wait_queue_init(&pipe->can_read);
	wait_queue_init(&pipe->can_write);
	*made = pipe;
	return 0;
}

static void pipe_put(struct pipe *pipe)
{
	if (--pipe->refs)
		return;
	ring_free(pipe->ring, pipe->bytes);
	user_uncharge(pipe->user, USER_PIPE_PAGES, pipe->bytes >> PAGE_SHIFT);
	heap_free(pipe);
}

static void pipe_end(struct pipe *pipe, bool reader)
{
	if (reader && --pipe->readers == 0)
		wake_up(&pipe->can_write);
	if (!reader && --pipe->writers == 0)
		wake_up(&pipe->can_read);
}

/* --- moving bytes --- */

/* Of a copy that came to a bad address only whole pages of the ring count, as on Linux. at: of the ring, where it began. */
static size_t whole_pages(size_t at, size_t copied)
{
	size_t over = (at + copied) % PAGE_SIZE;

	return copied > over ? copied - over : 0;
}

/* Moves bytes out of the ring, or into it. There must be something to read, or room, and `bytes` must not be 0. */
static inline long ring_read(struct pipe *pipe, void *to, size_t bytes)
{
	size_t done = 0;

	do {
		size_t piece, copied;
		const char *from = pipe_data(pipe, &piece);

		piece = min_u64(bytes - done, piece);
		copied = copy_guarded((char *)to + done, from, piece);
		if (copied < piece) {
			copied = whole_pages(pipe->head, copied);
			pipe_forget(pipe, copied);
			return done + copied ? (long)(done + copied) : -EFAULT;
		}
		done += copied;
		pipe_forget(pipe, copied);
	} while (done < bytes && pipe->count);
	return (long)done;
}

static inline long ring_write(struct pipe *pipe, const void *from, size_t bytes)
{
	size_t done = 0;

	do {
		size_t piece, copied;
		char *to = pipe_room(pipe, &piece);

		piece = min_u64(bytes - done, piece);
		copied = copy_guarded(to, (const char *)from + done, piece);
		if (copied < piece) {
			copied = whole_pages((size_t)(to - pipe->ring), copied);
			pipe->count += (u32)copied;
			return done + copied ? (long)(done + copied) : -EFAULT;
		}
		done += copied;
		pipe->count += (u32)copied;
	} while (done < bytes && pipe->count < pipe->bytes);
	return (long)done;
}

static inline long ring_read_waking(struct pipe *pipe, void *to, size_t bytes)
{
	bool was_full = pipe_is_nearly_full(pipe);
	long done = ring_read(pipe, to, bytes);

	if (was_full && done > 0)
		wake_up(&pipe->can_write);
	return done;
}

/* Those who wait although there is something to read are epoll sets, which are to see each write. */
static inline long ring_write_waking(struct pipe *pipe, const void *from, size_t bytes)
{
	long done = ring_write(pipe, from, bytes);

	if (done > 0 && !list_is_empty(&pipe->can_read.waiters))
		wake_up(&pipe->can_read);
	return done;
}

long pipe_ring_read(struct pipe *pipe, void *to, size_t bytes)
{
	return ring_read_waking(pipe, to, bytes);
}

long pipe_ring_write(struct pipe *pipe, const void *from, size_t bytes)
{
	return ring_write_waking(pipe, from, bytes);
}

/* --- waiting --- */

void pipe_hold(struct task *self, struct pipe *pipe)
{
	pipe->mover = self;
}

void pipe_release_hold(struct pipe *pipe)
{
	pipe->mover = NULL;
	wake_up(&pipe->can_read);
	wake_up(&pipe->can_write);
}

static inline bool is_moved(const struct pipe *pipe)
{
	return __builtin_expect(pipe->mover != NULL, 0);
}

static __attribute__((noinline)) int wait_turn(struct task *self, struct pipe *pipe)
{
	int error = 0;

	while (pipe->mover && !error)
		error = wait_on_killable(self, &pipe->can_write, 0);
	return error;
}

static inline int wait_data(struct task *self, struct pipe *pipe, bool wait)
{
	int error;

	while (!pipe->count || is_moved(pipe)) {
		if (is_moved(pipe))
			error = wait_turn(self, pipe);
		else if (!pipe->writers)
			return 0;
		else
			error = wait ? wait_on(self, &pipe->can_read, 0) : -EAGAIN;
		if (error)
			return error;
	}
	return 1;
}

static inline int wait_room(struct task *self, struct pipe *pipe, u32 needed, bool wait)
{
	int error;

	for (;;) {
		if (is_moved(pipe))
			error = wait_turn(self, pipe);
		else if (!pipe->readers)
			return -EPIPE;
		else if (pipe->bytes - pipe->count >= needed)
			return 0;
		else
			error = wait ? wait_on(self, &pipe->can_write, 0) : -EAGAIN;
		if (error)
			return error;
	}
}

int pipe_wait_data(struct task *self, struct pipe *pipe, bool wait)
{
	return wait_data(self, pipe, wait);
}

int pipe_wait_room(struct task *self, struct pipe *pipe, u32 needed, bool wait)
{
	return wait_room(self, pipe, needed, wait);
}

static long pipe_read(struct task *self, struct pipe *pipe, void *to, size_t bytes, bool wait)
{
	int ready;

	if (!bytes)
		return 0;
	ready = wait_data(self, pipe, wait);
	return ready > 0 ? ring_read_waking(pipe, to, bytes) : ready;
}

static long pipe_write(struct task *self, struct pipe *pipe, const void *from, size_t bytes, bool wait)
{
	size_t done = 0;

	if (!bytes)
		return 0;
	for (;;) {
		/* Up to PIPE_BUF bytes go in one piece or not at all. */
		long more = wait_room(self, pipe, bytes <= PIPE_BUF ? (u32)bytes : 1, wait);

		if (more) {
			if (more == -EPIPE && !done)
				signal_send(self, SIGPIPE);
			return done ? (long)done : more;
		}
		more = ring_write_waking(pipe, (const char *)from + done, bytes - done);
		if (more < 0)
			return done ? (long)done : more;
		done += (size_t)more;
		if (done == bytes)
			return (long)done;
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
		if (pipe->bytes - pipe->count >= PIPE_BUF)
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

struct pipe *pipe_of(const struct file *file)
{
	return file->ops == &pipe_ops ? file->data : NULL;
}

/* Opens a fifo. Opening for reading waits for a writer, and for writing for a reader; O_RDWR and O_NONBLOCK do not wait. */
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
		error = pipe_new(self, &pipe);
		if (error)
			return -ENOMEM;
		inode->pipe = pipe;
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

/* --- sizes --- */

/* Copies what is in the pipe to a larger or smaller ring, in pieces. */
static void ring_replace(struct task *self, struct pipe *pipe, char *ring, u32 bytes)
{
	u32 moved = 0, count = pipe->count;

	pipe_hold(self, pipe);
	while (moved < count) {
		u32 from = (pipe->head + moved) & (pipe->bytes - 1);
		u32 piece = (u32)min_u64(min_u64(count - moved, pipe->bytes - from), IO_PIECE);

		memcpy(ring + moved, pipe->ring + from, piece);
		moved += piece;
		if (moved < count)
			service_lock_pass();
	}
	ring_free(pipe->ring, pipe->bytes);
	pipe->ring = ring;
	pipe->bytes = bytes;
	pipe->head = 0;
	pipe_release_hold(pipe);
}

static long pipe_resize(struct task *self, struct pipe *pipe, u64 wanted)
{
	bool root = task_is_root(self);
	u64 bytes = PAGE_SIZE, pages, before;
	char *ring;
	int error;

	error = wait_turn(self, pipe);
	if (error)
		return error;
	while (bytes < wanted)
		bytes *= 2;
	pages = bytes >> PAGE_SHIFT;
	before = pipe->bytes >> PAGE_SHIFT;
	if (bytes > 1u << 31)
		return -EINVAL;
	if (pages > before && bytes > pipe_max_size && !root)
		return -EPERM;
	if (pages > before &&
		!user_charge(pipe->user, USER_PIPE_PAGES, pages - before,
			min_u64(limit_of(pipe_user_pages_hard, root), limit_of(pipe_user_pages_soft, root))))
		return -EPERM;
	ring = bytes < pipe->count || pages == before ? NULL : ring_new((u32)bytes);
	if (ring) {
		ring_replace(self, pipe, ring, (u32)bytes);
		if (pages < before)
			user_uncharge(pipe->user, USER_PIPE_PAGES, before - pages);
	} else if (pages > before) {
		user_uncharge(pipe->user, USER_PIPE_PAGES, pages - before);
	}
	if (bytes < pipe->count)
		return -EBUSY;
	return ring || pages == before ? (long)bytes : -ENOMEM;
}

long pipe_size(struct task *self, struct file *file, const u64 *wanted)
{
	struct pipe *pipe = pipe_of(file);
	long result;

	if (!pipe)
		return -EBADF;
	if (!wanted)
		return pipe->bytes;
	file_get(file);
	result = pipe_resize(self, pipe, *wanted);
	file_put(self, file);
	return result;
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
	int error;

	if (flags & ~(u32)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	inode = anonymous_inode(S_IFIFO | 0600);
	if (!inode)
		return -ENOMEM;
	inode->uid = self->process->cred.fsuid;
	inode->gid = self->process->cred.fsgid;
	error = pipe_new(self, &inode->pipe);
	if (error) {
		inode_put(inode);
		return error;
	}
	for (unsigned i = 0; i < 2; i++) {
		files[i] = pipe_file(inode, (flags & O_NONBLOCK) | (i ? O_WRONLY : O_RDONLY));
		fds[i] = files[i] ? descriptor_add(self, files[i], 0, flags & O_CLOEXEC) : -ENOMEM;
		if (fds[i] < 0)
			break;
	}
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

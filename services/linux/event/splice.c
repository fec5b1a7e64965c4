/* splice, tee, vmsplice and sendfile: bytes go between a pipe and a file, two pipes, or a pipe and memory without passing through
 * the program. They are copied: what a program changes in memory that it gave to vmsplice does not change in the pipe.
 *
 * While the other file is read or written, which may sleep, the pipe is held: other readers and writers of it wait. */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <linux/uio.h>

#include "lib/string.h"

#include "services/linux/event/private.h"
#include "services/linux/send_signal.h"
#include "services/linux/syscall.h"

/* The installed UAPI headers do not have these. */
enum { SPLICE_F_MOVE = 1, SPLICE_F_NONBLOCK = 2, SPLICE_F_MORE = 4, SPLICE_F_GIFT = 8, SPLICE_F_ALL = 15 };

/* Can the file be spliced? Directories, and files like those of eventfd(), cannot. */
static bool is_spliced(const struct file *file)
{
	return is_regular(file->inode) || S_ISSOCK(file->inode->mode) || S_ISCHR(file->inode->mode);
}

static bool has_offsets(const struct file *file)
{
	return file->ops->seekable;
}

/* Waits until the pipe has any room. */
static int wait_room(struct task *self, struct pipe *pipe, bool wait)
{
	int error = pipe_wait_room(self, pipe, 1, wait);

	if (error == -EPIPE)
		signal_send(self, SIGPIPE);
	return error;
}

static size_t piece_of(u64 bytes, size_t most)
{
	return min_u64(min_u64(bytes, most), IO_PIECE);
}

/* --- a file and a pipe --- */

/* Reads from a file as much as the pipe has room for; from a file where reading may have to wait, one piece. */
static long file_to_pipe(struct task *self, struct file *in, u64 *pos, struct pipe *pipe, u64 bytes, bool wait)
{
	u64 done = 0;
	long got = wait_room(self, pipe, wait);

	if (got)
		return got;
	if (!wait && !in->ops->seekable && !(file_poll(in, NULL) & (EPOLLIN | EPOLLHUP)))
		return -EAGAIN;
	pipe_hold(self, pipe);
	do {
		size_t room;
		char *to = pipe_room(pipe, &room);

		room = piece_of(bytes - done, room);
		file_fetch(in, pos, room);
		got = room ? file_read(self, in, to, room, pos) : 0;
		if (got <= 0)
			break;
		pipe_gave(pipe, (size_t)got);
		done += (u64)got;
	} while (in->ops->seekable && done < bytes && !file_pause(self, in));
	pipe_release_hold(pipe);
	return done ? (long)done : got;
}

/* Writes what is in the pipe to a file. Waits only if the pipe is empty. */
static long pipe_to_file(struct task *self, struct pipe *pipe, struct file *out, u64 *pos, u64 bytes, bool wait)
{
	u64 done = 0;
	long put = 0;

	while (done < bytes) {
		int ready = pipe_wait_data(self, pipe, wait && !done);
		const char *from;
		size_t piece;

		if (ready <= 0)
			return done ? (long)done : ready;
		from = pipe_data(pipe, &piece);
		piece = piece_of(bytes - done, piece);
		pipe_hold(self, pipe);
		put = file_write(self, out, from, piece, pos);
		if (put > 0)
			pipe_took(pipe, (size_t)put);
		pipe_release_hold(pipe);
		if (put <= 0)
			break;
		done += (u64)put;
		if ((size_t)put < piece || file_pause(self, out))
			break;
	}
	return done ? (long)done : put;
}

/* --- two pipes --- */

/* Waits until there is something in the one and room in the other. -> 1; 0: the one is at its end; or an error. */
static int wait_both(struct task *self, struct pipe *in, struct pipe *out, bool wait)
{
	for (;;) {
		int ready = pipe_wait_data(self, in, wait);
		int error = ready < 0 ? ready : wait_room(self, out, wait);

		if (error)
			return error;
		if (!ready || (in->count && !in->mover))
			return ready;
	}
}

static long pipe_to_pipe(struct task *self, struct pipe *in, struct pipe *out, u64 bytes, bool wait)
{
	u64 done = 0;
	int ready = wait_both(self, in, out, wait);

	if (ready <= 0)
		return ready;
	while (done < bytes && in->count && !in->mover && !out->mover) {
		size_t piece, room;
		const char *from = pipe_data(in, &piece);
		char *to = pipe_room(out, &room);

		piece = piece_of(min_u64(bytes - done, room), piece);
		if (!piece)
			break;
		memcpy(to, from, piece);
		pipe_gave(out, piece);
		pipe_took(in, piece);
		done += piece;
		service_lock_pass();
	}
	return (long)done;
}

/* tee: copies bytes that stay in the pipe, which is held meanwhile. */
static long pipe_tee(struct task *self, struct pipe *in, struct pipe *out, u64 bytes, bool wait)
{
	int ready = wait_both(self, in, out, wait);
	u64 done = 0;

	if (ready <= 0)
		return ready;
	pipe_hold(self, in);
	bytes = min_u64(bytes, in->count);
	while (done < bytes && !out->mover) {
		u32 at = (in->head + (u32)done) & (in->bytes - 1);
		size_t piece;
		char *to = pipe_room(out, &piece);

		piece = piece_of(min_u64(bytes - done, in->bytes - at), piece);
		if (!piece)
			break;
		memcpy(to, in->ring + at, piece);
		pipe_gave(out, piece);
		done += piece;
		service_lock_pass();
	}
	pipe_release_hold(in);
	return (long)done;
}

/* --- splice --- */

/* An offset of a call: the user's at `addr`, or the file's own. */
static int offset_import(struct task *self, u64 addr, const struct file *file, u64 *pos)
{
	*pos = file->pos;
	if (addr && user_get_u64(self, addr, pos))
		return -EFAULT;
	return 0;
}

static int offset_export(struct task *self, u64 addr, struct file *file, u64 pos, long moved)
{
	if (!addr)
		file->pos = moved > 0 ? pos : file->pos;
	else if (user_put_u64(self, addr, pos))
		return -EFAULT;
	return 0;
}

static int check_range(u64 pos, u64 bytes)
{
	if ((i64)pos < 0)
		return -EINVAL;
	return (i64)(pos + bytes) < 0 || pos + bytes < pos ? -EOVERFLOW : 0;
}

/* addr: of the offset in the file that is no pipe. */
static long splice_file(struct task *self, struct file *in, struct file *out, u64 addr, u64 bytes, bool wait)
{
	struct pipe *from = pipe_of(in), *to = pipe_of(out);
	struct file *file = from ? out : in;
	u64 pos;
	long moved = offset_import(self, addr, file, &pos);
	int error;

	if (!moved && addr && !has_offsets(file))
		moved = -EINVAL;
	if (!moved && from && out->flags & O_APPEND)
		moved = -EINVAL;
	if (!moved)
		moved = check_range(pos, bytes);
	if (!moved && !is_spliced(file))
		moved = -EINVAL;
	if (moved)
		return moved;
	moved = from ? pipe_to_file(self, from, out, &pos, bytes, wait) : file_to_pipe(self, in, &pos, to, bytes, wait);
	error = offset_export(self, addr, file, pos, moved);
	return error ? error : moved;
}

static long splice_files(struct task *self, struct file *in, u64 in_addr, struct file *out, u64 out_addr, u64 bytes,
	unsigned flags)
{
	struct pipe *from = pipe_of(in), *to = pipe_of(out);
	bool wait = !(flags & SPLICE_F_NONBLOCK) && !((from ? in->flags : 0) & O_NONBLOCK) &&
		!((to ? out->flags : 0) & O_NONBLOCK);

	if ((from && in_addr) || (to && out_addr))
		return -ESPIPE;
	if (!(in->may & FILE_READ) || !(out->may & FILE_WRITE))
		return -EBADF;
	if (from && to)
		return from == to ? -EINVAL : pipe_to_pipe(self, from, to, bytes, wait);
	if (!from && !to)
		return -EINVAL;
	return splice_file(self, in, out, from ? out_addr : in_addr, bytes, wait);
}

long sys_splice(struct task *self, struct user_frame *f)
{
	struct file *in, *out;
	long moved;

	if (!arg(f, 4))
		return 0;
	if (arg(f, 5) & ~(u64)SPLICE_F_ALL)
		return -EINVAL;
	in = descriptor_peek(self->files, arg(f, 0));
	out = descriptor_peek(self->files, arg(f, 2));
	if (!in || !out)
		return -EBADF;
	file_get(in);
	file_get(out);
	moved = splice_files(self, in, arg(f, 1), out, arg(f, 3), arg(f, 4), (unsigned)arg(f, 5));
	file_put(self, in);
	file_put(self, out);
	return moved;
}

static long tee_files(struct task *self, struct file *in, struct file *out, u64 bytes, unsigned flags)
{
	struct pipe *from = pipe_of(in), *to = pipe_of(out);

	if (!(in->may & FILE_READ) || !(out->may & FILE_WRITE))
		return -EBADF;
	if (!from || !to || from == to)
		return -EINVAL;
	return pipe_tee(self, from, to, bytes,
		!(flags & SPLICE_F_NONBLOCK) && !((in->flags | out->flags) & O_NONBLOCK));
}

long sys_tee(struct task *self, struct user_frame *f)
{
	struct file *in, *out;
	long moved;

	if (arg(f, 3) & ~(u64)SPLICE_F_ALL)
		return -EINVAL;
	if (!arg(f, 2))
		return 0;
	in = descriptor_peek(self->files, arg(f, 0));
	out = descriptor_peek(self->files, arg(f, 1));
	if (!in || !out)
		return -EBADF;
	file_get(in);
	file_get(out);
	moved = tee_files(self, in, out, arg(f, 2), (unsigned)arg(f, 3));
	file_put(self, in);
	file_put(self, out);
	return moved;
}

/* --- vmsplice --- */

/* One piece of memory, as far as there is room, or something to read. -> bytes, or -EFAULT. */
static long memory_piece(struct pipe *pipe, const struct iovec *piece, bool write)
{
	u64 done = 0;

	while (done < piece->iov_len && !pipe->mover && (write ? pipe->count < pipe->bytes : pipe->count)) {
		char *at = (char *)piece->iov_base + done;
		u64 bytes = min_u64(piece->iov_len - done, IO_PIECE);
		long moved = !piece->iov_base ? -EFAULT
			: write               ? pipe_ring_write(pipe, at, bytes)
					      : pipe_ring_read(pipe, at, bytes);

		if (moved < 0)
			return done ? (long)done : moved;
		done += (u64)moved;
		service_lock_pass();
	}
	return (long)done;
}

static long vmsplice_pieces(struct task *self, struct pipe *pipe, const struct iovec *vector, u64 count, bool write,
	bool wait)
{
	long total = 0, ready = write ? wait_room(self, pipe, wait) : pipe_wait_data(self, pipe, wait);

	if (write ? ready < 0 : ready <= 0)
		return ready;
	for (u64 i = 0; i < count; i++) {
		long moved = memory_piece(pipe, &vector[i], write);

		if (moved < 0)
			return total ? total : moved;
		total += moved;
		if ((u64)moved < vector[i].iov_len)
			break;
	}
	return total;
}

long sys_vmsplice(struct task *self, struct user_frame *f)
{
	struct file *file = descriptor_peek(self->files, arg(f, 0));
	bool write = file && file->may & FILE_WRITE, wait = !(arg(f, 3) & SPLICE_F_NONBLOCK);
	struct iovec few[IOVEC_ON_STACK];
	struct iovec *vector;
	u64 bytes;
	long moved;

	if (arg(f, 3) & ~(u64)SPLICE_F_ALL)
		return -EINVAL;
	if (!file || !file->may)
		return -EBADF;
	moved = iovec_import(self, arg(f, 1), arg(f, 2), write, few, &vector, &bytes);
	if (moved)
		return moved;
	if (bytes) {
		file_get(file);
		moved = pipe_of(file) ? vmsplice_pieces(self, pipe_of(file), vector, arg(f, 2), write, wait) : -EBADF;
		file_put(self, file);
	}
	iovec_free(few, vector);
	return moved;
}

/* --- sendfile --- */

static long sendfile_files(struct task *self, struct file *in, struct file *out, u64 *pos, u64 bytes)
{
	struct pipe *to = pipe_of(out);

	if (to)
		return file_to_pipe(self, in, pos, to, bytes, !(out->flags & O_NONBLOCK));
	if (out->flags & O_APPEND || !is_spliced(out) || !is_spliced(in))
		return -EINVAL;
	return file_transfer(self, in, out, pos, &out->pos, bytes);
}

long sys_sendfile(struct task *self, struct user_frame *f)
{
	struct file *out = descriptor_peek(self->files, arg(f, 0));
	struct file *in = descriptor_peek(self->files, arg(f, 1));
	u64 addr = arg(f, 2), pos;
	long moved;
	int error;

	if (addr && user_get_u64(self, addr, &pos))
		return -EFAULT;
	if (!in || !(in->may & FILE_READ))
		return -EBADF;
	if (!has_offsets(in))
		return addr ? -ESPIPE : -EINVAL;
	pos = addr ? pos : in->pos;
	error = check_range(pos, 0);
	if (!error && (!out || !(out->may & FILE_WRITE)))
		error = -EBADF;
	if (error)
		return error;
	file_get(in);
	file_get(out);
	moved = sendfile_files(self, in, out, &pos, arg(f, 3));
	error = offset_export(self, addr, in, pos, moved);
	file_put(self, in);
	file_put(self, out);
	return error ? error : moved;
}

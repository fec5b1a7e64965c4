/* Calls that move bytes: read, write and their relatives. */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/uio.h>

#include "services/linux/fs/page_cache.h"
#include "services/linux/fs/private.h"
#include "services/linux/syscall.h"
#include "services/runtime/heap.h"

enum { COPY_BYTES = IO_PIECE };

/* More than one piece, while which the file is held. */
static __attribute__((noinline)) long read_much(struct task *self, struct file *file, void *to, u64 bytes, u64 *pos)
{
	long done = file_hold(self, file, pos, false);

	if (!done)
		done = file_read(self, file, to, bytes, pos);
	file_release_hold(self, file);
	return done;
}

static __attribute__((noinline)) long write_much(struct task *self, struct file *file, const void *from, u64 bytes,
	u64 *pos)
{
	long done = file_hold(self, file, pos, true);

	if (!done)
		done = file_write(self, file, from, bytes, pos);
	file_release_hold(self, file);
	return done;
}

/* Calls on the file's own position: it is kept while the call may sleep. */
static long read_here(struct task *self, struct file *file, u64 addr, u64 bytes)
{
	void *to = user_target(self, addr, bytes);
	long done;

	if (!to)
		return file->may & FILE_READ ? -EFAULT : -EBADF;
	file->refs++;
	if (bytes > IO_PIECE) {
		done = read_much(self, file, to, bytes, &file->pos);
	} else {
		file_fetch(file, &file->pos, bytes);
		done = file_read(self, file, to, bytes, &file->pos);
	}
	file_put(self, file);
	return done;
}

static long write_here(struct task *self, struct file *file, u64 addr, u64 bytes)
{
	const void *from = user_pointer(self, addr, bytes);
	long done;

	if (!from)
		return file->may & FILE_WRITE ? -EFAULT : -EBADF;
	file->refs++;
	done = bytes > IO_PIECE ? write_much(self, file, from, bytes, &file->pos)
				: file_write(self, file, from, bytes, &file->pos);
	file_put(self, file);
	return done;
}

long sys_read(struct task *self, struct user_frame *f)
{
	struct file *file = descriptor_peek(self->files, arg(f, 0));

	return file ? read_here(self, file, arg(f, 1), arg(f, 2)) : -EBADF;
}

long sys_write(struct task *self, struct user_frame *f)
{
	struct file *file = descriptor_peek(self->files, arg(f, 0));

	return file ? write_here(self, file, arg(f, 1), arg(f, 2)) : -EBADF;
}

/* The file of a call with an offset of its own; nothing moves behind the last offset. */
static struct file *seekable(struct task *self, u64 fd, u64 offset, u64 bytes, int *error)
{
	struct file *file = descriptor_peek(self->files, fd);

	*error = 0;
	if (!file)
		*error = -EBADF;
	else if ((i64)offset < 0 || (bytes <= INT64_MAX && (i64)(offset + bytes) < 0))
		*error = -EINVAL;
	else if (!file->ops->seekable)
		*error = file->flags & O_PATH ? -EBADF : -ESPIPE;
	return file;
}

long sys_pread64(struct task *self, struct user_frame *f)
{
	u64 pos = arg(f, 3);
	int error;
	struct file *file = seekable(self, arg(f, 0), pos, arg(f, 2), &error);
	void *to = user_target(self, arg(f, 1), arg(f, 2));
	long done;

	if (error)
		return error;
	if (!to)
		return -EFAULT;
	file->refs++;
	file_fetch(file, &pos, arg(f, 2));
	done = file_read(self, file, to, arg(f, 2), &pos);
	file_put(self, file);
	return done;
}

long sys_pwrite64(struct task *self, struct user_frame *f)
{
	u64 pos = arg(f, 3);
	int error;
	struct file *file = seekable(self, arg(f, 0), pos, arg(f, 2), &error);
	const void *from = user_pointer(self, arg(f, 1), arg(f, 2));
	long done;

	if (error)
		return error;
	if (!from)
		return -EFAULT;
	file_get(file);
	done = write_much(self, file, from, arg(f, 2), &pos);
	file_put(self, file);
	return done;
}

/* Reads or writes the pieces one after another. -> bytes in all. */
static long vectors(struct task *self, struct file *file, const struct iovec *vector, u64 count, u64 *pos, bool write)
{
	long total = 0;
	u64 moved = 0;

	for (u64 i = 0; i < count; i++) {
		u64 bytes = vector[i].iov_len;
		long done;

		if (!bytes && count > 1)
			continue;
		/* What has been read is not held back by waiting for more. */
		if (total && !write && !file->ops->seekable && !(file_poll(file, NULL) & EPOLLIN))
			break;
		if (!vector[i].iov_base)
			done = -EFAULT;
		else if (write)
			done = file_write(self, file, vector[i].iov_base, bytes, pos);
		else
			done = file_read(self, file, vector[i].iov_base, bytes, pos);
		if (done < 0)
			return total ? total : done;
		total += done;
		if ((u64)done < bytes)
			break;
		/* Many small pieces are as good as a large one. */
		moved += (u64)done;
		if (moved >= IO_PIECE && i + 1 < count && file_pause(self, file))
			break;
		moved %= IO_PIECE;
	}
	return total;
}

void iovec_free(struct iovec *few, struct iovec *vector)
{
	if (vector != few)
		heap_free(vector);
}

long iovec_import(struct task *self, u64 addr, u64 count, bool write, struct iovec *few, struct iovec **vector,
	u64 *bytes)
{
	long error = 0;

	*vector = few;
	*bytes = 0;
	if (count > UIO_MAXIOV)
		return -EINVAL;
	if (count > IOVEC_ON_STACK)
		*vector = heap_zalloc(count * sizeof(**vector));
	if (!*vector)
		return -ENOMEM;
	if (user_read(self, addr, *vector, count * sizeof(**vector)))
		error = -EFAULT;
	for (u64 i = 0; !error && i < count; i++) {
		struct iovec *piece = &(*vector)[i];

		*bytes += piece->iov_len;
		if ((i64)piece->iov_len < 0 || (i64)*bytes < 0)
			error = -EINVAL;
		else
			piece->iov_base =
				(write ? user_pointer : user_target)(self, (u64)piece->iov_base, piece->iov_len);
	}
	if (error)
		iovec_free(few, *vector);
	return error;
}

static long vectors_much(struct task *self, struct file *file, const struct iovec *vector, u64 count, u64 bytes,
	u64 *pos, bool write)
{
	long total = bytes > IO_PIECE ? file_hold(self, file, pos, write) : 0;

	if (!total)
		total = vectors(self, file, vector, count, pos, write);
	if (bytes > IO_PIECE)
		file_release_hold(self, file);
	return total;
}

static long vectors_user(struct task *self, struct file *file, u64 addr, u64 count, u64 *pos, bool write)
{
	struct iovec few[IOVEC_ON_STACK];
	struct iovec *vector;
	u64 bytes;
	long total;

	if (!(file->may & (write ? FILE_WRITE : FILE_READ)))
		return -EBADF;
	total = iovec_import(self, addr, count, write, few, &vector, &bytes);
	if (total)
		return total;
	file_get(file);
	if (file->ops->readv_writev)
		total = file->ops->readv_writev(self, file, vector, count, bytes, write);
	else
		total = vectors_much(self, file, vector, count, bytes, pos, write);
	file_put(self, file);
	iovec_free(few, vector);
	return total;
}

static long vectors_here(struct task *self, struct user_frame *f, bool write)
{
	struct file *file = descriptor_peek(self->files, arg(f, 0));

	return file ? vectors_user(self, file, arg(f, 1), arg(f, 2), &file->pos, write) : -EBADF;
}

long sys_readv(struct task *self, struct user_frame *f)
{
	return vectors_here(self, f, false);
}

long sys_writev(struct task *self, struct user_frame *f)
{
	return vectors_here(self, f, true);
}

static long vectors_at(struct task *self, struct user_frame *f, bool write)
{
	u64 pos = arg(f, 3);
	int error;
	struct file *file;

	/* preadv2 and pwritev2 with offset -1 use the file's position. */
	if ((f->nr == 327 || f->nr == 328) && pos == ~0ull)
		return vectors_here(self, f, write);
	file = seekable(self, arg(f, 0), pos, 0, &error);
	return error ? error : vectors_user(self, file, arg(f, 1), arg(f, 2), &pos, write);
}

long sys_preadv(struct task *self, struct user_frame *f)
{
	return vectors_at(self, f, false);
}

long sys_pwritev(struct task *self, struct user_frame *f)
{
	return vectors_at(self, f, true);
}

long sys_preadv2(struct task *self, struct user_frame *f)
{
	return arg(f, 5) ? -EOPNOTSUPP : vectors_at(self, f, false);
}

long sys_pwritev2(struct task *self, struct user_frame *f)
{
	return arg(f, 5) ? -EOPNOTSUPP : vectors_at(self, f, true);
}

static long seek_hole(struct task *self, struct file *file, i64 offset, bool hole)
{
	long found;

	if (offset < 0 || !is_regular(file->inode))
		return offset < 0 ? -ENXIO : -EINVAL;
	file_get(file);
	found = page_cache_seek(file->inode, (u64)offset, hole);
	if (found >= 0)
		file->pos = (u64)found;
	file_put(self, file);
	return found;
}

long sys_lseek(struct task *self, struct user_frame *f)
{
	struct file *file = descriptor_peek(self->files, arg(f, 0));
	i64 offset = (i64)arg(f, 1), base = 0;

	if (!file)
		return -EBADF;
	if (!file->ops->seekable)
		return file->flags & O_PATH ? -EBADF : -ESPIPE;
	switch ((unsigned)arg(f, 2)) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = (i64)file->pos;
		break;
	case SEEK_END:
		base = (i64)file->inode->size;
		break;
	case SEEK_DATA:
	case SEEK_HOLE:
		return seek_hole(self, file, offset, (unsigned)arg(f, 2) == SEEK_HOLE);
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, offset, &base) || base < 0)
		return -EINVAL;
	file->pos = (u64)base;
	return base;
}

long file_transfer(struct task *self, struct file *in, struct file *out, u64 *in_pos, u64 *out_pos, u64 bytes)
{
	char *buffer = pages_alloc(COPY_BYTES);
	u64 done = 0;
	long moved = 0;

	if (!buffer)
		return -ENOMEM;
	file_get(in);
	file_get(out);
	while (done < bytes) {
		u64 piece = min_u64(bytes - done, COPY_BYTES);
		u64 before = *in_pos;
		long got;

		file_fetch(in, in_pos, piece);
		got = file_read(self, in, buffer, piece, in_pos);
		moved = got > 0 ? file_write(self, out, buffer, (u64)got, out_pos) : got;
		if (moved <= 0 || moved < got)
			*in_pos = before + (moved > 0 ? (u64)moved : 0);
		if (moved <= 0)
			break;
		done += (u64)moved;
		if (moved < got || (done < bytes && file_pause(self, in)))
			break;
	}
	file_put(self, in);
	file_put(self, out);
	pages_free(buffer, COPY_BYTES);
	return done ? (long)done : moved;
}

/* What a copy may not be, in the order in which Linux finds it. Nothing is copied from behind the end of a file. */
static int check_copy(const struct file *in, u64 in_pos, const struct file *out, u64 out_pos, u64 *bytes)
{
	u64 in_end, out_end;

	if (is_directory(in->inode) || is_directory(out->inode))
		return -EISDIR;
	if (!is_regular(in->inode) || !is_regular(out->inode))
		return -EINVAL;
	if (!(in->may & FILE_READ) || !(out->may & FILE_WRITE) || out->flags & O_APPEND)
		return -EBADF;
	if ((i64)in_pos < 0 || (i64)out_pos < 0)
		return -EINVAL;
	if (__builtin_add_overflow(in_pos, *bytes, &in_end) || __builtin_add_overflow(out_pos, *bytes, &out_end))
		return -EOVERFLOW;
	*bytes = in_pos < in->inode->size ? min_u64(*bytes, in->inode->size - in_pos) : 0;
	if (in->inode == out->inode && in_pos < out_pos + *bytes && out_pos < in_pos + *bytes)
		return -EINVAL;
	return in->inode->sb == out->inode->sb ? 0 : -EXDEV;
}

long sys_copy_file_range(struct task *self, struct user_frame *f)
{
	struct file *in = descriptor_peek(self->files, arg(f, 0));
	struct file *out = descriptor_peek(self->files, arg(f, 2));
	u64 in_pos, out_pos, *in_at, *out_at, bytes = arg(f, 4);
	long moved;

	if (!in || !out)
		return -EBADF;
	if (arg(f, 1) && user_get_u64(self, arg(f, 1), &in_pos))
		return -EFAULT;
	if (arg(f, 3) && user_get_u64(self, arg(f, 3), &out_pos))
		return -EFAULT;
	if (arg(f, 5))
		return -EINVAL;
	in_at = arg(f, 1) ? &in_pos : &in->pos;
	out_at = arg(f, 3) ? &out_pos : &out->pos;
	moved = check_copy(in, *in_at, out, *out_at, &bytes);
	if (moved || !bytes)
		return moved;
	moved = file_transfer(self, in, out, in_at, out_at, bytes);
	if (arg(f, 1) && user_put_u64(self, arg(f, 1), in_pos))
		return -EFAULT;
	if (arg(f, 3) && user_put_u64(self, arg(f, 3), out_pos))
		return -EFAULT;
	return moved;
}

long sys_readahead(struct task *self, struct user_frame *f)
{
	return descriptor_peek(self->files, arg(f, 0)) ? 0 : -EBADF;
}

long sys_fadvise64(struct task *self, struct user_frame *f)
{
	struct file *file = descriptor_peek(self->files, arg(f, 0));

	if (!file)
		return -EBADF;
	return file->ops->seekable ? 0 : -ESPIPE;
}

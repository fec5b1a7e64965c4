/* Open files; the operations of regular files and directories. */

#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <linux/stat.h>

#include "lib/format.h"
#include "lib/string.h"

#include "services/runtime/service.h"

#include "services/linux/fs/private.h"
#include "services/linux/syscall.h"
#include "services/linux/fs/record_locks.h"
#include "services/linux/fs/9p_client.h"
#include "services/runtime/heap.h"
#include "services/linux/fs/page_cache.h"
#include "services/linux/send_signal.h"

#define IO_MAX 0x7ffff000ul

/* As on Linux: a tenth of memory, at 1 KiB a file. */
enum { FILES_MAX_LEAST = 8192, FILE_COST = 1024, FILES_PART = 10 };

const struct fs_hooks *fs_hooks_used;

u64 files_open, files_max = FILES_MAX_LEAST;

void file_set_hooks(const struct fs_hooks *fs_hooks)
{
	struct kernel_stats stats;

	fs_hooks_used = fs_hooks;
	if (call_stats(&stats, offsetof(struct kernel_stats, spaces)) >= 0)
		files_max = max_u64(files_max, stats.frames_total * (PAGE_SIZE / FILE_COST) / FILES_PART);
}

long file_pipe_size(struct task *self, struct file *file, const u64 *wanted)
{
	return fs_hooks_used->pipe_size(self, file, wanted);
}

void file_init(struct file *file, const struct file_ops *ops, struct inode *inode, struct dentry *dentry, u32 flags)
{
	static const u8 may[] = { FILE_READ, FILE_WRITE, FILE_READ | FILE_WRITE, 0 };

	files_open++;
	file->ops = ops;
	file->refs = 1;
	file->flags = flags & ~(u32)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC);
	file->may = flags & O_PATH ? 0 : may[flags & O_ACCMODE];
	file->inode = inode;
	file->dentry = dentry;
	list_init(&file->epolls);
	if (file->may & FILE_WRITE)
		inode->writers++;
}

struct file *file_new(const struct file_ops *ops, struct inode *inode, struct dentry *dentry, u32 flags)
{
	struct file *file = heap_zalloc(sizeof(*file));

	if (file) {
		file_init(file, ops, inode, dentry, flags);
	} else {
		inode_put(inode);
		dentry_put(dentry);
	}
	return file;
}

struct file *file_get(struct file *file)
{
	file->refs++;
	return file;
}

void file_put(struct task *self, struct file *file)
{
	if (!file || --file->refs)
		return;
	if (!(file->flags & O_PATH))
		notify_dentry(file->dentry, file->may & FILE_WRITE ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
	if (!list_is_empty(&file->epolls))
		fs_hooks_used->unwatch(file);
	if (file->locked)
		locks_release_file(file);
	if (file->ops->release)
		file->ops->release(self, file);
	if (file->may & FILE_WRITE)
		file->inode->writers--;
	inode_put(file->inode);
	dentry_put(file->dentry);
	heap_free(file);
	files_open--;
}

int file_deny_write(struct file *file)
{
	if (file->inode->writers)
		return -ETXTBSY;
	file->inode->deny_write++;
	file_get(file);
	return 0;
}

void file_allow_write(struct task *self, struct file *file)
{
	file->inode->deny_write--;
	file_put(self, file);
}

/* --- files without a path: pipes, epoll sets, memory files... --- */

static struct superblock *anonymous_tree;

struct inode *anonymous_inode(u32 mode)
{
	if (!anonymous_tree)
		anonymous_tree = superblock_new("anon_inodefs", "none", 0x09041934, NULL);
	return anonymous_tree ? inode_new(anonymous_tree, mode, 0, 0) : NULL;
}

struct file *anonymous_file(const struct file_ops *ops, void *data, const char *name, u32 flags)
{
	struct inode *inode = data ? anonymous_inode(0600) : NULL;
	struct file *file = inode ? file_new(ops, inode, NULL, flags) : NULL;

	if (!file) {
		heap_free(data);
		return NULL;
	}
	inode->target = heap_string(name, strlen(name));
	file->data = data;
	return file;
}

int anonymous_name(const struct inode *inode, char *to, size_t size)
{
	const char *kind = "anon_inode";

	if (inode->target)
		return format(to, size, "%s", inode->target);
	if (S_ISFIFO(inode->mode))
		kind = "pipe";
	else if (S_ISSOCK(inode->mode))
		kind = "socket";
	return format(to, size, "%s:[%lu]", kind, inode->ino);
}

int file_path(struct file *file, char *to, size_t size)
{
	struct dentry *dentry = file->dentry;
	int length;

	if (!dentry || (dentry->parent == dentry && !dentry->covers && dentry != root_dentry))
		return anonymous_name(file->inode, to, size);
	length = dentry_path(dentry, root_dentry, to, size);
	if (length > 0 && dentry->dead && (size_t)length + 11 < size) {
		memcpy(to + length, " (deleted)", 11);
		length += 10;
	}
	return length;
}

/* --- regular files --- */

static int wait_for_turn(struct task *self, const struct file *file, bool position, bool write);

static long regular_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	long done = pos == &file->pos ? wait_for_turn(self, file, true, false) : 0;

	if (done)
		return done;
	done = page_cache_read(file->inode, *pos, to, bytes);
	if (done > 0) {
		*pos += (u64)done;
		notify_dentry(file->dentry, IN_ACCESS);
	}
	return done;
}

static void drop_privilege(struct task *self, struct inode *inode)
{
	if (self->process->cred.fsuid && inode->mode & (S_ISUID | S_ISGID)) {
		inode->mode &= ~(u32)S_ISUID;
		if (inode->mode & S_IXGRP)
			inode->mode &= ~(u32)S_ISGID;
	}
}

static long regular_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos)
{
	u64 limit = process_limit(self->process, RLIMIT_FSIZE);
	long done;

	if (!bytes)
		return 0;
	done = wait_for_turn(self, file, pos == &file->pos, true);
	if (done)
		return done;
	if (file->flags & O_APPEND)
		*pos = file->inode->size;
	if (limit != RLIM64_INFINITY && *pos + bytes > limit) {
		if (*pos >= limit) {
			signal_send(self, SIGXFSZ);
			return -EFBIG;
		}
		bytes = limit - *pos;
	}
	drop_privilege(self, file->inode);
	done = page_cache_write(file->inode, *pos, from, bytes);
	if (done > 0) {
		*pos += (u64)done;
		notify_dentry(file->dentry, IN_MODIFY);
	}
	return done;
}

static long regular_ioctl(struct task *self, struct file *file, unsigned command, u64 argument)
{
	if (command != FIONREAD)
		return -ENOTTY;
	return user_put_u32(self, argument, (u32)(file->inode->size - min_u64(file->inode->size, file->pos)));
}

const struct file_ops regular_ops = {
	.read = regular_read,
	.write = regular_write,
	.ioctl = regular_ioctl,
	.seekable = true,
	.pieces = PIECES_KILL,
};

static long directory_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	(void)self, (void)file, (void)to, (void)bytes, (void)pos;
	return -EISDIR;
}

const struct file_ops directory_ops = {
	.read = directory_read,
	.seekable = true,
};

/* --- opening --- */

static const struct file_ops path_ops = { .seekable = false };

static const struct file_ops *ops_of(struct inode *inode, u32 flags)
{
	if (flags & O_PATH)
		return &path_ops;
	if (is_directory(inode))
		return &directory_ops;
	return &regular_ops;
}

int file_open(struct task *self, struct dentry *dentry, u32 flags, struct file **opened)
{
	struct inode *inode = dentry->inode;
	struct file *file = file_new(ops_of(inode, flags), inode_get(inode), dentry_get(dentry), flags);
	int error = 0;

	if (!file)
		return -ENOMEM;
	/* Terminals look at it. */
	file->flags |= flags & O_NOCTTY;
	if (flags & O_PATH)
		error = 0;
	else if (inode->ops && inode->ops->open)
		error = inode->ops->open(self, inode, file);
	else if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode))
		error = inode->sb->shared ? -EACCES : device_open(self, inode, file);
	else if (S_ISFIFO(inode->mode))
		error = fs_hooks_used->open_fifo(self, inode, file);
	else if (S_ISSOCK(inode->mode))
		error = -ENXIO;
	if (error) {
		/* It is closed without anybody being told. */
		file->flags |= O_PATH;
		file->ops = &path_ops;
		file_put(self, file);
		return error;
	}
	file->flags &= ~(u32)O_NOCTTY;
	*opened = file;
	return 0;
}

long file_read_at(struct task *self, struct file *file, void *to, size_t bytes, u64 offset)
{
	if (file->ops == &regular_ops)
		return page_cache_read(file->inode, offset, to, bytes);
	return file->ops->read && file->ops->seekable ? file->ops->read(self, file, to, bytes, &offset) : -EINVAL;
}

void file_fetch(struct file *file, const u64 *pos, size_t bytes)
{
	if (file->ops == &regular_ops && file->may & FILE_READ)
		page_cache_fetch(file->inode, pos, bytes);
}

/* --- in pieces --- */

static struct wait_queue released = { LIST_INIT(released.waiters) };

bool file_pause(struct task *self, const struct file *file)
{
	if (file->ops->pieces == PIECES_NONE)
		return false;
	service_lock_pass();
	return file->ops->pieces == PIECES_SIGNAL ? task_interrupted(self) : self->work & WORK_EXIT;
}

/* Waits until the task that moves in pieces is done. */
static int wait_for_turn(struct task *self, const struct file *file, bool position, bool write)
{
	int error = 0;

	while (!error &&
		((position && file->mover && file->mover != self) ||
			(write && file->inode->writer && file->inode->writer != self)))
		error = wait_on_killable(self, &released, 0);
	return error;
}

int file_hold(struct task *self, struct file *file, const u64 *pos, bool write)
{
	bool position = pos == &file->pos;
	int error = 0;

	if (file->ops != &regular_ops)
		return 0;
	error = wait_for_turn(self, file, position, write);
	if (error)
		return error;
	if (position)
		file->mover = self;
	if (write)
		file->inode->writer = self;
	return 0;
}

void file_release_hold(struct task *self, struct file *file)
{
	if (file->mover == self)
		file->mover = NULL;
	if (file->inode->writer == self)
		file->inode->writer = NULL;
	if (file->ops == &regular_ops)
		wake_up(&released);
}

/* Kept out of line, so that the short way does not have to save registers. */
static __attribute__((noinline)) long read_pieces(struct task *self, struct file *file, char *to, size_t bytes,
	u64 *pos)
{
	size_t done = 0;

	for (;;) {
		size_t piece = min_u64(bytes - done, IO_PIECE);
		long got;

		file_fetch(file, pos, piece);
		got = file->ops->read(self, file, to + done, piece, pos);
		if (got < 0)
			return done ? (long)done : got;
		done += (size_t)got;
		if ((size_t)got < piece || done == bytes || file_pause(self, file))
			return (long)done;
	}
}

static __attribute__((noinline)) long write_pieces(struct task *self, struct file *file, const char *from, size_t bytes,
	u64 *pos)
{
	size_t done = 0;

	for (;;) {
		size_t piece = min_u64(bytes - done, IO_PIECE);
		long put = file->ops->write(self, file, from + done, piece, pos);

		if (put < 0)
			return done ? (long)done : put;
		done += (size_t)put;
		if ((size_t)put < piece || done == bytes || file_pause(self, file))
			return (long)done;
	}
}

long file_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	if (!(file->may & FILE_READ))
		return -EBADF;
	if (!file->ops->read)
		return -EINVAL;
	if (bytes <= IO_PIECE)
		return file->ops->read(self, file, to, bytes, pos);
	bytes = min_u64(bytes, IO_MAX);
	return file->ops->pieces ? read_pieces(self, file, to, bytes, pos)
				 : file->ops->read(self, file, to, bytes, pos);
}

long file_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos)
{
	if (!(file->may & FILE_WRITE))
		return -EBADF;
	if (!file->ops->write)
		return -EINVAL;
	if (bytes <= IO_PIECE)
		return file->ops->write(self, file, from, bytes, pos);
	bytes = min_u64(bytes, IO_MAX);
	return file->ops->pieces ? write_pieces(self, file, from, bytes, pos)
				 : file->ops->write(self, file, from, bytes, pos);
}

/* --- mapping --- */

static void mapped_for_writing(struct inode *inode)
{
	inode->written = true;
	inode->mapped_writable = true;
	inode_changed(inode);
}

void segment_written(uint32_t segment)
{
	struct inode *inode = page_cache_find(segment);

	if (inode)
		mapped_for_writing(inode);
}

int file_segment(struct file *file, u32 rights, bool share, size_t bytes, u32 *segment)
{
	int error;

	if (!(file->may & FILE_READ) || (share && rights & RIGHT_W && !(file->may & FILE_WRITE)))
		return file->flags & O_PATH ? -EBADF : -EACCES;
	if (device_is_zero(file)) {
		int64_t made = share ? device_zero_segment(bytes) : 0;

		*segment = made < 0 ? 0 : (uint32_t)made;
		return made < 0 ? -ENOMEM : 0;
	}
	if (!is_regular(file->inode) || file->ops != &regular_ops)
		return -ENODEV;
	if (share && rights & RIGHT_W)
		mapped_for_writing(file->inode);
	error = page_cache_segment(file->inode);
	if (error)
		return error;
	page_cache_pin(file->inode);
	*segment = file->inode->segment;
	return 0;
}

int descriptor_segment(struct task *self, int fd, u32 rights, bool share, u64 bytes, u32 *segment, u32 *most)
{
	struct file *file = descriptor_get(self->files, fd);
	int error;

	if (!file)
		return -EBADF;
	error = file_segment(file, rights, share, bytes, segment);
	if (share && !(file->may & FILE_WRITE))
		*most &= ~(u32)RIGHT_W;
	file_put(self, file);
	return error;
}

bool segment_name(uint32_t segment, char *to, size_t size, uint64_t *dev, uint64_t *ino)
{
	struct inode *inode = page_cache_find(segment);

	if (!inode)
		return false;
	*dev = inode_dev(inode);
	*ino = inode->ino;
	if (!inode->alias || dentry_path(inode->alias, root_dentry, to, size) < 0)
		anonymous_name(inode, to, size);
	return true;
}

/* --- programs --- */

int exec_open(struct task *self, int dirfd, const char *path, int flags, struct file **file,
	struct exec_attributes *about)
{
	unsigned how = (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0) | (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW);
	struct path at;
	struct inode *inode;
	int error = path_lookup(self, dirfd, path, how, &at);

	if (error)
		return error;
	inode = at.dentry->inode;
	if (is_symlink(inode))
		error = -ELOOP;
	else if (!is_regular(inode))
		error = -EACCES;
	else
		error = inode_permission(self, inode, 1);
	if (!error)
		error = file_open(self, at.dentry, O_RDONLY, file);
	if (!error)
		notify_dentry(at.dentry, IN_OPEN);
	dentry_put(at.dentry);
	if (error)
		return error;
	*about = (struct exec_attributes){
		.mode = inode->sb->shared ? inode->mode & ~(u32)(S_ISUID | S_ISGID) : inode->mode,
		.uid = inode->uid,
		.gid = inode->gid,
		.size = inode->size,
		.ino = inode->ino,
		.dev = inode_dev(inode),
		.readable = inode_permission(self, inode, 4) == 0,
	};
	return 0;
}

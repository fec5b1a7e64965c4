/* open and its relatives, memfd_create, truncate, fallocate, access. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <linux/limits.h>
#include <linux/memfd.h>
#include <linux/openat2.h>
#include <linux/stat.h>

#include "lib/format.h"

#include "services/linux/fs/private.h"
#include "services/linux/send_signal.h"
#include "services/linux/syscall.h"
#include "services/runtime/heap.h"
#include "services/linux/fs/page_cache.h"

/* The rights that opening with these flags needs. */
static unsigned rights_of(u32 flags)
{
	static const u8 rights[] = { 4, 2, 6, 6 };

	return rights[flags & O_ACCMODE] | (flags & O_TRUNC ? 2 : 0);
}

/* Checks that an existing file may be opened like this. */
static int check_open(struct task *self, struct inode *inode, u32 flags)
{
	if (is_symlink(inode) && !(flags & O_PATH && flags & O_NOFOLLOW))
		return -ELOOP;
	if (flags & O_DIRECTORY && !is_directory(inode))
		return -ENOTDIR;
	if (flags & O_PATH)
		return 0;
	if (is_directory(inode) && (rights_of(flags) & 2 || flags & O_CREAT))
		return -EISDIR;
	if (flags & O_NOATIME && !inode_is_owner(self, inode))
		return -EPERM;
	if (inode->deny_write && rights_of(flags) & 2)
		return -ETXTBSY;
	return inode_permission(self, inode, rights_of(flags));
}

/* A file without a name in a directory. */
static int open_nameless(struct task *self, struct dentry *dir, u32 flags, u32 mode, struct file **opened)
{
	struct inode *inode;
	int error;

	if (!(flags & O_ACCMODE) || flags & O_CREAT)
		return -EINVAL;
	if (!is_directory(dir->inode))
		return -ENOTDIR;
	error = inode_permission(self, dir->inode, 3);
	if (!error && dir->inode->sb->fixed)
		error = -EOPNOTSUPP;
	if (error)
		return error;
	inode = inode_new(dir->inode->sb, S_IFREG | (mode & 07777 & ~self->fs->umask), self->process->cred.fsuid,
		self->process->cred.fsgid);
	if (!inode)
		return -ENOMEM;
	inode->nlink = 0;
	inode->linkable = !(flags & O_EXCL);
	inode->target = heap_string("/tmp/#nameless (deleted)", 24);
	*opened = file_new(&regular_ops, inode, NULL, flags & ~(u32)(O_DIRECTORY | O_CREAT));
	return *opened ? 0 : -ENOMEM;
}

/* Makes a file and opens it, or (for want of memory) does neither. */
static int open_made(struct task *self, struct dentry *dentry, u32 flags, u32 mode, struct file **opened)
{
	struct file *file = heap_zalloc(sizeof(*file));
	int error = file ? dentry_mknod(self, dentry, S_IFREG | (mode & 07777), 0) : -ENOMEM;

	if (error) {
		heap_free(file);
		return error;
	}
	file_init(file, &regular_ops, inode_get(dentry->inode), dentry_get(dentry), flags);
	*opened = file;
	return 0;
}

static int open_found(struct task *self, struct path *at, u32 flags, u32 mode, struct file **opened)
{
	struct dentry *dentry = at->dentry;
	int error;

	if (!dentry->inode)
		return at->slash ? -EISDIR : open_made(self, dentry, flags, mode, opened);
	if (flags & O_CREAT && flags & O_EXCL)
		return -EEXIST;
	error = check_open(self, dentry->inode, flags);
	if (!error)
		error = file_open(self, dentry, flags, opened);
	if (!error && flags & O_TRUNC && is_regular(dentry->inode)) {
		error = dentry->inode->size || dentry->inode->remote ? page_cache_truncate(dentry->inode, 0) : 0;
		if (!error)
			notify_dentry(dentry, IN_MODIFY);
		if (error)
			file_put(self, *opened);
	}
	return error;
}

static int open_at(struct task *self, int dirfd, u64 path, u32 flags, u32 mode, unsigned how, struct file **opened)
{
	struct path at;
	int error;

	if (!(flags & O_NOFOLLOW) && !(flags & O_CREAT && flags & O_EXCL))
		how |= LOOKUP_FOLLOW;
	if (flags & O_CREAT)
		how |= LOOKUP_MISSING;
	error = path_lookup_user(self, dirfd, path, how, &at);
	if (error)
		return error;
	if ((flags & O_TMPFILE) == O_TMPFILE)
		error = open_nameless(self, at.dentry, flags, mode, opened);
	else
		error = open_found(self, &at, flags, mode, opened);
	if (!error && !(flags & O_PATH))
		notify_dentry((*opened)->dentry, IN_OPEN);
	dentry_put(at.dentry);
	return error;
}

static long do_open(struct task *self, int dirfd, u64 path, u32 flags, u32 mode, unsigned how)
{
	struct file *file;
	int error;

	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	if ((flags & O_TMPFILE) != O_TMPFILE && flags & O_DIRECTORY && flags & O_CREAT)
		return -EINVAL;
	error = descriptor_room(self);
	if (!error)
		error = open_at(self, dirfd, path, flags, mode, how, &file);
	if (error)
		return error;
	return descriptor_add(self, file, 0, flags & O_CLOEXEC);
}

long sys_open(struct task *self, struct user_frame *f)
{
	return do_open(self, AT_FDCWD, arg(f, 0), (u32)arg(f, 1), (u32)arg(f, 2), 0);
}

long sys_creat(struct task *self, struct user_frame *f)
{
	return do_open(self, AT_FDCWD, arg(f, 0), O_CREAT | O_WRONLY | O_TRUNC, (u32)arg(f, 1), 0);
}

long sys_openat(struct task *self, struct user_frame *f)
{
	return do_open(self, (int)arg(f, 0), arg(f, 1), (u32)arg(f, 2), (u32)arg(f, 3), 0);
}

long sys_openat2(struct task *self, struct user_frame *f)
{
	struct open_how how;

	if (arg(f, 3) != sizeof(how))
		return arg(f, 3) < sizeof(how) ? -EINVAL : -E2BIG;
	if (user_read(self, arg(f, 2), &how, sizeof(how)))
		return -EFAULT;
	if (how.resolve & ~(u64)(RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV))
		return -EOPNOTSUPP;
	return do_open(self, (int)arg(f, 0), arg(f, 1), (u32)how.flags, (u32)how.mode,
		how.resolve & RESOLVE_NO_SYMLINKS ? LOOKUP_NO_LINKS : 0);
}

long sys_memfd_create(struct task *self, struct user_frame *f)
{
	char name[NAME_MAX + 1], full[NAME_MAX + 32];
	long length = user_string(self, arg(f, 0), name, sizeof(name) - 6);
	u32 flags = (u32)arg(f, 1);
	struct inode *inode;
	struct file *file;

	if (length < 0)
		return length == -ENAMETOOLONG ? -EINVAL : length;
	if (flags & ~(u32)(MFD_CLOEXEC | MFD_ALLOW_SEALING))
		return -EINVAL;
	inode = anonymous_inode(S_IFREG | 0777);
	if (!inode)
		return -ENOMEM;
	inode->target = heap_string(full, (size_t)format(full, sizeof(full), "/memfd:%s (deleted)", name));
	file = file_new(&regular_ops, inode, NULL, O_RDWR);
	return file ? descriptor_add(self, file, 0, flags & MFD_CLOEXEC) : -ENOMEM;
}

/* --- sizes --- */

static long truncate_file(struct task *self, struct inode *inode, u64 size)
{
	if ((i64)size < 0)
		return -EINVAL;
	if (is_directory(inode))
		return -EISDIR;
	if (!is_regular(inode))
		return -EINVAL;
	if (size > process_limit(self->process, RLIMIT_FSIZE))
		return -EFBIG;
	if (inode->deny_write)
		return -ETXTBSY;
	return page_cache_truncate(inode, size);
}

long sys_truncate(struct task *self, struct user_frame *f)
{
	struct path at;
	long error = path_lookup_user(self, AT_FDCWD, arg(f, 0), LOOKUP_FOLLOW, &at);

	if (error)
		return error;
	error = is_directory(at.dentry->inode) ? -EISDIR : inode_permission(self, at.dentry->inode, 2);
	if (!error)
		error = truncate_file(self, at.dentry->inode, arg(f, 1));
	if (!error)
		notify_dentry(at.dentry, IN_MODIFY);
	dentry_put(at.dentry);
	return error;
}

long sys_ftruncate(struct task *self, struct user_frame *f)
{
	struct file *file = descriptor_peek(self->files, arg(f, 0));
	long error;

	if (!file || file->flags & O_PATH)
		return -EBADF;
	if (!(file->may & FILE_WRITE) || !is_regular(file->inode))
		return -EINVAL;
	error = truncate_file(self, file->inode, arg(f, 1));
	if (!error)
		notify_dentry(file->dentry, IN_MODIFY);
	return error;
}

/* Makes a hole of a range of the file, in pieces. */
static int punch_range(struct task *self, struct file *file, u64 from, u64 to)
{
	long done = file_hold(self, file, NULL, true);

	while (done >= 0 && from < to) {
		done = page_cache_punch(file->inode, from, to - from);
		from += done > 0 ? (u64)done : 0;
		if (done > 0 && from < to && file_pause(self, file))
			done = -EINTR;
	}
	file_release_hold(self, file);
	return done < 0 ? (int)done : 0;
}

enum { KEEP_SIZE = 1, PUNCH_HOLE = 2, ZERO_RANGE = 16 }; /* FALLOC_FL_*, <linux/falloc.h> */

static int check_allocate(struct task *self, const struct file *file, unsigned mode, i64 offset, i64 bytes)
{
	u64 limit = process_limit(self->process, RLIMIT_FSIZE), end = (u64)offset + (u64)bytes;

	if (offset < 0 || bytes <= 0)
		return -EINVAL;
	if (mode & ~(unsigned)(KEEP_SIZE | PUNCH_HOLE | ZERO_RANGE) || (mode & PUNCH_HOLE && mode & ZERO_RANGE) ||
		(mode & PUNCH_HOLE && !(mode & KEEP_SIZE)))
		return -EOPNOTSUPP;
	if (!(file->may & FILE_WRITE))
		return -EBADF;
	if (!is_regular(file->inode))
		return file->ops->seekable ? -ENODEV : -ESPIPE;
	if (file->inode->deny_write)
		return -ETXTBSY;
	if (end > page_cache_limit(file->inode))
		return -EFBIG;
	if (!(mode & KEEP_SIZE) && end > file->inode->size && end > limit) {
		signal_send(self, SIGXFSZ);
		return -EFBIG;
	}
	return 0;
}

long sys_fallocate(struct task *self, struct user_frame *f)
{
	struct file *file = descriptor_peek(self->files, arg(f, 0));
	unsigned mode = (unsigned)arg(f, 1);
	u64 offset = arg(f, 2), end = offset + arg(f, 3), size;
	long error = file && !(file->flags & O_PATH) ? check_allocate(self, file, mode, (i64)offset, (i64)arg(f, 3))
						     : -EBADF;

	if (error)
		return error;
	file_get(file);
	size = file->inode->size;
	if (mode & (PUNCH_HOLE | ZERO_RANGE) && offset < size)
		error = punch_range(self, file, offset,
			end >= size && !file->inode->paged ? page_up(size) : min_u64(end, size));
	if (!error && !(mode & KEEP_SIZE) && end > file->inode->size)
		error = page_cache_truncate(file->inode, end);
	if (!error)
		notify_dentry(file->dentry, IN_MODIFY);
	file_put(self, file);
	return error;
}

/* --- access --- */

static long access_at(struct task *self, int dirfd, u64 path, unsigned mask, unsigned flags)
{
	struct inode *inode;
	long error;

	if (mask & ~7u || flags & ~(unsigned)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	error = inode_at(self, dirfd, path, flags & ~(unsigned)AT_EACCESS, &inode);
	if (error)
		return error;
	error = flags & AT_EACCESS ? inode_permission(self, inode, mask) : inode_permission_real(self, inode, mask);
	inode_put(inode);
	return error;
}

long sys_access(struct task *self, struct user_frame *f)
{
	return access_at(self, AT_FDCWD, arg(f, 0), (unsigned)arg(f, 1), 0);
}

long sys_faccessat(struct task *self, struct user_frame *f)
{
	return access_at(self, (int)arg(f, 0), arg(f, 1), (unsigned)arg(f, 2), 0);
}

long sys_faccessat2(struct task *self, struct user_frame *f)
{
	return access_at(self, (int)arg(f, 0), arg(f, 1), (unsigned)arg(f, 2), (unsigned)arg(f, 3));
}

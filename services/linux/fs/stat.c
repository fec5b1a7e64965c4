/* Attributes: stat, statx, access, readlink, chmod, chown, utimens, statfs, and sync. */
#include <asm/errno.h>
#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>
#include <linux/time_types.h>

#include "lib/string.h"

#include "services/linux/fs/private.h"
#include "services/linux/syscall.h"
#include "services/linux/fs/9p_client.h"
#include "services/runtime/heap.h"
#include "services/linux/fs/page_cache.h"

/* --- finding what a call is about --- */

/* The inode of a path relative to dirfd, or of dirfd itself; with a reference. flags: AT_*. */
static int inode_at(struct task *self, int dirfd, u64 path, unsigned flags, struct inode **inode)
{
	unsigned how = (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0) | (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW);
	struct file *file;
	struct path at;
	char first = 1;
	int error;

	if (flags & AT_EMPTY_PATH && path && user_read(self, path, &first, 1))
		return -EFAULT;
	if (flags & AT_EMPTY_PATH && (!path || !first) && dirfd != AT_FDCWD) {
		file = descriptor_peek(self->files, (unsigned)dirfd);
		if (!file)
			return -EBADF;
		*inode = inode_get(file->inode);
		return 0;
	}
	error = path_lookup_user(self, dirfd, path, how, &at);
	if (error)
		return error;
	*inode = inode_get(at.dentry->inode);
	dentry_put(at.dentry);
	return 0;
}

static int inode_of_fd(struct task *self, u64 fd, bool path_too, struct inode **inode)
{
	struct file *file = descriptor_peek(self->files, fd);

	if (!file || (!path_too && file->flags & O_PATH))
		return -EBADF;
	*inode = inode_get(file->inode);
	return 0;
}

static void refresh(struct inode *inode)
{
	if (inode->ops && inode->ops->refresh)
		inode->ops->refresh(inode);
}

/* --- stat --- */

static int put_stat(struct task *self, struct inode *inode, u64 addr)
{
	struct stat stat = { 0 };

	refresh(inode);
	stat.st_dev = inode_dev(inode);
	stat.st_ino = inode->ino;
	stat.st_mode = inode->mode;
	stat.st_nlink = inode->nlink;
	stat.st_uid = inode->uid;
	stat.st_gid = inode->gid;
	stat.st_rdev = inode->rdev;
	stat.st_size = (long)inode->size;
	stat.st_blksize = (inode->mode & S_IFMT) == S_IFCHR && inode->rdev >> 8 != 136 ? 4096 : PAGE_SIZE;
	stat.st_blocks = (long)inode->blocks;
	stat.st_atime = (unsigned long)inode->atime.s;
	stat.st_atime_nsec = inode->atime.ns;
	stat.st_mtime = (unsigned long)inode->mtime.s;
	stat.st_mtime_nsec = inode->mtime.ns;
	stat.st_ctime = (unsigned long)inode->ctime.s;
	stat.st_ctime_nsec = inode->ctime.ns;
	return user_write(self, addr, &stat, sizeof(stat));
}

static long stat_at(struct task *self, int dirfd, u64 path, u64 to, unsigned flags)
{
	struct inode *inode;
	long error;

	if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
		return -EINVAL;
	error = inode_at(self, dirfd, path, flags, &inode);
	if (!error) {
		error = put_stat(self, inode, to);
		inode_put(inode);
	}
	return error;
}

long sys_stat(struct task *self, struct user_frame *f)
{
	return stat_at(self, AT_FDCWD, arg(f, 0), arg(f, 1), 0);
}

long sys_lstat(struct task *self, struct user_frame *f)
{
	return stat_at(self, AT_FDCWD, arg(f, 0), arg(f, 1), AT_SYMLINK_NOFOLLOW);
}

long sys_newfstatat(struct task *self, struct user_frame *f)
{
	return stat_at(self, (int)arg(f, 0), arg(f, 1), arg(f, 2), (unsigned)arg(f, 3));
}

long sys_fstat(struct task *self, struct user_frame *f)
{
	struct file *file = descriptor_peek(self->files, arg(f, 0));

	return file ? put_stat(self, file->inode, arg(f, 1)) : -EBADF;
}

static struct statx_timestamp statx_time(struct stamp stamp)
{
	return (struct statx_timestamp){ .tv_sec = stamp.s, .tv_nsec = stamp.ns };
}

static u32 dev_major(u64 dev)
{
	return (u32)(dev >> 8 & 0xfff) | (u32)(dev >> 32 & ~0xfffull);
}

static u32 dev_minor(u64 dev)
{
	return (u32)(dev & 0xff) | (u32)(dev >> 12 & ~0xffull);
}

long sys_statx(struct task *self, struct user_frame *f)
{
	struct statx statx = { .stx_mask = STATX_BASIC_STATS };
	struct inode *inode;
	long error = inode_at(self, (int)arg(f, 0), arg(f, 1), (unsigned)arg(f, 2), &inode);

	if (error)
		return error;
	refresh(inode);
	statx.stx_blksize = PAGE_SIZE;
	statx.stx_nlink = inode->nlink;
	statx.stx_uid = inode->uid;
	statx.stx_gid = inode->gid;
	statx.stx_mode = (u16)inode->mode;
	statx.stx_ino = inode->ino;
	statx.stx_size = inode->size;
	statx.stx_blocks = inode->blocks;
	statx.stx_atime = statx_time(inode->atime);
	statx.stx_mtime = statx_time(inode->mtime);
	statx.stx_ctime = statx_time(inode->ctime);
	statx.stx_rdev_major = dev_major(inode->rdev);
	statx.stx_rdev_minor = dev_minor(inode->rdev);
	statx.stx_dev_major = dev_major(inode_dev(inode));
	statx.stx_dev_minor = dev_minor(inode_dev(inode));
	inode_put(inode);
	return user_write(self, arg(f, 4), &statx, sizeof(statx));
}

/* --- access, readlink --- */

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

static long readlink_at(struct task *self, int dirfd, u64 path, u64 to, u64 size)
{
	struct inode *inode;
	char *text;
	long length;

	if ((i64)size <= 0)
		return -EINVAL;
	length = inode_at(self, dirfd, path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, &inode);
	if (length)
		return length;
	text = heap_zalloc(PATH_MAX);
	if (!text)
		length = -ENOMEM;
	else if (!is_symlink(inode))
		length = -EINVAL;
	else
		length = inode_readlink(self, inode, text, min_u64(size, PATH_MAX));
	inode_put(inode);
	if (length > 0 && user_write(self, to, text, (u64)length))
		length = -EFAULT;
	heap_free(text);
	return length;
}

long sys_readlink(struct task *self, struct user_frame *f)
{
	char first;

	if (!user_read(self, arg(f, 0), &first, 1) && !first)
		return -ENOENT;
	return readlink_at(self, AT_FDCWD, arg(f, 0), arg(f, 1), (u64)(int)arg(f, 2));
}

long sys_readlinkat(struct task *self, struct user_frame *f)
{
	return readlink_at(self, (int)arg(f, 0), arg(f, 1), arg(f, 2), (u64)(int)arg(f, 3));
}

/* --- changing attributes --- */

/* Makes a change visible; consumes the reference. */
static long changed(struct inode *inode, u32 which, long error)
{
	if (!error) {
		inode_changed(inode);
		if (inode->sb->write_through && inode->remote)
			error = p9_set_attributes(inode, which);
	}
	inode_put(inode);
	return error;
}

static long change_mode(struct task *self, struct inode *inode, u32 mode)
{
	if (!inode_is_owner(self, inode))
		return changed(inode, 0, -EPERM);
	if (inode->sb->fixed && inode->sb->uncached)
		return changed(inode, 0, -EPERM);
	if (is_symlink(inode))
		return changed(inode, 0, -EOPNOTSUPP);
	if (self->process->cred.fsuid && !in_group(self, inode->gid) && is_regular(inode))
		mode &= ~(u32)S_ISGID;
	inode->mode = (inode->mode & S_IFMT) | (mode & 07777);
	return changed(inode, FS_SET_MODE, 0);
}

static long chmod_at(struct task *self, int dirfd, u64 path, u32 mode)
{
	struct inode *inode;
	long error = inode_at(self, dirfd, path, 0, &inode);

	return error ? error : change_mode(self, inode, mode);
}

long sys_chmod(struct task *self, struct user_frame *f)
{
	return chmod_at(self, AT_FDCWD, arg(f, 0), (u32)arg(f, 1));
}

long sys_fchmodat(struct task *self, struct user_frame *f)
{
	return chmod_at(self, (int)arg(f, 0), arg(f, 1), (u32)arg(f, 2));
}

long sys_fchmod(struct task *self, struct user_frame *f)
{
	struct inode *inode;
	long error = inode_of_fd(self, arg(f, 0), false, &inode);

	return error ? error : change_mode(self, inode, (u32)arg(f, 1));
}

static long change_owner(struct task *self, struct inode *inode, u32 uid, u32 gid)
{
	bool root = self->process->cred.fsuid == 0;

	if (!root &&
		((uid != ~0u && uid != inode->uid) || !inode_is_owner(self, inode) ||
			(gid != ~0u && gid != inode->gid && !in_group(self, gid))))
		return changed(inode, 0, -EPERM);
	if (uid != ~0u)
		inode->uid = uid;
	if (gid != ~0u)
		inode->gid = gid;
	if (is_regular(inode) && (uid != ~0u || gid != ~0u)) {
		inode->mode &= ~(u32)S_ISUID;
		if (inode->mode & S_IXGRP)
			inode->mode &= ~(u32)S_ISGID;
	}
	return changed(inode, FS_SET_OWNER, 0);
}

static long chown_at(struct task *self, int dirfd, u64 path, u64 uid, u64 gid, unsigned flags)
{
	struct inode *inode;
	long error;

	if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	error = inode_at(self, dirfd, path, flags, &inode);
	return error ? error : change_owner(self, inode, (u32)uid, (u32)gid);
}

long sys_chown(struct task *self, struct user_frame *f)
{
	return chown_at(self, AT_FDCWD, arg(f, 0), arg(f, 1), arg(f, 2), 0);
}

long sys_lchown(struct task *self, struct user_frame *f)
{
	return chown_at(self, AT_FDCWD, arg(f, 0), arg(f, 1), arg(f, 2), AT_SYMLINK_NOFOLLOW);
}

long sys_fchownat(struct task *self, struct user_frame *f)
{
	return chown_at(self, (int)arg(f, 0), arg(f, 1), arg(f, 2), arg(f, 3), (unsigned)arg(f, 4));
}

long sys_fchown(struct task *self, struct user_frame *f)
{
	struct inode *inode;
	long error = inode_of_fd(self, arg(f, 0), false, &inode);

	return error ? error : change_owner(self, inode, (u32)arg(f, 1), (u32)arg(f, 2));
}

/* --- times --- */

/* UTIME_NOW and UTIME_OMIT are not in the UAPI headers. */
enum { TIME_NOW = (1l << 30) - 1, TIME_OMIT = (1l << 30) - 2 };

static int stamp_from(const struct __kernel_timespec *time, struct stamp *stamp)
{
	if (time->tv_nsec == TIME_OMIT)
		return 0;
	if (time->tv_nsec == TIME_NOW)
		*stamp = stamp_now();
	else if (time->tv_nsec < 0 || (u64)time->tv_nsec >= NS_PER_S)
		return -EINVAL;
	else
		*stamp = (struct stamp){ time->tv_sec, (u32)time->tv_nsec };
	return 0;
}

/* times: access and modification. Consumes the reference. */
static long set_times(struct task *self, struct inode *inode, const struct __kernel_timespec *times)
{
	struct stamp access = inode->atime, modification = inode->mtime;
	bool now = times[0].tv_nsec == TIME_NOW && times[1].tv_nsec == TIME_NOW;

	if (stamp_from(&times[0], &access) || stamp_from(&times[1], &modification))
		return changed(inode, 0, -EINVAL);
	if (times[0].tv_nsec == TIME_OMIT && times[1].tv_nsec == TIME_OMIT) {
		inode_put(inode);
		return 0;
	}
	if (!inode_is_owner(self, inode) && !(now && inode_permission(self, inode, 2) == 0))
		return changed(inode, 0, now ? -EACCES : -EPERM);
	inode->atime = access;
	inode->mtime = modification;
	return changed(inode, FS_SET_ATIME | FS_SET_MTIME, 0);
}

static long utimes_at(struct task *self, int dirfd, u64 path, const struct __kernel_timespec *times, unsigned flags)
{
	struct inode *inode;
	long error;

	if (!path && dirfd != AT_FDCWD)
		error = inode_of_fd(self, (unsigned)dirfd, false, &inode);
	else
		error = inode_at(self, dirfd, path, flags, &inode);
	return error ? error : set_times(self, inode, times);
}

long sys_utimensat(struct task *self, struct user_frame *f)
{
	struct __kernel_timespec times[2] = { { 0, TIME_NOW }, { 0, TIME_NOW } };

	if (arg(f, 2) && user_read(self, arg(f, 2), times, sizeof(times)))
		return -EFAULT;
	if (arg(f, 3) & ~(u64)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return utimes_at(self, (int)arg(f, 0), arg(f, 1), times, (unsigned)arg(f, 3));
}

static long utimes_us(struct task *self, int dirfd, u64 path, u64 addr)
{
	struct __kernel_timespec times[2] = { { 0, TIME_NOW }, { 0, TIME_NOW } };

	if (addr) {
		if (user_read(self, addr, times, sizeof(times)))
			return -EFAULT;
		times[0].tv_nsec *= 1000;
		times[1].tv_nsec *= 1000;
	}
	return utimes_at(self, dirfd, path, times, 0);
}

long sys_utimes(struct task *self, struct user_frame *f)
{
	return utimes_us(self, AT_FDCWD, arg(f, 0), arg(f, 1));
}

long sys_futimesat(struct task *self, struct user_frame *f)
{
	return utimes_us(self, (int)arg(f, 0), arg(f, 1), arg(f, 2));
}

long sys_utime(struct task *self, struct user_frame *f)
{
	struct __kernel_timespec times[2] = { { 0, TIME_NOW }, { 0, TIME_NOW } };
	u64 seconds[2];

	if (arg(f, 1)) {
		if (user_read(self, arg(f, 1), seconds, sizeof(seconds)))
			return -EFAULT;
		times[0] = (struct __kernel_timespec){ (i64)seconds[0], 0 };
		times[1] = (struct __kernel_timespec){ (i64)seconds[1], 0 };
	}
	return utimes_at(self, AT_FDCWD, arg(f, 0), times, 0);
}

/* --- whole file systems --- */

/* The C library has them: f_flags of statfs(2). */
enum { ST_NOSUID = 2, ST_NODEV = 4, ST_VALID = 0x20 };

static long put_statfs(struct task *self, struct inode *inode, u64 addr)
{
	struct superblock *sb = inode->sb;
	struct statfs to = { .f_type = sb->magic, .f_bsize = PAGE_SIZE, .f_frsize = PAGE_SIZE, .f_namelen = NAME_MAX };
	struct fs_statfs about;

	if (sb->shared)
		to.f_flags = ST_VALID | ST_NOSUID | ST_NODEV;
	if (sb->on_server && p9_statfs(sb->root->inode, &about) == 0) {
		to.f_type = about.type;
		to.f_bsize = to.f_frsize = about.bsize;
		to.f_blocks = (long)about.blocks;
		to.f_bfree = (long)about.bfree;
		to.f_bavail = (long)about.bavail;
		to.f_files = (long)about.files;
		to.f_ffree = (long)about.ffree;
		to.f_namelen = about.namelen;
		memcpy(&to.f_fsid, &about.fsid, sizeof(to.f_fsid));
	}
	inode_put(inode);
	return user_write(self, addr, &to, sizeof(to));
}

long sys_statfs(struct task *self, struct user_frame *f)
{
	struct inode *inode;
	long error = inode_at(self, AT_FDCWD, arg(f, 0), 0, &inode);

	return error ? error : put_statfs(self, inode, arg(f, 1));
}

long sys_fstatfs(struct task *self, struct user_frame *f)
{
	struct inode *inode;
	long error = inode_of_fd(self, arg(f, 0), true, &inode);

	return error ? error : put_statfs(self, inode, arg(f, 1));
}

long sys_fsync(struct task *self, struct user_frame *f)
{
	struct file *file = descriptor_peek(self->files, arg(f, 0));
	int error = 0;

	if (!file || file->flags & O_PATH)
		return -EBADF;
	if (!file->ops->seekable)
		return -EINVAL;
	if (!file->inode->sb->write_through || !file->inode->remote)
		return 0;
	file_get(file);
	for (u64 offset = 0; !error && offset < file->inode->size; offset += IO_PIECE) {
		error = page_cache_flush(file->inode, offset, IO_PIECE);
		if (!error && file_pause(self, file))
			error = -EINTR;
	}
	if (!error)
		error = p9_sync(file->inode);
	file_put(self, file);
	return error;
}

long sys_fdatasync(struct task *self, struct user_frame *f)
{
	return sys_fsync(self, f);
}

long sys_syncfs(struct task *self, struct user_frame *f)
{
	return descriptor_peek(self->files, arg(f, 0)) ? 0 : -EBADF;
}

long sys_sync_file_range(struct task *self, struct user_frame *f)
{
	return descriptor_peek(self->files, arg(f, 0)) ? 0 : -EBADF;
}

long sys_sync(struct task *self, struct user_frame *f)
{
	(void)self, (void)f;
	return 0;
}

/* Extended attributes are not kept: there are none to list, and none can be read or set. */
#define NO_ATTRIBUTES(name, result) \
	long sys_##name(struct task *self, struct user_frame *f) \
	{ \
		(void)self, (void)f; \
		return result; \
	}

NO_ATTRIBUTES(getxattr, -EOPNOTSUPP)
NO_ATTRIBUTES(lgetxattr, -EOPNOTSUPP)
NO_ATTRIBUTES(fgetxattr, -EOPNOTSUPP)
NO_ATTRIBUTES(setxattr, -EOPNOTSUPP)
NO_ATTRIBUTES(lsetxattr, -EOPNOTSUPP)
NO_ATTRIBUTES(fsetxattr, -EOPNOTSUPP)
NO_ATTRIBUTES(listxattr, 0)
NO_ATTRIBUTES(llistxattr, 0)
NO_ATTRIBUTES(flistxattr, 0)

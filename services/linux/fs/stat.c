/* stat, statx and readlink. */
#include <asm/errno.h>
#include <asm/stat.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>

#include "services/linux/fs/page_cache.h"
#include "services/linux/fs/private.h"
#include "services/linux/syscall.h"
#include "services/runtime/heap.h"

static void refresh(struct inode *inode)
{
	if (inode->ops && inode->ops->refresh)
		inode->ops->refresh(inode);
}

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
	stat.st_blocks = (long)page_cache_blocks(inode);
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
	statx.stx_blocks = page_cache_blocks(inode);
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

/* chmod and chown, and the end of every call that changes attributes. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <linux/stat.h>

#include "services/linux/fs/private.h"
#include "services/linux/syscall.h"
#include "services/linux/fs/9p_client.h"

/* The inotify events of a change: times that a program sets count as a read or a write. */
static void notify_attributes(struct inode *inode, u32 which)
{
	u32 mask = which == FS_SET_ATIME ? IN_ACCESS : which == FS_SET_MTIME ? IN_MODIFY : IN_ATTRIB;

	if (inode->alias)
		notify_dentry(inode->alias, mask);
	else
		notify_inode(inode, mask);
}

long attributes_changed(struct inode *inode, u32 which, long error)
{
	if (!error) {
		inode_changed(inode);
		notify_attributes(inode, which);
		if (inode->sb->write_through && inode->remote)
			error = p9_set_attributes(inode, which);
	}
	inode_put(inode);
	return error;
}

static long change_mode(struct task *self, struct inode *inode, u32 mode)
{
	if (!inode_is_owner(self, inode))
		return attributes_changed(inode, 0, -EPERM);
	if (inode->sb->fixed && inode->sb->uncached)
		return attributes_changed(inode, 0, -EPERM);
	if (is_symlink(inode))
		return attributes_changed(inode, 0, -EOPNOTSUPP);
	if (self->process->cred.fsuid && !in_group(self, inode->gid) && is_regular(inode))
		mode &= ~(u32)S_ISGID;
	inode->mode = (inode->mode & S_IFMT) | (mode & 07777);
	return attributes_changed(inode, FS_SET_MODE, 0);
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
		return attributes_changed(inode, 0, -EPERM);
	if (uid != ~0u)
		inode->uid = uid;
	if (gid != ~0u)
		inode->gid = gid;
	if (is_regular(inode) && (uid != ~0u || gid != ~0u)) {
		inode->mode &= ~(u32)S_ISUID;
		if (inode->mode & S_IXGRP)
			inode->mode &= ~(u32)S_ISGID;
	}
	return attributes_changed(inode, FS_SET_OWNER, 0);
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

/* Root directory, working directory and umask of tasks: chdir, chroot, getcwd, umask. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>

#include "lib/format.h"
#include "lib/string.h"

#include "services/linux/fs/private.h"
#include "services/linux/syscall.h"
#include "services/linux/config.h"
#include "services/runtime/heap.h"

struct fs *fs_first(struct task *self)
{
	struct fs *fs = heap_zalloc(sizeof(*fs));
	const char *at = NULL;
	const char *cwd = config_get("cwd", &at);
	const char *mask;
	struct path to;

	if (!fs)
		return NULL;
	fs->refs = 1;
	fs->umask = 022;
	at = NULL;
	mask = config_get("umask", &at);
	if (mask)
		for (fs->umask = 0; *mask >= '0' && *mask < '8'; mask++)
			fs->umask = fs->umask * 8 + (u32)(*mask - '0');
	fs->root = dentry_get(root_dentry);
	fs->cwd = dentry_get(root_dentry);
	self->fs = fs;
	if (cwd && path_lookup(self, AT_FDCWD, cwd, LOOKUP_FOLLOW, &to) == 0) {
		dentry_put(fs->cwd);
		fs->cwd = to.dentry;
	}
	return fs;
}

struct fs *fs_get(struct fs *fs)
{
	fs->refs++;
	return fs;
}

struct fs *fs_fork(struct fs *fs)
{
	struct fs *copy = heap_zalloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = (struct fs){ 1, fs->umask, dentry_get(fs->root), dentry_get(fs->cwd) };
	return copy;
}

void fs_put(struct fs *fs)
{
	if (!fs || --fs->refs)
		return;
	dentry_put(fs->root);
	dentry_put(fs->cwd);
	heap_free(fs);
}

static int fs_cwd_path(struct fs *fs, char *to, size_t size)
{
	return dentry_path(fs->cwd, fs->root, to, size);
}

long sys_getcwd(struct task *self, struct user_frame *f)
{
	char path[PATH_MAX];
	int length = fs_cwd_path(self->fs, path, sizeof(path));

	if (self->fs->cwd->dead)
		return -ENOENT;
	if (length < 0)
		return length;
	if ((u64)length + 1 > arg(f, 1))
		return -ERANGE;
	return user_write(self, arg(f, 0), path, (u64)length + 1) ? -EFAULT : length + 1;
}

static long change_directory(struct task *self, struct dentry *to)
{
	int error;

	if (!is_directory(to->inode))
		error = -ENOTDIR;
	else
		error = inode_permission(self, to->inode, 1);
	if (error) {
		dentry_put(to);
		return error;
	}
	dentry_put(self->fs->cwd);
	self->fs->cwd = to;
	return 0;
}

long sys_chdir(struct task *self, struct user_frame *f)
{
	struct path to;
	int error = path_lookup_user(self, AT_FDCWD, arg(f, 0), LOOKUP_FOLLOW, &to);

	return error ? error : change_directory(self, to.dentry);
}

long sys_fchdir(struct task *self, struct user_frame *f)
{
	struct file *file = descriptor_peek(self->files, arg(f, 0));

	if (!file)
		return -EBADF;
	return file->dentry ? change_directory(self, dentry_get(file->dentry)) : -ENOTDIR;
}

long sys_chroot(struct task *self, struct user_frame *f)
{
	struct path to;
	int error = path_lookup_user(self, AT_FDCWD, arg(f, 0), LOOKUP_FOLLOW, &to);

	if (error)
		return error;
	if (!is_directory(to.dentry->inode))
		error = -ENOTDIR;
	else if (!task_is_root(self))
		error = -EPERM;
	if (error) {
		dentry_put(to.dentry);
		return error;
	}
	dentry_put(self->fs->root);
	self->fs->root = to.dentry;
	return 0;
}

long sys_umask(struct task *self, struct user_frame *f)
{
	u32 old = self->fs->umask;

	self->fs->umask = arg(f, 0) & 0777;
	return old;
}

/* fsync and its relatives. Files of writable shares are written to the server; nothing else has a disk to be written to. */
#include <asm/errno.h>
#include <linux/fcntl.h>

#include "services/linux/fs/private.h"
#include "services/linux/syscall.h"
#include "services/linux/fs/9p_client.h"
#include "services/linux/fs/page_cache.h"

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

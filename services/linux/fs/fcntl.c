/* fcntl. */
#include <asm/errno.h>
#include <linux/fcntl.h>

#include "services/linux/fs/private.h"
#include "services/linux/syscall.h"
#include "services/linux/fs/record_locks.h"

/* Waiting for a lock keeps the file: another thread may close it meanwhile. */
static long locks_call(struct task *self, struct file *file, unsigned fd, int command, u64 addr)
{
	long result;

	file_get(file);
	result = locks_fcntl(self, file, fd, command, addr);
	file_put(self, file);
	return result;
}

long sys_fcntl(struct task *self, struct user_frame *f)
{
	enum { SETTABLE = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | FASYNC };
	unsigned fd = (unsigned)arg(f, 0);
	struct file *file = descriptor_peek(self->files, fd);
	u64 value = arg(f, 2);

	if (!file)
		return -EBADF;
	switch ((unsigned)arg(f, 1)) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (value >= descriptors_limit(self))
			return -EINVAL;
		return descriptor_add(self, file_get(file), (int)value, (unsigned)arg(f, 1) == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return descriptor_close_on_exec(self->files, fd) ? FD_CLOEXEC : 0;
	case F_SETFD:
		descriptor_set_close_on_exec(self->files, fd, value & FD_CLOEXEC);
		return 0;
	case F_GETFL:
		/* A file without a dentry (a pipe, a socket) was not opened by name: it has no O_LARGEFILE. */
		return file->flags | (file->flags & O_PATH || !file->dentry ? 0 : O_LARGEFILE);
	case F_SETFL:
		if (file->flags & O_PATH)
			return -EBADF;
		file->flags = (file->flags & ~(u32)SETTABLE) | ((u32)value & SETTABLE);
		return 0;
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return locks_call(self, file, fd, (int)arg(f, 1), value);
	case F_GETOWN:
	case F_GETSIG:
	case F_GETLEASE:
		return (unsigned)arg(f, 1) == F_GETLEASE ? F_UNLCK : 0;
	case F_SETOWN:
	case F_SETSIG:
		return 0;
	case F_GETPIPE_SZ:
		return file_pipe_size(self, file, NULL);
	case F_SETPIPE_SZ:
		value = (u32)value;
		return file_pipe_size(self, file, &value);
	default:
		return -EINVAL;
	}
}

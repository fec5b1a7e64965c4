/* ioctl: the commands that are the same for every file; file_ops.ioctl gets the others. */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/fcntl.h>

#include "services/linux/fs/private.h"
#include "services/linux/syscall.h"

static long change_flag(struct task *self, struct file *file, u64 addr, u32 flag)
{
	u32 on;

	if (user_get_u32(self, addr, &on))
		return -EFAULT;
	file->flags = on ? file->flags | flag : file->flags & ~flag;
	return 0;
}

long sys_ioctl(struct task *self, struct user_frame *f)
{
	struct file *file = descriptor_peek(self->files, arg(f, 0));
	unsigned command = (unsigned)arg(f, 1);
	long result;

	if (!file || file->flags & O_PATH)
		return -EBADF;
	switch (command) {
	case FIOCLEX:
	case FIONCLEX:
		descriptor_set_close_on_exec(self->files, (unsigned)arg(f, 0), command == FIOCLEX);
		return 0;
	case FIONBIO:
		return change_flag(self, file, arg(f, 2), O_NONBLOCK);
	case FIOASYNC:
		return change_flag(self, file, arg(f, 2), FASYNC);
	default:
		break;
	}
	if (!file->ops->ioctl)
		return -ENOTTY;
	file_get(file);
	result = file->ops->ioctl(self, file, command, arg(f, 2));
	file_put(self, file);
	return result;
}

/* arch_prctl: the segment bases of x86-64. */
#include <asm/errno.h>
#include <asm/prctl.h>

#include "services/linux/syscall.h"
#include "services/linux/machine.h"
#include "services/linux/task.h"
#include "services/linux/user_memory.h"

long sys_arch_prctl(struct task *self, struct user_frame *frame)
{
	u64 value = arg(frame, 1);
	switch (arg(frame, 0)) {
	case ARCH_SET_FS:
		if (value >= machine_window)
			return -EPERM;
		frame->fs_base = value;
		frame->flags |= FRAME_THREAD_POINTER;
		return 0;
	case ARCH_GET_FS:
		return user_put_u64(self, value, frame->fs_base);
	default:
		return -EINVAL;
	}
}

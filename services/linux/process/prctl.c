/* prctl and other small adjustments of a task. */
#include <asm/errno.h>
#include <linux/personality.h>
#include <linux/prctl.h>
#include <linux/securebits.h>

#include "lib/string.h"

#include "services/linux/syscall.h"
#include "services/linux/machine.h"
#include "services/linux/memory/memory.h"
#include "services/linux/send_signal.h"
#include "services/linux/task.h"
#include "services/linux/user_memory.h"

enum { PERSONALITY_ASK = 0xffffffff };

static long name_set(struct task *self, u64 addr)
{
	char name[NAME_BYTES];
	long length = user_string(self, addr, name, sizeof(name));
	if (length == -EFAULT)
		return length;
	name[NAME_BYTES - 1] = 0;
	memset(self->name, 0, sizeof(self->name));
	strlcpy(self->name, name, sizeof(self->name));
	return 0;
}

static long flag_set(u64 value, bool *flag)
{
	if (value > 1)
		return -EINVAL;
	*flag = value;
	return 0;
}

static long no_new_privileges_set(struct task *self, struct user_frame *frame)
{
	if (arg(frame, 1) != 1 || arg(frame, 2) || arg(frame, 3) || arg(frame, 4))
		return -EINVAL;
	self->no_new_privileges = true;
	return 0;
}

/* As Linux 3.19 to 5.5 had it. */
static long bounds_manage(struct task *self, struct user_frame *frame)
{
	if (arg(frame, 1) || arg(frame, 2) || arg(frame, 3) || arg(frame, 4))
		return -EINVAL;
	return arg(frame, 0) == PR_MPX_ENABLE_MANAGEMENT ? bounds_enable(self) : bounds_disable(self);
}

long sys_prctl(struct task *self, struct user_frame *frame)
{
	struct process *process = self->process;
	u64 value = arg(frame, 1);
	switch (arg(frame, 0)) {
	case PR_SET_NAME:
		return name_set(self, value);
	case PR_GET_NAME:
		return user_write(self, value, self->name, sizeof(self->name));
	case PR_SET_PDEATHSIG:
		if (value > SIGNALS)
			return -EINVAL;
		self->parent_death_signal = value;
		return 0;
	case PR_GET_PDEATHSIG:
		return user_put_u32(self, value, self->parent_death_signal);
	case PR_SET_DUMPABLE:
		return flag_set(value, &task_mm(self)->dumpable);
	case PR_GET_DUMPABLE:
		return task_mm(self)->dumpable;
	case PR_SET_CHILD_SUBREAPER:
		process->subreaper = value;
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		return user_put_u32(self, value, process->subreaper);
	case PR_SET_NO_NEW_PRIVS:
		return no_new_privileges_set(self, frame);
	case PR_GET_NO_NEW_PRIVS:
		return self->no_new_privileges;
	case PR_SET_TIMERSLACK:
		self->timer_slack = value ? value : 50000;
		return 0;
	case PR_GET_TIMERSLACK:
		return self->timer_slack;
	case PR_GET_KEEPCAPS:
	case PR_SET_KEEPCAPS:
	case PR_GET_SECUREBITS:
		return 0;
	case PR_MPX_ENABLE_MANAGEMENT:
	case PR_MPX_DISABLE_MANAGEMENT:
		return bounds_manage(self, frame);
	case PR_CAPBSET_READ:
		return task_is_root(self);
	default:
		return -EINVAL;
	}
}

long sys_personality(struct task *self, struct user_frame *frame)
{
	u64 old = self->process->personality, wish = arg(frame, 0) & 0xffffffff;
	if (wish != PERSONALITY_ASK)
		self->process->personality = wish;
	return old;
}

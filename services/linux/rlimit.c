/* Limits, usage, and what the system says about itself. */
#include <asm/errno.h>
#include <linux/random.h>
#include <linux/sysinfo.h>
#include <linux/utsname.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/rlimit.h"
#include "services/linux/syscall.h"
#include "services/linux/clock.h"
#include "services/linux/config.h"
#include "services/linux/fs/files.h"
#include "services/linux/machine.h"
#include "services/linux/process/process.h"
#include "services/linux/random.h"
#include "services/linux/user_memory.h"

/* --- limits --- */

static int limit_set(struct task *self, struct process *process, unsigned which, const struct rlimit64 *new)
{
	struct rlimit64 *limit = &process->limits[which];
	if (new->rlim_cur > new->rlim_max)
		return -EINVAL;
	if (which == RLIMIT_NOFILE && new->rlim_max > DESCRIPTORS_MAX)
		return -EPERM;
	if (new->rlim_max > limit->rlim_max && !task_is_root(self))
		return -EPERM;
	*limit = *new;
	return 0;
}

static int limits_do(struct task *self, struct process *process, unsigned which, u64 new_addr, u64 old_addr)
{
	struct rlimit64 new, old;
	if (which >= RLIM_NLIMITS)
		return -EINVAL;
	if (new_addr && user_read(self, new_addr, &new, sizeof(new)))
		return -EFAULT;
	old = process->limits[which];
	int error = new_addr ? limit_set(self, process, which, &new) : 0;
	if (!error && old_addr)
		error = user_write(self, old_addr, &old, sizeof(old));
	return error;
}

long sys_prlimit64(struct task *self, struct user_frame *frame)
{
	struct task *task = (u32)arg(frame, 0) ? task_find(arg(frame, 0)) : self;
	if (!task)
		return -ESRCH;
	if (!may_limit(self, task->process))
		return -EPERM;
	return limits_do(self, task->process, arg(frame, 1), arg(frame, 2), arg(frame, 3));
}

/* The words of the older structure have the same size here. */
long sys_getrlimit(struct task *self, struct user_frame *frame)
{
	return limits_do(self, self->process, arg(frame, 0), 0, arg(frame, 1));
}

long sys_setrlimit(struct task *self, struct user_frame *frame)
{
	return limits_do(self, self->process, arg(frame, 0), arg(frame, 1), 0);
}

/* --- the system --- */

static struct new_utsname names = { "Linux", "allod", "6.1.0-allod", "#1 SMP Allod", MACHINE_NAME, "(none)" };

void limits_init(void)
{
	const char *at = NULL, *name = config_get("hostname", &at);
	if (name)
		strlcpy(names.nodename, name, sizeof(names.nodename));
}

long sys_uname(struct task *self, struct user_frame *frame)
{
	return user_write(self, arg(frame, 0), &names, sizeof(names));
}

long sys_sethostname(struct task *self, struct user_frame *frame)
{
	u64 bytes = arg(frame, 1);
	char name[sizeof(names.nodename)] = { 0 };
	if (!task_is_root(self))
		return -EPERM;
	if (bytes >= sizeof(name))
		return -EINVAL;
	if (user_read(self, arg(frame, 0), name, bytes))
		return -EFAULT;
	memcpy(names.nodename, name, sizeof(name));
	return 0;
}

long sys_sysinfo(struct task *self, struct user_frame *frame)
{
	struct kernel_stats stats;
	struct sysinfo info;
	memset(&info, 0, sizeof(info));
	memset(&stats, 0, sizeof(stats));
	call_stats(&stats, sizeof(stats));
	info.uptime = time_monotonic() / NS_PER_S;
	info.totalram = stats.frames_total;
	info.freeram = stats.frames_free;
	info.mem_unit = PAGE_SIZE;
	list_for_each(node, &processes)
		info.procs++;
	return user_write(self, arg(frame, 0), &info, sizeof(info));
}

long sys_getrandom(struct task *self, struct user_frame *frame)
{
	u8 bytes[256];
	u64 done = 0, wanted = min_u64(arg(frame, 1), 32 << 20);
	if (arg(frame, 2) & ~(u64)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	while (done < wanted) {
		u64 piece = min_u64(wanted - done, sizeof(bytes));
		random_fill(bytes, piece);
		if (user_write(self, arg(frame, 0) + done, bytes, piece))
			return done ? (long)done : -EFAULT;
		done += piece;
	}
	return done;
}

/* What the system says about itself: uname, sethostname, sysinfo. */
#include <asm/errno.h>
#include <linux/sysinfo.h>
#include <linux/utsname.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/uname.h"
#include "services/linux/syscall.h"
#include "services/linux/clock.h"
#include "services/linux/config.h"
#include "services/linux/machine.h"
#include "services/linux/user_memory.h"

static struct new_utsname names = { "Linux", "allod", "6.1.0-allod", "#1 SMP Allod", MACHINE_NAME, "(none)" };

void uname_init(void)
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

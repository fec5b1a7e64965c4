/* getuid, setuid, setgroups, capget and the like: the users, groups and capabilities of a process; see credentials.h. */
#include <asm/errno.h>
#include <linux/capability.h>

#include "lib/string.h"

#include "services/linux/syscall.h"
#include "services/linux/machine.h"
#include "services/linux/send_signal.h"
#include "services/linux/task.h"
#include "services/linux/user.h"
#include "services/linux/user_memory.h"

/* --- users and groups --- */

long sys_getuid(struct task *self, struct user_frame *frame)
{
	(void)frame;
	return self->process->cred.uid;
}

long sys_geteuid(struct task *self, struct user_frame *frame)
{
	(void)frame;
	return self->process->cred.euid;
}

long sys_getgid(struct task *self, struct user_frame *frame)
{
	(void)frame;
	return self->process->cred.gid;
}

long sys_getegid(struct task *self, struct user_frame *frame)
{
	(void)frame;
	return self->process->cred.egid;
}

static int three_words(struct task *self, struct user_frame *frame, u32 a, u32 b, u32 c)
{
	if (user_put_u32(self, arg(frame, 0), a) || user_put_u32(self, arg(frame, 1), b))
		return -EFAULT;
	return user_put_u32(self, arg(frame, 2), c);
}

long sys_getresuid(struct task *self, struct user_frame *frame)
{
	const struct credentials *cred = &self->process->cred;
	return three_words(self, frame, cred->uid, cred->euid, cred->suid);
}

long sys_getresgid(struct task *self, struct user_frame *frame)
{
	const struct credentials *cred = &self->process->cred;
	return three_words(self, frame, cred->gid, cred->egid, cred->sgid);
}

/* May an ordinary user take the id? It must be one of the process's three; ~0 means no change. */
static bool id_is_allowed(const struct task *self, u32 id, u32 a, u32 b, u32 c)
{
	return id == ~0u || task_is_root(self) || id == a || id == b || id == c;
}

static long users_set(struct task *self, u32 real, u32 effective, u32 saved)
{
	struct credentials *cred = &self->process->cred, old = *cred;
	if (!id_is_allowed(self, real, old.uid, old.euid, old.suid) ||
		!id_is_allowed(self, effective, old.uid, old.euid, old.suid) ||
		!id_is_allowed(self, saved, old.uid, old.euid, old.suid))
		return -EPERM;
	struct user *user = user_get(real == ~0u ? old.uid : real);
	if (!user)
		return -EAGAIN;
	process_set_user(self->process, user);
	cred->fsuid = cred->euid = effective == ~0u ? old.euid : effective;
	cred->suid = saved == ~0u ? old.suid : saved;
	credentials_changed(self, &old);
	return 0;
}

static long groups_set(struct task *self, u32 real, u32 effective, u32 saved)
{
	struct credentials *cred = &self->process->cred, old = *cred;
	if (!id_is_allowed(self, real, old.gid, old.egid, old.sgid) ||
		!id_is_allowed(self, effective, old.gid, old.egid, old.sgid) ||
		!id_is_allowed(self, saved, old.gid, old.egid, old.sgid))
		return -EPERM;
	cred->gid = real == ~0u ? old.gid : real;
	cred->fsgid = cred->egid = effective == ~0u ? old.egid : effective;
	cred->sgid = saved == ~0u ? old.sgid : saved;
	credentials_changed(self, &old);
	return 0;
}

long sys_setuid(struct task *self, struct user_frame *frame)
{
	u32 id = arg(frame, 0), other = task_is_root(self) ? id : ~0u;
	return id == ~0u ? -EINVAL : users_set(self, other, id, other);
}

long sys_setgid(struct task *self, struct user_frame *frame)
{
	u32 id = arg(frame, 0), other = task_is_root(self) ? id : ~0u;
	return id == ~0u ? -EINVAL : groups_set(self, other, id, other);
}

/* The saved id follows the effective one when the real one is set or they part. */
long sys_setreuid(struct task *self, struct user_frame *frame)
{
	u32 real = arg(frame, 0), effective = arg(frame, 1);
	bool follow = real != ~0u || (effective != ~0u && effective != self->process->cred.uid);
	return users_set(self, real, effective,
		!follow                    ? ~0u
			: effective != ~0u ? effective
					   : self->process->cred.euid);
}

long sys_setregid(struct task *self, struct user_frame *frame)
{
	u32 real = arg(frame, 0), effective = arg(frame, 1);
	bool follow = real != ~0u || (effective != ~0u && effective != self->process->cred.gid);
	return groups_set(self, real, effective,
		!follow                    ? ~0u
			: effective != ~0u ? effective
					   : self->process->cred.egid);
}

long sys_setresuid(struct task *self, struct user_frame *frame)
{
	return users_set(self, arg(frame, 0), arg(frame, 1), arg(frame, 2));
}

long sys_setresgid(struct task *self, struct user_frame *frame)
{
	return groups_set(self, arg(frame, 0), arg(frame, 1), arg(frame, 2));
}

long sys_setfsuid(struct task *self, struct user_frame *frame)
{
	struct credentials *cred = &self->process->cred, old = *cred;
	u32 id = arg(frame, 0);
	if (id != ~0u && (id_is_allowed(self, id, cred->uid, cred->euid, cred->suid) || id == old.fsuid))
		cred->fsuid = id;
	credentials_changed(self, &old);
	return old.fsuid;
}

long sys_setfsgid(struct task *self, struct user_frame *frame)
{
	struct credentials *cred = &self->process->cred, old = *cred;
	u32 id = arg(frame, 0);
	if (id != ~0u && (id_is_allowed(self, id, cred->gid, cred->egid, cred->sgid) || id == old.fsgid))
		cred->fsgid = id;
	credentials_changed(self, &old);
	return old.fsgid;
}

long sys_getgroups(struct task *self, struct user_frame *frame)
{
	const struct credentials *cred = &self->process->cred;
	u32 room = arg(frame, 0);
	if (!room)
		return cred->group_count;
	if ((i32)room < 0 || room < cred->group_count)
		return -EINVAL;
	if (user_write(self, arg(frame, 1), cred->groups, cred->group_count * sizeof(u32)))
		return -EFAULT;
	return cred->group_count;
}

long sys_setgroups(struct task *self, struct user_frame *frame)
{
	struct credentials *cred = &self->process->cred;
	u32 count = arg(frame, 0), groups[GROUPS_MAX];
	if (!task_is_root(self))
		return -EPERM;
	if (count > GROUPS_MAX)
		return -EINVAL;
	if (user_read(self, arg(frame, 1), groups, count * sizeof(u32)))
		return -EFAULT;
	memcpy(cred->groups, groups, count * sizeof(u32));
	cred->group_count = count;
	return 0;
}

/* --- capabilities: the superuser has all, others none --- */

static int capability_header(struct task *self, u64 addr, u32 *pid, unsigned *words)
{
	struct __user_cap_header_struct header;
	if (user_read(self, addr, &header, sizeof(header)))
		return -EFAULT;
	*pid = header.pid;
	*words = header.version == _LINUX_CAPABILITY_VERSION_1 ? 1 : 2;
	if (header.version == _LINUX_CAPABILITY_VERSION_1 || header.version == _LINUX_CAPABILITY_VERSION_2 ||
		header.version == _LINUX_CAPABILITY_VERSION_3)
		return 0;
	header.version = _LINUX_CAPABILITY_VERSION_3;
	return user_write(self, addr, &header, sizeof(header)) ? -EFAULT : -EINVAL;
}

long sys_capget(struct task *self, struct user_frame *frame)
{
	struct __user_cap_data_struct data[2];
	u32 pid;
	unsigned words;
	int error = capability_header(self, arg(frame, 0), &pid, &words);
	if (error)
		return error == -EINVAL && !arg(frame, 1) ? 0 : error;
	struct process *process = pid ? process_find(pid) : self->process;
	if (!process)
		return -ESRCH;
	memset(data, 0, sizeof(data));
	if (process->cred.euid == 0) {
		data[0].effective = data[0].permitted = ~0u;
		data[1].effective = data[1].permitted = (1u << (CAP_LAST_CAP - 31)) - 1;
	}
	return arg(frame, 1) ? user_write(self, arg(frame, 1), data, words * sizeof(data[0])) : 0;
}

long sys_capset(struct task *self, struct user_frame *frame)
{
	u32 pid;
	unsigned words;
	int error = capability_header(self, arg(frame, 0), &pid, &words);
	return error ? error : task_is_root(self) ? 0 : -EPERM;
}

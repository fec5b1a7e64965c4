/* Permissions between processes: see credentials.h. */
#include "services/linux/credentials.h"

#include <asm/signal.h>

#include "services/linux/task.h"

bool may_signal(const struct process *sender, const struct process *target, int signal)
{
	const struct credentials *from = &sender->cred, *to = &target->cred;
	if (sender == target || from->euid == 0)
		return true;
	if (from->euid == to->suid || from->euid == to->uid || from->uid == to->suid || from->uid == to->uid)
		return true;
	return signal == SIGCONT && sender->sid == target->sid;
}

/* Are these all of the target's ids, so that it cannot take others? */
static bool has_only(const struct credentials *target, u32 uid, u32 gid)
{
	return uid == target->euid && uid == target->suid && uid == target->uid && gid == target->egid &&
		gid == target->sgid && gid == target->gid;
}

static const struct mm *mm_of(const struct process *process)
{
	const struct task *task = process_task(process);
	return task ? task_mm(task) : NULL;
}

bool is_dumpable(const struct process *target)
{
	const struct mm *mm = mm_of(target);
	return mm && mm->dumpable;
}

static bool may_look(const struct task *self, const struct process *target, u32 uid, u32 gid)
{
	if (self->process == target || task_is_root(self))
		return true;
	return has_only(&target->cred, uid, gid) && (!mm_of(target) || is_dumpable(target));
}

bool may_inspect(const struct task *self, const struct process *target)
{
	const struct credentials *cred = &self->process->cred;
	return may_look(self, target, cred->fsuid, cred->fsgid);
}

bool may_inspect_really(const struct task *self, const struct process *target)
{
	const struct credentials *cred = &self->process->cred;
	return may_look(self, target, cred->uid, cred->gid);
}

bool may_schedule(const struct task *self, const struct process *target)
{
	u32 euid = self->process->cred.euid;
	return self->process == target || euid == 0 || euid == target->cred.euid || euid == target->cred.uid;
}

bool may_control(const struct task *self, const struct process *target)
{
	const struct credentials *cred = &self->process->cred;
	return self->process == target || task_is_root(self) || has_only(&target->cred, cred->uid, cred->gid);
}

void credentials_changed(struct task *self, const struct credentials *old)
{
	const struct credentials *new = &self->process->cred;
	if (new->euid == old->euid &&new->egid == old->egid &&new->fsuid == old->fsuid &&new->fsgid == old->fsgid)
		return;
	task_mm(self)->dumpable = false;
	self->parent_death_signal = 0;
}

/* Permissions between processes.
 *
 * Each permission that depends on ids is checked by one function here, whatever call needs it: code that signals, looks into or
 * controls another process calls one of these. They read the ids as they are now. What outlives the call that was allowed checks
 * again when it acts (docs/lifetimes.md says what does, and with whose ids). */
#ifndef LINUX_CREDENTIALS_H
#define LINUX_CREDENTIALS_H

#include "services/linux/base.h"

struct process;
struct task;
struct user;

enum { GROUPS_MAX = 32 };

/* [L], ids of a process are read without lock. `user` is the one of uid, referenced by each process that has the credentials. */
struct credentials {
	struct user *user;
	u32 uid, euid, suid, fsuid;
	u32 gid, egid, sgid, fsgid;
	u32 group_count, groups[GROUPS_MAX];
};

/* kill(2): may the sender signal the target? The superuser may, and each process itself; one whose real or effective id is the
 * target's real or saved id; SIGCONT may be sent to all of the session. */
bool may_signal(const struct process *sender, const struct process *target, int signal);
/* ptrace(2), a read with the file-system ids (PTRACE_MODE_READ_FSCREDS): may self look into the target's memory, files,
 * directories? The superuser may, and each process itself; one whose ids are the only user and group ids that the target has, if
 * that is dumpable. */
bool may_inspect(const struct task *self, const struct process *target);
/* Is the target's memory dumpable (PR_SET_DUMPABLE)? */
bool is_dumpable(const struct process *target);
/* may_inspect() with the real ids, for calls that name no file. */
bool may_inspect_really(const struct task *self, const struct process *target);
/* sched_setscheduler(2): may self set how the target is scheduled? The superuser may, and a process whose effective user is the
 * target's real or effective one. */
bool may_schedule(const struct task *self, const struct process *target);
/* prlimit(2): may self see and change the target's limits and attachments of VASes? As may_inspect_really(), but dumpable or
 * not. */
bool may_control(const struct task *self, const struct process *target);

/* Called after a change of ids. If effective or file-system ids have changed, the process is not dumpable any more, because its
 * memory may hold what only the old ids could read, and it gets no signal at its parent's end. */
void credentials_changed(struct task *self, const struct credentials *old);

#endif

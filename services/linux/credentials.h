/* Who may do what to whom.
 *
 * Each question that a program's identity answers is asked by one function here, whatever call it is asked for and whoever
 * asks: a new way to signal, to look into or to steer another process calls one of these. They read the ids as they are now.
 * What outlives the call that was allowed asks again when it acts (docs/lifetimes.md says which and with whose ids). */
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

/* kill(2): whether the sender may signal the target: the superuser; who is, or has come from, the user that the target is or can
 * become again; within its session SIGCONT. Itself always. */
bool may_signal(const struct process *sender, const struct process *target, int signal);
/* ptrace(2), a read with the file system's ids (PTRACE_MODE_READ_FSCREDS): whether self may look into the target: its memory,
 * files, directories. The superuser; who has, as user and group, all of the target's ids, if the target can be dumped.
 * Itself always. */
bool may_inspect(const struct task *self, const struct process *target);
/* Whether the target has memory that who has its ids may look into (PR_SET_DUMPABLE). */
bool is_dumpable(const struct process *target);
/* may_inspect() with the real ids, for calls that name no file. */
bool may_inspect_really(const struct task *self, const struct process *target);
/* sched_setscheduler(2): whether self may say how the target is scheduled: the superuser, and whose effective user is the
 * target's real or effective one. */
bool may_schedule(const struct task *self, const struct process *target);
/* prlimit(2): whether self may see and change what the target has: limits, attachments of VASes. As may_inspect_really(), dumpable
 * or not. */
bool may_control(const struct task *self, const struct process *target);

/* The process has other ids than before for files or rights: what was allowed to the old ones ends. It can not be dumped, as there
 * may be in its memory what only the old ones could read, and its parent's end is no longer told to it. */
void credentials_changed(struct task *self, const struct credentials *old);

#endif

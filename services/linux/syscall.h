/* The table of system calls. A handler gets its task and the frame of registers it was called with, and returns the
 * result: 0 or more, or -errno. Arguments: arg(frame, i) of registers.h.
 *
 * syscalls.def lists every call that is served, SYSCALL(name, LOCK or NOLOCK or with | PEER), grouped by the file that serves it;
 * the number is __NR_name of the UAPI headers, the handler sys_name. A call marked LOCK runs with the service lock held (sleep.h);
 * a NOLOCK call touches only what belongs to its own task or never changes. PEER: strangers may make the call, too (peers:
 * process/process.h). */
#ifndef LINUX_SYSCALL_H
#define LINUX_SYSCALL_H

#include "user_frame.h"

#include "services/linux/base.h"

struct task;

typedef long syscall_handler(struct task *self, struct user_frame *frame);

#define SYSCALL(name, lock) syscall_handler sys_##name;
#include "services/linux/syscalls.def"
#undef SYSCALL

enum { SYSCALLS = 512 };

/* What the service counts for --stats; indexed by number. */
struct syscall {
	syscall_handler *handler; /* NULL: not served, ENOSYS */
	u64 count;             /* of calls; roughly: processors do not wait for each other here */
	bool lock; /* is served with the service lock held */
	bool peer; /* is served for peers too */
};
#endif

/* The table of system calls. A handler gets its task and the frame of registers it was called with, and returns the
 * result: 0 or more, or -errno. Arguments: arg(frame, i) of registers.h.
 *
 * calls.def lists every call that is served, LINUX_CALL(name, LOCK or NOLOCK or with | PEER), grouped by the file that serves it; the
 * number is __NR_name of the UAPI headers, the handler sys_name. A call marked LOCK runs with the service lock held
 * (sleep.h); a NOLOCK call touches only what belongs to its own task or never changes.
 * PEER: also for spaces that a process made, and for strangers in it (process/peer.h). */
#ifndef LINUX_CALL_H
#define LINUX_CALL_H

#include "user_frame.h"

#include "services/linux/base.h"

struct task;

typedef long call_handler(struct task *self, struct user_frame *frame);

#define LINUX_CALL(name, lock) call_handler sys_##name;
#include "services/linux/calls.def"
#undef LINUX_CALL

enum { CALLS_LINUX = 512 };

/* What the service counts for --stats; indexed by number. */
struct call_entry {
	call_handler *handler; /* NULL: not served, ENOSYS */
	u64 count;             /* of calls; roughly: processors do not wait for each other here */
	bool lock; /* is served with the service lock held */
	bool peer; /* is served for peers too */
};
extern struct call_entry call_table[CALLS_LINUX];

/* The system portal: every call, fault, exception and interrupt of every process enters here. */
_Noreturn void call_entry(struct user_frame *frame);
/* Ends the upcall of the thread that runs: does what is left to do for it (signals, exit), lets the lock go if it is held, and
 * goes on in the process. call_result: the frame holds the result of a system call, which may have to be restarted. */
_Noreturn void call_finish(struct task *self, struct user_frame *frame, bool call_result);
/* Once, at start-up. */
void call_init(void);

/* Writes the counts as two JSON members, "calls" and "unsupported", into a text buffer. -> bytes. */
u64 calls_report(char *to, u64 size);

#endif

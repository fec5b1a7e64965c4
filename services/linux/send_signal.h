/* Sending signals, and keeping those that wait. What a signal does when it is delivered: signal/signal.h.
 *
 * Everything here needs the service lock. */
#ifndef LINUX_SEND_SIGNAL_H
#define LINUX_SEND_SIGNAL_H

#include "services/linux/task.h"

static inline u64 signal_bit(int signal)
{
	return 1ull << (signal - 1);
}

/* The signals of a set as one word: the machines disagree about its type. */
static inline u64 *signal_word(sigset_t *set)
{
	return (u64 *)set;
}

/* --- sending: the caller has checked that it may. Without an info the siginfo says SI_KERNEL. --- */

/* -> 0; -EAGAIN: a program queues a signal with a value (sigqueue) and there is no memory to keep it. */
int signal_send_process(struct process *process, int signal, const siginfo_t *info);
int signal_send_task(struct task *task, int signal, const siginfo_t *info);
/* The same with an entry of the caller's, which does not wait now and has `done`. An ignored signal is dropped, and the entry
 * does not wait. task NULL: to the process. */
void signal_send_prepared(struct process *process, struct task *task, struct sigqueue *entry);
/* Sends the task a signal for what its call did: SIGPIPE, SIGXFSZ. */
void signal_send(struct task *task, int signal);
/* To every process of a group from the kernel's side, as a child's end or a terminal causes it. */
void signal_send_group(u32 pgid, int signal);
/* The same for a group in the foreground of a terminal (SIGINT, SIGTSTP, SIGWINCH, SIGHUP...), whose number may have been
 * given to another since it came there: only if it is in the terminal's session. */
void signal_foreground(u32 sid, u32 pgid, int signal);
/* Sends the task a signal for a fault or exception of its own. If it blocks or ignores that signal, the signal kills it. */
void signal_force(struct task *task, const siginfo_t *info);

/* --- asking --- */

/* Whether the signal would do nothing to self now (SIGTTIN, SIGTTOU of background jobs). */
bool signal_blocked_or_ignored(const struct task *self, int signal);
/* Whether no member of the group has a parent in the same session but another group. */
bool group_is_orphaned(u32 pgid);
/* Whether any process is in the group and session. */
bool group_in_session(u32 pgid, u32 sid);

/* Readers and pollers of a signalfd sleep here; every signal that is queued wakes them. */
extern struct wait_queue signalfd_queue;

/* --- for the signal room --- */

enum {
	SIGNALS_UNBLOCKABLE = 1u << (SIGKILL - 1) | 1u << (SIGSTOP - 1),
	SIGNALS_STOP = 1u << (SIGSTOP - 1) | 1u << (SIGTSTP - 1) | 1u << (SIGTTIN - 1) | 1u << (SIGTTOU - 1),
	SIGNALS_IGNORED = 1u << (SIGCHLD - 1) | 1u << (SIGCONT - 1) | 1u << (SIGWINCH - 1) | 1u << (SIGURG - 1),
};

/* Takes out of the queues of self and its process one signal of the set. -> its number and *info, or 0 if none waits. */
int signal_dequeue(struct task *self, u64 set, siginfo_t *info);
/* Drops signals that wait for the process or any of its tasks. */
void signal_flush(struct process *process, u64 set);
/* Drops those of timer_create: the timers are gone. */
void signal_drop_timers(struct process *process);
/* Whether the action of the process for the signal is to do nothing. */
bool signal_is_ignored(const struct process *process, int signal);

/* --- life --- */

void sigpending_init(struct sigpending *pending);
void sigpending_flush(struct sigpending *pending);
/* For exec: actions that are handlers become the default again. */
void signal_flush_handlers(struct task *self);
/* Recomputes WORK_SIGNAL after a change of the mask. */
void signal_recalc_pending(struct task *task);
/* Self no longer takes the signals of the set: wakes another task of the process for those that wait for the process, in case self
 * was the one that had been woken for them. */
void signal_retarget(const struct task *self, u64 set);
/* Makes `mask` the set of signals that self blocks. */
void signal_set_mask(struct task *self, u64 mask);

#endif

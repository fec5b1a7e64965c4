/* Sending signals and keeping those that wait: see send_signal.h. */
#include <asm/errno.h>
#include <linux/time.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/send_signal.h"
#include "services/linux/task.h"
#include "services/linux/user.h"

/* --- signals that wait --- */

struct wait_queue signalfd_queue = { LIST_INIT(signalfd_queue.waiters) };

void sigpending_init(struct sigpending *pending)
{
	list_init(&pending->infos);
	pending->mask = 0;
}

/* The signal no longer waits: see struct sigqueue. */
static void sigqueue_remove(struct sigqueue *entry, siginfo_t *taken)
{
	list_remove(&entry->node);
	entry->waits = false;
	if (entry->done) {
		entry->done(entry, taken);
		return;
	}
	user_uncharge(entry->user, USER_SIGNALS, 1);
	heap_free(entry);
}

static void sigpending_drop(struct sigpending *pending, u64 set)
{
	if (!(pending->mask & set))
		return;
	list_for_each_safe(node, &pending->infos) {
		struct sigqueue *entry = container_of(node, struct sigqueue, node);
		if (!(signal_bit(entry->info.si_signo) & set))
			continue;
		sigqueue_remove(entry, NULL);
	}
	pending->mask &= ~set;
}

void sigpending_flush(struct sigpending *pending)
{
	sigpending_drop(pending, ~0ull);
}

static void pending_drop_timers(struct sigpending *pending)
{
	u64 left = 0, dropped = 0;
	list_for_each_safe(node, &pending->infos) {
		struct sigqueue *entry = container_of(node, struct sigqueue, node);
		u64 bit = signal_bit(entry->info.si_signo);
		if (entry->info.si_code != SI_TIMER) {
			left |= bit;
			continue;
		}
		dropped |= bit;
		sigqueue_remove(entry, NULL);
	}
	pending->mask &= left | ~dropped;
}

void signal_drop_timers(struct process *process)
{
	pending_drop_timers(&process->pending);
	list_for_each(node, &process->tasks)
		pending_drop_timers(&container_of(node, struct task, sibling)->pending);
}

void signal_flush(struct process *process, u64 set)
{
	sigpending_drop(&process->pending, set);
	list_for_each(node, &process->tasks)
		sigpending_drop(&container_of(node, struct task, sibling)->pending, set);
}

static void sigqueue_append(struct sigpending *pending, struct sigqueue *entry)
{
	pending->mask |= signal_bit(entry->info.si_signo);
	list_append(&pending->infos, &entry->node);
	entry->waits = true;
	wake_up(&signalfd_queue);
}

/* A new entry, charged to the process's user within RLIMIT_SIGPENDING. Standard signals of the kernel and of kill() may exceed the
 * limit. NULL: too many, or no memory. */
static struct sigqueue *sigqueue_new(struct process *process, int signal, const siginfo_t *info)
{
	struct user *user = process->cred.user;
	bool beyond = signal < SIGRTMIN && (!info || info->si_code >= 0);
	if (!user_charge(user, USER_SIGNALS, 1, beyond ? USER_UNLIMITED : process_limit(process, RLIMIT_SIGPENDING)))
		return NULL;
	struct sigqueue *entry = heap_zalloc(sizeof(*entry));
	if (!entry) {
		user_uncharge(user, USER_SIGNALS, 1);
		return NULL;
	}
	entry->user = user;
	if (info)
		entry->info = *info;
	else
		entry->info.si_code = SI_KERNEL;
	entry->info.si_signo = signal;
	return entry;
}

/* Adds a waiting signal. A standard signal waits at most once; others queue. When there are too many, a signal that a program
 * queues with a value is refused; others wait without their siginfo. */
static int sigqueue_add(struct process *process, struct sigpending *pending, int signal, const siginfo_t *info)
{
	if (signal < SIGRTMIN && (pending->mask & signal_bit(signal)))
		return 0;
	struct sigqueue *entry = sigqueue_new(process, signal, info);
	if (entry) {
		sigqueue_append(pending, entry);
		return 0;
	}
	if (signal >= SIGRTMIN && info && info->si_code != SI_USER)
		return -EAGAIN;
	pending->mask |= signal_bit(signal);
	wake_up(&signalfd_queue);
	return 0;
}

static bool sigqueue_take(struct sigpending *pending, int signal, siginfo_t *info)
{
	bool found = false, more = false;
	if (!(pending->mask & signal_bit(signal)))
		return false;
	memset(info, 0, sizeof(*info));
	info->si_signo = signal;
	list_for_each_safe(node, &pending->infos) {
		struct sigqueue *entry = container_of(node, struct sigqueue, node);
		if (entry->info.si_signo != signal)
			continue;
		if (found) {
			more = true;
			break;
		}
		*info = entry->info;
		sigqueue_remove(entry, info);
		found = true;
	}
	if (!more)
		pending->mask &= ~signal_bit(signal);
	return true;
}

/* Starts an interval timer again when its signal is taken: so one with a short interval does not keep the service busy. */
static void itimer_forward(struct process *process, int signal)
{
	if (signal == SIGALRM)
		timer_forward(&process->timers[ITIMER_REAL]);
	else if (signal == SIGVTALRM)
		timer_forward(&process->timers[ITIMER_VIRTUAL]);
	else if (signal == SIGPROF)
		timer_forward(&process->timers[ITIMER_PROF]);
}

int signal_dequeue(struct task *self, u64 set, siginfo_t *info)
{
	const u64 first = signal_bit(SIGSEGV) | signal_bit(SIGBUS) | signal_bit(SIGILL) | signal_bit(SIGTRAP) |
		signal_bit(SIGFPE) | signal_bit(SIGSYS);
	struct sigpending *shared = &self->process->pending;
	u64 waiting = (self->pending.mask | shared->mask) & set;
	if (!waiting)
		return 0;
	/* Signals that the program itself has just caused (faults) come first. */
	if (self->pending.mask & waiting & first)
		waiting = self->pending.mask & waiting & first;
	int signal = __builtin_ctzll(waiting) + 1;
	if (!sigqueue_take(&self->pending, signal, info) && sigqueue_take(shared, signal, info))
		itimer_forward(self->process, signal);
	return signal;
}

void signal_recalc_pending(struct task *task)
{
	u64 waiting = task->pending.mask | task->process->pending.mask;
	if (waiting & ~(task->mask & ~task->waiting_for))
		__atomic_fetch_or(&task->work, WORK_SIGNAL, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(&task->work, ~(u32)WORK_SIGNAL, __ATOMIC_SEQ_CST);
}

/* --- who takes a signal --- */

bool signal_is_ignored(const struct process *process, int signal)
{
	__sighandler_t handler = process->actions[signal - 1].sa_handler;
	return handler == SIG_IGN ||
		(handler == SIG_DFL && signal < SIGRTMIN && (signal_bit(signal) & SIGNALS_IGNORED));
}

bool signal_blocked_or_ignored(const struct task *self, int signal)
{
	return (self->mask & signal_bit(signal)) || self->process->actions[signal - 1].sa_handler == SIG_IGN;
}

bool group_is_orphaned(u32 pgid)
{
	list_for_each(node, &processes) {
		const struct process *process = container_of(node, struct process, all);
		if (process->pgid != pgid || process->state == PROCESS_ZOMBIE)
			continue;
		/* `allod run` stands for a shell that is the first process's parent. */
		if (process == first_process)
			return false;
		const struct process *parent = process->parent;
		if (parent && parent->sid == process->sid && parent->pgid != pgid)
			return false;
	}
	return true;
}

bool group_in_session(u32 pgid, u32 sid)
{
	list_for_each(node, &processes) {
		const struct process *process = container_of(node, struct process, all);
		if (process->pgid == pgid && process->sid == sid)
			return true;
	}
	return false;
}

/* --- sending --- */

static void process_continue(struct process *process)
{
	process->state = PROCESS_RUNNING;
	process->continued = true;
	list_for_each(node, &process->tasks)
		task_wake(container_of(node, struct task, sibling));
	process_notify_parent(process, CLD_CONTINUED, SIGCONT);
}

/* Would the task take the signal now? */
static bool task_wants(const struct task *task, int signal)
{
	return !(task->mask & ~task->waiting_for & signal_bit(signal)) && !(task->work & WORK_EXIT);
}

/* The task that takes a signal of its process; NULL: all block it. */
static struct task *process_choose(struct process *process, int signal)
{
	if (process->leader && task_wants(process->leader, signal))
		return process->leader;
	list_for_each(node, &process->tasks) {
		struct task *task = container_of(node, struct task, sibling);
		if (task_wants(task, signal))
			return task;
	}
	return NULL;
}

/* Will the process end when the task takes the signal? */
static bool is_deadly(const struct task *task, int signal)
{
	bool other = signal < SIGRTMIN && (signal_bit(signal) & (SIGNALS_IGNORED | SIGNALS_STOP));
	return task->process->actions[signal - 1].sa_handler == SIG_DFL && !other &&
		!(task->waiting_for & signal_bit(signal));
}

void signal_retarget(const struct task *self, u64 set)
{
	const struct process *process = self->process;
	set &= process->pending.mask;
	if (!set || process->exiting)
		return;
	list_for_each(node, &process->tasks) {
		struct task *task = container_of(node, struct task, sibling);
		if (task != self && (set & ~(task->mask & ~task->waiting_for)))
			task_kick(task, WORK_SIGNAL);
	}
}

void signal_set_mask(struct task *self, u64 mask)
{
	self->mask = mask & ~(u64)SIGNALS_UNBLOCKABLE;
	signal_recalc_pending(self);
	signal_retarget(self, self->mask);
}

/* Sends to a task, or to a process if task is NULL. prepared: an entry made before; NULL: makes one. */
static int signal_post(struct process *process, struct task *task, int signal, const siginfo_t *info,
	struct sigqueue *prepared)
{
	struct sigpending *pending = task ? &task->pending : &process->pending;
	int error = 0;
	u64 bit = signal_bit(signal);
	if (process->state == PROCESS_ZOMBIE || process->exiting)
		return 0;
	if (signal == SIGKILL) {
		process_exit(process, SIGKILL);
		return 0;
	}
	if (signal < SIGRTMIN && (bit & SIGNALS_STOP)) {
		signal_flush(process, signal_bit(SIGCONT));
	} else if (signal == SIGCONT) {
		signal_flush(process, SIGNALS_STOP);
		if (process->state == PROCESS_STOPPED)
			process_continue(process);
	}
	const struct task *looks = task ? task : process_task(process);
	if (signal_is_ignored(process, signal) && looks && !((looks->mask | looks->waiting_for) & bit))
		return 0;
	if (prepared)
		sigqueue_append(pending, prepared);
	else
		error = sigqueue_add(process, pending, signal, info);
	if (error)
		return error;
	struct task *target = task ? task : process_choose(process, signal);
	if (!target || !task_wants(target, signal))
		return 0;
	task_kick(target, WORK_SIGNAL);
	/* Other signals wait until a portal call has returned. */
	if (target->thread != thread_self() && is_deadly(target, signal))
		call_thread_recall(target->thread);
	return 0;
}

void signal_send_prepared(struct process *process, struct task *task, struct sigqueue *entry)
{
	signal_post(process, task, entry->info.si_signo, &entry->info, entry);
}

int signal_send_process(struct process *process, int signal, const siginfo_t *info)
{
	return signal_post(process, NULL, signal, info, NULL);
}

int signal_send_task(struct task *task, int signal, const siginfo_t *info)
{
	return signal_post(task->process, task, signal, info, NULL);
}

void signal_send(struct task *task, int signal)
{
	signal_post(task->process, task, signal, NULL, NULL);
}

void signal_send_group(u32 pgid, int signal)
{
	list_for_each_safe(node, &processes) {
		struct process *process = container_of(node, struct process, all);
		if (process->pgid == pgid)
			signal_post(process, NULL, signal, NULL, NULL);
	}
}

void signal_foreground(u32 sid, u32 pgid, int signal)
{
	list_for_each_safe(node, &processes) {
		struct process *process = container_of(node, struct process, all);
		if (pgid && process->pgid == pgid && process->sid == sid)
			signal_post(process, NULL, signal, NULL, NULL);
	}
}

void signal_force(struct task *task, const siginfo_t *info)
{
	int signal = info->si_signo;
	struct sigaction *action = &task->process->actions[signal - 1];
	if ((task->mask & signal_bit(signal)) || action->sa_handler == SIG_IGN) {
		action->sa_handler = SIG_DFL;
		task->mask &= ~signal_bit(signal);
	}
	sigqueue_add(task->process, &task->pending, signal, info);
	signal_recalc_pending(task);
}

/* --- exec --- */

void signal_flush_handlers(struct task *self)
{
	struct process *process = self->process;
	for (unsigned i = 0; i < SIGNALS; i++) {
		struct sigaction *action = &process->actions[i];
		__sighandler_t handler = action->sa_handler == SIG_IGN ? SIG_IGN : SIG_DFL;
		memset(action, 0, sizeof(*action));
		action->sa_handler = handler;
	}
}

/* The end of tasks and processes, and waiting for it. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/wait.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/fs/fs.h"
#include "services/linux/process/private.h"
#include "services/linux/syscall.h"
#include "services/linux/clock.h"
#include "services/linux/machine.h"
#include "services/linux/memory/memory.h"
#include "services/linux/process/process.h"
#include "services/linux/send_signal.h"
#include "services/linux/user_memory.h"

const struct process_hooks *process_hooks;

void process_init(const struct process_hooks *hooks)
{
	process_hooks = hooks;
}

/* --- ending --- */

int process_single(struct task *self)
{
	struct process *process = self->process;
	if (process->exiting || process->executing)
		return -EAGAIN;
	process->executing = self;
	list_for_each(node, &process->tasks) {
		struct task *task = container_of(node, struct task, sibling);
		if (task != self)
			task_kick(task, WORK_EXIT);
	}
	struct waiter waiter;
	waiter_init(&waiter, self);
	wait_queue_add(&process->wait_tasks, &waiter);
	int error = 0;
	while (process->task_count > 1 && !error)
		error = task_sleep_killable(self, 0);
	wait_queue_remove(&waiter);
	process->executing = NULL;
	if (process->task_count > 1)
		return -EAGAIN;
	if (!process->leader)
		task_take_number(self, process->pid);
	return 0;
}

void vfork_done(struct process *process)
{
	struct task *waiter = process->vfork_waiter;
	process->vfork_waiter = NULL;
	if (!waiter)
		return;
	waiter->vfork_child = NULL;
	task_wake(waiter);
}

static int shell_code(int wait_status)
{
	return wait_status & 0x7f ? wait_status & 0x7f : wait_status >> 8 & 0xff;
}

/* Removes a zombie. */
static void process_reap(struct process *process)
{
	struct process *parent = process->parent;
	if (parent) {
		parent->child_user_ns += process->user_ns + process->child_user_ns;
		parent->child_system_ns += process->system_ns + process->child_system_ns;
		parent->child_faults += process->faults + process->child_faults;
	}
	process_discard(process);
}

/* Will nobody wait for the process, so that it is removed at its end? */
static bool process_is_unwanted(const struct process *process)
{
	const struct process *parent = process->parent;
	if (!parent)
		return process != first_process;
	const struct sigaction *action = &parent->actions[SIGCHLD - 1];
	return process_end_signal(process) == SIGCHLD &&
		(action->sa_handler == SIG_IGN || (action->sa_flags & SA_NOCLDWAIT));
}

/* Sends SIGHUP and SIGCONT to a process group that has become orphaned while a member is stopped: otherwise that would stay stopped
 * for ever. */
static void group_check_orphaned(u32 pgid)
{
	bool stopped = false;
	list_for_each(node, &processes) {
		const struct process *process = container_of(node, struct process, all);
		stopped |= process->pgid == pgid && process->state == PROCESS_STOPPED;
	}
	if (stopped && group_is_orphaned(pgid)) {
		signal_send_group(pgid, SIGHUP);
		signal_send_group(pgid, SIGCONT);
	}
}

/* The nearest ancestor that adopts orphans; NULL: there is none, and they are removed when they end. */
static struct process *process_reaper(const struct process *process)
{
	for (struct process *p = process->parent; p; p = p->parent)
		if (p->subreaper && !p->exiting)
			return p;
	return NULL;
}

static void tell_end(struct process *process)
{
	int status = process->wait_status;
	bool unwanted = process_is_unwanted(process);
	process_notify_parent(process, status & 0x7f ? CLD_KILLED : CLD_EXITED, shell_code(status));
	if (unwanted)
		process_reap(process);
}

/* The parent ends: sends each task the signal that it asked for (PR_SET_PDEATHSIG), from the parent, if that may send it. */
static void tell_parent_death(const struct process *parent, struct process *child)
{
	list_for_each(node, &child->tasks) {
		int signal = container_of(node, struct task, sibling)->parent_death_signal;
		siginfo_t info;
		if (!signal || !may_signal(parent, child, signal))
			continue;
		memset(&info, 0, sizeof(info));
		info.si_signo = signal;
		info.si_code = SI_USER;
		info.si_pid = parent->pid;
		info.si_uid = parent->cred.uid;
		signal_send_process(child, signal, &info);
	}
}

/* Gives the children another parent. Their exit signal becomes SIGCHLD: the new parent has not chosen another. */
static void children_give_away(struct process *process)
{
	struct process *reaper = process_reaper(process);
	list_for_each_safe(node, &process->children) {
		struct process *child = container_of(node, struct process, sibling);
		list_remove(&child->sibling);
		child->parent = reaper;
		child->ppid = reaper ? reaper->pid : 1;
		child->exit_signal = SIGCHLD;
		if (reaper)
			list_append(&reaper->children, &child->sibling);
		tell_parent_death(process, child);
		u32 pgid = child->pgid;
		if (child->state == PROCESS_ZOMBIE)
			tell_end(child);
		group_check_orphaned(pgid);
	}
}

/* The last task has ended. */
static void process_end(struct process *process)
{
	process->exiting = true;
	process_hooks->timers_end(process, false);
	children_give_away(process);
	if (process->sid == process->pid)
		process_hooks->session_ended(process->sid);
	process->state = PROCESS_ZOMBIE;
	sigpending_flush(&process->pending);
	vfork_done(process);
	if (process->handle)
		wake_up(&process->handle->ended);
	group_check_orphaned(process->pgid);
	if (process == first_process)
		process_hooks->first_ended(process->wait_status);
	tell_end(process);
}

_Noreturn void task_exit(struct task *self)
{
	struct process *process = self->process;
	u64 busy = task_cpu_time(self);
	futex_exit(self);
	process_hooks->memory_left(self);
	if (self->clear_tid && self->mm->references > 1 && !user_put_u32(self, self->clear_tid, 0))
		futex_wake(self, self->clear_tid, 1, false);
	if (process == first_process && process->task_count == 1)
		process_hooks->first_ends();
	if (self->files)
		descriptors_put(self, self->files);
	if (self->fs)
		fs_put(self->fs);
	mm_put(self, self->mm);
	process->user_ns += busy - busy / 8;
	process->system_ns += busy / 8;
	signal_retarget(self, ~0ull);
	task_discard(self);
	wake_up(&process->wait_tasks);
	if (!process->task_count)
		process_end(process);
	service_unlock();
	call_thread_exit();
}

long sys_exit(struct task *self, struct user_frame *frame)
{
	struct process *process = self->process;
	int status = (arg(frame, 0) & 0xff) << 8;
	if (!process->exiting && (process->task_count == 1 || process->leader == self))
		process->wait_status = status;
	if (frame->cookie)
		task_exit(self);
	/* If the task is in a call back from another space, it leaves that first. */
	task_kick(self, WORK_EXIT);
	return 0;
}

long sys_exit_group(struct task *self, struct user_frame *frame)
{
	process_exit(self->process, (arg(frame, 0) & 0xff) << 8);
	return 0;
}

/* --- waiting --- */

/* What a wait call looks for, and what it has found. */
struct wait_query {
	int which; /* P_ALL, P_PID, P_PGID, P_PIDFD */
	u32 id;
	struct process_handle *handle; /* P_PIDFD: with a reference */
	u64 options;
	u32 pid, uid;     /* found */
	int code, status; /* CLD_*; of waitid */
	int wait_status;  /* of wait4 */
	struct rusage usage;
};

static struct __kernel_old_timeval usage_time(u64 ns)
{
	return (struct __kernel_old_timeval){ ns / NS_PER_S, ns % NS_PER_S / 1000 };
}

static bool wait_matches(const struct wait_query *query, const struct process *child)
{
	bool is_clone = child->exit_signal != SIGCHLD;
	if (!(query->options & __WALL) && is_clone != !!(query->options & __WCLONE))
		return false;
	return query->which == P_ALL || (query->which == P_PID && child->pid == query->id) ||
		(query->which == P_PGID && child->pgid == query->id) ||
		(query->which == P_PIDFD && child->handle == query->handle);
}

/* Has the child something to report? If so, fills in the query and, unless WNOWAIT, takes the report. */
static bool wait_take(struct wait_query *query, struct process *child)
{
	bool keep = query->options & WNOWAIT;
	u64 user, system;
	query->pid = child->pid;
	query->uid = child->cred.uid;
	process_times(child, &user, &system);
	memset(&query->usage, 0, sizeof(query->usage));
	query->usage.ru_utime = usage_time(user + child->child_user_ns);
	query->usage.ru_stime = usage_time(system + child->child_system_ns);
	query->usage.ru_majflt = child->faults;
	if (child->state == PROCESS_ZOMBIE && (query->options & WEXITED)) {
		query->wait_status = child->wait_status;
		query->code = child->wait_status & 0x7f ? CLD_KILLED : CLD_EXITED;
		query->status = shell_code(child->wait_status);
		if (!keep)
			process_reap(child);
		return true;
	}
	if (child->state == PROCESS_STOPPED && !child->stop_reported && (query->options & WSTOPPED)) {
		query->wait_status = child->stop_signal << 8 | 0x7f;
		query->code = CLD_STOPPED;
		query->status = child->stop_signal;
		child->stop_reported = !keep;
		return true;
	}
	if (child->continued && (query->options & WCONTINUED)) {
		query->wait_status = 0xffff;
		query->code = CLD_CONTINUED;
		query->status = SIGCONT;
		child->continued = keep;
		return true;
	}
	return false;
}

/* -> 1: found; 0: nothing yet; -ECHILD. */
static int wait_look(struct task *self, struct wait_query *query)
{
	int result = -ECHILD;
	list_for_each_safe(node, &self->process->children) {
		struct process *child = container_of(node, struct process, sibling);
		if (!wait_matches(query, child))
			continue;
		result = 0;
		if (wait_take(query, child))
			return 1;
	}
	return result;
}

static int wait_child(struct task *self, struct wait_query *query)
{
	int error = 0;
	for (;;) {
		int result = wait_look(self, query);
		if (result || (query->options & WNOHANG))
			return result;
		if (error)
			return error;
		error = wait_on(self, &self->process->wait_children, 0);
	}
}

long sys_wait4(struct task *self, struct user_frame *frame)
{
	int pid = arg(frame, 0);
	u64 options = (u32)arg(frame, 2);
	struct wait_query query = { .options = options | WEXITED };
	if (options & ~(u64)(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (pid == (int)0x80000000)
		return -ESRCH;
	query.which = pid == -1 ? P_ALL : pid > 0 ? P_PID : P_PGID;
	query.id = pid > 0 ? pid : pid < -1 ? -pid : (int)self->process->pgid;
	int result = wait_child(self, &query);
	if (result <= 0)
		return result;
	if (arg(frame, 1) && user_put_u32(self, arg(frame, 1), query.wait_status))
		return -EFAULT;
	if (arg(frame, 3) && user_write(self, arg(frame, 3), &query.usage, sizeof(query.usage)))
		return -EFAULT;
	return query.pid;
}

/* Checks what waitid() is to look for. */
static int waitid_query(struct task *self, struct wait_query *query, bool *nonblocking)
{
	const struct file *file;
	if (query->options &
		~(u64)(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (!(query->options & (WEXITED | WSTOPPED | WCONTINUED)) || query->which < P_ALL || query->which > P_PIDFD)
		return -EINVAL;
	if (query->which == P_PGID && !query->id)
		query->id = self->process->pgid;
	if ((query->which == P_PID && (int)query->id <= 0) || (query->which != P_ALL && (int)query->id < 0))
		return -EINVAL;
	if (query->which != P_PIDFD)
		return 0;
	file = descriptor_peek(self->files, query->id);
	query->handle = process_hooks->pidfd_handle(file);
	if (!query->handle)
		return -EBADF;
	query->handle->references++;
	*nonblocking = file->flags & O_NONBLOCK && !(query->options & WNOHANG);
	if (*nonblocking)
		query->options |= WNOHANG;
	return 0;
}

static int waitid_report(struct task *self, const struct user_frame *frame, const struct wait_query *query, bool found)
{
	u64 info_addr = arg(frame, 2);
	siginfo_t info;
	memset(&info, 0, sizeof(info));
	if (found) {
		info.si_signo = SIGCHLD;
		info.si_code = query->code;
		info.si_pid = query->pid;
		info.si_uid = query->uid;
		info.si_status = query->status;
		if (arg(frame, 4) && user_write(self, arg(frame, 4), &query->usage, sizeof(query->usage)))
			return -EFAULT;
	}
	if (info_addr && user_write(self, info_addr, &info, offsetof(siginfo_t, si_status) + sizeof(int)))
		return -EFAULT;
	return 0;
}

long sys_waitid(struct task *self, struct user_frame *frame)
{
	struct wait_query query = { .which = arg(frame, 0), .id = arg(frame, 1), .options = (u32)arg(frame, 3) };
	bool nonblocking = false;
	int result = waitid_query(self, &query, &nonblocking);
	if (result)
		return result;
	result = wait_child(self, &query);
	process_handle_put(query.handle);
	if (result < 0)
		return result;
	if (!result && nonblocking)
		return -EAGAIN;
	return waitid_report(self, frame, &query, result);
}

long sys_getrusage(struct task *self, struct user_frame *frame)
{
	const struct process *process = self->process;
	int who = arg(frame, 0);
	struct rusage usage;
	u64 user, system, total, resident;
	memset(&usage, 0, sizeof(usage));
	if (who == RUSAGE_CHILDREN) {
		user = process->child_user_ns;
		system = process->child_system_ns;
		usage.ru_majflt = process->child_faults;
	} else if (who == RUSAGE_SELF || who == RUSAGE_THREAD) {
		process_times(process, &user, &system);
		mm_sizes(self->mm, &total, &resident);
		usage.ru_maxrss = resident * (PAGE_SIZE / 1024);
		usage.ru_majflt = process->faults;
	} else {
		return -EINVAL;
	}
	usage.ru_utime = (struct __kernel_old_timeval){ user / NS_PER_S, user % NS_PER_S / 1000 };
	usage.ru_stime = (struct __kernel_old_timeval){ system / NS_PER_S, system % NS_PER_S / 1000 };
	return user_write(self, arg(frame, 1), &usage, sizeof(usage));
}

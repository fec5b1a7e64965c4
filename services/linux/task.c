/* The tables of processes and tasks, and how new ones are made. */
#include <asm/errno.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/clock.h"
#include "services/linux/send_signal.h"
#include "services/linux/task.h"
#include "services/linux/user.h"

enum { FIRST_PID = 2 };

struct list_node processes = LIST_INIT(processes);
struct process *first_process;

static struct process *process_table[PIDS_MAX];
static struct task *task_table[PIDS_MAX];
static struct task *thread_table[THREADS_MAX];
static u32 last_pid = FIRST_PID - 1;
static bool pids_wrapped;

struct process *process_find(u32 pid)
{
	return pid < PIDS_MAX ? process_table[pid] : NULL;
}

struct task *task_find(u32 tid)
{
	return tid < PIDS_MAX ? task_table[tid] : NULL;
}

struct task *process_task(const struct process *process)
{
	if (process->leader)
		return process->leader;
	if (list_is_empty(&process->tasks))
		return NULL;
	return container_of(list_first(&process->tasks), struct task, sibling);
}

void task_set_thread(struct task *task, u32 thread)
{
	task->thread = thread;
	task->frame = (struct user_frame *)(STACKLET_BASE + (thread + 1) * STACKLET_SIZE - sizeof(struct user_frame));
	thread_table[thread] = task;
}

struct task *task_of_thread(u32 thread)
{
	return thread < THREADS_MAX ? thread_table[thread] : NULL;
}

/* A number is in use as long as a process, a task, a group or a session has it. */
static bool pid_is_used(u32 pid)
{
	if (process_table[pid] || task_table[pid])
		return true;
	if (!pids_wrapped)
		return false;
	list_for_each(node, &processes) {
		const struct process *process = container_of(node, struct process, all);
		if (process->pgid == pid || process->sid == pid)
			return true;
	}
	return false;
}

int pid_check(u32 pid)
{
	if (!pid || pid >= PIDS_MAX)
		return -EINVAL;
	return pid_is_used(pid) ? -EEXIST : 0;
}

/* A free number: `wanted`, unless that is 0, or the next one. 0: all are in use. */
static u32 pid_new(u32 wanted)
{
	if (wanted)
		return wanted;
	for (unsigned tries = 0; tries < PIDS_MAX; tries++) {
		if (++last_pid >= PIDS_MAX) {
			last_pid = 300;
			pids_wrapped = true;
		}
		if (!pid_is_used(last_pid))
			return last_pid;
	}
	return 0;
}

static struct process *process_alloc(u32 wanted)
{
	u32 pid = pid_new(wanted);
	struct process *process = pid ? heap_zalloc(sizeof(*process)) : NULL;
	if (!process)
		return NULL;
	process->pid = pid;
	process->exit_signal = SIGCHLD;
	process->start_ns = time_monotonic();
	list_init(&process->children);
	list_init(&process->sibling);
	list_init(&process->tasks);
	wait_queue_init(&process->wait_children);
	wait_queue_init(&process->wait_tasks);
	sigpending_init(&process->pending);
	list_append(&processes, &process->all);
	process_table[pid] = process;
	return process;
}

static void limits_init(struct rlimit64 *limits)
{
	for (unsigned i = 0; i < RLIM_NLIMITS; i++)
		limits[i].rlim_cur = limits[i].rlim_max = RLIM64_INFINITY;
	limits[RLIMIT_STACK].rlim_cur = 8ul << 20;
	limits[RLIMIT_CORE].rlim_cur = 0;
	limits[RLIMIT_NOFILE].rlim_cur = 1024;
	limits[RLIMIT_NOFILE].rlim_max = 1 << 20;
	limits[RLIMIT_NPROC].rlim_cur = limits[RLIMIT_NPROC].rlim_max = PIDS_MAX / 2;
	limits[RLIMIT_SIGPENDING].rlim_cur = limits[RLIMIT_SIGPENDING].rlim_max = 4096;
	limits[RLIMIT_MSGQUEUE].rlim_cur = limits[RLIMIT_MSGQUEUE].rlim_max = 819200;
	limits[RLIMIT_NICE].rlim_cur = limits[RLIMIT_NICE].rlim_max = 0;
	limits[RLIMIT_RTPRIO].rlim_cur = limits[RLIMIT_RTPRIO].rlim_max = 0;
	limits[RLIMIT_MEMLOCK].rlim_cur = limits[RLIMIT_MEMLOCK].rlim_max = 8ul << 20;
}

struct task *process_first(const struct credentials *cred)
{
	struct process *process = process_alloc(0);
	if (!process)
		return NULL;
	first_process = process;
	process->ppid = 1;
	process->pgid = process->sid = process->pid;
	process->cred = *cred;
	process->cred.user = user_get(cred->uid);
	if (!process->cred.user)
		return NULL;
	user_charge(process->cred.user, USER_TASKS, 1, USER_UNLIMITED);
	limits_init(process->limits);
	return task_new(process, NULL, 0);
}

/* RLIMIT_NPROC of the process. The superuser is exempt, as real or effective user. */
static u64 tasks_limit(const struct process *process)
{
	bool exempt = process->cred.uid == 0 || process->cred.euid == 0;
	return exempt ? USER_UNLIMITED : process_limit(process, RLIMIT_NPROC);
}

/* What the process's user is charged for: its tasks, or 1 if they have ended and nobody has waited for the process. */
static u64 tasks_charged(const struct process *process)
{
	return max_u64(process->task_count, 1);
}

static bool has_too_many_tasks(const struct process *process, const struct user *user)
{
	return user->uid && user->charged[USER_TASKS] > process_limit(process, RLIMIT_NPROC);
}

bool process_tasks_too_many(struct process *process)
{
	process->too_many_tasks = process->too_many_tasks && has_too_many_tasks(process, process->cred.user);
	return process->too_many_tasks;
}

struct process *process_fork(struct process *parent, u32 pid)
{
	struct user *user = parent->cred.user;
	if (!user_charge(user, USER_TASKS, 1, tasks_limit(parent)))
		return NULL;
	struct process *process = process_alloc(pid);
	if (!process) {
		user_uncharge(user, USER_TASKS, 1);
		return NULL;
	}
	process->ppid = parent->pid;
	process->pgid = parent->pgid;
	process->sid = parent->sid;
	process->parent = parent;
	process->cred = parent->cred;
	user_hold(user);
	memcpy(process->actions, parent->actions, sizeof(process->actions));
	memcpy(process->limits, parent->limits, sizeof(process->limits));
	process->parent_execs = parent->execs;
	process->oom_adjust = parent->oom_adjust;
	process->nice = parent->nice;
	process->personality = parent->personality;
	list_append(&parent->children, &process->sibling);
	return process;
}

void process_discard(struct process *process)
{
	sigpending_flush(&process->pending);
	list_remove(&process->sibling);
	list_remove(&process->all);
	process_table[process->pid] = NULL;
	user_uncharge(process->cred.user, USER_TASKS, 1);
	user_put(process->cred.user);
	if (process->handle) {
		process->handle->process = NULL;
		process_handle_put(process->handle);
	}
	heap_free(process);
}

struct process_handle *process_handle(struct process *process)
{
	if (!process->handle) {
		process->handle = heap_zalloc(sizeof(*process->handle));
		if (!process->handle)
			return NULL;
		process->handle->references = 1;
		process->handle->process = process;
		wait_queue_init(&process->handle->ended);
	}
	process->handle->references++;
	return process->handle;
}

void process_handle_put(struct process_handle *handle)
{
	if (handle && !--handle->references)
		heap_free(handle);
}

struct task *task_new(struct process *process, const struct task *like, u32 wanted)
{
	bool leads = !process->leader && list_is_empty(&process->tasks);
	if (!leads && !user_charge(process->cred.user, USER_TASKS, 1, tasks_limit(process)))
		return NULL;
	u32 tid = leads ? process->pid : pid_new(wanted);
	struct task *task = tid ? heap_zalloc(sizeof(*task)) : NULL;
	if (!task) {
		if (!leads)
			user_uncharge(process->cred.user, USER_TASKS, 1);
		return NULL;
	}
	task->process = process;
	task->tid = tid;
	task->thread = ~0u;
	task->affinity = ~0ull;
	task->timer_slack = 50000;
	task->start_ns = time_monotonic();
	sigpending_init(&task->pending);
	list_init(&task->futex);
	if (like) {
		task->mask = like->mask;
		task->affinity = like->affinity;
		task->no_new_privileges = like->no_new_privileges;
		memcpy(task->name, like->name, sizeof(task->name));
	}
	task_table[tid] = task;
	list_append(&process->tasks, &task->sibling);
	process->task_count++;
	if (leads)
		process->leader = task;
	return task;
}

void task_discard(struct task *task)
{
	struct process *process = task->process;
	sigpending_flush(&task->pending);
	list_remove(&task->sibling);
	if (process->task_count > 1)
		user_uncharge(process->cred.user, USER_TASKS, 1);
	process->task_count--;
	if (process->leader == task)
		process->leader = NULL;
	if (task_table[task->tid] == task)
		task_table[task->tid] = NULL;
	if (task->thread != ~0u)
		thread_table[task->thread] = NULL;
	heap_free(task);
}

void task_take_number(struct task *task, u32 tid)
{
	task_table[task->tid] = NULL;
	task->tid = tid;
	task_table[tid] = task;
	task->process->leader = task;
}

void process_set_user(struct process *process, struct user *user)
{
	u64 charged = tasks_charged(process);
	process->too_many_tasks = has_too_many_tasks(process, user);
	user_charge(user, USER_TASKS, charged, USER_UNLIMITED);
	user_uncharge(process->cred.user, USER_TASKS, charged);
	user_put(process->cred.user);
	process->cred.user = user;
	process->cred.uid = user->uid;
}

int task_start(struct task *task, struct user_frame *frame)
{
	struct thread_spec spec = { .space = task->mm->space, .frame = (u64)frame };
	frame->cookie = (u64)task;
	i64 thread = call_thread_create(&spec);
	if (thread < 0)
		return native_errno(thread);
	task_set_thread(task, thread);
	return 0;
}

u64 task_cpu_time(const struct task *task)
{
	u64 lived = time_monotonic() - task->start_ns;
	u64 slept = (u64)((unsigned __int128)task->slept_ticks * service_start->clock.mult >> 32);
	return lived > slept ? lived - slept : 0;
}

void process_times(const struct process *process, u64 *user_ns, u64 *system_ns)
{
	u64 sum = process->user_ns;
	list_for_each(node, &process->tasks)
		sum += task_cpu_time(container_of(node, struct task, sibling));
	*user_ns = sum - sum / 8;
	*system_ns = process->system_ns + sum / 8;
}

void process_exit(struct process *process, int wait_status)
{
	if (process->exiting || process->state == PROCESS_ZOMBIE)
		return;
	process->exiting = true;
	process->wait_status = wait_status;
	process->state = PROCESS_RUNNING;
	list_for_each(node, &process->tasks)
		task_kick(container_of(node, struct task, sibling), WORK_EXIT);
}

int process_end_signal(const struct process *process)
{
	return process->parent_execs == process->parent->execs ? process->exit_signal : SIGCHLD;
}

static int parent_signal(const struct process *process, int code)
{
	if (code == CLD_EXITED || code == CLD_KILLED || code == CLD_DUMPED)
		return process_end_signal(process);
	return process->parent->actions[SIGCHLD - 1].sa_flags & SA_NOCLDSTOP ? 0 : SIGCHLD;
}

void process_notify_parent(struct process *process, int code, int status)
{
	struct process *parent = process->parent;
	int signal = parent ? parent_signal(process, code) : 0;
	if (!parent)
		return;
	if (signal) {
		siginfo_t info;
		u64 user, system;
		process_times(process, &user, &system);
		memset(&info, 0, sizeof(info));
		info.si_signo = signal;
		info.si_code = code;
		info.si_pid = process->pid;
		info.si_uid = process->cred.uid;
		info.si_status = status;
		info.si_utime = user / (NS_PER_S / 100);
		info.si_stime = system / (NS_PER_S / 100);
		signal_send_process(parent, signal, &info);
	}
	wake_up(&parent->wait_children);
}

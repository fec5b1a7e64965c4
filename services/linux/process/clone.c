/* fork, vfork, clone, clone3: new processes and new threads. */
#include <asm/errno.h>
#include <linux/sched.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/fs/fs.h"
#include "services/linux/syscall.h"
#include "services/linux/machine.h"
#include "services/linux/memory/memory.h"
#include "services/linux/send_signal.h"
#include "services/linux/process/private.h"
#include "services/linux/process/process.h"
#include "services/linux/task.h"
#include "services/linux/user_memory.h"

struct clone_request {
	u64 flags; /* CLONE_* without the signal */
	int exit_signal;
	u64 stack; /* first stack pointer; 0: the caller's */
	u64 parent_tid, child_tid, tls;
	u64 pidfd; /* where the number of the new descriptor goes */
	u32 tid;   /* wanted by clone3; 0: any */
};

static int clone_check(const struct clone_request *request)
{
	u64 flags = request->flags;
	const u64 known = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_VFORK | CLONE_PARENT |
		CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID |
		CLONE_DETACHED | CLONE_UNTRACED | CLONE_CHILD_SETTID | CLONE_IO | CLONE_CLEAR_SIGHAND | CLONE_PTRACE |
		CLONE_PIDFD;
	if (flags & ~known)
		return -EINVAL;
	if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((flags & CLONE_SIGHAND) && (!(flags & CLONE_VM) || (flags & CLONE_CLEAR_SIGHAND)))
		return -EINVAL;
	if ((flags & CLONE_PIDFD) && (flags & (CLONE_THREAD | CLONE_DETACHED)))
		return -EINVAL;
	if ((flags & CLONE_PIDFD) && (flags & CLONE_PARENT_SETTID) && request->pidfd == request->parent_tid)
		return -EINVAL;
	return request->exit_signal < 0 || request->exit_signal > SIGNALS ? -EINVAL : 0;
}

/* The process of the new task. */
static struct process *clone_process(struct task *self, const struct clone_request *request)
{
	if (request->flags & CLONE_THREAD)
		return self->process;
	struct process *parent = self->process;
	struct process *process = process_fork(parent, request->tid);
	if (!process)
		return NULL;
	process->exit_signal = request->exit_signal;
	if ((request->flags & CLONE_PARENT) && parent->parent) {
		list_remove(&process->sibling);
		list_append(&parent->parent->children, &process->sibling);
		process->parent = parent->parent;
		process->ppid = parent->ppid;
		process->exit_signal = parent->exit_signal;
		process->parent_execs = parent->parent_execs;
	}
	if (request->flags & CLONE_CLEAR_SIGHAND)
		for (unsigned i = 0; i < SIGNALS; i++)
			if (process->actions[i].sa_handler != SIG_IGN)
				memset(&process->actions[i], 0, sizeof(process->actions[i]));
	return process;
}

/* Gives the new task its memory, files and directories. -> 0, or -ENOMEM; the task keeps what it got so far. */
static int clone_resources(struct task *self, struct task *task, const struct clone_request *request)
{
	task->mm = request->flags & CLONE_VM ? mm_get(self->mm) : mm_fork(self->mm, self->name);
	if (!task->mm)
		return -ENOMEM;
	task->files = request->flags & CLONE_FILES ? descriptors_get(self->files) : descriptors_fork(self->files);
	task->fs = request->flags & CLONE_FS ? fs_get(self->fs) : fs_fork(self->fs);
	if (!task->files || !task->fs)
		return -ENOMEM;
	if ((request->flags & CLONE_FILES) && !(request->flags & CLONE_THREAD))
		self->files_shared = task->files_shared = true;
	else if (request->flags & CLONE_THREAD)
		task->files_shared = self->files_shared;
	if (!(request->flags & CLONE_VM) || (request->flags & CLONE_VFORK)) {
		task->alt_stack = self->alt_stack;
		task->alt_stack_bytes = self->alt_stack_bytes;
		task->alt_stack_flags = self->alt_stack_flags;
	}
	return 0;
}

static void clone_undo(struct task *self, struct task *task, struct process *process)
{
	if (task) {
		if (task->files)
			descriptors_put(self, task->files);
		if (task->fs)
			fs_put(task->fs);
		if (task->mm)
			mm_put(self, task->mm);
		task_discard(task);
	}
	if (process != self->process)
		process_discard(process);
}

/* Sets the first registers of the new task, and writes the numbers that the flags ask for to memory. */
static int clone_start(struct task *self, struct task *task, const struct user_frame *frame,
	const struct clone_request *request)
{
	struct user_frame first = *frame;
	frame_set_result(&first, 0);
	if (request->stack)
		frame_set_sp(&first, request->stack);
	if (request->flags & CLONE_SETTLS)
		frame_set_thread_pointer(&first, request->tls);
	first.flags = FRAME_FULL | FRAME_THREAD_POINTER | FRAME_INHERIT_VECTOR;
	if (request->flags & CLONE_CHILD_CLEARTID)
		task->clear_tid = request->child_tid;
	if (request->flags & CLONE_PARENT_SETTID)
		user_put_u32(self, request->parent_tid, task->tid);
	if (request->flags & CLONE_CHILD_SETTID)
		user_put_u32(task, request->child_tid, task->tid);
	return task_start(task, &first);
}

/* CLONE_PIDFD: the caller gets a descriptor of the new process, which does not have it. -> descriptor, -1 without the flag, or
 * -errno below -1. */
static int clone_pidfd(struct task *self, struct process *process, const struct clone_request *request)
{
	if (!(request->flags & CLONE_PIDFD))
		return -1;
	struct file *file = process_hooks->pidfd_file(process, 0);
	int fd = file ? descriptor_add(self, file, 0, true) : -ENOMEM;
	if (fd >= 0 && user_put_u32(self, request->pidfd, fd)) {
		descriptor_close(self, fd);
		return -EFAULT;
	}
	return fd;
}

/* vfork: the child runs in the caller's memory until it executes a program or ends. */
static void vfork_wait(struct task *self)
{
	while (self->vfork_child)
		if (task_sleep_killable(self, 0) < 0)
			break;
	if (self->vfork_child)
		self->vfork_child->vfork_waiter = NULL;
	self->vfork_child = NULL;
}

static long clone_do(struct task *self, const struct user_frame *frame, const struct clone_request *request)
{
	int error = clone_check(request);
	if (error)
		return error;
	if (self->process->exiting || self->process->executing)
		return -ERESTARTNOINTR;
	self->process->too_many_tasks = false;
	if (!oom_room())
		return -ENOMEM;
	struct process *process = clone_process(self, request);
	if (!process)
		return -EAGAIN;
	struct task *task = task_new(process, self, request->tid);
	error = task ? clone_resources(self, task, request) : -EAGAIN;
	u32 tid = task ? task->tid : 0;
	if (!error && (request->flags & CLONE_VFORK)) {
		process->vfork_waiter = self;
		self->vfork_child = process;
	}
	int pidfd = error ? -1 : clone_pidfd(self, process, request);
	if (pidfd < -1)
		error = pidfd;
	if (!error)
		error = clone_start(self, task, frame, request);
	if (error) {
		self->vfork_child = NULL;
		if (pidfd >= 0)
			descriptor_close(self, pidfd);
		clone_undo(self, task, process);
		return error;
	}
	if (request->flags & CLONE_VFORK)
		vfork_wait(self);
	return tid;
}

long sys_fork(struct task *self, struct user_frame *frame)
{
	struct clone_request request = { .exit_signal = SIGCHLD };
	return clone_do(self, frame, &request);
}

long sys_vfork(struct task *self, struct user_frame *frame)
{
	struct clone_request request = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };
	return clone_do(self, frame, &request);
}

long sys_clone(struct task *self, struct user_frame *frame)
{
	struct clone_request request = {
		.flags = (u32)arg(frame, 0) & ~(u64)CSIGNAL,
		.exit_signal = arg(frame, 0) & CSIGNAL,
		.stack = arg(frame, 1),
		.parent_tid = arg(frame, 2),
		.child_tid = CLONE_ARG_CHILD_TID(frame),
		.tls = CLONE_ARG_TLS(frame),
		.pidfd = arg(frame, 2),
	};
	return clone_do(self, frame, &request);
}

/* What a newer program says behind the structure that is known must be nothing. */
static int tail_check(struct task *self, u64 addr, u64 bytes)
{
	u8 tail[64];
	for (u64 done = 0; done < bytes; done += sizeof(tail)) {
		u64 piece = min_u64(bytes - done, sizeof(tail));
		if (user_read(self, addr + done, tail, piece))
			return -EFAULT;
		for (u64 i = 0; i < piece; i++)
			if (tail[i])
				return -E2BIG;
	}
	return 0;
}

long sys_clone3(struct task *self, struct user_frame *frame)
{
	struct clone_args args;
	u64 bytes = arg(frame, 1);
	memset(&args, 0, sizeof(args));
	if (bytes < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	if (bytes > PAGE_SIZE)
		return -E2BIG;
	if (user_read(self, arg(frame, 0), &args, min_u64(bytes, sizeof(args))))
		return -EFAULT;
	int error = bytes > sizeof(args) ? tail_check(self, arg(frame, 0) + sizeof(args), bytes - sizeof(args)) : 0;
	if (error)
		return error;
	/* The C library fills in members of flags that it does not set: only members whose flags are set are looked at. */
	if ((args.flags & (CSIGNAL | CLONE_DETACHED)) || args.exit_signal > SIGNALS ||
		(args.flags & CLONE_INTO_CGROUP) || !args.set_tid != !args.set_tid_size || args.set_tid_size > 1 ||
		!args.stack != !args.stack_size)
		return -EINVAL;
	struct clone_request request = {
		.flags = args.flags,
		.exit_signal = args.exit_signal,
		.stack = args.stack ? args.stack + args.stack_size : 0,
		.parent_tid = args.parent_tid,
		.child_tid = args.child_tid,
		.tls = args.tls,
		.pidfd = args.pidfd,
	};
	if (args.set_tid_size && user_get_u32(self, args.set_tid, &request.tid))
		return -EFAULT;
	if (args.set_tid_size)
		error = request.tid && request.tid < PIDS_MAX && !task_is_root(self) ? -EPERM : pid_check(request.tid);
	if (error)
		return error;
	return clone_do(self, frame, &request);
}

long sys_unshare(struct task *self, struct user_frame *frame)
{
	u64 flags = arg(frame, 0);
	if (flags & ~(u64)(CLONE_FILES | CLONE_FS | CLONE_SYSVSEM))
		return -EINVAL;
	if (flags & CLONE_FILES && descriptors_own(self))
		return -ENOMEM;
	if (flags & CLONE_FS) {
		struct fs *fs = fs_fork(self->fs);
		if (!fs)
			return -ENOMEM;
		fs_put(self->fs);
		self->fs = fs;
	}
	return 0;
}

long sys_set_tid_address(struct task *self, struct user_frame *frame)
{
	self->clear_tid = arg(frame, 0);
	return self->tid;
}

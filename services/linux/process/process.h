/* The process room: how processes and tasks come to be, execute programs, and end.
 *
 *   clone.c                              fork, vfork, clone
 *   exec.c elf.c initial_stack.c         a program from a file, and the memory it begins with
 *   exit.c                               the end, and waiting for it
 *   pid.c uid.c prctl.c sched.c          what a process may ask of itself and of others
 *   futex.c                              waiting on words of a program's memory
 *   peer.c                               spaces that a process made and that this service serves too (SYSTEM_SHARED), and threads
 *                                        that some space sent into a process by a portal call
 *
 * struct process and struct task are in task.h. Everything here needs the service lock. */
#ifndef LINUX_PROCESS_PROCESS_H
#define LINUX_PROCESS_PROCESS_H

#include "services/linux/task.h"

struct file;
struct syscall;

/* What this room calls in rooms behind it. Set once, at the start. */
struct process_hooks {
	/* The task lets its memory go: it ends, or executes a program. */
	void (*memory_left)(struct task *self);
	/* The process ends, or executes a program: its timers go; interval timers survive exec. */
	void (*timers_end)(struct process *process, bool exec);
	/* A new pidfd, NULL: no memory; and what one stands for, NULL: the file is none. */
	struct file *(*pidfd_file)(struct process *process, u32 flags);
	struct process_handle *(*pidfd_handle)(const struct file *file);
	/* The leader of a session has ended. */
	void (*session_ended)(u32 session);
	/* The last task of the first process is about to let its memory go; the first process has ended, which ends the guest. */
	void (*first_ends)(void);
	void (*first_ended)(int wait_status);
};
void process_init(const struct process_hooks *hooks);

/* --- tasks --- */

/* Ends the calling task, and with the last one the process. */
_Noreturn void task_exit(struct task *self);
/* Loads the first program: strings are in the service's memory, lists end with NULL. -> 0 or -errno. */
int exec_first(struct task *self, const char *path, char **argv, char **envp, struct user_frame *frame);

/* --- peers ---
 *
 * A thread is a stranger where this service has no task for it: in a peer, or in a process that it came into by a portal call. User
 * frames of strangers have the cookie 0. Strangers may make calls about memory of the space that they are in, the time, and
 * sleeping; others fail with EPERM. A fault of a stranger ends the peer that it is in; in a process it ends only the call. A task
 * that is called back into its own process is served as usual. */

/* The upcall of a frame with the cookie 0; entry: that of frame->nr in the table of system calls, or NULL. -> the task, if the
 * thread is in its own process. Otherwise this serves the frame and does not return. */
struct task *peer_entry(struct user_frame *frame, const struct syscall *entry);
/* The task is to end but is inside of portal calls: leaves those first. */
_Noreturn void peer_leave(struct task *self);
/* Calls of abi/peer.h. -> result, -ENOSYS if the number is none of them. Service lock held. */
long peer_call(struct task *self, const struct user_frame *frame);

#endif

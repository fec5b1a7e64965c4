/* Processes and tasks.
 *
 *   struct process   what programs call a process: its number, parent, children, session, signal actions, limits
 *   struct task      one thread of it: what the dispatcher hands to every handler as `self`
 *   struct mm        the memory of a process: the space it lives in; shared after vfork until the child executes
 *
 * A task is a native thread whose user frame carries the task's address as its cookie. While it is inside of a call it
 * runs on its stacklet in the service: handlers have about 24 KiB of stack.
 *
 * Legend: [I] never changes after creation, [L] service lock, [S] only the task itself, [a] atomic. */
#ifndef LINUX_TASK_H
#define LINUX_TASK_H

#include <linux/types.h>
#include <linux/limits.h>
#include <linux/resource.h>
#include <linux/signal.h>
#include <asm/siginfo.h>

#include "lib/list.h"
#include "user_frame.h"

#include "services/linux/base.h"
#include "services/linux/credentials.h"
#include "services/linux/mm.h"
#include "services/linux/sleep.h"
#include "services/linux/timer.h"

struct descriptor_table;
struct fs;
struct posix_timers;
struct vas;

/* Descriptors are below this, whatever RLIMIT_NOFILE: /proc/sys/fs/nr_open. */
enum { DESCRIPTORS_MAX = 1 << 20 };
enum { SIGNALS = 64, PIDS_MAX = 32768, NAME_BYTES = 16 };

/* task.work: what is to be done before the task goes on in its process. */
enum {
	WORK_SIGNAL = 1,       /* a signal may have become deliverable */
	WORK_EXIT = 2,         /* the process ends, or another thread of it executes: this task ends */
	WORK_STOP = 4,         /* the process is being stopped */
	WORK_RESTORE_MASK = 8, /* put saved_mask back (sigsuspend, ppoll...) unless a handler runs */
};

/* A signal that waits. */
struct sigqueue {
	struct list_node node;
	siginfo_t info;
	struct user *user; /* that is charged for it; NULL: it is part of another structure that is charged */
	/* If user is NULL: called when the signal is taken, with a copy of `info` that it may change, or dropped, with NULL. */
	void (*done)(struct sigqueue *entry, siginfo_t *info);
	bool waits;
};

struct sigpending {
	struct list_node infos; /* in order of arrival */
	u64 mask;               /* bit signal - 1 */
};

enum process_state { PROCESS_RUNNING, PROCESS_STOPPED, PROCESS_ZOMBIE };

/* Stands for a process, also when its number has been given to another: pidfds hold it. */
struct process_handle {
	u32 references;           /* [L] the process has one */
	struct process *process;  /* [L] NULL: it has been waited for */
	struct wait_queue ended;  /* [L] woken when it ends */
};

struct process {
	u32 pid;                   /* [I] */
	u32 ppid;                  /* [L], read without lock by getppid */
	u32 pgid, sid;             /* [L] */
	struct process *parent;    /* [L] NULL: the first process */
	struct list_node children; /* [L] */
	struct list_node sibling;  /* [L] */
	struct list_node all;      /* [L] in `processes` */
	struct list_node tasks;    /* [L] */
	u32 task_count;            /* [L] */
	struct task *leader;       /* [L] the task whose tid is the pid; may have ended before the others: NULL */
	enum process_state state;  /* [L] */
	struct credentials cred;   /* [L] of all its tasks */
	struct sigaction actions[SIGNALS];    /* [L] */
	struct sigpending pending;               /* [L] signals for any task of the process */
	int exit_signal;                      /* [L] sent to the parent at the end; SIGCHLD, or what clone asked for ... */
	u64 parent_execs;                     /* [L] ... if that has executed no program since: its `execs` then */
	u64 execs;                            /* [L] programs it has executed */
	int wait_status;                      /* [L] of a zombie: as wait4 reports it */
	bool exiting;                         /* [L] exit_group or a fatal signal: all tasks end with wait_status */
	struct task *executing;               /* [L] the task that executes a program, while others end */
	int stop_signal;                      /* [L] which stopped it; 0 once reported */
	bool stop_reported, continued;        /* [L] for wait4 WUNTRACED, WCONTINUED */
	bool did_exec;                        /* [L] for setpgid */
	bool subreaper;                       /* [L] */
	bool too_many_tasks;                  /* [L] its user had too many when it became his: exec looks again */
	struct wait_queue wait_children;       /* [L] tasks in wait4 */
	struct wait_queue wait_tasks;          /* [L] exec waits here for the other tasks to end */
	struct process_handle *handle;        /* [L] NULL: nobody has asked for it */
	struct task *vfork_waiter;            /* [L] parent's task that waits until this process executes or ends */
	struct rlimit64 limits[RLIM_NLIMITS]; /* [L] */
	struct timer timers[3];               /* [L] ITIMER_* */
	struct posix_timers *posix_timers;    /* [L] those of timer_create(); NULL: none yet */
	u64 start_ns;                         /* [I] */
	u64 user_ns, system_ns;               /* [L] of ended tasks */
	u64 child_user_ns, child_system_ns;   /* [L] of waited-for children */
	u64 faults, child_faults;             /* [L] pages supplied from files */
	int oom_adjust;                       /* [L] kept for /proc only */
	int nice;                             /* [L] */
	u64 personality;                      /* [L] */
	void *files_private;                  /* [L] of the files part */
};

/* A call that goes on after a signal without a handler: nanosleep, poll... */
struct restart {
	u64 deadline;
	u64 words[4];
};

struct task {
	struct process *process;        /* [I] */
	struct mm *mm;                  /* [S] */
	u32 work;                       /* [a] WORK_* */
	u32 word;                       /* [L] it sleeps on this */
	u32 thread;                     /* [I] number of the native thread */
	u32 tid;                        /* [I] */
	bool sleeping;                  /* [L] */
	bool killable_only;             /* [L] the sleep is ended by fatal signals only */
	u64 mask, saved_mask;           /* [L] blocked signals */
	u64 waiting_for;                /* [L] signals that sigtimedwait takes although they are blocked */
	struct sigpending pending;         /* [L] signals for this task */
	struct list_node sibling;       /* [L] in process->tasks */
	struct user_frame *frame;       /* [I] its registers while it is inside of a call */
	struct process *vfork_child;    /* [L] the child it waits for in vfork */
	bool files_shared;              /* [L] `files` may be in use by other processes */
	struct descriptor_table *files;            /* [S] */
	struct fs *fs;                  /* [S] */
	struct restart restart;         /* [S] */
	u64 clear_tid;                  /* [S] user address: zeroed and woken when the task ends */
	u64 robust_list;                /* [S] */
	u64 alt_stack, alt_stack_bytes; /* [S] sigaltstack */
	u32 alt_stack_flags;            /* [S] */
	char name[NAME_BYTES];          /* [S] prctl(PR_SET_NAME), name of the program */
	int parent_death_signal;        /* [L] sent when the parent ends, if that may signal this process then */
	u64 affinity;                   /* [S] kept, not obeyed */
	u64 start_ns;                   /* [I] */
	u64 slept_ticks;                /* [S] time spent asleep in the service, in units of the clock */
	u64 timer_slack;                /* [S] */
	bool no_new_privileges;         /* [S] */
	bool in_exec;                   /* [S] */
	struct mm *home;                /* [L] NULL; its own memory, while it serves a peer whose memory `mm` is */
	struct vas *vas_locked;         /* [L] the VAS whose lockable segments it holds the locks of */
	bool vas_writing;               /* [L] ... as one that may write */
	struct list_node futex;         /* [L] private to futex.c */
	void *futex_key;                /* [L] private to futex.c */
};

extern struct list_node processes; /* [L] all, zombies too, linked by process->all, oldest first */
extern struct process *first_process;

/* By number; NULL if there is none. */
struct process *process_find(u32 pid);
struct task *task_find(u32 tid);
/* Any task of the process that has not ended (its leader if possible), or NULL. */
struct task *process_task(const struct process *process);
/* The memory of the task's process; NULL: it has none yet. */
static inline struct mm *task_mm(const struct task *task)
{
	return task->home ? task->home : task->mm;
}
/* Limit of the process, RLIMIT_*. */
static inline u64 process_limit(const struct process *process, unsigned which)
{
	return process->limits[which].rlim_cur;
}
/* Whether the effective user is the superuser. */
static inline bool task_is_root(const struct task *task)
{
	return task->process->cred.euid == 0;
}
/* Processor time of a task: the time that it was not asleep. */
u64 task_cpu_time(const struct task *task);
/* Processor time of a process, all its tasks: time not spent asleep, as processors are not accounted. */
void process_times(const struct process *process, u64 *user_ns, u64 *system_ns);

/* --- new processes and tasks; their numbers --- */

/* Makes the first process (number 2; number 1 stands for the host's command) with one task, without files or memory. */
struct task *process_first(const struct credentials *cred);
/* The last argument of both: the number, which has been checked; 0: the next one. */
/* A child of the parent: attributes, limits and signal actions copied; no task yet. NULL: no memory or number, or the user has
 * as many tasks as RLIMIT_NPROC allows. */
struct process *process_fork(struct process *parent, u32 pid);
/* Gives back a process that has never had a task. */
void process_discard(struct process *process);
/* A task of the process; its number is the process's if it is the first. NULL: as process_fork(). */
struct task *task_new(struct process *process, const struct task *like, u32 tid);
/* Whether a process or task can have that number now (clone3): 0, -EINVAL, -EEXIST. */
int pid_check(u32 pid);
/* The handle of the process, with one more reference. NULL: no memory. */
struct process_handle *process_handle(struct process *process);
/* NULL is allowed. */
void process_handle_put(struct process_handle *handle);
void task_discard(struct task *task);
/* exec by another task than the leader, which has ended: the task becomes the leader and takes its number. */
void task_take_number(struct task *task, u32 tid);
/* Which native thread serves which task; thread numbers are the kernel's. */
void task_set_thread(struct task *task, u32 thread);
struct task *task_of_thread(u32 thread);
/* The process becomes one of that user (its real id), whose reference it takes over, and its tasks are charged to him. That he has
 * more than RLIMIT_NPROC then is found out when it executes a program. */
void process_set_user(struct process *process, struct user *user);
/* Whether exec is to be refused for that: the user still has too many. */
bool process_tasks_too_many(struct process *process);
/* Starts a native thread for the task, with these first registers. -> 0 or -errno. */
int task_start(struct task *task, struct user_frame *frame);

/* --- their end --- */

/* All tasks of the process are to end, with this wait status. The caller's own ends when its upcall ends. */
void process_exit(struct process *process, int wait_status);
/* What the parent gets for the end of the process: what clone asked for (0: nothing), unless another program has taken the
 * parent's place, which did not. */
int process_end_signal(const struct process *process);
/* Tells the parent that the process was stopped, continued or has ended. */
void process_notify_parent(struct process *process, int code, int status);

#endif

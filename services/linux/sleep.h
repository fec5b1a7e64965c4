/* The service lock, sleeping and waking.
 *
 * One lock guards everything in the service that is shared. The dispatcher takes it around each handler that is not marked
 * NOLOCK. A thread that sleeps, or makes a portal call that can take long, releases it meanwhile; all that it has looked at before
 * may have changed afterwards.
 *
 * A task sleeps on a word of its own. No wake-up is lost between looking and sleeping, because both sides hold the lock:
 *
 *	int error = 0;
 *	while (nothing to read) {
 *		if (error)
 *			return error;
 *		error = wait_on(self, &pipe->readers, 0);
 *	}
 *
 * Wake-ups may be spurious, and a signal may come together with what was waited for: look again before giving up. */
#ifndef LINUX_SLEEP_H
#define LINUX_SLEEP_H

#include "lib/list.h"
#include "services/runtime/lock.h"

#include "services/linux/base.h"
#include "services/linux/machine.h"

struct task;

/* Results of handlers that never reach a program as they are: the call is started again, or ends with EINTR, as the signal
 * handler's flags and the call's own rules say. */
enum {
	ERESTARTSYS = 512,    /* again if no handler runs, or if it has SA_RESTART; else EINTR */
	ERESTARTNOINTR = 513, /* always again */
	ERESTARTNOHAND = 514, /* again only if no handler runs: poll, select, pause, sigsuspend, epoll_wait */
	ERESTART_RESTARTBLOCK =
		516 /* as ERESTARTNOHAND; nanosleep and the like, which keep their deadline in task->restart */
};

/* Number of the calling native thread: threads of the service are known by the stacklet they run on. */
static inline u32 thread_self(void)
{
	return (machine_sp() - STACKLET_BASE) / STACKLET_SIZE;
}

/* The lock itself, for the following functions only. The owner is some address on its stacklet, 0: nobody. */
extern struct service_lock {
	struct lock lock;
	u64 owner;
} service_lock_itself;

static inline void service_lock(void)
{
	lock_acquire(&service_lock_itself.lock);
	service_lock_itself.owner = machine_sp();
}

static inline void service_unlock(void)
{
	service_lock_itself.owner = 0;
	lock_release(&service_lock_itself.lock);
}

/* Whether the calling thread holds the lock. Works for tasks and for helper threads of the service. */
static inline bool service_lock_held(void)
{
	u64 owner = __atomic_load_n(&service_lock_itself.owner, __ATOMIC_RELAXED);
	return (owner ^ machine_sp()) < STACKLET_SIZE;
}

/* Sleeps until task_wake(self), the deadline (ns of the monotonic clock, 0 = none), or a signal that self must handle.
 * -> 0, -ETIMEDOUT, or -ERESTARTSYS for a signal (pass it on, or turn it into -ERESTARTNOHAND or -EINTR for calls that Linux
 * does not restart). Called and returns with the lock held. A task that is woken while it does not sleep does not notice;
 * so the caller must not let the lock go between looking and sleeping. */
int task_sleep(struct task *self, u64 deadline);
/* As task_sleep(), but only a fatal signal ends it early: for vfork and the like. */
int task_sleep_killable(struct task *self, u64 deadline);
void task_wake(struct task *task);
/* Gives the task something to do before it goes on in its process (WORK_*): ends its sleep, or calls it out of its program. */
void task_kick(struct task *task, u32 work);
/* Does a signal (or the end of the process) wait for the task, so that sleeping would return at once? */
bool task_interrupted(const struct task *self);

/* Between two pieces of a long call: lets the threads that wait for the service lock have it. All that the call has looked at
 * before may have changed. Costs nothing if no thread waits. */
void service_lock_pass(void);
/* Returns when the calling thread, or another one that waits for the lock, has got it: so no thread holds it for ever. */
void service_lock_turn(void);

/* A wait queue: the tasks that wait for one thing. */
struct wait_queue {
	struct list_node waiters;
};

/* One of them. A task that waits for several things (poll) has a waiter in each queue. */
struct waiter {
	struct list_node node;
	struct task *task;
	void (*wake)(struct waiter *); /* NULL: task_wake(task). May remove the waiter from its queue. */
	void *data;                    /* for wake */
};

void wait_queue_init(struct wait_queue *list);
void wait_queue_add(struct wait_queue *list, struct waiter *waiter);
void wait_queue_remove(struct waiter *waiter); /* also one that is in no queue, if it was initialised */
void waiter_init(struct waiter *waiter, struct task *task);
/* Wakes all waiters of the queue; they stay in it until they remove themselves. */
void wake_up(struct wait_queue *list);
/* Adds self, sleeps once, removes self; results as task_sleep(). */
int wait_on(struct task *self, struct wait_queue *list, u64 deadline);
/* As wait_on(), but only a fatal signal ends it early. */
int wait_on_killable(struct task *self, struct wait_queue *list, u64 deadline);

#endif

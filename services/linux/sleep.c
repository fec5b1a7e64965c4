/* The service lock, sleeping and waking: see sleep.h. */
#include <asm/errno.h>

#include "services/linux/clock.h"
#include "services/linux/sleep.h"
#include "services/linux/task.h"

enum { PASS_TRIES = 64, TURN_NS = 100000000 };

struct service_lock service_lock_itself;

/* Hands the lock to a thread that waits for it. That thread may run on another processor, and would come too late if the lock were
 * only released for a moment. */
void service_lock_pass(void)
{
	struct lock *lock = &service_lock_itself.lock;
	if (!lock_is_contended(lock))
		return;
	service_unlock();
	for (unsigned i = 0; i < PASS_TRIES && !lock_is_held(lock); i++)
		call_yield();
	service_lock();
}

void service_lock_turn(void)
{
	if (lock_acquire_or_see(&service_lock_itself.lock, TURN_NS))
		lock_release(&service_lock_itself.lock);
}

bool task_interrupted(const struct task *self)
{
	return self->work & (WORK_SIGNAL | WORK_EXIT | WORK_STOP);
}

/* Lets the lock go until the task's word changes or the deadline passes. */
static i64 sleep_once(struct task *self, u64 deadline)
{
	u32 seen = self->word;
	u64 start = native_ticks();
	self->sleeping = true;
	service_unlock();
	i64 result = call_wait(&self->word, seen, deadline, self->home ? WAIT_INTERRUPTIBLE : 0);
	service_lock();
	self->sleeping = false;
	self->slept_ticks += native_ticks() - start;
	return result;
}

int task_sleep(struct task *self, u64 deadline)
{
	if (task_interrupted(self))
		return -ERESTARTSYS;
	i64 result = sleep_once(self, deadline);
	/* -E_INTR: the call from space to space that the peer is in has ended. */
	if (task_interrupted(self) || result == -E_INTR)
		return -ERESTARTSYS;
	return result == -E_TIMEDOUT ? -ETIMEDOUT : 0;
}

int task_sleep_killable(struct task *self, u64 deadline)
{
	if (self->work & WORK_EXIT)
		return -ERESTARTSYS;
	i64 result = sleep_once(self, deadline);
	if (self->work & WORK_EXIT)
		return -ERESTARTSYS;
	return result == -E_TIMEDOUT ? -ETIMEDOUT : 0;
}

void task_wake(struct task *task)
{
	if (!task->sleeping)
		return;
	task->word++;
	call_wake(&task->word, 1);
}

void wait_queue_init(struct wait_queue *list)
{
	list_init(&list->waiters);
}

void waiter_init(struct waiter *waiter, struct task *task)
{
	list_init(&waiter->node);
	waiter->task = task;
	waiter->wake = NULL;
	waiter->data = NULL;
}

void wait_queue_add(struct wait_queue *list, struct waiter *waiter)
{
	list_append(&list->waiters, &waiter->node);
}

void wait_queue_remove(struct waiter *waiter)
{
	list_remove(&waiter->node);
}

void wake_up(struct wait_queue *list)
{
	list_for_each_safe(node, &list->waiters) {
		struct waiter *waiter = container_of(node, struct waiter, node);
		if (waiter->wake)
			waiter->wake(waiter);
		else
			task_wake(waiter->task);
	}
}

int wait_on(struct task *self, struct wait_queue *list, u64 deadline)
{
	struct waiter waiter;
	waiter_init(&waiter, self);
	wait_queue_add(list, &waiter);
	int result = task_sleep(self, deadline);
	wait_queue_remove(&waiter);
	return result;
}

int wait_on_killable(struct task *self, struct wait_queue *list, u64 deadline)
{
	struct waiter waiter;
	waiter_init(&waiter, self);
	wait_queue_add(list, &waiter);
	int result = task_sleep_killable(self, deadline);
	wait_queue_remove(&waiter);
	return result;
}

void task_kick(struct task *task, u32 work)
{
	__atomic_fetch_or(&task->work, work, __ATOMIC_SEQ_CST);
	if (task->sleeping)
		task_wake(task);
	else if (task->thread != thread_self()) {
		call_thread_interrupt(task->thread);
		/* A portal call that the process made shall not keep it alive; it makes none after the interrupt. */
		if (work & WORK_EXIT)
			call_thread_recall(task->thread);
	}
}

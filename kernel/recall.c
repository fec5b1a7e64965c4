/* Recalls and deadlines of calls: recall.h. */
#include "recall.h"

#include "arch.h"
#include "call.h"
#include "panic.h"
#include "space.h"
#include "thread.h"
#include "timer.h"
#include "wait.h"

/* The error with which a call is to end now, 0: it is not to end. */
static int why_due(const struct thread *thread, u32 i, u64 now)
{
	const struct call *call = &thread->calls[i];

	if (call->system)
		return 0;
	if (thread->recalled && !(call->space->flags & SPACE_TRUSTED) && !call->interrupted)
		return -E_INTR;
	return call->deadline && call->deadline <= now ? -E_TIMEDOUT : 0;
}

/* The outermost call from index `from` on that is to end: its index, or depth. */
static u32 find_due(const struct thread *thread, u32 from, int *why)
{
	u64 now = arch_ticks();

	while (from < thread->depth && !(*why = why_due(thread, from, now)))
		from++;
	return from;
}

/* The outermost call that the thread can be taken out of: no trusted space and no interrupt is inside of it. */
static u32 find_free(const struct thread *thread)
{
	const struct call *calls = thread->calls;
	u32 i = thread->depth;

	if (thread->space->flags & SPACE_TRUSTED)
		return i;
	while (i > 0 && (i == thread->depth || !(calls[i].interrupted || (calls[i].space->flags & SPACE_TRUSTED))))
		i--;
	return i;
}

static void set_timer(struct thread *thread)
{
	u64 earliest = ~0ul, now = arch_ticks();

	for (u32 i = 0; i < thread->depth; i++)
		if (thread->calls[i].deadline > now)
			earliest = min_u64(earliest, thread->calls[i].deadline);
	list_remove(&thread->deadline.node);
	thread->deadline.ticks = earliest;
	if (earliest != ~0ul)
		timer_add(&thread->deadline);
}

void recall_set_deadline(struct thread *thread, struct call *call, u64 ticks)
{
	call->deadline = ticks;
	if (list_is_empty(&thread->deadline.node) || ticks < thread->deadline.ticks) {
		list_remove(&thread->deadline.node);
		thread->deadline.ticks = ticks;
		timer_add(&thread->deadline);
	}
}

void recall_drop_deadline(struct thread *thread, struct call *call)
{
	call->deadline = 0;
	set_timer(thread);
}

/* A call of the thread is to end. */
static void request(struct thread *thread)
{
	int why;

	thread->pending |= PENDING_RECALL;
	if (thread->state == THREAD_WAITING) {
		if (find_due(thread, find_free(thread), &why) < thread->depth)
			wait_cancel(thread);
		else if (thread->wait.interruptible)
			wait_fail(thread, -E_INTR);
	} else if (thread->state == THREAD_RUNNING && thread->cpu != cpu_self()) {
		arch_poke(thread->cpu->number);
	}
}

void recall_time_out(struct thread *thread)
{
	set_timer(thread);
	request(thread);
}

void thread_recall(struct thread *thread)
{
	int why;

	thread->recalled = true;
	/* If it runs on another processor, it may be making calls by the gate that are not known here. */
	if (thread->state == THREAD_RUNNING || find_due(thread, 0, &why) < thread->depth)
		request(thread);
	else
		thread->recalled = false;
}

bool recall_is_due(const struct thread *thread)
{
	int why;

	return (thread->pending & PENDING_RECALL) && find_due(thread, find_free(thread), &why) < thread->depth;
}

bool recall_settle(struct thread *thread)
{
	int why;
	u32 due = find_due(thread, find_free(thread), &why);
	bool leaves = due < thread->depth;

	while (thread->depth > due)
		call_leave(thread, (u64)why, 0);
	if (leaves)
		thread_spare_stacklets(thread);
	if (find_due(thread, 0, &why) == thread->depth) {
		thread->recalled = false;
		thread->pending &= ~(u32)PENDING_RECALL;
	}
	return leaves;
}

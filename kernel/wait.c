/* Waiting: wait.h. */
#include "wait.h"

#include "arch.h"
#include "hash.h"
#include "panic.h"
#include "recall.h"
#include "regs.h"
#include "sched.h"
#include "space.h"
#include "thread.h"
#include "timer.h"
#include "vas.h"
#include "work.h"

enum { BUCKET_BITS = 10 };

static struct list_node buckets[1 << BUCKET_BITS];

void wait_init(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(buckets); i++)
		list_init(&buckets[i]);
}

static struct list_node *bucket(u64 space, u64 offset)
{
	return &buckets[(space << 48 ^ offset) * hash_salts[0] >> (64 - BUCKET_BITS)];
}

/* A word in the upper half of the native window belongs to the VAS that the current thread is in. */
static __attribute__((noinline)) void vas_word_name(u64 *owner, u64 *offset)
{
	const struct attachment *a = view_attachment(thread_view(cpu_self()->current));

	if (!a || *offset < window_bytes() / 2)
		return;
	*owner = a->vas->born;
	*offset -= window_bytes() / 2;
}

/* The owner of a word that is named by a global pointer, as space.born; 0: no living space. */
static __attribute__((noinline)) u64 owner_of(u64 number)
{
	const struct space *owner = space_find((u32)number);

	return owner ? owner->born : 0;
}

/* Names a word of the current thread's by its owner and the offset in the owner's window. The owner is named by space.born, which
 * no other space ever has: a thread may wait for longer than the owner lives. */
static void word_name(const struct space *space, u64 va, u64 *owner, u64 *offset)
{
	*owner = address_number(va);
	*offset = address_offset(va);
	if (*owner) {
		*owner = owner_of(*owner);
		return;
	}
	*owner = space->born;
	if (space->system)
		vas_word_name(owner, offset);
}

void wait_cancel(struct thread *thread)
{
	list_unlink(&thread->queue);
	list_remove(&thread->wait.timer.node);
	sched_ready(thread);
}

static void become_ready(struct thread *thread, u64 word0, u64 word1)
{
	if (thread->space->system)
		regs_set_results(thread->calls[thread->depth].frame, word0, word1);
	else
		regs_set_results(&thread->regs, word0, word1);
	wait_cancel(thread);
}

/* Does thread_interrupt() wake the thread? It always wakes one of a process, because the system must be able to stop and end that;
 * the thread calls the system, with the interrupt still pending, before the process goes on. */
static bool is_interruptible(const struct thread *thread, u32 flags)
{
	return thread->space->system || (flags & WAIT_INTERRUPTIBLE);
}

/* The error that the wait returns takes the interrupt, but for a process. */
static void take_interrupt(struct thread *thread)
{
	if (!thread->space->system)
		thread->pending &= ~(u32)PENDING_INTERRUPT;
}

/* Must the current thread not begin to wait, because something is pending? Whoever made that pending may have found it running, and
 * does not wake it again. */
static __attribute__((noinline)) bool is_woken(struct thread *thread, u32 flags)
{
	const struct call *call = thread->depth ? &thread->calls[thread->depth - 1] : NULL;

	if (is_interruptible(thread, flags) && (thread->pending & (PENDING_INTERRUPT | PENDING_RECALL))) {
		take_interrupt(thread);
		return true;
	}
	/* A system that works for a space that has ended must not wait: what it waits for may never come. */
	if ((flags & WAIT_INTERRUPTIBLE) && call && call->system && call->space->end != SPACE_ALIVE)
		return true;
	return recall_is_due(thread);
}

int wait_word(u64 va, u32 expected, u64 deadline, u32 flags)
{
	struct thread *thread = cpu_self()->current;
	const u32 *word;

	if (va & 3)
		return -E_INVAL;
	if (thread->interrupts)
		return -E_PERM;
	word = space_touch(thread->space, va, 0);
	if (!word)
		return -E_FAULT;
	if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != expected)
		return -E_AGAIN;
	if (thread->pending && is_woken(thread, flags))
		return -E_INTR;
	thread->wait.timer.ticks = deadline ? timer_ticks_of_ns(deadline) : ~0ul;
	if (deadline && thread->wait.timer.ticks <= arch_ticks())
		return -E_TIMEDOUT;
	word_name(thread->space, va, &thread->wait.space, &thread->wait.offset);
	thread->wait.interruptible = is_interruptible(thread, flags);
	list_append(bucket(thread->wait.space, thread->wait.offset), &thread->queue);
	if (deadline)
		timer_add(&thread->wait.timer);
	sched_wait(thread);
	return 0;
}

int wait_wake(struct space *space, u64 va, u32 count)
{
	struct list_node *list;
	u64 owner, offset;
	u32 value;
	int woken = 0;

	if (va & 3)
		return -E_INVAL;
	/* Threads of others can only be woken through memory that was granted. */
	if (address_number(va) && space_read_u32(space, va, &value))
		return -E_FAULT;
	word_name(space, va, &owner, &offset);
	list = bucket(owner, offset);
	list_for_each_safe(node, list) {
		struct thread *thread = container_of(node, struct thread, queue);

		if ((u32)woken == count)
			break;
		if (thread->wait.space != owner || thread->wait.offset != offset)
			continue;
		become_ready(thread, 0, 0);
		woken++;
	}
	return woken;
}

void wait_fail(struct thread *thread, int error)
{
	become_ready(thread, (u64)error, 0);
}

void wait_interrupt(struct thread *thread)
{
	take_interrupt(thread);
	wait_fail(thread, -E_INTR);
}

int wait_for_end(struct space *space)
{
	struct thread *thread = cpu_self()->current;

	if (thread->interrupts)
		return -E_PERM;
	if (thread->pending && is_woken(thread, 0))
		return -E_INTR;
	thread->wait.interruptible = is_interruptible(thread, 0);
	list_append(&space->waiters, &thread->queue);
	sched_wait(thread);
	return 0;
}

bool wait_tell_end(struct space *space)
{
	while (!list_is_empty(&space->waiters)) {
		become_ready(container_of(list_first(&space->waiters), struct thread, queue), space->end,
			space->end_address);
		if (work_is_due())
			return false;
	}
	return true;
}

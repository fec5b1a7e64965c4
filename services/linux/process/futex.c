/* Futexes: waiting on words of a program's memory.
 *
 * Waiters are in a hash table. The key of a word in memory of one process is its mm and the address; that of a word in a shared
 * mapping is the segment and the offset in it, which is the same for all processes. */
#include <asm/errno.h>
#include <linux/futex.h>
#include <linux/time_types.h>

#include "services/runtime/service.h"

#include "services/linux/process/private.h"
#include "services/linux/syscall.h"
#include "services/linux/clock.h"
#include "services/linux/machine.h"
#include "services/linux/task.h"
#include "services/linux/user_memory.h"

enum { BUCKETS = 256, ROBUST_MAX = 2048 };

struct futex_key {
	const void *mm; /* NULL: shared */
	u64 segment, at;
};

/* A task that waits. */
struct futex_waiter {
	struct list_node node;
	struct task *task;
	struct futex_key key;
	u32 bits;
	bool woken;
};

static struct list_node buckets[BUCKETS];

static struct list_node *bucket_of(const struct futex_key *key)
{
	u64 hash = ((u64)key->mm ^ key->segment * 0x9e3779b97f4a7c15ull ^ key->at >> 2) * 0x9e3779b97f4a7c15ull;
	struct list_node *bucket = &buckets[hash >> 56];
	if (!bucket->next)
		list_init(bucket);
	return bucket;
}

static int key_make(struct task *self, u64 addr, bool private, struct futex_key *key)
{
	struct region_info region;
	if (addr & 3)
		return -EINVAL;
	u32 space = self->mm->space;
	if (addr >= machine_half && addr < machine_window) {
		/* A word in a VAS is shared by all that are attached, also if the program says that it is private. */
		u64 rights;
		i64 vas = call_vas_active(&rights);
		space = vas > 0 ? vas : 0;
		addr -= machine_half;
		private = false;
		if (!space)
			return -EFAULT;
	}
	*key = (struct futex_key){ self->mm, 0, addr };
	if (private)
		return 0;
	if (call_map_query(space, addr, &region) < 0 || region.start > addr)
		return -EFAULT;
	if ((region.flags & MAP_SHARE) && region.segment)
		*key = (struct futex_key){ NULL, region.segment, region.offset + (addr - region.start) };
	return 0;
}

static bool key_equal(const struct futex_key *a, const struct futex_key *b)
{
	return a->mm == b->mm && a->segment == b->segment && a->at == b->at;
}

static void waiter_wake(struct futex_waiter *waiter)
{
	waiter->woken = true;
	list_remove(&waiter->node);
	task_wake(waiter->task);
}

static int wake_key(const struct futex_key *key, u64 count, u32 bits)
{
	int woken = 0;
	list_for_each_safe(node, bucket_of(key)) {
		struct futex_waiter *waiter = container_of(node, struct futex_waiter, node);
		if ((u64)woken >= count)
			break;
		if (!key_equal(&waiter->key, key) || !(waiter->bits & bits))
			continue;
		waiter_wake(waiter);
		woken++;
	}
	return woken;
}

int futex_wake(struct task *self, u64 addr, unsigned count, bool private)
{
	struct futex_key key;
	int error = key_make(self, addr, private, &key);
	return error ? error : wake_key(&key, count, FUTEX_BITSET_MATCH_ANY);
}

static int futex_wait(struct task *self, u64 addr, bool private, u32 expected, u64 deadline, u32 bits)
{
	struct futex_waiter waiter = { .task = self, .bits = bits };
	u32 value;
	int error = key_make(self, addr, private, &waiter.key);
	if (error)
		return error;
	if (!bits)
		return -EINVAL;
	list_append(bucket_of(&waiter.key), &waiter.node);
	/* Reading may let the lock go to get a page, so the waiter is put into its list first. */
	error = user_get_u32(self, addr, &value);
	if (!error && value != expected)
		error = -EAGAIN;
	while (!error && !waiter.woken)
		error = task_sleep(self, deadline);
	if (waiter.woken)
		return 0;
	list_remove(&waiter.node);
	return error;
}

/* Wakes some waiters of one word, and moves some others to another word. */
static int futex_requeue(struct task *self, u64 addr, u64 addr2, bool private, u64 wake, u64 move, const u32 *expected)
{
	struct futex_key from, to;
	u32 value;
	int error = key_make(self, addr, private, &from);
	if (!error)
		error = key_make(self, addr2, private, &to);
	if (!error && expected) {
		error = user_get_u32(self, addr, &value);
		if (!error && value != *expected)
			error = -EAGAIN;
	}
	if (error)
		return error;
	int woken = wake_key(&from, wake, FUTEX_BITSET_MATCH_ANY), moved = 0;
	list_for_each_safe(node, bucket_of(&from)) {
		struct futex_waiter *waiter = container_of(node, struct futex_waiter, node);
		if ((u64)moved >= move)
			break;
		if (!key_equal(&waiter->key, &from))
			continue;
		list_remove(&waiter->node);
		waiter->key = to;
		list_append(bucket_of(&to), &waiter->node);
		moved++;
	}
	return expected ? woken + moved : woken;
}

static bool wake_op_compare(u32 how, i32 old, i32 with)
{
	switch (how) {
	case FUTEX_OP_CMP_EQ:
		return old == with;
	case FUTEX_OP_CMP_NE:
		return old != with;
	case FUTEX_OP_CMP_LT:
		return old < with;
	case FUTEX_OP_CMP_LE:
		return old <= with;
	case FUTEX_OP_CMP_GT:
		return old > with;
	default:
		return old >= with;
	}
}

static u32 wake_op_apply(u32 how, u32 old, u32 with)
{
	switch (how) {
	case FUTEX_OP_SET:
		return with;
	case FUTEX_OP_ADD:
		return old + with;
	case FUTEX_OP_OR:
		return old | with;
	case FUTEX_OP_ANDN:
		return old & ~with;
	default:
		return old ^ with;
	}
}

/* Changes the second word as `code` says, wakes waiters of the first and, if its old value compares, of the second. */
static int futex_wake_op(struct task *self, u64 addr, u64 addr2, bool private, u64 wake, u64 wake2, u32 code)
{
	u32 how = code >> 28 & 7, compare = code >> 24 & 15, old, seen;
	i32 with = (i32)(code << 8) >> 20, against = (i32)(code << 20) >> 20;
	if (code >> 31)
		with = (i32)(1u << (with & 31));
	if (how > FUTEX_OP_XOR || compare > FUTEX_OP_CMP_GE)
		return -ENOSYS;
	if (user_get_u32(self, addr2, &old))
		return -EFAULT;
	for (;;) {
		if (user_exchange_u32(self, addr2, old, wake_op_apply(how, old, with), &seen))
			return -EFAULT;
		if (seen == old)
			break;
		old = seen;
	}
	int woken = futex_wake(self, addr, wake, private);
	if (woken >= 0 && wake_op_compare(compare, old, against))
		woken += futex_wake(self, addr2, wake2, private);
	return woken;
}

/* The fourth argument of waiting operations. -> 0 and *deadline (0: none). */
static int futex_deadline(struct task *self, u64 addr, u32 op, u64 *deadline)
{
	struct __kernel_timespec time;
	u64 ns;
	*deadline = 0;
	if (!addr)
		return 0;
	if (user_read(self, addr, &time, sizeof(time)))
		return -EFAULT;
	if (!timespec_to_ns(&time, &ns))
		return -EINVAL;
	if ((op & FUTEX_CMD_MASK) == FUTEX_WAIT) {
		*deadline = deadline_after(ns);
	} else if (op & FUTEX_CLOCK_REALTIME) {
		u64 boot = time_realtime() - time_monotonic();
		*deadline = ns > boot ? ns - boot : 1;
	} else {
		*deadline = max_u64(ns, 1);
	}
	return 0;
}

long sys_futex(struct task *self, struct user_frame *frame)
{
	u64 addr = arg(frame, 0), addr2 = arg(frame, 4), deadline;
	u32 op = arg(frame, 1), value = arg(frame, 2), value3 = arg(frame, 5);
	bool private = op & FUTEX_PRIVATE_FLAG;
	int error;
	switch (op & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
		value3 = FUTEX_BITSET_MATCH_ANY;
		/* fall through */
	case FUTEX_WAIT_BITSET:
		error = futex_deadline(self, arg(frame, 3), op, &deadline);
		return error ? error : futex_wait(self, addr, private, value, deadline, value3);
	case FUTEX_WAKE:
		return futex_wake(self, addr, value, private);
	case FUTEX_WAKE_BITSET: {
		struct futex_key key;
		error = value3 ? key_make(self, addr, private, &key) : -EINVAL;
		return error ? error : wake_key(&key, value, value3);
	}
	case FUTEX_REQUEUE:
		return futex_requeue(self, addr, addr2, private, value, (u32)arg(frame, 3), NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(self, addr, addr2, private, value, (u32)arg(frame, 3), &value3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(self, addr, addr2, private, value, (u32)arg(frame, 3), value3);
	default:
		return -ENOSYS;
	}
}

/* --- robust mutexes: a list in the program's memory of what a thread holds --- */

/* The owner of a mutex has ended: marks it, wakes a waiter. */
static void robust_release(struct task *self, u64 addr, bool pending)
{
	u32 value, seen;
	if ((addr & 3) || user_get_u32(self, addr, &value))
		return;
	for (;;) {
		if (pending && !value)
			futex_wake(self, addr, 1, false);
		if ((value & FUTEX_TID_MASK) != self->tid)
			return;
		if (user_exchange_u32(self, addr, value, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &seen))
			return;
		if (seen == value)
			break;
		value = seen;
	}
	if (value & FUTEX_WAITERS)
		futex_wake(self, addr, 1, false);
}

void futex_exit(struct task *self)
{
	struct robust_list_head head;
	u64 list = self->robust_list;
	self->robust_list = 0;
	if (!list || user_read(self, list, &head, sizeof(head)))
		return;
	u64 entry = (u64)head.list.next, offset = head.futex_offset, pending = (u64)head.list_op_pending;
	for (unsigned i = 0; i < ROBUST_MAX && (entry & ~1ull) != list; i++) {
		u64 next;
		bool more = !user_get_u64(self, entry & ~1ull, &next);
		if ((entry & ~1ull) != (pending & ~1ull))
			robust_release(self, (entry & ~1ull) + offset, false);
		if (!more)
			break;
		entry = next;
	}
	if (pending & ~1ull)
		robust_release(self, (pending & ~1ull) + offset, true);
}

long sys_set_robust_list(struct task *self, struct user_frame *frame)
{
	if (arg(frame, 1) != sizeof(struct robust_list_head))
		return -EINVAL;
	self->robust_list = arg(frame, 0);
	return 0;
}

long sys_get_robust_list(struct task *self, struct user_frame *frame)
{
	struct task *task = arg(frame, 0) ? task_find(arg(frame, 0)) : self;
	if (!task)
		return -ESRCH;
	if (!may_inspect_really(self, task->process))
		return -EPERM;
	if (user_put_u64(self, arg(frame, 1), task->robust_list))
		return -EFAULT;
	return user_put_u64(self, arg(frame, 2), sizeof(struct robust_list_head));
}

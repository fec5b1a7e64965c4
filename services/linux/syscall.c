/* The dispatcher: see syscall.h. The way of a call that needs no lock is kept short: one table, one counter, one test of the
 * task's work. */
#include <asm/errno.h>
#include <asm/unistd.h>

#include "services/runtime/service.h"

#include "services/linux/fs/fs.h"
#include "services/linux/main.h"
#include "services/linux/signal/signal.h"
#include "services/linux/syscall.h"
#include "services/linux/machine.h"
#include "services/linux/process/process.h"
#include "services/linux/send_signal.h"
#include "services/linux/sleep.h"
#include "services/linux/task.h"
#include "services/linux/vas/vas.h"

enum { NOLOCK = 0, LOCK = 1, PEER = 2 };

static long syscall_unsupported(struct task *self, struct user_frame *frame)
{
	(void)self;
	(void)frame;
	return -ENOSYS;
}

struct syscall syscall_table[SYSCALLS] = {
#define SYSCALL(call, flag) [__NR_##call] = { sys_##call, 0, (flag)&LOCK, (flag)&PEER },
#include "served.def"
#undef SYSCALL
};

static const char *const names[SYSCALLS] = {
#define CALL_NAME(call) [__NR_##call] = #call,
#include "names.def"
#undef CALL_NAME
};

/* Numbers without a handler above the table. */
static u64 strange_calls;

void syscall_init(void)
{
	for (unsigned i = 0; i < SYSCALLS; i++)
		if (!syscall_table[i].handler)
			syscall_table[i].handler = syscall_unsupported;
}

const char *syscall_name(u64 nr)
{
	return nr < SYSCALLS && names[nr] ? names[nr] : "unknown";
}

_Noreturn void upcall_finish(struct task *self, struct user_frame *frame, bool call_result)
{
	if (self->work) {
		if (!service_lock_held())
			service_lock();
		signal_deliver(self, frame, call_result);
	}
	if (service_lock_held())
		service_unlock();
	system_return();
}

/* Everything but plain calls. */
static _Noreturn void entry_other(struct task *self, struct user_frame *frame)
{
	bool is_call = frame->cause == CAUSE_SYSCALL;
	service_lock();
	if (is_call) {
		bool is_vas = frame->nr >= VAS_CALL_FIRST && frame->nr < VAS_CALL_END;
		long result = (is_vas ? vas_call : peer_call)(self, frame);
		strange_calls += result == -ENOSYS;
		frame_set_result(frame, result);
	} else {
		fault_handle(self, frame);
	}
	upcall_finish(self, frame, is_call);
}

/* Is the result one of those that no program may see (-ERESTART*)? */
static bool result_restarts(const struct user_frame *frame)
{
	long error = -frame_result(frame);
	return error >= ERESTARTSYS && error <= ERESTART_RESTARTBLOCK;
}

static _Noreturn void entry_locked(struct task *self, struct user_frame *frame, syscall_handler *handler)
{
	service_lock();
	frame_set_result(frame, handler(self, frame));
	if (self->work || result_restarts(frame))
		signal_deliver(self, frame, true);
	service_unlock();
	system_return();
}

_Noreturn void upcall_entry(struct user_frame *frame)
{
	struct task *self = (struct task *)frame->cookie;
	if (!self)
		self = peer_entry(frame, frame->nr < SYSCALLS ? &syscall_table[frame->nr] : NULL);
	if (frame->cause != CAUSE_SYSCALL || frame->nr >= SYSCALLS)
		entry_other(self, frame);
	struct syscall *entry = &syscall_table[frame->nr];
	entry->count++;
	if (entry->lock)
		entry_locked(self, frame, entry->handler);
	frame_set_result(frame, entry->handler(self, frame));
	if (__builtin_expect(self->work, 0))
		upcall_finish(self, frame, true);
	system_return();
}

/* Writes a member for each call that was made; only for those with a handler, or only for those without. */
static u64 stats_list(char *to, u64 size, const char *title, bool served)
{
	u64 n = format(to, size, "\"%s\": {", title);
	const char *comma = "";
	for (unsigned i = 0; i < SYSCALLS && n < size; i++) {
		const struct syscall *entry = &syscall_table[i];
		if (!entry->count || (entry->handler != syscall_unsupported) != served)
			continue;
		if (names[i])
			n += format(to + n, size - n, "%s\"%s\": %lu", comma, names[i], (unsigned long)entry->count);
		else
			n += format(to + n, size - n, "%s\"%u\": %lu", comma, i, (unsigned long)entry->count);
		comma = ", ";
	}
	if (!served && strange_calls && n < size)
		n += format(to + n, size - n, "%s\"beyond\": %lu", comma, (unsigned long)strange_calls);
	if (n < size)
		n += format(to + n, size - n, "}");
	return min_u64(n, size);
}

u64 syscalls_report(char *to, u64 size)
{
	u64 n = stats_list(to, size, "calls", true);
	n += format(to + n, size - n, ",\n");
	n = min_u64(n, size);
	return n + stats_list(to + n, size - n, "unsupported", false);
}

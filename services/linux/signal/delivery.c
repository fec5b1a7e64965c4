/* The end of an upcall: what signals do to the task before it goes on in its process. */
#include <asm/errno.h>
#include <asm/unistd.h>

#include "services/runtime/service.h"

#include "services/linux/signal/signal.h"
#include "services/linux/syscall.h"
#include "services/linux/machine.h"
#include "services/linux/process/process.h"
#include "services/linux/send_signal.h"
#include "services/linux/user_memory.h"

static void (*told_of_stop)(void);

void signal_init(void (*first_stopped)(void))
{
	told_of_stop = first_stopped;
}

static void work_clear(struct task *self, u32 work)
{
	__atomic_fetch_and(&self->work, ~work, __ATOMIC_SEQ_CST);
}

/* Stops all tasks of the process; each sleeps in signal_deliver(). */
static void process_stop(struct process *process, int signal)
{
	process->state = PROCESS_STOPPED;
	process->stop_signal = signal;
	process->stop_reported = false;
	process->continued = false;
	list_for_each(node, &process->tasks) {
		struct task *task = container_of(node, struct task, sibling);
		if (task->thread != thread_self())
			task_kick(task, WORK_STOP);
	}
	process_notify_parent(process, CLD_STOPPED, signal);
	if (process == first_process)
		told_of_stop();
}

static void signal_default(struct task *self, int signal)
{
	struct process *process = self->process;
	u64 bit = signal_bit(signal);
	if (signal < SIGRTMIN && (bit & SIGNALS_IGNORED))
		return;
	if (signal < SIGRTMIN && (bit & SIGNALS_STOP)) {
		if (signal == SIGSTOP || !group_is_orphaned(process->pgid))
			process_stop(process, signal);
		return;
	}
	process_exit(process, signal);
}

/* After an interrupted call whose signal has a handler: sets -EINTR, or restarts the call. */
static void restart_for_handler(struct user_frame *frame, u64 action_flags)
{
	switch (-frame_result(frame)) {
	case ERESTARTSYS:
		if (action_flags & SA_RESTART)
			frame_restart(frame, frame->nr);
		else
			frame_set_result(frame, -EINTR);
		break;
	case ERESTARTNOINTR:
		frame_restart(frame, frame->nr);
		break;
	case ERESTARTNOHAND:
	case ERESTART_RESTARTBLOCK:
		frame_set_result(frame, -EINTR);
		break;
	}
}

/* The same if no signal had a handler. */
static void restart_without_handler(struct user_frame *frame)
{
	switch (-frame_result(frame)) {
	case ERESTARTSYS:
	case ERESTARTNOINTR:
	case ERESTARTNOHAND:
		frame_restart(frame, frame->nr);
		break;
	case ERESTART_RESTARTBLOCK:
		frame_restart(frame, __NR_restart_syscall);
		break;
	}
}

bool signal_on_alt_stack(const struct task *self, u64 sp)
{
	return sp > self->alt_stack && sp - self->alt_stack <= self->alt_stack_bytes;
}

static void signal_handle(struct task *self, struct user_frame *frame, int signal, const siginfo_t *info)
{
	struct process *process = self->process;
	struct sigaction action = process->actions[signal - 1];
	u64 mask = self->work & WORK_RESTORE_MASK ? self->saved_mask : self->mask, top = 0;
	/* Memory in a VAS is shared: handlers never run on a stack there, but on that of sigaltstack(). */
	bool in_vas = frame_sp(frame) >= machine_half && frame_sp(frame) < machine_window;
	if (((action.sa_flags & SA_ONSTACK) || in_vas) && self->alt_stack_bytes &&
		!signal_on_alt_stack(self, frame_sp(frame)))
		top = self->alt_stack + self->alt_stack_bytes;
	if (action.sa_flags & SA_RESETHAND)
		process->actions[signal - 1].sa_handler = SIG_DFL;
	if ((in_vas && !top) || machine_signal_push(self, frame, signal, info, &action, mask, top)) {
		/* There is no stack for a handler. */
		process_exit(process, SIGSEGV);
		return;
	}
	work_clear(self, WORK_RESTORE_MASK);
	u64 own = action.sa_flags & SA_NODEFER ? 0 : signal_bit(signal);
	signal_set_mask(self, self->mask | *signal_word(&action.sa_mask) | own);
}

void signal_deliver(struct task *self, struct user_frame *frame, bool call_result)
{
	struct process *process = self->process;
	siginfo_t info;
	call_result = call_result && frame->nr != ~0ull;
	for (;;) {
		if ((self->work & WORK_EXIT) && !frame->cookie)
			peer_leave(self);
		if (self->work & WORK_EXIT)
			task_exit(self);
		work_clear(self, WORK_STOP);
		if (process->state == PROCESS_STOPPED) {
			task_sleep_killable(self, 0);
			continue;
		}
		int signal = signal_dequeue(self, ~self->mask, &info);
		signal_recalc_pending(self);
		if (!signal && (self->work & WORK_RESTORE_MASK)) {
			work_clear(self, WORK_RESTORE_MASK);
			signal_set_mask(self, self->saved_mask);
			continue;
		}
		if (!signal)
			break;
		__sighandler_t handler = process->actions[signal - 1].sa_handler;
		if (handler == SIG_IGN)
			continue;
		if (handler == SIG_DFL) {
			signal_default(self, signal);
			continue;
		}
		if (call_result)
			restart_for_handler(frame, process->actions[signal - 1].sa_flags);
		call_result = false;
		signal_handle(self, frame, signal, &info);
	}
	if (call_result)
		restart_without_handler(frame);
}

int signal_mask_swap(struct task *self, u64 addr, u64 bytes)
{
	u64 mask;
	if (!addr)
		return 0;
	if (bytes != sizeof(mask))
		return -EINVAL;
	if (user_get_u64(self, addr, &mask))
		return -EFAULT;
	self->saved_mask = self->mask;
	__atomic_fetch_or(&self->work, WORK_RESTORE_MASK, __ATOMIC_SEQ_CST);
	signal_set_mask(self, mask);
	return 0;
}

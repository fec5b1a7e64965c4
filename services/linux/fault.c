/* Upcalls that are not system calls: see main.h. */
#include <asm/errno.h>
#include <asm/sigcontext.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/fs/fs.h"
#include "services/linux/main.h"
#include "services/linux/syscall.h"
#include "services/linux/helper.h"
#include "services/linux/machine.h"
#include "services/linux/memory/memory.h"
#include "services/linux/send_signal.h"
#include "services/linux/task.h"
#include "services/linux/user_memory.h"

static void fault_signal(struct task *self, int signal, int code, u64 addr)
{
	siginfo_t info;
	memset(&info, 0, sizeof(info));
	info.si_signo = signal;
	info.si_code = code;
	info.si_addr = (void *)addr;
	signal_force(self, &info);
}

static void fault_memory(struct task *self, struct user_frame *frame)
{
	if (frame->code & FAULT_PAGER) {
		self->process->faults++;
		int error = segment_fetch(frame->segment, frame->page);
		if (error && !(error == -ENOMEM && oom_reclaim()))
			fault_signal(self, SIGBUS, BUS_ADRERR, frame->addr);
	} else if (frame->code & FAULT_LIMIT) {
		fault_signal(self, SIGBUS, BUS_ADRERR, frame->addr);
	} else if ((frame->code & FAULT_NOMEM) && frame->addr >= machine_half && frame->addr < machine_window) {
		if (!oom_reclaim_vas())
			fault_signal(self, SIGBUS, BUS_ADRERR, frame->addr);
	} else if (frame->code & FAULT_NOMEM) {
		if (!oom_reclaim())
			process_exit(self->process, SIGKILL);
	} else {
		fault_signal(self, SIGSEGV, frame->code & FAULT_MAPPED ? SEGV_ACCERR : SEGV_MAPERR, frame->addr);
	}
}

static void fault_exception(struct task *self, struct user_frame *frame)
{
	u64 ip = frame_ip(frame);
	switch (frame->code) {
	case EXCEPTION_DIVIDE:
		fault_signal(self, SIGFPE, FPE_INTDIV, ip);
		break;
	case EXCEPTION_STEP:
		fault_signal(self, SIGTRAP, TRAP_TRACE, ip);
		break;
	case EXCEPTION_BREAKPOINT:
		fault_signal(self, SIGTRAP, MACHINE_BREAKPOINT, MACHINE_BREAKPOINT_ADDRESS(ip));
		break;
	case EXCEPTION_BOUND:
		bounds_exception(self, frame);
		break;
	case EXCEPTION_ILLEGAL:
		if (!bounds_trap(self, frame))
			fault_signal(self, SIGILL, MACHINE_ILLEGAL, ip);
		break;
	case EXCEPTION_ALIGNMENT:
		fault_signal(self, SIGBUS, BUS_ADRALN, ip);
		break;
	case EXCEPTION_FLOAT:
		fault_signal(self, SIGFPE, machine_float_code(), ip);
		break;
	default:
		fault_signal(self, SIGSEGV, SI_KERNEL, 0);
	}
}

void fault_handle(struct task *self, struct user_frame *frame)
{
	if (frame->cause == CAUSE_FAULT)
		fault_memory(self, frame);
	else if (frame->cause == CAUSE_EXCEPTION)
		fault_exception(self, frame);
}

/* --- faults of the service itself --- */

/* The table of names that scripts/symbols has linked in. */
extern const u32 symbol_count, symbol_offsets[], symbol_names[];
extern const char symbol_text[];

/* The function that an address of the service's code lies in. */
static const char *function_at(u64 ip)
{
	u32 low = 0, high = symbol_count;
	while (high - low > 1) {
		u32 middle = (low + high) / 2;
		if (symbol_offsets[middle] <= ip)
			low = middle;
		else
			high = middle;
	}
	return high && symbol_offsets[low] <= ip ? symbol_text + symbol_names[low] : "no function";
}

static _Noreturn void crash_of_helper(void)
{
	service_log("linux: ... in a thread of its own, which starts again");
	if (service_lock_held())
		service_unlock();
	helper_restart();
}

static _Noreturn void crash_of_task(struct task *self)
{
	const char *call = self->frame->cause == CAUSE_SYSCALL ? syscall_name(self->frame->nr) : "none";
	service_log("linux: ... in call %ld (%s) of process %u (%s), which is killed", (long)self->frame->nr, call,
		self->process->pid, self->name);
	if (!service_lock_held())
		service_lock();
	process_exit(self->process, SIGKILL);
	self->sleeping = false;
	self->mm = task_mm(self);
	self->home = NULL;
	upcall_finish(self, self->frame, false);
}

_Noreturn void crash_report(unsigned long code, unsigned long address, unsigned long ip, unsigned long sp)
{
	struct task *self = task_of_thread(thread_self());
	service_log("linux: the service faulted (code %lu) at %lx, instruction %lx of %s, stack %lx", code, address, ip,
		function_at(ip), sp);
	if (self)
		crash_of_task(self);
	else
		crash_of_helper();
}

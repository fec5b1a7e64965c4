/* The upcalls: the functions by which the entry code enters the portable kernel. Each takes the kernel lock, does its work and
 * leaves through sched_leave(). */
#include "arch.h"
#include "call.h"
#include "call_with.h"
#include "fail.h"
#include "irq.h"
#include "lock.h"
#include "log.h"
#include "panic.h"
#include "portal.h"
#include "regs.h"
#include "sched.h"
#include "space.h"
#include "syscall.h"
#include "thread.h"
#include "timer.h"

enum { CRASHES_MAX = 4 };

/* How every upcall begins: takes the lock and settles the gate. */
static inline struct cpu *enter(void)
{
	struct cpu *cpu = cpu_self();

	kernel_lock();
	if (!gate_is_settled(cpu))
		gate_settle(cpu);
	return cpu;
}

/* If something is pending for the current thread, resets the gate: the thread leaves the kernel by the general way, which looks at
 * it. */
static void keep_pending(void)
{
	struct cpu *cpu = cpu_self();

	if (cpu->current && cpu->current->pending)
		gate_reset(cpu);
}

void trap_native_call(void)
{
	struct cpu *cpu = cpu_self();

	kernel_lock();
	cpu->native_calls++;
	if ((!gate_is_settled(cpu) || regs_call(cpu->frame) == CALL_portal_call_with) && call_with_by_gate(cpu)) {
		kernel_unlock();
		return;
	}
	if (!gate_is_settled(cpu))
		gate_settle(cpu);
	/* Another processor may have ended the space while this one waited for the lock: what the call would make would never be
	 * freed. */
	if (cpu->current->space->end == SPACE_ALIVE)
		native_call(cpu->frame);
	sched_leave();
}

void trap_system_call(void)
{
	struct cpu *cpu = enter();

	if (cpu->current->space->system && cpu->current->space->end == SPACE_ALIVE) {
		cpu->frame->cause = CAUSE_SYSCALL;
		call_system();
	} else {
		regs_set_result(cpu->frame, (u64)-E_NOSYS);
	}
	sched_leave();
}

void trap_system_return(void)
{
	struct cpu *cpu = enter();

	if (call_system_return())
		regs_set_result(cpu->frame, (u64)-E_INVAL);
	sched_leave();
}

/* The thread fetched an instruction at a portal's address on which its space has right p: a plain call through a pointer. */
static bool is_pointer_call(struct user_frame *frame, u64 va)
{
	struct space *space = cpu_self()->current->space;
	u64 words[6], back = regs_back(frame);
	struct portal *portal;

	if (va != regs_ip(frame))
		return false;
	if (space->landing.call_landing) {
		if (portal_find(space, va, &portal))
			return false;
		regs_land_call(frame, space->landing.call_landing, va);
		return true;
	}
	if (REGS_BACK_BYTES > 0 && space_read(space, regs_sp(frame), &back, sizeof(back)))
		return false;
	regs_pointer_words(frame, words);
	return !call_portal(va, words, back, regs_sp(frame) + REGS_BACK_BYTES);
}

/* A fault or exception in code of a space without a system. If the space has a landing for it, the thread goes on there; otherwise
 * the space ends, and all calls into it return -E_DEAD. */
static void own_fault(u32 code, u64 va, const struct fault *fault)
{
	struct thread *thread = cpu_self()->current;
	struct space *space = thread->space;
	const struct landing *landing = &space->landing;
	u64 ip = regs_ip(&thread->regs);

	if (fault && ip >= landing->copy_start && ip < landing->copy_end) {
		regs_land(&thread->regs, landing->copy_landing, code, fault->segment, fault->page);
		return;
	}
	if (log_admits(space))
		log_line("fault in space %u %s, thread %u: code %u, address %p, at %p", space->number, space->name,
			thread->number, code, (void *)va, (void *)ip);
	if (landing->crash_landing && thread->crashes++ < CRASHES_MAX)
		regs_land_crash(&thread->regs, landing->crash_landing, code, va);
	else
		space_kill(space, SPACE_FAULTED, va);
}

/* If the current thread's space has a system, calls that for a fault, or (fault NULL) an exception. */
static void report(u32 cause, u32 code, u64 va, const struct fault *fault)
{
	struct user_frame *frame = cpu_self()->frame;

	if (!cpu_self()->current->space->system) {
		own_fault(code, va, fault);
		return;
	}
	frame->cause = cause;
	frame->code = code;
	if (fault) {
		frame->addr = va;
		frame->segment = fault->segment;
		frame->page = fault->page;
	}
	frame->flags = FRAME_FULL;
	call_system();
}

/* Deals with a fault that view_fault() could not resolve. */
static __attribute__((noinline)) void hand_on(u64 va, u32 access, u32 code, struct fault *fault)
{
	const struct cpu *cpu = cpu_self();

	code = fail_put_off(thread_view(cpu->current), va, access, fault, code);
	if (code && !((access & FAULT_EXEC) && is_pointer_call(cpu->frame, va)))
		report(CAUSE_FAULT, code, va, fault);
}

static void resolve_fault(u64 va, u32 access)
{
	struct fault fault;
	u32 code = view_fault(thread_view(cpu_self()->current), va, access, &fault);

	if (code)
		hand_on(va, access, code, &fault);
}

void trap_fault(u64 va, u32 access)
{
	struct cpu *cpu = enter();

	cpu->faults++;
	if (cpu->current->space->end == SPACE_ALIVE)
		resolve_fault(va, access);
	sched_leave();
}

void trap_exception(u32 code)
{
	if (enter()->current->space->end == SPACE_ALIVE)
		report(CAUSE_EXCEPTION, code, 0, NULL);
	sched_leave();
}

void trap_interrupt(unsigned line)
{
	struct cpu *cpu = enter();

	cpu->interrupts++;
	arch_irq_set(line, IRQ_TAKEN);
	irq_deliver(line);
	sched_leave();
}

void trap_timer(void)
{
	enter();
	timer_run();
	keep_pending();
	sched_tick();
	sched_leave();
}

void trap_poke(void)
{
	gate_reset(enter());
	sched_leave();
}

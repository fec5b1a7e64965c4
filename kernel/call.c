/* Portal calls and system calls in C: call.h. The entry code makes the plain system call by itself, the gate repeated portal
 * calls. */
#include "call.h"

#include "arch.h"
#include "call_with.h"
#include "frame.h"
#include "irq.h"
#include "lib/string.h"
#include "panic.h"
#include "portal.h"
#include "regs.h"
#include "space.h"
#include "stats.h"
#include "thread.h"

bool call_test_panic;

/* While the system service works for a process, the registers hold the process's vector state: services use none. A portal call of
 * the service saves it until the callee returns. After space_keep_vector(), so does every call out of the process. */
static bool holds_user_vector(const struct thread *thread)
{
	const struct call *last = thread->depth ? &thread->calls[thread->depth - 1] : NULL;

	return !thread->space->short_depth || (last && last->system && !last->vector);
}

/* Before anything is changed: makes sure that there is a page for the vector state. */
static int reserve_vector(struct thread *thread)
{
	if (!holds_user_vector(thread) || thread->vector_spare)
		return 0;
	thread->vector_spare = frame_alloc();
	return thread->vector_spare ? 0 : -E_NOMEM;
}

static void put_vector_aside(struct thread *thread, struct call *call)
{
	if (holds_user_vector(thread)) {
		call->vector = thread->vector_spare;
		thread->vector_spare = NULL;
		arch_vector_save(call->vector);
	}
	arch_vector_clear();
}

/* Back in the caller: restores or clears the vector state, so that it tells nothing of the callee. For a thread on no processor,
 * that is thread->vector, which is loaded later; a page of zeros is the initial state. */
static void bring_vector_back(struct thread *thread, struct call *call)
{
	bool running = cpu_self()->current == thread;

	if (call->vector) {
		if (running)
			arch_vector_load(call->vector);
		else
			memcpy(thread->vector, call->vector, PAGE_SIZE);
		if (!thread->vector_spare)
			thread->vector_spare = call->vector;
		else
			frame_put(call->vector);
		call->vector = NULL;
	} else if (!call->system) {
		if (running)
			arch_vector_clear();
		else
			memset(thread->vector, 0, PAGE_SIZE);
	}
}

/* Checks that the thread can go into the callee, and reserves all that this takes. If it fails, nothing visible has changed. */
static int decode_entry(struct thread *thread, const struct portal *portal, u64 *sp)
{
	int error;

	if (portal->space->end != SPACE_ALIVE)
		return -E_DEAD;
	if (thread->depth + 1 >= CALLS_MAX)
		return -E_DEPTH;
	error = thread_stack(thread, portal->space, sp);
	if (error)
		return error;
	return reserve_vector(thread);
}

int call_portal(u64 address, const u64 words[6], u64 ip, u64 sp)
{
	struct cpu *cpu = cpu_self();
	struct thread *thread = cpu->current;
	struct call *call = &thread->calls[thread->depth];
	struct user_frame *caller = cpu->frame;
	struct portal *portal;
	u64 stack;
	int error = portal_find(thread->space, address, &portal);

	if (!error)
		error = decode_entry(thread, portal, &stack);
	if (error)
		return error;
	if (portal->space->system) {
		/* The callee is a process: its own system calls need a user frame. */
		thread->depth++;
		error = thread_reserve_frame(thread, thread->depth, portal->space);
		thread->depth--;
		if (error)
			return error;
	}
	call->space = thread->space;
	call->system = false;
	call->ip = ip;
	call->sp = sp;
	call->thread_pointer = regs_thread_pointer(caller);
	call->gs_base = arch_exchange_gs_base(0);
	put_vector_aside(thread, call);
	++*stats_pair(thread->space, portal->space);
	thread->depth++;
	thread->space = portal->space;
	space_get(portal->space);
	thread_load();
	gate_open(cpu, portal, address, call, stack);
	regs_enter(cpu->frame, portal->entry, stack - 8, words, portal->cookie);
	regs_set_thread_pointer(cpu->frame, 0);
	if (call_test_panic && thread->depth > 1)
		panic("asked for by test=panic");
	return 0;
}

int call_return(u64 word0, u64 word1)
{
	struct thread *thread = cpu_self()->current;

	if (!thread->depth || thread->calls[thread->depth - 1].system)
		return -E_INVAL;
	if (thread->calls[thread->depth - 1].interrupted)
		irq_returned(thread->calls[thread->depth - 1].interrupted);
	call_leave(thread, word0, word1);
	return 0;
}

/* The rest of leaving a call that the caller itself made: gives it the results and its own registers. */
static void go_on_in_caller(struct thread *thread, struct call *call, struct space *left, u64 word0, u64 word1)
{
	struct user_frame *frame = call->space->system ? call->frame : &thread->regs;

	bring_vector_back(thread, call);
	if (call->system)
		return;
	if (cpu_self()->current == thread)
		arch_exchange_gs_base(call->gs_base);
	else
		thread->gs_base = call->gs_base;
	regs_leave(frame, call->ip, call->sp, call->thread_pointer, word0, word1);
	space_put(left);
	if (cpu_self()->current == thread)
		gate_close(cpu_self());
}

void call_leave(struct thread *thread, u64 word0, u64 word1)
{
	struct space *left = thread->space;
	struct call *call = &thread->calls[--thread->depth];

	if (call->deadline || call->grants.next)
		call_with_leave(thread, call);
	if (left->system)
		thread_release_frame(thread, thread->depth + 1);
	thread->space = call->space;
	if (call->interrupted)
		irq_leave(thread, call);
	else
		go_on_in_caller(thread, call, left, word0, word1);
	if (cpu_self()->current == thread)
		thread_load();
}

void call_system(void)
{
	struct cpu *cpu = cpu_self();
	struct thread *thread = cpu->current;
	struct call *call = &thread->calls[thread->depth];
	struct space *system = thread->space->system;
	const u64 words[6] = { call->frame_user };
	u64 thread_pointer;

	if (system->end != SPACE_ALIVE || thread->depth >= CALLS_MAX) {
		space_kill(thread->space, SPACE_FAULTED, regs_ip(cpu->frame));
		return;
	}
	ASSERT(call->space == thread->space && call->system && call->frame == cpu->frame);
	cpu->system_calls++;
	/* Without a page the state stays in the registers, and branches of the service spoil the bounds registers (MPX). */
	if (!thread->space->short_depth && !reserve_vector(thread))
		put_vector_aside(thread, call);
	thread->depth++;
	thread->space = system;
	thread_load();
	/* The service runs with the process's thread pointer, which it may set; entry code does the same. */
	thread_pointer = regs_thread_pointer(call->frame);
	regs_enter(&thread->regs, system->system_entry, call->frame_user - 8, words, 0);
	regs_set_thread_pointer(&thread->regs, thread_pointer);
}

int call_system_return(void)
{
	struct thread *thread = cpu_self()->current;

	if (!thread->depth || !thread->calls[thread->depth - 1].system)
		return -E_INVAL;
	call_leave(thread, 0, 0);
	return 0;
}

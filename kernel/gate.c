/* The gate: gate.h. */
#include "gate.h"

#include "arch.h"
#include "call.h"
#include "lib/string.h"
#include "panic.h"
#include "portal.h"
#include "regs.h"
#include "space.h"
#include "stats.h"
#include "thread.h"
#include "vas.h"

_Static_assert(sizeof(struct gate_way) == 128 && sizeof(struct gate_frame) == 64, "assembly shifts");

/* --- ways --- */

static void count_way(struct gate_way *gate_way, struct way *way)
{
	u64 calls = gate_way->calls;

	*way->calls += calls - way->counted;
	way->counted = calls;
}

static void end_way(struct cpu *cpu, unsigned slot)
{
	struct gate_way *gate_way = &cpu->gate->ways[slot];
	struct way *way = &cpu->ways[slot];

	if (!way->caller)
		return;
	count_way(gate_way, way);
	gate_way->from = GATE_CLOSED;
	space_put(way->caller);
	space_put(way->callee);
	way->caller = NULL;
	way->callee = NULL;
}

void gate_reset_used(struct cpu *cpu)
{
	struct gate *gate = cpu->gate;

	ASSERT(!cpu->gate_grants.next);
	gate->depth = gate->settled = 0;
	gate->way = ++cpu->gate_ids;
	for (unsigned i = 0; i < GATE_WAYS; i++)
		end_way(cpu, i);
	cpu->gate_used = false;
}

void gate_forget(void)
{
	for (unsigned i = 0; i < cpu_count; i++)
		for (unsigned w = 0; cpus[i]->gate_used && w < GATE_WAYS; w++)
			__atomic_store_n(&cpus[i]->gate->ways[w].from, GATE_CLOSED, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < cpu_count; i++)
		for (unsigned v = 0; cpus[i]->gate_used && v <= GATE_VASES; v++)
			__atomic_store_n(&cpus[i]->gate->vases[v].from, GATE_CLOSED, __ATOMIC_RELEASE);
}

void gate_count(struct cpu *cpu)
{
	for (unsigned i = 0; i < GATE_WAYS; i++)
		if (cpu->ways[i].caller)
			count_way(&cpu->gate->ways[i], &cpu->ways[i]);
}

bool gate_concerns(const struct cpu *cpu, const struct space *space)
{
	for (unsigned i = 0; cpu->gate_used && i < GATE_WAYS; i++)
		if (cpu->ways[i].caller == space || cpu->ways[i].callee == space)
			return true;
	for (u32 i = 0; cpu->gate_used && i < cpu->current->depth; i++)
		if (cpu->current->calls[i].space == space)
			return true;
	return false;
}

/* --- what the kernel does and the gate mirrors --- */

/* Sets .stack_at and .stack of a way: where the callee's stack begins at the next call. That is the top of its stacklet, or, if the
 * callee is in the chain already, below its stack pointer there. */
static void set_stack(struct gate *gate, const struct thread *thread, const struct portal *portal, u64 stack,
	struct gate_way *way)
{
	u32 depth = thread->depth - 1, mirrored = gate->depth; /* neither counts the call just made */

	way->stack_at = (u64)((char *)&way->stack - (char *)gate);
	way->stack = stack + CALL_STACK_GAP;
	for (u32 i = depth; i-- > 0;) {
		const struct call *call = &thread->calls[i];

		if (call->space != portal->space || call->system)
			continue;
		if (depth - i <= mirrored)
			way->stack_at = (u64)((char *)&gate->frames[mirrored - (depth - i)].sp - (char *)gate);
		return;
	}
}

void gate_open(struct cpu *cpu, const struct portal *portal, u64 address, const struct call *call, u64 stack)
{
	struct thread *thread = cpu->current;
	struct gate *gate = cpu->gate;
	unsigned slot = gate_slot(address);
	struct gate_way *way = &gate->ways[slot];
	struct gate_frame *frame;
	u64 to[2], back[2];

	if (!space_is_peer(call->space) || !space_is_peer(portal->space) || call->vector || thread->pending ||
		call->ip >= user_end() || call->thread_pointer >= user_end() || gate->depth == GATE_FRAMES ||
		!arch_gate_root(call->space->system ? call->view : &call->space->view, back) ||
		!arch_gate_root(thread_view(thread), to)) {
		gate_reset(cpu);
		return;
	}
	end_way(cpu, slot);
	cpu->gate_used = true;
	*way = (struct gate_way){ .address = address,
		.from = gate->way,
		.id = ++cpu->gate_ids,
		.entry = portal->entry,
		.cookie = portal->cookie,
		.root = { to[0], to[1] } };
	set_stack(gate, thread, portal, stack, way);
	cpu->ways[slot] = (struct way){ call->space, portal->space, stats_pair(call->space, portal->space), 0 };
	space_get(call->space);
	space_get(portal->space);
	frame = &gate->frames[gate->depth++];
	*frame = (struct gate_frame){ call->ip, call->sp, call->thread_pointer, call->gs_base, gate->way, GATE_KNOWN,
		{ back[0], back[1] } };
	gate->settled++;
	gate->way = way->id;
}

void gate_close(struct cpu *cpu)
{
	struct gate *gate = cpu->gate;

	if (!gate->depth) {
		gate_reset(cpu);
		return;
	}
	gate->depth--;
	gate->settled--;
	gate->way = gate->frames[gate->depth].from;
}

static void open_vas(struct gate *gate, u32 number, const u64 root[2])
{
	struct gate_vas *vas = &gate->vases[number ? 1 + number % GATE_VASES : 0];

	*vas = (struct gate_vas){ number, gate->way, { root[0], root[1] } };
}

void gate_open_vases(struct cpu *cpu, struct view *from, u32 from_number, struct view *to, u32 to_number)
{
	const struct thread *thread = cpu->current;
	u64 roots[2][2];

	cpu->gate->vas = cpu->gate_vas = to_number;
	if (!GATE_SWITCHES_VAS || thread->depth || thread->pending || !space_is_peer(thread->space) ||
		!arch_gate_root(from, roots[1]) || !arch_gate_root(to, roots[0])) {
		gate_reset(cpu);
		return;
	}
	cpu->gate_used = true;
	open_vas(cpu->gate, to_number, roots[0]);
	open_vas(cpu->gate, from_number, roots[1]);
}

/* --- calls with grants: the kernel does what entry code does --- */

void gate_enter(struct cpu *cpu, struct gate_way *way, const u64 words[6], u64 ip, u64 sp)
{
	struct gate *gate = cpu->gate;
	struct user_frame *frame = cpu->frame;
	u64 stack = *(const u64 *)((char *)gate + way->stack_at), *root = cpu->user_root;

	gate->frames[gate->depth++] = (struct gate_frame){ ip, sp, regs_thread_pointer(frame), arch_exchange_gs_base(0),
		gate->way, (u64)((char *)way - (char *)gate->ways) | GATE_WITH, { root[0], root[1] } };
	gate->way = way->id;
	gate->moves++;
	way->calls++;
	root[0] = way->root[0];
	root[1] = way->root[1];
	stack = (stack - CALL_STACK_GAP) & ~15ul;
	regs_enter(frame, way->entry, stack - 8, words, way->cookie);
	regs_set_thread_pointer(frame, 0);
	arch_vector_clear();
}

void gate_leave(struct cpu *cpu)
{
	struct gate *gate = cpu->gate;
	struct user_frame *frame = cpu->frame;
	const struct gate_frame *caller = &gate->frames[--gate->depth];
	u64 *root = cpu->user_root;

	gate->way = caller->from;
	/* Both root writes were counted as the kernel was left. */
	cpu->gate_moves = --gate->moves;
	root[0] = caller->root[0];
	root[1] = caller->root[1];
	arch_exchange_gs_base(caller->gs_base);
	regs_leave(frame, caller->ip, caller->sp, caller->thread_pointer, regs_argument(frame, 0),
		regs_argument(frame, 1));
	arch_vector_clear();
}

/* --- settling --- */

/* If the thread has switched VAS by the gate, which it can in its home space only, sets its view there. (It may be in another space
 * by now, and the VAS may have been detached.) -> has it switched? */
static bool settle_vas(struct cpu *cpu, struct thread *thread)
{
	u64 number = cpu->gate->vas;
	struct call *call = &thread->calls[0];
	struct space *vas = number ? space_find((u32)number) : NULL;
	struct attachment *a = vas ? vas_find(call->space, vas) : NULL;

	if (number == cpu->gate_vas)
		return false;
	cpu->gate_vas = cpu->gate->vas = a ? number : 0;
	vas_set_view(call, call->space, a);
	return true;
}

static void settle_return(struct thread *thread)
{
	struct space *left = thread->space;

	thread->depth--;
	if (left->system)
		thread_release_frame(thread, thread->depth + 1);
	thread->space = thread->calls[thread->depth].space;
	space_put(left);
}

/* Adds a call that the gate made to the thread's chain. -> false: the callee is a process and there is no memory for its user
 * frame; the call has returned an error instead. */
static bool settle_call(struct cpu *cpu, struct thread *thread, const struct gate_frame *frame)
{
	struct call *call = &thread->calls[thread->depth];
	struct space *callee = cpu->ways[frame->way / sizeof(struct gate_way)].callee;

	call->space = thread->space;
	call->system = false;
	call->ip = frame->ip;
	call->sp = frame->sp;
	call->thread_pointer = frame->thread_pointer;
	call->gs_base = frame->gs_base;
	if (frame->way & GATE_WITH) {
		list_hand_over(&cpu->gate_grants, &call->grants);
		cpu->gate_grants.next = NULL;
	}
	space_get(callee);
	thread->space = callee;
	thread->depth++;
	return !callee->system || !thread_reserve_frame(thread, thread->depth, callee);
}

/* Copies the saved registers from one frame to another, but not the number of the space: user mode can write to frames. */
static void put_registers(struct user_frame *frame, const struct user_frame *saved)
{
	u64 cookie = frame->cookie;
	u32 space = frame->space;

	*frame = *saved;
	frame->cookie = cookie;
	frame->space = space;
}

void gate_settle(struct cpu *cpu)
{
	struct thread *thread = cpu->current;
	struct gate *gate = cpu->gate;
	const struct user_frame saved = *cpu->frame;
	u32 known = 0;
	bool switched = settle_vas(cpu, thread);

	cpu->gate_moves = gate->moves;
	gate->settled &= ~GATE_SWITCHED;
	while (known < gate->depth && (gate->frames[known].way & GATE_KNOWN))
		known++;
	if (known == gate->settled && known == gate->depth && !switched)
		return;
	for (; gate->settled > known; gate->settled--)
		settle_return(thread);
	for (; gate->settled < gate->depth; gate->settled++) {
		struct gate_frame *frame = &gate->frames[gate->settled];

		if (!settle_call(cpu, thread, frame)) {
			gate_reset(cpu);
			call_leave(thread, (u64)-E_NOMEM, 0);
			return;
		}
		frame->way = GATE_KNOWN | (frame->way & GATE_WITH);
	}
	thread_load();
	put_registers(cpu->frame, &saved);
}

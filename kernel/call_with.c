/* Portal calls with grants and a deadline: call_with.h. */
#include "call_with.h"

#include "arch.h"
#include "call.h"
#include "grant.h"
#include "main.h"
#include "portal.h"
#include "pt.h"
#include "recall.h"
#include "regs.h"
#include "space.h"
#include "thread.h"
#include "timer.h"
#include "tlb.h"

static void end_grants(struct list_node *list)
{
	while (!list_is_empty(list))
		grant_end_with_call(container_of(list_first(list), struct grant, of_call));
}

/* Makes the grants of a call, all or none, and writes their numbers to the caller's memory. */
static int make_grants(struct space *caller, struct space *callee, const struct call_spec *spec, struct list_node *list)
{
	int error = 0;

	for (u32 i = 0; !error && i < spec->grant_count; i++) {
		u64 at = spec->grants + i * sizeof(struct grant_spec);
		struct grant_spec grant_spec;
		struct grant *grant;

		error = space_read(caller, at, &grant_spec, sizeof(grant_spec));
		if (!error)
			error = grant_make_for_call(caller, callee, &grant_spec, &grant);
		if (error)
			break;
		list_append(list, &grant->of_call);
		error = space_write(caller, at + offsetof(struct grant_spec, grant), &grant->number,
			sizeof(grant->number));
	}
	if (error)
		end_grants(list);
	return error;
}

int call_portal_with(u64 va, u64 ip, u64 sp)
{
	struct cpu *cpu = cpu_self();
	struct thread *thread = cpu->current;
	struct list_node grants = LIST_INIT(grants);
	struct call_spec spec;
	struct portal *portal;
	struct call *call;
	u64 deadline = 0;
	int error = space_read(thread->space, va, &spec, sizeof(spec));

	if (error)
		return error;
	if (spec.grant_count > CALL_GRANTS_MAX)
		return -E_INVAL;
	if (spec.deadline) {
		deadline = timer_ticks_of_ns(spec.deadline);
		if (deadline <= arch_ticks())
			return -E_TIMEDOUT;
	}
	if (spec.grant_count) {
		error = portal_find(thread->space, spec.portal, &portal);
		if (!error)
			error = make_grants(thread->space, portal->space, &spec, &grants);
	}
	if (!error) {
		error = call_portal(spec.portal, spec.words, ip, sp);
		if (error)
			end_grants(&grants);
	}
	if (error)
		return error;
	call = &thread->calls[thread->depth - 1];
	list_hand_over(&grants, &call->grants);
	if (deadline)
		recall_set_deadline(thread, call, deadline);
	if (cpu->gate->depth)
		cpu->gate->frames[cpu->gate->depth - 1].way |= GATE_WITH;
	return 0;
}

/* --- repeated calls --- */

/* A structure in user memory, which other threads may change at any time. NULL if it is not accessible or crosses a page. */
static void *structure_at(struct space *space, u64 va, u64 bytes, u32 access)
{
	return va % PAGE_SIZE > PAGE_SIZE - bytes || va % sizeof(u64) ? NULL : space_touch(space, va, access);
}

/* If there is a way through the gate, no deadline, and one grant, which the last such call made too, only the grant has to be
 * made. */
static __attribute__((noinline)) bool call_by_gate(struct cpu *cpu)
{
	struct space *caller = cpu->current->space;
	const volatile struct call_spec *spec = structure_at(caller, regs_argument(cpu->frame, 0), sizeof(*spec), 0);
	struct gate_way *way = spec ? gate_find(cpu, spec->portal) : NULL;
	const struct way *known = way ? &cpu->ways[gate_slot(way->address)] : NULL;
	struct grant_spec *grant_spec;
	struct grant *grant;

	/* The ways may still be those of the process whose system call this space serves. */
	if (!way || known->caller != caller || !shield_on || spec->deadline || spec->grant_count != 1)
		return false;
	grant_spec = structure_at(caller, spec->grants, sizeof(*grant_spec), FAULT_WRITE);
	grant = grant_spec ? grant_repeat(caller, known->callee, grant_spec) : NULL;
	if (!grant)
		return false;
	grant_spec->grant = grant->number;
	cpu->gate_grants = (struct list_node){ &grant->of_call, &grant->of_call };
	grant->of_call = (struct list_node){ &cpu->gate_grants, &cpu->gate_grants };
	gate_enter(cpu, way, (const u64 *)spec->words, regs_ip(cpu->frame), regs_sp(cpu->frame));
	return true;
}

static __attribute__((noinline)) bool return_by_gate(struct cpu *cpu)
{
	gate_leave(cpu);
	end_grants(&cpu->gate_grants);
	cpu->gate_grants.next = NULL;
	tlb_commit();
	return true;
}

bool call_with_by_gate(struct cpu *cpu)
{
	const struct thread *thread = cpu->current;
	const struct gate *gate = cpu->gate;

	if (thread->pending || thread->space->end != SPACE_ALIVE)
		return false;
	if (gate_is_settled(cpu))
		return call_by_gate(cpu);
	/* Is it the return from gate_enter()'s call, with nothing else made since? */
	if (regs_call(cpu->frame) != CALL_portal_return || gate->depth != gate->settled + 1 ||
		(gate->frames[gate->settled].way & (GATE_WITH | GATE_KNOWN)) != GATE_WITH)
		return false;
	return return_by_gate(cpu);
}

void call_with_leave(struct thread *thread, struct call *call)
{
	if (call->deadline)
		recall_drop_deadline(thread, call);
	if (call->grants.next) {
		end_grants(&call->grants);
		tlb_commit();
		call->grants.next = NULL;
	}
}

int call_grant_keep(u64 address)
{
	struct thread *thread = cpu_self()->current;
	const struct space *owner = space_find((u32)address_number(address));
	u64 offset = address_offset(address);

	if (address >= user_end() || !owner)
		return -E_NOENT;
	for (u32 i = thread->depth; i-- > 0;) {
		const struct list_node *list = &thread->calls[i].grants;

		for (const struct list_node *node = list->prev; list->next && node != list; node = node->prev) {
			struct grant *grant = container_of(node, struct grant, of_call);

			if (grant->to != thread->space || grant->owner != owner || !(grant->flags & GRANT_KEEP) ||
				offset < grant->start || offset >= grant->end)
				continue;
			list_remove(&grant->of_call);
			return (int)grant->number;
		}
	}
	return -E_NOENT;
}

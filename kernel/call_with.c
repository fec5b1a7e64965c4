/* Portal calls with grants and a deadline: call_with.h. */
#include "call_with.h"

#include "arch.h"
#include "call.h"
#include "grant.h"
#include "portal.h"
#include "pt.h"
#include "recall.h"
#include "space.h"
#include "thread.h"
#include "timer.h"
#include "tlb.h"

static void end_grants(struct list_node *list)
{
	while (!list_is_empty(list))
		grant_end(container_of(list_first(list), struct grant, of_call));
}

/* Makes the grants of a call and tells their numbers; all or none. */
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
	struct thread *thread = cpu_self()->current;
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
	/* The gate would leave them behind. */
	gate_reset(cpu_self());
	call = &thread->calls[thread->depth - 1];
	if (!list_is_empty(&grants)) {
		list_append(&grants, &call->grants);
		list_remove(&grants);
	}
	if (deadline)
		recall_set_deadline(thread, call, deadline);
	return 0;
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

/* The native call list(): listing.h. */
#include "listing.h"

#include "grant.h"
#include "lib/list.h"
#include "portal.h"
#include "regs.h"
#include "space.h"
#include "thread.h"

union record {
	struct space_info space;
	struct grant_info grant;
	struct portal_info portal;
	struct thread_info thread;
};

static const struct list_node *find_space(const struct space *manager, u64 number)
{
	const struct space *space = number <= UINT32_MAX ? space_find((u32)number) : NULL;

	return space && space->manager == manager ? &space->of_manager : NULL;
}

static void tell_space(const struct list_node *node, union record *record)
{
	space_info(container_of(node, struct space, of_manager), &record->space);
}

static const struct list_node *find_grant(const struct space *owner, u64 number)
{
	const struct grant *grant = number <= UINT32_MAX ? grant_by_number((u32)number) : NULL;

	return grant && grant->owner == owner ? &grant->of_owner : NULL;
}

static void tell_grant(const struct list_node *node, union record *record)
{
	const struct grant *grant = container_of(node, struct grant, of_owner);

	record->grant = (struct grant_info){
		.number = grant->number,
		.parent = grant->parent ? grant->parent->number : 0,
		.from = grant->from->number,
		.to = grant->to->number,
		.flags = grant->flags,
		.of_call = !list_is_empty(&grant->of_call),
		.start = grant->start,
		.bytes = grant->end - grant->start,
	};
}

static const struct list_node *find_portal(const struct space *space, u64 address)
{
	const struct portal *portal = portal_at(address);

	return portal && portal->space == space ? &portal->of_space : NULL;
}

static void tell_portal(const struct list_node *node, union record *record)
{
	const struct portal *portal = container_of(node, struct portal, of_space);

	record->portal = (struct portal_info){ portal->by_address.key, portal->cookie };
}

static const struct list_node *find_thread(const struct space *home, u64 known_as)
{
	const struct thread *thread = known_as <= THREADS_MAX ? thread_find((u32)known_as - 1) : NULL;

	return thread && thread_home(thread) == home ? &thread->of_home : NULL;
}

static void tell_thread(const struct list_node *node, union record *record)
{
	const struct thread *thread = container_of(node, struct thread, of_home);
	const bool waits = thread->state == THREAD_WAITING && !list_is_empty(&thread->queue);

	record->thread = (struct thread_info){
		.number = thread->number,
		.space = thread->space->number,
		.state = thread->state,
		.depth = thread->depth,
		.call = ~0u,
		.word_space = waits ? (u32)thread->wait.space : 0,
		.word = waits ? thread->wait.offset : 0,
		.ip = regs_ip(thread->space->system ? thread->calls[thread->depth].frame : &thread->regs),
	};
	for (u32 i = thread->depth; i-- > 0 && record->thread.call == ~0u;)
		if (thread->calls[i].system && thread->calls[i].frame->cause == CAUSE_SYSCALL)
			record->thread.call = (u32)thread->calls[i].frame->nr;
}

static const struct kind {
	u64 list;  /* offset in struct space */
	u64 bytes; /* of a record */
	const struct list_node *(*find)(const struct space *space, u64 known_as);
	void (*tell)(const struct list_node *node, union record *record);
} kinds[] = {
	[LIST_SPACES] = { offsetof(struct space, managed), sizeof(struct space_info), find_space, tell_space },
	[LIST_GRANTS] = { offsetof(struct space, granted), sizeof(struct grant_info), find_grant, tell_grant },
	[LIST_THREADS] = { offsetof(struct space, homes), sizeof(struct thread_info), find_thread, tell_thread },
	[LIST_PORTALS] = { offsetof(struct space, portals), sizeof(struct portal_info), find_portal, tell_portal },
};

i64 listing_write(struct space *caller, u32 kind_number, const struct space *space, u64 after, u64 buffer, u64 count)
{
	const struct list_node *head, *node;
	const struct kind *kind;
	u64 told = 0;

	if (kind_number >= ARRAY_SIZE(kinds))
		return -E_INVAL;
	/* Only a SPACE_DEVICES space may know where threads are in services. */
	if (kind_number == LIST_THREADS && !(caller->flags & SPACE_DEVICES))
		return -E_PERM;
	kind = &kinds[kind_number];
	head = node = (const struct list_node *)((const char *)space + kind->list);
	if (after && !(node = kind->find(space, after)))
		return -E_NOENT;
	for (node = node->next; node != head && told < min_u64(count, LIST_MAX); node = node->next, told++) {
		union record record;

		kind->tell(node, &record);
		if (space_write(caller, buffer + told * kind->bytes, &record, kind->bytes))
			return -E_FAULT;
	}
	return (i64)told;
}

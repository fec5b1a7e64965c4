/* VASes: vas.h. */
#include "vas.h"

#include "arch.h"
#include "layout.h"
#include "pool.h"
#include "pt.h"
#include "thread.h"
#include "tlb.h"

static struct pool attachment_pool = POOL_INIT(attachment_pool, struct attachment);

struct attachment *vas_find(struct space *space, const struct space *vas)
{
	list_for_each(node, &space->attachments) {
		struct attachment *a = container_of(node, struct attachment, of_space);

		if (a->vas != vas)
			continue;
		/* What is switched to often is found first. */
		list_remove(node);
		list_prepend(&space->attachments, node);
		return a;
	}
	return NULL;
}

bool vas_is_attached(const struct space *vas, const struct space *space)
{
	list_for_each(node, &vas->attached)
		if (container_of(node, struct attachment, of_vas)->view.space == space)
			return true;
	return false;
}

bool space_has_root(const struct space *space, u64 root)
{
	list_for_each(node, &space->attachments)
		if (ptr_pa(container_of(node, struct attachment, of_space)->view.root).v == root)
			return true;
	return ptr_pa(space->view.root).v == root;
}

/* --- threads in attachments --- */

void vas_set_view(struct call *call, struct space *space, struct attachment *a)
{
	struct space *before = call->vas;

	call->view = a ? &a->view : &space->view;
	call->vas = a ? a->vas : NULL;
	if (call->vas)
		space_get(call->vas);
	if (before)
		space_put(before);
}

/* Is a thread in it, or going to return into it? */
static bool is_inside(const struct attachment *a)
{
	/* Threads on other processors may have switched by the gate in their home space; from here on they cannot. */
	gate_forget();
	list_for_each(node, &threads) {
		const struct thread *thread = container_of(node, struct thread, all);
		const struct cpu *cpu = thread->state == THREAD_RUNNING ? thread->cpu : NULL;
		bool switched = cpu && cpu->gate->vas != cpu->gate_vas;

		if (switched && cpu->gate->vas == a->vas->number && thread->calls[0].space == a->view.space)
			return true;
		for (u32 i = switched; i <= thread->depth; i++)
			if (thread->calls[i].view == &a->view &&
				(!i || (i < thread->depth ? thread->calls[i].space : thread->space) == a->view.space))
				return true;
	}
	return false;
}

/* Moves all threads of an attachment to the space's main view. Threads that run now see an empty upper half until they leave the
 * attachment's. They keep a reference to the VAS (call.vas), and so its number: the system may be at work on addresses in it. */
static void evict(struct attachment *a)
{
	gate_forget();
	list_for_each(node, &threads) {
		struct thread *thread = container_of(node, struct thread, all);

		for (u32 i = 0; i <= CALLS_MAX; i++)
			if (thread->calls[i].view == &a->view)
				thread->calls[i].view = &a->view.space->view;
	}
	for (unsigned i = 0; i < cpu_count; i++)
		if (cpus[i]->current &&
			(cpus[i]->loaded == &a->view || cpus[i]->process_view == &a->view ||
				!gate_is_settled(cpus[i]) || gate_concerns(cpus[i], a->view.space))) {
			cpus[i]->reschedule = true;
			if (cpus[i] != cpu_self())
				arch_poke(i);
		}
}

/* --- attaching --- */

/* A detached attachment of the space that no processor is on, for reuse. */
static struct attachment *find_spare(struct space *space)
{
	list_for_each(node, &space->attachments) {
		struct attachment *a = container_of(node, struct attachment, of_space);
		bool loaded = a->vas;

		for (unsigned i = 0; i < cpu_count; i++)
			loaded |= cpus[i]->loaded == &a->view || cpus[i]->process_view == &a->view ||
				!gate_is_settled(cpus[i]) || gate_concerns(cpus[i], space);
		if (!loaded)
			return a;
	}
	return NULL;
}

static struct attachment *make_attachment(struct space *space)
{
	struct attachment *a = pool_alloc_zeroed(&attachment_pool);

	if (!a)
		return NULL;
	a->view.space = space;
	list_init(&a->of_vas);
	if (pt_attach(a)) {
		pool_free(&attachment_pool, a);
		return NULL;
	}
	list_append(&space->attachments, &a->of_space);
	return a;
}

/* Changes the rights of a VAS that is attached already. */
static int change_rights(struct attachment *a, u32 rights)
{
	if (a->rights == rights)
		return 0;
	if (is_inside(a))
		return -E_BUSY;
	pt_detach(a);
	a->rights = rights;
	tlb_commit();
	return 0;
}

int vas_attach(struct space *space, struct space *vas, u32 rights)
{
	const u32 all = RIGHT_R | RIGHT_W | RIGHT_X;
	struct attachment *a;

	if ((rights & ~(all | (u32)VAS_BY_SYSTEM)) || !(rights & RIGHT_R) || !(vas->flags & SPACE_VAS) ||
		!space->system)
		return -E_INVAL;
	a = vas_find(space, vas);
	if (a)
		return change_rights(a, rights);
	a = find_spare(space);
	if (!a)
		a = make_attachment(space);
	if (!a)
		return -E_NOMEM;
	a->vas = vas;
	a->rights = rights;
	list_append(&vas->attached, &a->of_vas);
	return 0;
}

int vas_detach(struct space *space, struct space *vas, bool force)
{
	struct attachment *a = vas->flags & SPACE_VAS ? vas_find(space, vas) : NULL;

	if (!a)
		return -E_NOENT;
	if (!force && is_inside(a))
		return -E_BUSY;
	evict(a);
	pt_detach(a);
	tlb_commit();
	list_remove(&a->of_vas);
	a->vas = NULL;
	return 0;
}

void vas_end_space(struct space *space)
{
	while (!list_is_empty(&space->attached)) {
		struct attachment *a = container_of(list_first(&space->attached), struct attachment, of_vas);

		vas_detach(a->view.space, space, true);
	}
	list_for_each(node, &space->attachments) {
		struct attachment *a = container_of(node, struct attachment, of_space);

		evict(a);
		list_remove(&a->of_vas);
		a->vas = NULL;
	}
}

void vas_free_views(struct space *space)
{
	while (!list_is_empty(&space->attachments)) {
		struct attachment *a = container_of(list_first(&space->attachments), struct attachment, of_space);

		list_remove(&a->of_space);
		pool_free(&attachment_pool, a);
	}
}

/* --- switching --- */

/* The entry of the thread's chain whose view is meant: for the space that the thread is in, or (by_system) for the one whose system
 * call it serves. */
static const struct call *view_call(const struct thread *thread, bool by_system)
{
	if (by_system)
		return &thread->calls[thread->depth - 1];
	return thread->space->system ? &thread->calls[thread->depth] : NULL;
}

int vas_active(const struct thread *thread, bool by_system, u32 *rights)
{
	const struct call *call = view_call(thread, by_system);
	const struct attachment *a = call ? view_attachment(call->view) : NULL;

	*rights = a ? a->rights : 0;
	return !call ? -E_INVAL : a ? (int)a->vas->number : 0;
}

int vas_switch(struct thread *thread, u32 number, bool by_system)
{
	struct call *call = (struct call *)view_call(thread, by_system);
	struct attachment *from, *to = NULL;
	struct view *before;
	struct space *vas;

	if (!call)
		return -E_INVAL;
	from = view_attachment(call->view);
	if (number) {
		vas = space_find(number);
		to = vas ? vas_find(call->space, vas) : NULL;
		if (!to)
			return -E_NOENT;
	}
	if (!by_system && (((from ? from->rights : 0) | (to ? to->rights : 0)) & VAS_BY_SYSTEM))
		return -E_PERM;
	before = call->view;
	vas_set_view(call, call->space, to);
	thread_load();
	if (!by_system)
		gate_open_vases(cpu_self(), before, from ? from->vas->number : 0, call->view, number);
	else
		gate_reset(cpu_self());
	return from ? (int)from->vas->number : 0;
}

void vas_inherit(struct thread *thread, const struct call *call)
{
	struct attachment *a = call->space == thread->space ? view_attachment(call->view) : NULL;

	if (a && !(a->rights & VAS_BY_SYSTEM))
		vas_set_view(&thread->calls[0], thread->space, a);
}

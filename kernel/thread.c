/* Threads: their life, stacklets, and how they leave spaces that end: thread.h. */
#include "thread.h"

#include "account.h"
#include "arch.h"
#include "call.h"
#include "call_with.h"
#include "frame.h"
#include "irq.h"
#include "lib/string.h"
#include "panic.h"
#include "pool.h"
#include "regs.h"
#include "sched.h"
#include "space.h"
#include "tlb.h"
#include "vas.h"
#include "wait.h"

struct list_node threads = LIST_INIT(threads);

static struct thread *by_number[THREADS_MAX];
static u32 next_number;
static struct pool thread_pool = POOL_INIT(thread_pool, struct thread),
		   stacklet_pool = POOL_INIT(stacklet_pool, struct stacklet);

_Static_assert((sizeof(struct user_frame) & (sizeof(struct user_frame) - 1)) == 0,
	"a user frame aligned to its size lies in one page");

struct thread *thread_find(u32 number)
{
	return number < THREADS_MAX ? by_number[number] : NULL;
}

/* Finds a free number, round robin, so that a number is not used again at once. */
static int take_number(struct thread *thread)
{
	for (u32 i = 0; i < THREADS_MAX; i++) {
		u32 number = (next_number + i) % THREADS_MAX;

		if (!by_number[number]) {
			by_number[number] = thread;
			thread->number = number;
			next_number = (number + 1) % THREADS_MAX;
			return 0;
		}
	}
	return -E_LIMIT;
}

static void drop_stacklet(struct stacklet *stacklet)
{
	struct space *space = stacklet->space;

	list_remove(&stacklet->of_thread);
	list_remove(&stacklet->of_space);
	stacklet->thread->stacklet_count--;
	frame_put(stacklet->page);
	if (space->end == SPACE_ALIVE)
		space_stacklet_drop(space, stacklet->thread->number);
	pool_free(&stacklet_pool, stacklet);
	space_put(space);
}

/* Is the thread in the space, or will it return there, or is that a system, where the stacklet may hold user frames? */
static bool uses_stacklet(const struct thread *thread, const struct space *space)
{
	for (u32 i = 0; i < thread->depth; i++)
		if (thread->calls[i].space == space)
			return true;
	return thread->space == space || space->system_entry;
}

/* Drops the oldest stacklet in a space that the thread is not in and will not return to. */
static bool spare_stacklet(struct thread *thread)
{
	list_for_each(node, &thread->stacklets) {
		struct stacklet *stacklet = container_of(node, struct stacklet, of_thread);

		if (uses_stacklet(thread, stacklet->space))
			continue;
		gate_reset(cpu_self()); /* a way may lead there */
		drop_stacklet(stacklet);
		return true;
	}
	return false;
}

void thread_spare_stacklets(struct thread *thread)
{
	while (spare_stacklet(thread))
		;
}

int thread_stacklet(struct thread *thread, struct space *space, u64 *top, void **page)
{
	struct stacklet *stacklet;
	int error;

	list_for_each(node, &thread->stacklets) {
		stacklet = container_of(node, struct stacklet, of_thread);
		if (stacklet->space != space)
			continue;
		*top = stacklet->top;
		*page = stacklet->page;
		return 0;
	}
	if (space->end != SPACE_ALIVE || (thread->stacklet_count == STACKLETS_MAX && !spare_stacklet(thread)))
		return -E_LIMIT;
	stacklet = pool_alloc(&stacklet_pool);
	if (!stacklet)
		return -E_NOMEM;
	error = space_stacklet(space, thread->number, top, page);
	if (error) {
		pool_free(&stacklet_pool, stacklet);
		return error;
	}
	frame_get(*page);
	space_get(space);
	*stacklet = (struct stacklet){ .thread = thread, .space = space, .top = *top, .page = *page };
	list_append(&thread->stacklets, &stacklet->of_thread);
	list_append(&space->stacklets, &stacklet->of_space);
	thread->stacklet_count++;
	return 0;
}

int thread_stack(struct thread *thread, struct space *space, u64 *sp)
{
	void *page;
	int error = thread_stacklet(thread, space, sp, &page);

	if (error)
		return error;
	for (u32 i = thread->depth; i-- > 0;) {
		struct call *call = &thread->calls[i];

		/* Below the frame of an earlier call, its red zone left alone; and below a user frame kept for a process. */
		if (call->space == space && !call->system) {
			*sp = (call->sp - CALL_STACK_GAP) & ~15ul;
			return 0;
		}
		if (call->frame && call->space->system == space) {
			*sp = call->frame_user;
			return 0;
		}
	}
	return 0;
}

int thread_reserve_frame(struct thread *thread, u32 at, struct space *process)
{
	struct call *call = &thread->calls[at];
	struct space *system = process->system;
	u64 sp, top = 0;
	void *page;
	int error = thread_stack(thread, system, &sp);

	if (!error)
		error = thread_stacklet(thread, system, &top, &page);
	if (error)
		return error;
	ASSERT(!call->frame && !call->vas);
	call->view = &process->view;
	call->frame_user = (sp - sizeof(struct user_frame)) & ~(sizeof(struct user_frame) - 1);
	/* The service runs on a stack that is no stacklet, or its stacklet is full: only pages of stacklets can be held. */
	if (call->frame_user >= top || call->frame_user < top - (STACKLET_SIZE - PAGE_SIZE))
		return -E_LIMIT;
	page = space_touch(system, call->frame_user, FAULT_WRITE);
	if (!page)
		return -E_NOMEM;
	call->frame = page;
	frame_get((void *)page_down((u64)page));
	/* The page has been the service's stack: sets the space and the cookie, so that no old content is taken for them. */
	memset(call->frame, 0, sizeof(*call->frame));
	call->frame->space = process->number;
	return 0;
}

void thread_release_frame(struct thread *thread, u32 at)
{
	struct call *call = &thread->calls[at];

	if (!call->frame)
		return;
	frame_put((void *)page_down((u64)call->frame));
	call->frame = NULL;
	if (call->vas)
		space_put(call->vas);
	call->vas = NULL;
}

static void free_thread(struct thread *thread)
{
	for (u32 i = 0; i <= CALLS_MAX; i++) {
		thread_release_frame(thread, i);
		if (thread->calls[i].vector)
			frame_put(thread->calls[i].vector);
	}
	while (!list_is_empty(&thread->stacklets))
		drop_stacklet(container_of(list_first(&thread->stacklets), struct stacklet, of_thread));
	if (thread->vector)
		frame_put(thread->vector);
	if (thread->vector_spare)
		frame_put(thread->vector_spare);
	by_number[thread->number] = NULL;
	pool_free(&thread_pool, thread);
}

/* Sets the registers that the thread starts with: thread_create(). */
static int set_start(struct thread *thread, const struct user_frame *frame, u64 ip, u64 sp, u64 argument)
{
	u64 top;
	void *page;
	int error;

	if (frame) {
		error = thread_reserve_frame(thread, 0, thread->space);
		if (error)
			return error;
		*thread->calls[0].frame = *frame;
		thread->calls[0].frame->flags |= FRAME_FULL | FRAME_THREAD_POINTER;
		thread->calls[0].frame->space = thread->space->number;
		return 0;
	}
	if (!sp) {
		error = thread_stacklet(thread, thread->space, &top, &page);
		if (error)
			return error;
		sp = top;
	}
	if (thread->space->system) {
		error = thread_reserve_frame(thread, 0, thread->space);
		if (error)
			return error;
		regs_start(thread->calls[0].frame, ip, sp - 8, argument);
		return 0;
	}
	regs_start(&thread->regs, ip, sp - 8, argument);
	return 0;
}

int thread_create(struct space *home, const struct user_frame *frame, u64 ip, u64 sp, u64 argument, struct thread **out)
{
	struct thread *thread;
	int error;

	if (home->end != SPACE_ALIVE)
		return -E_DEAD;
	if (home->flags & SPACE_VAS)
		return -E_INVAL;
	if (home->map.fork)
		return -E_BUSY;
	if (!account_charge(home->account, ACCOUNT_THREADS, 1))
		return -E_LIMIT;
	thread = pool_alloc_zeroed(&thread_pool);
	if (!thread) {
		account_refund(home->account, ACCOUNT_THREADS, 1);
		return -E_NOMEM;
	}
	list_init(&thread->queue);
	list_init(&thread->of_home);
	list_init(&thread->stacklets);
	list_init(&thread->wait.timer.node);
	list_init(&thread->deadline.node);
	thread->deadline.is_of_calls = true;
	thread->space = home;
	if (take_number(thread)) {
		account_refund(home->account, ACCOUNT_THREADS, 1);
		pool_free(&thread_pool, thread);
		return -E_LIMIT;
	}
	error = -E_NOMEM;
	thread->vector = frame_alloc();
	if (thread->vector)
		error = set_start(thread, frame, ip, sp, argument);
	if (error) {
		account_refund(home->account, ACCOUNT_THREADS, 1);
		free_thread(thread);
		return error;
	}
	space_get(home);
	home->threads++;
	list_append(&home->homes, &thread->of_home);
	list_append(&threads, &thread->all);
	thread->state = THREAD_WAITING;
	*out = thread;
	return 0;
}

/* Leaves the innermost call. -> the space the thread was in; the reference to it, if it was entered by a portal call, is
 * dropped. */
static void pop_call(struct thread *thread)
{
	struct space *left = thread->space;
	struct call *call = &thread->calls[--thread->depth];

	if (call->deadline || call->grants.next)
		call_with_leave(thread, call);
	if (left->system)
		thread_release_frame(thread, thread->depth + 1);
	thread->space = call->space;
	if (!call->system)
		space_put(left);
	if (call->vector) {
		frame_put(call->vector);
		call->vector = NULL;
	}
}

/* The thread has left all calls and ends. If it was the last thread of its home, that ends too. */
static void end_thread(struct thread *thread)
{
	struct space *home;

	while (thread->depth)
		pop_call(thread);
	home = thread->space;
	list_remove(&thread->all);
	list_remove(&thread->of_home);
	if (thread->state != THREAD_RUNNING)
		list_remove(&thread->queue);
	list_remove(&thread->wait.timer.node);
	list_remove(&thread->deadline.node);
	thread->state = THREAD_DEAD;
	if (thread->cpu && thread->cpu->current == thread) {
		sched_leaves(thread);
		gate_reset(thread->cpu);
		thread->cpu->current = NULL;
	}
	free_thread(thread);
	account_refund(home->account, ACCOUNT_THREADS, 1);
	home->threads--;
	if (!home->threads && home->end == SPACE_ALIVE && !home->system)
		space_kill(home, SPACE_EXITED, 0);
	space_put(home);
}

void thread_exit(void)
{
	struct thread *thread = cpu_self()->current;

	/* A callee cannot end its caller's thread: this ends only the call. */
	for (u32 i = thread->depth; i-- > 0;)
		if (!thread->calls[i].system) {
			while (thread->depth > i)
				call_leave(thread, (u64)-E_DEAD, 0);
			thread_spare_stacklets(thread);
			return;
		}
	end_thread(thread);
}

static bool has_ended_caller(const struct thread *thread)
{
	for (u32 i = 0; i < thread->depth; i++)
		if (thread->calls[i].space->end != SPACE_ALIVE)
			return true;
	return false;
}

/* Drops the thread's stacklets in spaces that have ended; it is in none of these any more. */
static void drop_ended_stacklets(struct thread *thread)
{
	list_for_each_safe(node, &thread->stacklets) {
		struct stacklet *stacklet = container_of(node, struct stacklet, of_thread);

		if (stacklet->space->end != SPACE_ALIVE)
			drop_stacklet(stacklet);
	}
}

void thread_unwind(struct thread *thread)
{
	if (thread->space->end == SPACE_ALIVE)
		return;
	while (thread->space->end != SPACE_ALIVE) {
		if (!thread->depth) {
			end_thread(thread);
			return;
		}
		call_leave(thread, (u64)-E_DEAD, 0);
	}
	if (!has_ended_caller(thread)) {
		thread->pending &= ~(u32)PENDING_END;
		drop_ended_stacklets(thread);
	}
	if (thread->state == THREAD_WAITING)
		wait_cancel(thread);
}

/* A space has ended that the thread is or was in: gets the thread out of it, which may end the thread. */
static void tell_thread(struct thread *thread, const struct space *space)
{
	for (u32 i = 0; i < thread->depth; i++)
		if (thread->calls[i].space == space)
			thread->pending |= PENDING_END;
	/* If a system waits on behalf of the space, its wait ends: what it waits for may never come. */
	if (thread->state == THREAD_WAITING && thread->depth && thread->space == space->system &&
		thread->calls[thread->depth - 1].space == space)
		wait_interrupt(thread);
	if (thread->space != space)
		return;
	thread->pending |= PENDING_END;
	if (thread->state != THREAD_RUNNING)
		thread_unwind(thread);
	else if (thread->cpu != cpu_self())
		arch_poke(thread->cpu->number);
}

/* Tells the threads that are in the space or will return into it: each has the space as its home, or a stacklet in it. -> false: it
 * was time to stop. */
static bool unwind_threads(struct space *space)
{
	while (space->untold && !list_is_empty(&space->homes)) {
		struct list_node *node = list_first(&space->homes);

		space->untold--;
		list_remove(node);
		list_append(&space->homes, node);
		tell_thread(container_of(node, struct thread, of_home), space);
		if (work_is_due())
			return false;
	}
	while (!list_is_empty(&space->stacklets)) {
		struct stacklet *stacklet = container_of(list_first(&space->stacklets), struct stacklet, of_space);
		bool is_inside = stacklet->thread->space == space;

		list_remove(&stacklet->of_space);
		tell_thread(stacklet->thread, space);
		if (!is_inside)
			drop_stacklet(stacklet);
		if (work_is_due())
			return false;
	}
	return true;
}

/* Has all processors whose gate concerns the space reset it: ways hold references. */
static void leave_gates(const struct space *space)
{
	for (unsigned i = 0; i < cpu_count; i++) {
		if (!gate_concerns(cpus[i], space))
			continue;
		if (cpus[i] == cpu_self())
			gate_reset(cpus[i]);
		else
			arch_poke(i);
	}
}

/* --- the end of spaces, in steps --- */

static struct list_node ending = LIST_INIT(ending); /* spaces, by of_manager; spaces managed by one come before it */

static void begin_kill(struct space *space, enum space_end why, u64 address)
{
	space_begin_end(space, why, address);
	space->untold = space->threads;
	irq_release(space);
	list_prepend(&ending, &space->of_manager);
	work_waiting++;
}

/* Takes the space off all processors: none runs its code before the rest of its end is done. */
static void take_off(struct space *space)
{
	space->is_off = true;
	tlb_gone(space);
	tlb_commit();
}

/* Does some of a space's end. If it manages spaces, puts these before it in the list: they end first. -> false: it was time to
 * stop, or there are such spaces. */
static bool kill_some(struct space *space)
{
	if (!list_is_empty(&space->managed)) {
		begin_kill(container_of(list_first(&space->managed), struct space, of_manager), SPACE_KILLED, 0);
		return false;
	}
	if (!unwind_threads(space) || !space_end_some(space) || !wait_tell_end(space))
		return false;
	list_remove(&space->of_manager);
	work_waiting--;
	leave_gates(space);
	space_finish_end(space);
	return true;
}

bool thread_work(void)
{
	static bool is_working; /* this may end threads, which may end spaces, which comes here again */

	if (is_working)
		return false;
	is_working = true;
	while (!list_is_empty(&ending)) {
		kill_some(container_of(list_first(&ending), struct space, of_manager));
		tlb_commit();
		if (work_is_due())
			break;
	}
	/* Ends that have begun in this step come first. */
	list_for_each(node, &ending) {
		struct space *space = container_of(node, struct space, of_manager);

		if (space->is_off)
			break;
		take_off(space);
	}
	is_working = false;
	return list_is_empty(&ending);
}

void space_kill(struct space *space, enum space_end why, u64 address)
{
	if (space->end != SPACE_ALIVE)
		return;
	begin_kill(space, why, address);
	work_run();
}

int thread_set_home(struct thread *thread, struct space *space)
{
	struct call *call = &thread->calls[0];
	struct space *old = call->space;

	if (thread->depth != 1 || !call->system)
		return -E_INVAL;
	if (!account_charge(space->account, ACCOUNT_THREADS, 1))
		return -E_LIMIT;
	account_refund(old->account, ACCOUNT_THREADS, 1);
	space_get(space);
	call->space = space;
	vas_set_view(call, space, NULL);
	call->frame->space = space->number;
	old->threads--;
	space->threads++;
	list_remove(&thread->of_home);
	list_append(&space->homes, &thread->of_home);
	gate_reset(cpu_self());
	thread_load();
	space_put(old);
	return 0;
}

struct view *thread_view(struct thread *thread)
{
	return thread->space->system ? thread->calls[thread->depth].view : &thread->space->view;
}

void thread_interrupt(struct thread *thread)
{
	thread->pending |= PENDING_INTERRUPT;
	if (thread->state == THREAD_WAITING && thread->wait.interruptible)
		wait_interrupt(thread);
	else if (thread->state == THREAD_RUNNING && thread->cpu != cpu_self())
		arch_poke(thread->cpu->number);
}

/* The unshielded space whose root the processor shall be on when the thread next enters the kernel: the system of its space, or
 * else the nearest caller that is not shielded or has a system, so that a return there needs no other root. */
static struct space *entry_space(struct thread *thread)
{
	if (thread->space->system)
		return thread->space->system;
	if (thread->space->flags & SPACE_TRUSTED)
		return thread->space;
	for (u32 i = thread->depth; i-- > 0;) {
		struct space *caller = thread->calls[i].space;

		if (caller->system && caller->system->end == SPACE_ALIVE)
			return caller->system;
		if (caller->flags & SPACE_TRUSTED)
			return caller;
	}
	return NULL;
}

void thread_load(void)
{
	struct cpu *cpu = cpu_self();
	struct thread *thread = cpu->current;
	struct space *space = thread->space;
	struct view *view = &space->view;
	struct call *call = NULL;

	if (space->system) {
		call = &thread->calls[thread->depth];
		call->space = space;
		call->system = true;
		view = call->view;
		cpu->frame = call->frame;
	} else {
		if (thread->depth && thread->calls[thread->depth - 1].system)
			call = &thread->calls[thread->depth - 1];
		cpu->frame = &thread->regs;
	}
	if (call && call->space->system->end == SPACE_ALIVE && thread->depth < call->space->short_depth) {
		cpu->system.entry = call->space->system->system_entry;
		cpu->system.user_frame = call->frame_user;
		cpu->system.process_frame = call->frame;
		cpu->system.space = call->space->system;
		cpu->system.process = call->space;
		cpu->process_view = call->view;
	} else {
		cpu->system.process_frame = NULL;
	}
	arch_space_prepare(view, entry_space(thread));
}

/* The native calls: each is decoded and checked here, then handed to the part that does it. A table maps numbers to
 * functions; functions get the calling thread and its frame and return the result word. */
#include "syscall.h"

#include "arch.h"
#include "call.h"
#include "call_with.h"
#include "fail.h"
#include "grant.h"
#include "irq.h"
#include "lib/string.h"
#include "listing.h"
#include "log.h"
#include "main.h"
#include "map.h"
#include "portal.h"
#include "recall.h"
#include "regs.h"
#include "sched.h"
#include "segment.h"
#include "space.h"
#include "stats.h"
#include "thread.h"
#include "tlb.h"
#include "vas.h"
#include "wait.h"
#include "work.h"

/* A native call. */
struct request {
	struct thread *thread;
	struct space *space; /* the caller's */
	struct user_frame *frame;
};

static u64 word(const struct request *r, unsigned i)
{
	return regs_argument(r->frame, i);
}

/* A number from outside that must fit 32 bits; numbers of objects are never ~0. */
static u32 number(const struct request *r, unsigned i)
{
	u64 value = word(r, i);

	return value > UINT32_MAX ? UINT32_MAX : (u32)value;
}

/* The user frame the thread was called with, if it is in the system portal. */
static struct call *system_frame(const struct request *r)
{
	struct call *call = r->thread->depth ? &r->thread->calls[r->thread->depth - 1] : NULL;

	return call && call->system ? call : NULL;
}

/* The space of that number; 0: the caller's own. Within a call of its system portal a system acts for others: there 0 is nobody, so
 * a number that was lost on the way never means the system itself. */
static struct space *named_space(const struct request *r, u64 number, i64 *error)
{
	struct space *space;

	*error = -E_INVAL;
	if (!number)
		return system_frame(r) ? NULL : r->space;
	space = number <= UINT32_MAX ? space_find((u32)number) : NULL;
	*error = -E_NOENT;
	return space;
}

/* A space the caller may change: its own, or one it manages. NULL otherwise, *error says why. */
static struct space *managed_space(const struct request *r, unsigned i, i64 *error)
{
	struct space *space = named_space(r, word(r, i), error);

	if (!space)
		return NULL;
	*error = -E_PERM;
	return space == r->space || space_manages(r->space, space) ? space : NULL;
}

/* The vector state that belongs to that frame: where the call saved it, or else the registers, saved to the thread's area. */
static void *frame_vector(const struct request *r)
{
	void *aside = system_frame(r)->vector;

	return aside ? aside : (arch_vector_save(r->thread->vector), r->thread->vector);
}

/* What a call returns that must not set a result: the thread is in another space by then, or gone. (A wait returns 0 at
 * first; when the thread wakes, that is overwritten.) */
enum { RESULT_IS_SET = -4096 };

_Static_assert((int)WORK_AGAIN < (int)RESULT_IS_SET, "no result either");

/* A call that may go on in steps: work.h. */
static void begin_steps(const struct request *r)
{
	work_begin(r->thread, r->frame);
}

static i64 set_unless(int error)
{
	return error ? error : RESULT_IS_SET;
}

static i64 do_portal_call(const struct request *r)
{
	u64 words[6];

	for (unsigned i = 0; i < 6; i++)
		words[i] = word(r, i);
	return set_unless(call_portal(regs_portal(r->frame), words, regs_ip(r->frame), regs_sp(r->frame)));
}

static i64 do_portal_call_with(const struct request *r)
{
	return set_unless(call_portal_with(word(r, 0), regs_ip(r->frame), regs_sp(r->frame)));
}

static i64 do_grant_keep(const struct request *r)
{
	return call_grant_keep(word(r, 0));
}

static i64 do_system_return(const struct request *r)
{
	(void)r;
	return set_unless(call_system_return());
}

static i64 do_portal_return(const struct request *r)
{
	return set_unless(call_return(word(r, 0), word(r, 1)));
}

static i64 do_yield(const struct request *r)
{
	(void)r;
	sched_yield();
	return 0;
}

static i64 do_wait(const struct request *r)
{
	return wait_word(word(r, 0), (u32)word(r, 1), word(r, 2), (u32)word(r, 3));
}

static i64 do_wake(const struct request *r)
{
	return wait_wake(r->space, word(r, 0), number(r, 1));
}

static i64 do_thread_create(const struct request *r)
{
	struct thread_spec spec;
	struct user_frame frame;
	struct thread *thread;
	struct space *home;
	i64 error;

	if (space_read(r->space, word(r, 0), &spec, sizeof(spec)))
		return -E_FAULT;
	home = named_space(r, spec.space, &error);
	if (!home)
		return error;
	if (home != r->space && !space_manages(r->space, home))
		return -E_PERM;
	/* Only its system makes and ends the threads of a process: it must know all of them. */
	if (home->system && home->system != r->space)
		return -E_PERM;
	if (spec.frame) {
		if (home->system != r->space)
			return -E_PERM;
		if (space_read(r->space, spec.frame, &frame, sizeof(frame)))
			return -E_FAULT;
	}
	error = thread_create(home, spec.frame ? &frame : NULL, spec.ip, spec.sp, spec.arg, &thread);
	if (error)
		return error;
	if (spec.frame && system_frame(r)) {
		if (frame.flags & FRAME_INHERIT_VECTOR)
			memcpy(thread->vector, frame_vector(r), PAGE_SIZE);
		vas_inherit(thread, system_frame(r));
	}
	sched_ready(thread);
	return thread->number;
}

static i64 do_thread_exit(const struct request *r)
{
	if (r->space->system && !r->thread->depth)
		return -E_PERM;
	thread_exit();
	return RESULT_IS_SET;
}

/* The thread of that number, if its home is the caller or a space that the caller manages. */
static struct thread *managed_thread(const struct request *r, i64 *error)
{
	struct thread *thread = thread_find(number(r, 0));
	struct space *home;

	*error = -E_NOENT;
	if (!thread)
		return NULL;
	*error = -E_PERM;
	/* If the thread is running, the short way of system calls may be changing depth and space just now, but not calls[0]. */
	home = thread->depth || thread->calls[0].system ? thread->calls[0].space : thread->space;
	return home == r->space || space_manages(r->space, home) ? thread : NULL;
}

static i64 do_thread_interrupt(const struct request *r)
{
	i64 error;
	struct thread *thread = managed_thread(r, &error);

	if (thread)
		thread_interrupt(thread);
	return thread ? 0 : error;
}

static i64 do_thread_recall(const struct request *r)
{
	i64 error;
	struct thread *thread = managed_thread(r, &error);

	if (thread)
		thread_recall(thread);
	return thread ? 0 : error;
}

static i64 do_fail(const struct request *r)
{
	i64 error = -E_NOSYS;
	struct thread *thread = !fail_on ? NULL : word(r, 0) ? managed_thread(r, &error) : r->thread;

	return thread ? fail_set(thread, word(r, 1)) : error;
}

static i64 do_frame_vector(const struct request *r)
{
	u64 bytes = arch_vector_bytes();
	struct call *call = system_frame(r);
	void *area = r->thread->vector;

	if (!call)
		return -E_INVAL;
	if (word(r, 2) < bytes)
		return (i64)bytes;
	if (!word(r, 0))
		return space_write(r->space, word(r, 1), frame_vector(r), bytes) ? -E_FAULT : (i64)bytes;
	if (space_read(r->space, word(r, 1), area, bytes))
		return -E_FAULT;
	call->vector ? (void)memcpy(call->vector, area, bytes) : arch_vector_load(area);
	return (i64)bytes;
}

static i64 do_frame_set_space(const struct request *r)
{
	struct space *space = space_find(number(r, 0));

	if (!system_frame(r))
		return -E_INVAL;
	if (!space)
		return -E_NOENT;
	if (space->system != r->space)
		return -E_PERM;
	return thread_set_home(r->thread, space);
}

static i64 do_space_create(const struct request *r)
{
	const struct call *call = system_frame(r);
	struct space_spec spec;
	struct space *space;
	int error;

	if (space_read(r->space, word(r, 0), &spec, sizeof(spec)))
		return -E_FAULT;
	/* The space that a system makes for a process (fork, exec) is on the process's account. */
	error = space_create_for(r->space, call ? call->space : r->space, &spec, &space);
	if (error)
		return error;
	sched_divide(thread_home(r->thread), space);
	return space->number;
}

/* A step, other than the first, of the call that ended a space. */
static i64 go_on_ending(const struct request *r)
{
	work_run();
	return space_ending(number(r, 0), *work_place()) ? WORK_AGAIN : 0;
}

static i64 end_space(const struct request *r, struct space *space)
{
	*work_place() = space->born;
	space_kill(space, space == r->space ? SPACE_EXITED : SPACE_KILLED, 0);
	return word(r, 0) && space_ending(number(r, 0), *work_place()) ? WORK_AGAIN : 0;
}

static i64 do_space_destroy(const struct request *r)
{
	struct space *space;
	i64 error;

	begin_steps(r);
	if (*work_place())
		return work_end(go_on_ending(r));
	space = managed_space(r, 0, &error);
	if (!space)
		return work_end(error);
	/* A process does not end itself by this call: its system does, or its manager. */
	if (space->system && space == r->space)
		return work_end(-E_PERM);
	return work_end(end_space(r, space));
}

static i64 do_space_fork(const struct request *r)
{
	i64 error;
	struct space *from = managed_space(r, 0, &error);
	struct space *to = from ? managed_space(r, 1, &error) : NULL;

	if (!to)
		return error;
	begin_steps(r);
	error = work_end(map_fork(from, to));
	if (!error)
		to->landing = from->landing;
	return error;
}

static i64 do_space_wait(const struct request *r)
{
	i64 error;
	struct space *space = managed_space(r, 0, &error);
	enum space_end why;
	u64 address;

	if (error == -E_NOENT && space_ended(r->space, number(r, 0), &why, &address)) {
		regs_set_results(r->frame, why, address);
		return why;
	}
	if (!space)
		return error;
	if (space == r->space)
		return -E_INVAL;
	return wait_for_end(space);
}

static i64 do_space_set_landing(const struct request *r)
{
	struct landing landing;

	if (space_read(r->space, word(r, 0), &landing, sizeof(landing)))
		return -E_FAULT;
	r->space->landing = landing;
	return 0;
}

static i64 do_space_set_system(const struct request *r)
{
	if (!word(r, 0) || word(r, 0) >= window_bytes())
		return -E_INVAL;
	r->space->system_entry = word(r, 0);
	return 0;
}

static i64 do_space_keep_vector(const struct request *r)
{
	i64 error;
	struct space *space = managed_space(r, 0, &error);

	if (!space)
		return error;
	space->short_depth = 0;
	thread_load();
	return 0;
}

static i64 do_space_info(const struct request *r)
{
	i64 error;
	const struct space *space = named_space(r, word(r, 0), &error);
	struct space_info info;

	if (!space)
		return error;
	space_info(space, &info);
	return space_write(r->space, word(r, 1), &info, sizeof(info));
}

static i64 do_segment_create(const struct request *r)
{
	return segment_create(r->space, word(r, 0), number(r, 1));
}

static i64 do_segment_destroy(const struct request *r)
{
	begin_steps(r);
	return work_end(segment_destroy(r->space, number(r, 0)));
}

static i64 do_segment_supply(const struct request *r)
{
	begin_steps(r);
	return work_end(segment_supply(r->space, number(r, 0), word(r, 1), word(r, 2), word(r, 3)));
}

static i64 do_segment_evict(const struct request *r)
{
	return segment_evict(r->space, number(r, 0), word(r, 1), word(r, 2));
}

static i64 do_segment_present(const struct request *r)
{
	u64 end = 0;
	i64 page = segment_next(r->space, number(r, 0), word(r, 1), &end);

	regs_set_results(r->frame, 0, end);
	return page;
}

static i64 do_segment_frames(const struct request *r)
{
	return segment_frames(r->space, number(r, 0));
}

static i64 do_segment_end(const struct request *r)
{
	return segment_end(r->space, number(r, 0), word(r, 1));
}

static i64 do_segment_clone(const struct request *r)
{
	return segment_clone(r->space, number(r, 0));
}

static i64 do_segment_device(const struct request *r)
{
	if (!(r->space->flags & SPACE_DEVICES))
		return -E_PERM;
	return segment_device(r->space, word(r, 0), word(r, 1));
}

static i64 do_segment_contiguous(const struct request *r)
{
	u64 physical = 0;
	int segment;

	if (!(r->space->flags & SPACE_DEVICES))
		return -E_PERM;
	segment = segment_contiguous(r->space, word(r, 0), &physical);
	if (segment > 0)
		regs_set_results(r->frame, 0, physical);
	return segment;
}

static i64 do_map(const struct request *r)
{
	i64 error;
	struct space *space = managed_space(r, 0, &error);

	if (!space)
		return error;
	if (!(word(r, 3) & MAP_REPLACE))
		return map_add(r->space, space, word(r, 1), word(r, 2), number(r, 3), number(r, 4), word(r, 5));
	begin_steps(r);
	return work_end(map_add(r->space, space, word(r, 1), word(r, 2), number(r, 3), number(r, 4), word(r, 5)));
}

static i64 do_unmap(const struct request *r)
{
	i64 error;
	struct space *space = managed_space(r, 0, &error);

	if (!space)
		return error;
	begin_steps(r);
	return work_end(map_remove(space, word(r, 1), word(r, 2)));
}

static i64 do_protect(const struct request *r)
{
	i64 error;
	struct space *space = managed_space(r, 0, &error);

	if (!space)
		return error;
	begin_steps(r);
	return work_end(map_protect(space, word(r, 1), word(r, 2), number(r, 3)));
}

static i64 do_remap(const struct request *r)
{
	i64 error;
	struct space *space = managed_space(r, 0, &error);

	return space ? map_move(space, word(r, 1), word(r, 2), word(r, 3)) : error;
}

static i64 do_map_query(const struct request *r)
{
	i64 error;
	struct space *space = managed_space(r, 0, &error);
	struct region_info info;

	if (!space)
		return error;
	error = map_query(space, word(r, 1), &info);
	return error ? error : space_write(r->space, word(r, 2), &info, sizeof(info));
}

static i64 do_map_present(const struct request *r)
{
	i64 error;
	struct space *space = managed_space(r, 0, &error);
	u64 end = 0;

	if (!space)
		return error;
	error = map_present(space, word(r, 1), word(r, 2) == 1, &end);
	regs_set_results(r->frame, 0, end);
	return error;
}

static i64 do_grant(const struct request *r)
{
	return grant_make(r->space, word(r, 0), word(r, 1), number(r, 2), number(r, 3));
}

static i64 do_revoke(const struct request *r)
{
	begin_steps(r);
	return work_end(grant_revoke(r->space, number(r, 0)));
}

static i64 do_portal_create(const struct request *r)
{
	i64 error;
	struct space *space = managed_space(r, 2, &error);

	if (space)
		error = portal_create(space, word(r, 0), word(r, 1));
	return error ? error : (i64)globalize(space->number, word(r, 0));
}

static i64 do_portal_destroy(const struct request *r)
{
	i64 error;
	struct space *space = managed_space(r, 1, &error);

	return space ? portal_destroy(space, word(r, 0)) : error;
}

static i64 do_irq_grant(const struct request *r)
{
	struct space *to = space_find(number(r, 1));

	return to ? irq_grant(r->space, word(r, 0), to) : -E_NOENT;
}

static i64 do_irq_attach(const struct request *r)
{
	return irq_attach(r->space, word(r, 0), word(r, 1));
}

static i64 do_irq_done(const struct request *r)
{
	return irq_done(r->space, word(r, 0));
}

static i64 do_irq_call(const struct request *r)
{
	return irq_call(r->space, word(r, 0), word(r, 1), word(r, 2));
}

static i64 do_log(const struct request *r)
{
	char text[LOG_TEXT_MAX];
	u64 bytes = min_u64(word(r, 1), sizeof(text));

	if (space_read(r->space, word(r, 0), text, bytes))
		return -E_FAULT;
	log_of(r->space, text, bytes);
	return 0;
}

static i64 do_stats(const struct request *r)
{
	struct kernel_stats stats;
	u64 bytes = min_u64(word(r, 1), sizeof(stats));

	stats_collect(&stats);
	return space_write(r->space, word(r, 0), &stats, bytes) ? -E_FAULT : (i64)bytes;
}

static i64 do_power_off(const struct request *r)
{
	if (!(r->space->flags & SPACE_DEVICES))
		return -E_PERM;
	log_end();
	arch_power_off((unsigned)word(r, 0));
}

static i64 do_shield_list(const struct request *r)
{
	enum { PAGES_MAX = 32 };
	struct shield_page list[PAGES_MAX];
	unsigned leaks = 0;
	unsigned found = arch_shield_list(list, PAGES_MAX, &leaks);
	u64 copied = min_u64(min_u64(found, PAGES_MAX), word(r, 1));

	if (space_write(r->space, word(r, 0), list, copied * sizeof(list[0])))
		return -E_FAULT;
	regs_set_results(r->frame, 0, leaks);
	return found;
}

static i64 do_list(const struct request *r)
{
	i64 error;
	struct space *space = managed_space(r, 1, &error);

	return space ? listing_write(r->space, number(r, 0), space, word(r, 2), word(r, 3), word(r, 4)) : error;
}

static i64 do_vas_attach(const struct request *r)
{
	i64 error;
	struct space *space = managed_space(r, 0, &error), *vas = space ? managed_space(r, 1, &error) : NULL;

	return vas ? vas_attach(space, vas, number(r, 2)) : error;
}

static i64 do_vas_detach(const struct request *r)
{
	i64 error;
	struct space *space = managed_space(r, 0, &error), *vas = space ? managed_space(r, 1, &error) : NULL;

	return vas ? vas_detach(space, vas, word(r, 2)) : error;
}

static i64 do_vas_switch(const struct request *r)
{
	return vas_switch(r->thread, number(r, 0), system_frame(r));
}

static i64 do_vas_active(const struct request *r)
{
	u32 rights;
	int vas = vas_active(r->thread, system_frame(r), &rights);

	regs_set_results(r->frame, 0, rights);
	return vas;
}

#define ALLOD_CALL(call, name, arguments) [(call)-ALLOD_CALL_FIRST] = do_##name,
static i64 (*const table[])(const struct request *) = {
#include "abi/calls.def"
};
#undef ALLOD_CALL

void native_call(struct user_frame *frame)
{
	struct cpu *cpu = cpu_self();
	struct request request = { cpu->current, cpu->current->space, frame };
	u64 index = regs_call(frame) - ALLOD_CALL_FIRST;
	i64 result;

	if (index >= ARRAY_SIZE(table) || !table[index]) {
		regs_set_result(frame, (u64)-E_NOSYS);
		return;
	}
	result = table[index](&request);
	if (tlb_pending())
		tlb_commit();
	if (result > RESULT_IS_SET)
		regs_set_result(frame, (u64)result);
	else if (result == WORK_AGAIN)
		regs_restart(frame);
}

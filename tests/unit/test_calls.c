/* Random sequences of upcalls: native calls with good and bad arguments, system calls, faults, interrupts, by whatever
 * thread is the current one, while spaces end under it. After each everything is checked; allocations fail at random, and a
 * call that fails must have changed nothing. At the end all spaces are ended and no frame may be missing. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

#include "arch.h"
#include "lib/list.h"
#include "regs.h"
#include "sched.h"
#include "thread.h"
#include "tests/repeats.h"
#include "timer.h"
#include "vas.h"

enum {
	STEPS = 1500,
	LIVE_MAX = 40, /* spaces, threads */
	SCRATCH = 0x100000,
	SCRATCH_PAGES = 2,
	CODE = 0x200000, /* where threads start and portals are */
	HANDLES = 8,
};

#define ALLOD_CALL(number, name, arguments) number,
static const u64 calls[] = {
#include "abi/calls.def"
};
#undef ALLOD_CALL

static u64 segments[HANDLES], grants[HANDLES], portals[HANDLES]; /* results of calls */
static struct space *first;
static u64 named_nobody; /* how often a system did, in a call of its portal */

/* --- checking --- */

static u64 mix(u64 digest, u64 value)
{
	digest = (digest ^ value) * 0x9e3779b97f4a7c15u;
	return digest ^ digest >> 29;
}

/* What a failing call must leave alone. Frames that reading its arguments made appear, and stacklets, are no change. */
static u64 digest(void)
{
	u64 d = space_count();

	for (struct space *space = space_next(1); space; space = space_next(space->number + 1)) {
		d = mix(mix(mix(d, space->number), space->threads), space->system_entry);
		list_for_each(node, &space->map.regions) {
			const struct region *r = container_of(node, struct region, order);

			if (r->flags & REGION_KERNEL)
				continue;
			d = mix(mix(mix(mix(d, r->start), r->end), r->offset), r->flags);
		}
		list_for_each(node, &space->segments)
			d = mix(d, container_of(node, struct segment, owned)->number);
		list_for_each(node, &space->granted)
			d = mix(d, container_of(node, struct grant, of_owner)->number);
		list_for_each(node, &space->portals)
			d = mix(d, container_of(node, struct portal, of_space)->by_address.key);
		list_for_each(node, &space->attached) {
			const struct attachment *a = container_of(node, struct attachment, of_vas);

			d = mix(mix(d, a->view.space->number), a->rights);
		}
	}
	list_for_each(node, &threads) {
		const struct thread *t = container_of(node, struct thread, all);

		d = mix(mix(mix(d, t->number), t->depth), t->space->number);
		if (t->space->system && t->space->end == SPACE_ALIVE) {
			const struct attachment *a = view_attachment(t->calls[t->depth].view);

			d = mix(d, a ? a->vas->number : 0);
		}
	}
	return d;
}

/* A system is told whose each user frame is, whatever happened to the thread. */
static void check_frame(const struct call *call, const struct space *space)
{
	if (space->system && call->frame)
		assert_int_equal(call->frame->space, space->number);
}

static void check_thread(const struct thread *thread)
{
	for (u32 i = 0; i <= thread->depth; i++)
		check_frame(&thread->calls[i], i < thread->depth ? thread->calls[i].space : thread->space);
	assert_ptr_equal(thread_find(thread->number), thread);
	assert_true(thread->depth <= CALLS_MAX && thread->state != THREAD_DEAD);
	assert_true(thread->space->references && thread->space->references < 1000);
	for (u32 i = 0; i < thread->depth; i++)
		assert_true(thread->calls[i].space->references && thread->calls[i].space->references < 1000);
	for (u32 i = thread->depth + 1; i <= CALLS_MAX; i++)
		assert_null(thread->calls[i].frame);
	list_for_each(node, &thread->stacklets) {
		const struct stacklet *stacklet = container_of(node, struct stacklet, of_thread);

		assert_true(stacklet->thread == thread && frame_refs(stacklet->page) >= 1);
	}
	if (thread->space->end == SPACE_ALIVE && thread->space->system)
		assert_non_null(thread->calls[thread->depth].frame);
	/* Who lost the processor at the end of its space leaves it when it runs next. */
	if (thread->space->end != SPACE_ALIVE)
		assert_true(thread->state == THREAD_READY);
	if (thread->state != THREAD_RUNNING)
		assert_ptr_not_equal(thread, host_cpu.current);
}

static void check_all(void)
{
	const struct thread *current = host_cpu.current;
	u32 count = 0;

	space_check_all();
	list_for_each(node, &threads) {
		check_thread(container_of(node, struct thread, all));
		count++;
	}
	for (struct space *space = space_next(1); space; space = space_next(space->number + 1))
		assert_true(space->threads <= count);
	if (!current)
		return;
	assert_int_equal(current->state, THREAD_RUNNING);
	assert_int_equal(current->space->end, SPACE_ALIVE);
	assert_ptr_equal(host_cpu.frame,
		current->space->system ? current->calls[current->depth].frame : &current->regs);
	assert_ptr_equal(host_cpu.loaded, thread_view(host_cpu.current));
}

/* --- entering the kernel --- */

/* Each returns with the next thread as host_cpu.current, or without one. */
static u64 fault_va;
static u32 fault_access;

static void fault(void)
{
	trap_fault(fault_va, fault_access);
}

static void exception(void)
{
	trap_exception(EXCEPTION_ILLEGAL);
}

static void interrupt(void)
{
	trap_interrupt(fault_access);
}

/* --- choosing --- */

static struct space *some_space(void)
{
	u64 skip = core_roll(space_count());
	struct space *space = space_next(1);

	while (skip--)
		space = space_next(space->number + 1);
	return space;
}

static u64 some_thread(void)
{
	u64 count = 0;

	list_for_each(node, &threads)
		count++;
	if (!count)
		return 0;
	count = core_roll(count);
	list_for_each(node, &threads)
		if (!count--)
			return container_of(node, struct thread, all)->number;
	return 0;
}

static u64 some_page(void)
{
	return 0x10000 + core_roll(32) * PAGE_SIZE;
}

static u64 strange_word(void)
{
	const u64 words[] = {
		0,
		1,
		7,
		1ul << 32,
		1ul << 63,
		~0ul,
		0 - PAGE_SIZE,
		user_end() - 1,
		user_end(),
		window_bytes() - PAGE_SIZE,
		window_bytes() / 2,
		STACKLET_BASE,
		STACKLET_BASE + STACKLET_SIZE - 16,
		1ul << 30,
		some_page(),
		globalize(some_space()->number, some_page()),
		segments[core_roll(HANDLES)],
		portals[core_roll(HANDLES)],
	};

	return words[core_roll(ARRAY_SIZE(words))];
}

/* An argument of a kind; sometimes anything else. */
static u64 argument(char kind)
{
	if (!core_roll(16))
		return strange_word();
	switch (kind) {
	case 's':
		return core_roll(2) ? 0 : some_space()->number;
	case 'n':
		return some_space()->number;
	case 'a':
		return core_roll(4) ? some_page() : globalize(some_space()->number, some_page());
	case 'b':
		return (1 + core_roll(core_roll(2) ? 3 : 24)) * PAGE_SIZE;
	case 'k':
		return globalize(some_space()->number, some_page());
	case 'r':
		return core_roll(8);
	case 'f':
		return core_roll(8) | (core_roll(3) ? 0 : MAP_SHARE) | (core_roll(2) ? MAP_REPLACE : 0) |
			(core_roll(3) ? 0 : MAP_MOST(core_roll(8)));
	case 'g':
		return core_roll(16) | (core_roll(2) ? GRANT_PASS : 0);
	case 'h':
		return segments[core_roll(HANDLES)];
	case 'm':
		return core_roll(2) ? segments[core_roll(HANDLES)] : 0;
	case 'u':
		return core_roll(2);
	case 'v':
		return grants[core_roll(HANDLES)];
	case 'c':
		return 1 + core_roll(12);
	case 'i':
		return core_roll(12);
	case 'o':
		return core_roll(12) * PAGE_SIZE;
	case 'p':
		return SCRATCH;
	case 't':
		return some_thread();
	case 'l':
		return (u64[]){ 0, some_space()->number, grants[core_roll(HANDLES)],
			portals[core_roll(HANDLES)] }[core_roll(4)];
	case 'e':
		return CODE + core_roll(4) * 64;
	case 'd':
		return core_roll(3) ? 0 : host_ticks + core_roll(1000000);
	default:
		return 0;
	}
}

/* The kinds of each call's arguments. */
static const char *const kinds[] = {
	[CALL_wait - ALLOD_CALL_FIRST] = "a_dr",
	[CALL_wake - ALLOD_CALL_FIRST] = "ac",
	[CALL_thread_create - ALLOD_CALL_FIRST] = "p",
	[CALL_thread_interrupt - ALLOD_CALL_FIRST] = "t",
	[CALL_thread_recall - ALLOD_CALL_FIRST] = "t",
	[CALL_portal_call_with - ALLOD_CALL_FIRST] = "p",
	[CALL_grant_keep - ALLOD_CALL_FIRST] = "k",
	[CALL_frame_vector - ALLOD_CALL_FIRST] = "rpb",
	[CALL_frame_set_space - ALLOD_CALL_FIRST] = "n",
	[CALL_space_create - ALLOD_CALL_FIRST] = "p",
	[CALL_space_destroy - ALLOD_CALL_FIRST] = "s",
	[CALL_space_fork - ALLOD_CALL_FIRST] = "ss",
	[CALL_space_wait - ALLOD_CALL_FIRST] = "s",
	[CALL_space_set_landing - ALLOD_CALL_FIRST] = "p",
	[CALL_space_set_system - ALLOD_CALL_FIRST] = "e",
	[CALL_space_info - ALLOD_CALL_FIRST] = "sp",
	[CALL_segment_create - ALLOD_CALL_FIRST] = "cu",
	[CALL_segment_destroy - ALLOD_CALL_FIRST] = "h",
	[CALL_segment_supply - ALLOD_CALL_FIRST] = "hica",
	[CALL_segment_evict - ALLOD_CALL_FIRST] = "hic",
	[CALL_segment_end - ALLOD_CALL_FIRST] = "hi",
	[CALL_segment_present - ALLOD_CALL_FIRST] = "hi",
	[CALL_segment_frames - ALLOD_CALL_FIRST] = "h",
	[CALL_segment_device - ALLOD_CALL_FIRST] = "ob",
	[CALL_segment_contiguous - ALLOD_CALL_FIRST] = "c",
	[CALL_map - ALLOD_CALL_FIRST] = "sabfmo",
	[CALL_unmap - ALLOD_CALL_FIRST] = "sab",
	[CALL_protect - ALLOD_CALL_FIRST] = "sabr",
	[CALL_remap - ALLOD_CALL_FIRST] = "saba",
	[CALL_map_query - ALLOD_CALL_FIRST] = "sap",
	[CALL_map_present - ALLOD_CALL_FIRST] = "san",
	[CALL_grant - ALLOD_CALL_FIRST] = "abng",
	[CALL_revoke - ALLOD_CALL_FIRST] = "v",
	[CALL_portal_create - ALLOD_CALL_FIRST] = "ees",
	[CALL_portal_destroy - ALLOD_CALL_FIRST] = "es",
	[CALL_irq_grant - ALLOD_CALL_FIRST] = "in",
	[CALL_irq_attach - ALLOD_CALL_FIRST] = "ia",
	[CALL_irq_done - ALLOD_CALL_FIRST] = "i",
	[CALL_irq_call - ALLOD_CALL_FIRST] = "ieu",
	[CALL_log - ALLOD_CALL_FIRST] = "pc",
	[CALL_stats - ALLOD_CALL_FIRST] = "pc",
	[CALL_shield_list - ALLOD_CALL_FIRST] = "pc",
	[CALL_list - ALLOD_CALL_FIRST] = "rslpc",
	[CALL_segment_clone - ALLOD_CALL_FIRST] = "h",
	[CALL_vas_attach - ALLOD_CALL_FIRST] = "ssf",
	[CALL_vas_detach - ALLOD_CALL_FIRST] = "ssr",
	[CALL_vas_switch - ALLOD_CALL_FIRST] = "n",
};

static void write_call_spec(struct space *space)
{
	struct call_spec spec = {
		.portal = core_roll(3) ? portals[core_roll(HANDLES)] : globalize(some_space()->number, CODE),
		.deadline = core_roll(2) ? timer_ns_of_ticks(host_ticks + core_roll(30000000)) : 0,
		.grants = SCRATCH + 2048,
		.grant_count = (u32)core_roll(4),
	};

	for (u32 i = 0; i < spec.grant_count; i++) {
		struct grant_spec grant = {
			.address = core_roll(4) ? some_page() : globalize(some_space()->number, some_page()),
			.bytes = 1 + core_roll(core_roll(2) ? 100 : 20000),
			.flags = (u32)(1 + core_roll(15)) | (core_roll(3) ? 0 : GRANT_PASS) |
				(core_roll(3) ? 0 : GRANT_KEEP) | (core_roll(3) ? 0 : GRANT_EXACT),
		};

		grant.address += core_roll(2) * core_roll(4096);
		space_write(space, SCRATCH + 2048 + i * sizeof(grant), &grant, sizeof(grant));
	}
	space_write(space, SCRATCH, &spec, sizeof(spec));
}

/* Arguments in memory, at SCRATCH. */
static void write_structure(struct space *space, u64 call)
{
	const struct space_spec space_spec = {
		.flags = core_roll(4) ? (u32)core_roll(8) : SPACE_VAS,
		.system = (u32)core_roll(3),
		.name = "made",
		.quota = { core_roll(2) * core_roll(60), core_roll(2) * core_roll(6), core_roll(2) * core_roll(4),
			core_roll(2) * core_roll(8) },
	};
	const struct thread_spec thread_spec = {
		.space = core_roll(4) ? some_space()->number : 0,
		.ip = CODE,
		.sp = core_roll(3) ? 0 : SCRATCH + 512,
		.frame = core_roll(2) ? 0 : SCRATCH + 1024,
	};
	const struct landing landing = { .crash_landing = core_roll(2) * CODE };
	struct user_frame frame = { .cookie = 1 };

	if (!map_find(&space->map, SCRATCH)) {
		map_add(space, space, some_page(), 8 * PAGE_SIZE, RIGHT_R | RIGHT_W, 0, 0);
		if (map_add(space, space, SCRATCH, SCRATCH_PAGES * PAGE_SIZE, RIGHT_R | RIGHT_W, 0, 0))
			return;
	}
	regs_start(&frame, CODE, SCRATCH + 512, 1);
	space_write(space, SCRATCH + 1024, &frame, sizeof(frame));
	if (call == CALL_space_create)
		space_write(space, SCRATCH, &space_spec, sizeof(space_spec));
	else if (call == CALL_thread_create)
		space_write(space, SCRATCH, &thread_spec, sizeof(thread_spec));
	else if (call == CALL_portal_call_with)
		write_call_spec(space);
	else if (call == CALL_space_set_landing)
		space_write(space, SCRATCH, &landing, sizeof(landing));
}

static bool is_too_much(u64 call)
{
	return call == CALL_power_off ||
		(call == CALL_space_destroy && host_cpu.current->space == first && core_roll(8)) ||
		(call == CALL_space_create && space_count() >= LIVE_MAX) ||
		(call == CALL_space_destroy && core_roll(3)) || (call == CALL_thread_exit && core_roll(8)) ||
		(call == CALL_thread_create && first->threads > LIVE_MAX);
}

/* --- steps --- */

static void remember(u64 call, u64 result)
{
	if (call == CALL_segment_create || call == CALL_segment_contiguous || call == CALL_segment_device)
		segments[core_roll(HANDLES)] = result;
	else if (call == CALL_grant)
		grants[core_roll(HANDLES)] = result;
	else if (call == CALL_portal_create)
		portals[core_roll(HANDLES)] = result;
}

/* Does a system name its own space by 0 while it works for another? */
static bool names_nobody(const struct thread *thread, u64 call, const u64 *words)
{
	const char *kind = call - ALLOD_CALL_FIRST < ARRAY_SIZE(kinds) ? kinds[call - ALLOD_CALL_FIRST] : NULL;

	if (!kind || thread->space->end != SPACE_ALIVE || !thread->depth || !thread->calls[thread->depth - 1].system)
		return false;
	for (unsigned i = 0; kind[i]; i++)
		if (kind[i] == 's' && !words[i])
			return true;
	return false;
}

static void native_call_step(void)
{
	struct thread *thread = host_cpu.current;
	struct space *space = thread->space;
	u64 call = core_roll(8) ? calls[core_roll(ARRAY_SIZE(calls))] : CALL_portal_call_with, words[6] = { 0 }, before,
	    depth = thread->depth;
	u32 number = thread->number, value;
	bool refused;
	i64 result;

	if (is_too_much(call))
		return;
	if (call - ALLOD_CALL_FIRST < ARRAY_SIZE(kinds) && kinds[call - ALLOD_CALL_FIRST])
		for (const char *kind = kinds[call - ALLOD_CALL_FIRST]; *kind; kind++)
			words[kind - kinds[call - ALLOD_CALL_FIRST]] = argument(*kind);
	if (space->end == SPACE_ALIVE)
		write_structure(space, call);
	if (call == CALL_wait && !space_read_u32(space, words[0], &value) && core_roll(4))
		words[1] = value;
	regs_enter(host_cpu.frame, CODE, SCRATCH + 512, words, 0);
	frame_set_call(host_cpu.frame, call,
		core_roll(2) ? portals[core_roll(HANDLES)] : globalize(some_space()->number, CODE));
	refused = names_nobody(thread, call, words);
	named_nobody += refused;
	before = digest();
	if (!core_roll(3))
		core_fail_at(1 + core_roll(8));
	core_enter(trap_native_call);
	core_failed();
	assert_true(!refused || first->end == SPACE_ALIVE);
	if (thread_find(number) != thread || host_cpu.current != thread || thread->space != space ||
		thread->depth != depth)
		return;
	result = frame_result(host_cpu.frame);
	assert_true(!refused || result < 0);
	if (result > 0)
		remember(call, (u64)result);
	else if (result < 0 && result > -100 && result != -E_DEAD && digest() != before)
		fail_msg("call %#lx failed with %ld, but changed something", (unsigned long)call, (long)result);
}

/* One that the first space cannot resolve ends everything. */
static void fault_step(void)
{
	if (host_cpu.current->space == first && core_roll(8))
		return;
	fault_access = (u32)core_roll(3);
	fault_va = core_roll(4) ? some_page() + core_roll(2) * window_bytes() / 2 : strange_word();
	if (fault_access == FAULT_EXEC) {
		/* Also a call through a pointer to a portal. */
		fault_va = core_roll(2) ? portals[core_roll(HANDLES)]
					: globalize(some_space()->number, CODE + core_roll(4) * 64);
		regs_clear(host_cpu.frame, fault_va, SCRATCH + 512);
	}
	if (!core_roll(3))
		core_fail_at(1 + core_roll(8));
	core_enter(fault);
	core_failed();
}

/* What other processors, devices and time do. */
static void outside_step(void)
{
	switch (core_roll(4)) {
	case 0:
		host_ticks += core_roll(20000000);
		core_enter(trap_timer);
		break;
	case 1:
		fault_access = (u32)core_roll(HOST_LINES);
		core_enter(interrupt);
		break;
	case 2:
		if (space_count() > 1 + core_roll(20)) {
			struct space *space = host_cpu.current && core_roll(2) ? host_cpu.current->space : some_space();

			/* By another processor, while this one runs on. */
			if (space != first)
				space_kill(space, SPACE_KILLED, 0);
		}
		break;
	default:
		core_enter(trap_poke);
	}
}

static void new_thread(void)
{
	struct thread *thread;

	if (!core_roll(3))
		core_fail_at(1 + core_roll(8));
	if (!thread_create(core_roll(2) ? first : some_space(), NULL, CODE, 0, 0, &thread))
		sched_ready(thread);
	core_failed();
	core_enter(trap_poke);
}

static void step(void)
{
	u64 what = core_roll(16);

	if (!host_cpu.current)
		return core_roll(2) ? new_thread() : outside_step();
	if (what < 11)
		native_call_step();
	else if (what == 11)
		core_enter(trap_system_call);
	else if (what == 12)
		fault_step();
	else if (what == 13 && host_cpu.current->space != first && !core_roll(4))
		core_enter(exception);
	else if (what == 14)
		core_enter(trap_system_return);
	else
		outside_step();
}

/* --- the whole --- */

static void begin(void)
{
	const struct space_spec spec = { .flags = SPACE_DEVICES | SPACE_TRUSTED, .name = "first" };
	struct thread *keeper; /* never runs; without it the space would end with its last thread */

	assert_int_equal(space_create(NULL, &spec, &first), 0);
	space_get(first);
	portal_create(first, CODE, 1);
	assert_int_equal(thread_create(first, NULL, CODE, 0, 0, &keeper), 0);
}

static void end(void)
{
	/* Nothing if it ended itself. */
	space_kill(first, SPACE_KILLED, 0);
	core_enter(trap_poke);
	space_put(first);
	assert_null(host_cpu.current);
	assert_true(list_is_empty(&threads));
	assert_int_equal(space_count(), 0);
	frame_check();
}

/* Tables of numbers keep their pages: they are made before frames are counted. */
static void warm_up(void)
{
	struct space *space;

	begin();
	for (unsigned i = 0; i < 2200; i++) {
		space = core_space(first, SPACE_GRANT_CREATOR);
		assert_true(segment_create(space, 1, 0) > 0);
		space_end(space, SPACE_KILLED, 0);
	}
	end();
}

static void test_sequences(void **state)
{
	u64 frames, count = repeats(8);

	(void)state;
	warm_up();
	frames = frame_free();
	for (u64 i = 1; i <= count; i++) {
		core_seed = i * 7919;
		begin();
		for (unsigned n = 0; n < STEPS; n++) {
			if (first->end != SPACE_ALIVE) {
				end();
				begin();
			}
			step();
			if (!host_cpu.current || host_cpu.current->space->end == SPACE_ALIVE)
				check_all();
		}
		end();
		if (frame_free() != frames)
			fail_msg("seed %lu: %ld frames are lost", (unsigned long)i, (long)(frames - frame_free()));
	}
	assert_true(named_nobody > count);
}

/* A call that waited for the kernel lock while another processor ended its space makes nothing. */
static void test_ended_meanwhile(void **state)
{
	static const struct {
		u64 call, words[6];
	} made[] = {
		{ CALL_segment_create, { 1 } },
		{ CALL_portal_create, { CODE } },
		{ CALL_map, { 0, SCRATCH, PAGE_SIZE, RIGHT_R | RIGHT_W } },
		{ CALL_grant, { SCRATCH, PAGE_SIZE, 0, RIGHT_R } },
	};
	u64 frames;

	(void)state;
	warm_up();
	frames = frame_free();
	for (unsigned i = 0; i < ARRAY_SIZE(made); i++) {
		u64 words[6];
		struct space *space;
		struct thread *thread;

		begin();
		space = core_space(first, 0);
		assert_int_equal(thread_create(space, NULL, CODE, 0, 0, &thread), 0);
		sched_ready(thread);
		core_enter(trap_poke);
		assert_ptr_equal(host_cpu.current, thread);
		memcpy(words, made[i].words, sizeof(words));
		if (made[i].call == CALL_grant)
			words[2] = first->number;
		regs_enter(host_cpu.frame, CODE, SCRATCH, words, 0);
		frame_set_call(host_cpu.frame, made[i].call, 0);
		space_kill(space, SPACE_KILLED, 0);
		core_enter(trap_native_call);
		assert_null(host_cpu.current);
		assert_true(list_is_empty(&first->received));
		end();
		assert_int_equal(frame_free(), frames);
	}
}

/* Each space is managed by the one before: they end from the innermost, with the stack of a kernel. */
static void test_chain_of_managers(void **state)
{
	struct space *space;
	struct thread *thread;
	u64 frames;

	(void)state;
	warm_up();
	frames = frame_free();
	begin();
	space = first;
	for (unsigned i = 0; i < 200; i++)
		space = core_space(space, SPACE_GRANT_CREATOR);
	assert_int_equal(thread_create(space, NULL, CODE, 0, 0, &thread), 0);
	sched_ready(thread);
	core_enter(trap_poke);
	assert_ptr_equal(host_cpu.current, thread);
	end();
	assert_int_equal(frame_free(), frames);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ended_meanwhile),
		cmocka_unit_test(test_chain_of_managers),
		cmocka_unit_test(test_sequences),
	};

	core_start(argc, argv, 16u << 20);
	timer_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The gate against a model of a thread's calls. Calls and returns at random go through the gate whenever the entry code would use
 * it (which is written here a second time, from gate.h), else through the kernel. In between the kernel is entered for something
 * else, and must know where the thread is; spaces end, and rights are taken away. */
#include "core.h"

#include <string.h>

#include "arch.h"
#include "call.h"
#include "regs.h"
#include "sched.h"
#include "stats.h"
#include "thread.h"
#include "timer.h"

enum {
	SPACES = 4,
	STEPS = 20000,
	DEPTH = 12,
	CODE = 0x200000,
	BASE = 0x300000,
	COOKIE = 77,
	POINTER = 0x5000,
	WORD = 4711
};
/* What each space has mapped: a page with a struct call_spec and a struct grant_spec, and pages to grant. */
enum { SPEC = 0x400000, GRANT = SPEC + 256, PAGES = SPEC + PAGE_SIZE };

static struct space *first, *spaces[SPACES];
static bool served; /* all but the last have a system */
static u64 through_gate, through_kernel, half_way;

static u64 portal_address(unsigned space)
{
	return globalize(spaces[space]->number, CODE);
}

/* The model: who called, and with which stack pointer. */
static struct {
	unsigned space;
	u64 sp;
	u32 grant; /* made with it, of `page` of the caller; 0: none */
	bool writable;
	u64 page;
} chain[DEPTH];
static unsigned depth, here;
static u64 stack, root; /* of the code that runs; root: as entry code has loaded it */

/* --- what entry code does --- */

static bool gate_call(u64 address, u64 sp, u64 *callee_stack)
{
	struct gate *gate = host_cpu.gate;
	struct gate_way *way = &gate->ways[gate_slot(address)];
	struct gate_frame *frame = &gate->frames[gate->depth];

	if (way->address != address || way->from != gate->way)
		return false;
	assert_true(gate->depth < GATE_FRAMES && way->cookie == COOKIE);
	*frame = (struct gate_frame){ CODE + depth, sp, POINTER, 0, gate->way, (u64)((char *)way - (char *)gate->ways),
		{ root, 0 } };
	gate->depth++;
	gate->way = way->id;
	gate->moves++;
	way->calls++;
	memcpy(callee_stack, (char *)gate + way->stack_at, sizeof(u64));
	*callee_stack = ((*callee_stack - CALL_STACK_GAP) & ~15ul) - 8;
	root = way->root[0];
	return true;
}

static bool gate_return(u64 *ip, u64 *sp)
{
	struct gate *gate = host_cpu.gate;
	const struct gate_frame *frame;

	if (!gate->depth || (gate->frames[gate->depth - 1].way & GATE_WITH))
		return false;
	frame = &gate->frames[--gate->depth];
	gate->way = frame->from;
	gate->moves++;
	*ip = frame->ip;
	*sp = frame->sp;
	assert_int_equal(frame->thread_pointer, POINTER);
	root = frame->root[0];
	return true;
}

/* --- the model --- */

/* Where the callee's stack shall start: below its innermost frame, or at the end of its stacklet. */
static u64 expected_stack(unsigned space)
{
	u64 top = STACKLET_BASE + (host_cpu.current->number + 1) * STACKLET_SIZE;

	for (unsigned i = depth; i-- > 0;)
		if (chain[i].space == space)
			return ((chain[i].sp - CALL_STACK_GAP) & ~15ul) - 8;
	return top - 8;
}

/* A system finds in a frame whose it is: the number, and its own word, which only the frame of the home has. */
static void check_frame(const struct user_frame *frame, const struct space *space, unsigned i)
{
	if (!space->system)
		return;
	assert_int_equal(frame->space, space->number);
	assert_int_equal(frame->cookie, i ? 0 : WORD);
}

/* The kernel is entered and knows everything. */
static void check_settled(void)
{
	const struct thread *thread = host_cpu.current;

	check_frame(host_cpu.frame, thread->space, depth);
	for (unsigned i = 0; i < depth; i++)
		check_frame(thread->calls[i].frame, thread->calls[i].space, i);
	assert_true(gate_is_settled(&host_cpu));
	assert_int_equal(thread->depth, depth);
	assert_ptr_equal(thread->space, spaces[here]);
	for (unsigned i = 0; i < depth; i++) {
		assert_ptr_equal(thread->calls[i].space, spaces[chain[i].space]);
		assert_int_equal(thread->calls[i].sp, chain[i].sp);
		assert_int_equal(thread->calls[i].ip, CODE + i);
		assert_true(
			!chain[i].grant || thread->calls[i].grants.next == &grant_by_number(chain[i].grant)->of_call);
	}
	assert_null(host_cpu.gate_grants.next);
	assert_true(host_cpu.gate->depth == host_cpu.gate->settled && host_cpu.gate->depth <= depth);
	for (unsigned i = depth - host_cpu.gate->depth; i < depth; i++)
		assert_true(gate_concerns(&host_cpu, thread->calls[i].space));
	root = (u64)host_cpu.loaded->root;
}

/* The registers that an entry saves. */
static void set_registers(u64 call, u64 word, u64 portal)
{
	const u64 words[6] = { call == CALL_portal_call_with ? SPEC : 0, 0, word };

	regs_enter(host_cpu.frame, CODE + depth, stack, words, 0);
	regs_set_thread_pointer(host_cpu.frame, POINTER);
	frame_set_call(host_cpu.frame, call, portal);
}

static void call_step(void)
{
	unsigned to = (unsigned)core_roll(SPACES);
	u64 address = portal_address(to), sp = stack - core_roll(16) * 16, got, expected;

	if (depth == DEPTH)
		return;
	expected = expected_stack(to);
	stack = sp;
	if (gate_call(address, sp, &got)) {
		through_gate++;
		assert_int_equal(got & ~15ul, expected & ~15ul);
		assert_int_equal(root, (u64)spaces[to]->view.root);
	} else {
		set_registers(CALL_portal_call, 0, address);
		core_enter(trap_native_call);
		through_kernel++;
		got = regs_sp(host_cpu.frame);
		assert_int_equal(got & ~15ul, expected & ~15ul);
	}
	chain[depth].space = here;
	chain[depth].grant = 0;
	chain[depth++].sp = sp;
	here = to;
	stack = got & ~15ul;
	if (gate_is_settled(&host_cpu))
		check_settled();
}

/* Does a call that the thread is in grant the callee a page of the caller's, to write to? */
static bool is_granted(unsigned caller, unsigned callee, u64 page)
{
	for (unsigned i = 0; i < depth; i++)
		if (chain[i].grant && chain[i].writable && chain[i].space == caller && chain[i].page == page &&
			(i + 1 < depth ? chain[i + 1].space : here) == callee)
			return true;
	return false;
}

/* The callee can write to the pages of the caller that it is granted, and to no others. */
static void check_pages(unsigned caller, unsigned callee)
{
	u64 word = core_seed;

	for (u64 page = PAGES; page < PAGES + 2 * PAGE_SIZE; page += PAGE_SIZE)
		assert_int_equal(
			!core_access(spaces[callee], globalize(spaces[caller]->number, page), FAULT_WRITE, &word),
			is_granted(caller, callee, page));
	core_check_tlb();
}

/* A call with a grant of a page, often the same. */
static void call_with_step(unsigned to)
{
	u64 page = PAGES + (core_roll(8) ? 0 : PAGE_SIZE), got, expected = expected_stack(to);
	struct grant_spec grant = { globalize(core_roll(2) ? spaces[here]->number : 0, page), PAGE_SIZE,
		RIGHT_R | (core_roll(4) ? RIGHT_W : 0) | (core_roll(8) ? 0 : RIGHT_P), 0 };
	struct call_spec spec = { .portal = portal_address(to), .grants = GRANT, .grant_count = 1 };

	if (depth == DEPTH)
		return;
	assert_int_equal(space_write(spaces[here], SPEC, &spec, sizeof(spec)), 0);
	assert_int_equal(space_write(spaces[here], GRANT, &grant, sizeof(grant)), 0);
	set_registers(CALL_portal_call_with, 0, 0);
	core_enter(trap_native_call);
	got = regs_sp(host_cpu.frame);
	assert_int_equal(got & ~15ul, expected & ~15ul);
	assert_int_equal(regs_ip(host_cpu.frame), CODE);
	assert_int_equal(host_cpu.user_root[0], (u64)spaces[to]->view.root);
	assert_int_equal(space_read(spaces[here], GRANT, &grant, sizeof(grant)), 0);
	for (unsigned i = 0; i < depth; i++)
		assert_int_not_equal(chain[i].grant, grant.grant);
	assert_ptr_equal(grant_by_number(grant.grant)->to, spaces[to]);
	chain[depth].space = here;
	chain[depth].sp = stack;
	chain[depth].page = page;
	chain[depth].writable = grant.flags & RIGHT_W;
	chain[depth++].grant = grant.grant;
	here = to;
	stack = got & ~15ul;
	root = host_cpu.user_root[0];
	half_way += !gate_is_settled(&host_cpu);
	if (gate_is_settled(&host_cpu))
		check_settled();
	if (core_roll(2))
		check_pages(chain[depth - 1].space, to);
}

static void return_step(void)
{
	u32 grant = depth ? chain[depth - 1].grant : 0;
	unsigned callee = here;
	u64 ip, sp;

	if (!depth)
		return;
	if (gate_return(&ip, &sp)) {
		through_gate++;
		assert_int_equal(root, (u64)spaces[chain[depth - 1].space]->view.root);
	} else {
		set_registers(CALL_portal_return, 0, 0);
		core_enter(trap_native_call);
		through_kernel++;
		ip = regs_ip(host_cpu.frame);
		sp = regs_sp(host_cpu.frame);
		assert_int_equal(frame_result(host_cpu.frame), 0);
	}
	here = chain[--depth].space;
	stack = sp;
	assert_int_equal(sp, chain[depth].sp);
	assert_int_equal(ip, CODE + depth);
	root = (u64)spaces[here]->view.root;
	if (grant) {
		assert_true(gate_is_settled(&host_cpu));
		assert_null(grant_by_number(grant));
		assert_true(host_cpu.user_root[0] == root);
		check_pages(here, callee);
	}
	if (gate_is_settled(&host_cpu))
		check_settled();
}

/* Calls to the same space, one after the other. -> how many. */
static unsigned repeat_step(void)
{
	unsigned to = (here + 1 + (unsigned)core_roll(SPACES - 1)) % SPACES, times = (unsigned)core_roll(6);

	if (depth == DEPTH)
		return 0;
	for (unsigned i = 0; i < times; i++) {
		call_with_step(to);
		if (i + 1 < times || core_roll(2))
			return_step();
	}
	return times;
}

static u64 counted_calls(void)
{
	static struct kernel_stats stats;

	stats_collect(&stats);
	return stats.portal_calls;
}

/* Something else: the registers have to be there afterwards, and the kernel has to know the thread's place. */
static void other_step(void)
{
	set_registers(CALL_yield, 1234, 0);
	switch (core_roll(5)) {
	case 0:
		core_enter(trap_poke);
		break;
	case 1:
		core_enter(trap_timer);
		break;
	case 2:
		portal_forget();
		counted_calls();
		return;
	case 3:
		core_enter(trap_system_call);
		assert_ptr_equal(host_cpu.current->space, spaces[here]->system ? first : spaces[here]);
		if (spaces[here]->system)
			core_enter(trap_system_return);
		break;
	default:
		core_enter(trap_native_call);
	}
	check_settled();
	assert_int_equal(regs_argument(host_cpu.frame, 2), 1234);
	assert_int_equal(regs_sp(host_cpu.frame), stack);
}

/* --- the tests --- */

static void make_space(unsigned i)
{
	const struct space_spec spec = { .system = served && i + 1 < SPACES ? SYSTEM_OWN : SYSTEM_NONE,
		.name = "peer" };

	assert_int_equal(space_create(first, &spec, &spaces[i]), 0);
	assert_int_equal(portal_create(spaces[i], CODE, COOKIE), 0);
	assert_int_equal(map_add(spaces[i], spaces[i], SPEC, 3 * PAGE_SIZE, RIGHT_R | RIGHT_W, 0, 0), 0);
}

static void grant_all(void)
{
	for (unsigned i = 0; i < SPACES; i++)
		for (unsigned j = 0; j < SPACES; j++)
			if (i != j && !grant_find(spaces[i], spaces[j], CODE, RIGHT_P))
				assert_true(grant_make(first, portal_address(i), 1, spaces[j]->number, RIGHT_P) > 0);
}

static void begin(void)
{
	const struct space_spec spec = { .flags = SPACE_DEVICES | SPACE_TRUSTED, .name = "system" };
	struct thread *thread, *keeper;

	assert_int_equal(space_create(NULL, &spec, &first), 0);
	first->system_entry = CODE;
	assert_int_equal(thread_create(first, NULL, CODE, 0, 0, &keeper), 0); /* never runs */
	for (unsigned i = 0; i < SPACES; i++)
		make_space(i);
	grant_all();
	depth = here = 0;
	stack = BASE;
	assert_int_equal(thread_create(spaces[0], NULL, CODE, BASE, 0, &thread), 0);
	sched_ready(thread);
	core_enter(trap_poke);
	assert_ptr_equal(host_cpu.current, thread);
	if (served)
		host_cpu.frame->cookie = WORD;
	root = (u64)host_cpu.loaded->root;
}

static void end(void)
{
	for (unsigned i = 0; i < SPACES; i++)
		if (spaces[i]->end == SPACE_ALIVE)
			space_kill(spaces[i], SPACE_KILLED, 0);
	space_kill(first, SPACE_KILLED, 0);
	core_enter(trap_poke);
	core_end_all();
}

static void sequences(void)
{
	u64 frames, calls, before, made = 0;

	through_gate = through_kernel = half_way = 0;
	begin(); /* what is made once is made now */
	end();
	frames = frame_free();
	begin();
	before = counted_calls();
	for (unsigned i = 0; i < STEPS; i++) {
		unsigned was = depth;

		switch (core_roll(16)) {
		case 0:
			other_step();
			break;
		case 1 ... 5:
			call_step();
			made += depth > was;
			break;
		case 6:
			call_with_step((here + 1 + (unsigned)core_roll(SPACES - 1)) % SPACES);
			made += depth > was;
			break;
		case 7 ... 8:
			made += repeat_step();
			break;
		default:
			return_step();
		}
	}
	calls = counted_calls() - before;
	assert_int_equal(calls, made);
	assert_true(through_gate > STEPS / 8 && through_kernel > STEPS / 50 && half_way > STEPS / 50);
	end();
	assert_int_equal(space_count(), 0);
	assert_int_equal(frame_free(), frames);
}

static void test_sequences(void **state)
{
	(void)state;
	sequences();
}

/* The same among processes: who calls by the gate is taken for nobody else by the system. */
static void test_served(void **state)
{
	(void)state;
	served = true;
	sequences();
	served = false;
}

/* A space in the chain ends while the kernel believes the thread elsewhere: the next entry finds it in a living caller. */
static void test_ends(void **state)
{
	(void)state;
	for (unsigned victim = 1; victim < SPACES; victim++) {
		begin();
		for (unsigned round = 0; round < 2; round++) {
			for (unsigned to = 1; to < SPACES; to++) {
				u64 address = portal_address(to), got;

				if (!gate_call(address, stack - 64, &got)) {
					stack -= 64;
					set_registers(CALL_portal_call, 0, address);
					core_enter(trap_native_call);
					stack += 64;
				}
				depth++;
			}
			for (unsigned to = 1; !round && to < SPACES; to++, depth--)
				assert_true(gate_return(&(u64){ 0 }, &(u64){ 0 }));
		}
		space_kill(spaces[victim], SPACE_KILLED, 0);
		set_registers(CALL_yield, 0, 0);
		core_enter(trap_poke);
		/* The thread goes on where it is if that lives, else in the nearest living caller. */
		assert_ptr_equal(host_cpu.current->space, spaces[victim == SPACES - 1 ? victim - 1 : SPACES - 1]);
		end();
	}
}

/* No address that a caller gives opens a closed way. */
static void test_closed(void **state)
{
	u64 got;

	(void)state;
	begin();
	for (u64 address = 0; address < 256; address++)
		assert_false(gate_call(address, stack, &got));
	call_step();
	return_step();
	gate_forget();
	for (unsigned i = 0; i < SPACES; i++)
		assert_false(gate_call(portal_address(i), stack, &got));
	assert_false(gate_call(0, stack, &got));
	end();
}

/* Ways to portals side by side have slots of their own, and so have those to the same place in copies of a space. */
static void test_slots(void **state)
{
	u32 numbers = 1u << number_bits;

	(void)state;
	for (u32 first_number = GATE_WAYS; first_number < numbers; first_number += GATE_WAYS) {
		unsigned by_number = 0, by_offset = 0;

		for (u32 i = 0; i < GATE_WAYS; i++) {
			by_number |= 1u << gate_slot(globalize(first_number + i, CODE));
			by_offset |= 1u << gate_slot(globalize(first_number, CODE + i * 16));
		}
		assert_int_equal(by_number, (1u << GATE_WAYS) - 1);
		assert_int_equal(by_offset, (1u << GATE_WAYS) - 1);
	}
}

/* A portal that takes the place of one by which the thread came: it is still known where the frames lead back to. */
static void test_same_slot(void **state)
{
	u64 second;

	(void)state;
	begin();
	second = portal_address(2);
	while (gate_slot(second) != gate_slot(portal_address(1)))
		second += 16;
	assert_int_equal(portal_create(spaces[2], address_offset(second), COOKIE), 0);
	assert_true(grant_make(first, second, 1, spaces[1]->number, RIGHT_P) > 0);
	for (depth = 0; depth < 2; depth++) {
		set_registers(CALL_portal_call, 0, depth ? second : portal_address(1));
		chain[depth].space = here = depth;
		chain[depth].grant = 0;
		chain[depth].sp = stack;
		core_enter(trap_native_call);
	}
	here = 2;
	assert_int_equal(host_cpu.gate->depth, depth);
	check_settled();
	end();
}

/* The process calls the last space, and that returns. */
static void call_and_return(u64 call)
{
	set_registers(call, 0, portal_address(SPACES - 1));
	core_enter(trap_native_call);
	assert_true(gate_is_settled(&host_cpu));
	assert_ptr_equal(host_cpu.current->space, spaces[SPACES - 1]);
	set_registers(CALL_portal_return, 0, 0);
	core_enter(trap_native_call);
}

/* What a process may call without asking, its system may not in its place: it is not on the gate's roots. */
static void test_system(void **state)
{
	const struct space_spec system_spec = { .flags = SPACE_DEVICES | SPACE_TRUSTED, .name = "system" };
	const struct space_spec process_spec = { .system = SYSTEM_OWN, .name = "process" };
	const struct grant_spec grant = { PAGES, PAGE_SIZE, RIGHT_R, 0 };
	struct call_spec spec = { .grants = GRANT, .grant_count = 1 };
	struct thread *keeper, *thread;
	struct space *process;

	(void)state;
	assert_int_equal(space_create(NULL, &system_spec, &first), 0);
	assert_int_equal(thread_create(first, NULL, CODE, 0, 0, &keeper), 0); /* never runs */
	first->system_entry = CODE;
	make_space(SPACES - 1);
	spec.portal = portal_address(SPACES - 1);
	assert_int_equal(space_create(first, &process_spec, &process), 0);
	assert_true(grant_make(first, spec.portal, 1, process->number, RIGHT_P) > 0);
	assert_int_equal(map_add(first, first, SPEC, 3 * PAGE_SIZE, RIGHT_R | RIGHT_W, 0, 0), 0);
	assert_int_equal(space_write(first, SPEC, &spec, sizeof(spec)), 0);
	assert_int_equal(space_write(first, GRANT, &grant, sizeof(grant)), 0);
	depth = 0;
	stack = BASE;
	assert_int_equal(thread_create(process, NULL, CODE, BASE, 0, &thread), 0);
	sched_ready(thread);
	core_enter(trap_poke);
	for (unsigned i = 0; i < 3; i++) {
		assert_ptr_equal(host_cpu.current->space, process);
		call_and_return(CALL_portal_call);
		assert_ptr_equal(host_cpu.current->space, process);
		core_enter(trap_system_call);
		assert_ptr_equal(host_cpu.current->space, first);
		call_and_return(CALL_portal_call_with);
		assert_ptr_equal(host_cpu.current->space, first);
		core_enter(trap_system_return);
	}
	space_kill(first, SPACE_KILLED, 0);
	core_enter(trap_poke);
	core_end_all();
}

/* A system ends, and its processes with it, while a thread has gone from one of them into another without the kernel's knowing. */
static void test_system_ends(void **state)
{
	const struct space_spec system_spec = { .flags = SPACE_DEVICES | SPACE_TRUSTED, .name = "system" };
	const struct space_spec process_spec = { .system = SYSTEM_OWN, .name = "process" };
	static struct gate other_gate;
	static struct cpu other_cpu = { .gate = &other_gate };
	struct thread *keeper, *thread;
	u64 got;

	(void)state;
	assert_int_equal(space_create(NULL, &system_spec, &first), 0);
	assert_int_equal(thread_create(first, NULL, CODE, 0, 0, &keeper), 0); /* never runs */
	first->system_entry = CODE;
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(space_create(first, &process_spec, &spaces[i]), 0);
	assert_int_equal(portal_create(spaces[1], CODE, COOKIE), 0);
	assert_true(grant_make(first, portal_address(1), 1, spaces[0]->number, RIGHT_P) > 0);
	assert_int_equal(thread_create(spaces[0], NULL, CODE, BASE, 0, &thread), 0);
	sched_ready(thread);
	core_enter(trap_poke);
	depth = 0;
	stack = BASE;
	set_registers(CALL_portal_call, 0, portal_address(1));
	core_enter(trap_native_call);
	assert_true(gate_return(&got, &got) && gate_call(portal_address(1), BASE, &got));
	assert_false(gate_is_settled(&host_cpu));
	cpus[0] = &other_cpu; /* it does not reset our gate */
	space_kill(first, SPACE_KILLED, 0);
	cpus[0] = &host_cpu;
	core_enter(trap_poke);
	assert_null(host_cpu.current);
	core_end_all();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_served),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_same_slot),
		cmocka_unit_test(test_system),
		cmocka_unit_test(test_system_ends),
	};

	core_start(argc, argv, 16u << 20);
	timer_init();
	host_has_gate = true;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

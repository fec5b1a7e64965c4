/* Interrupts that are calls, against a model of the interrupted threads and their registers: interrupts of several lines at random,
 * on top of each other, in a service and in a process; calls that return, end their thread, run out of time, call others, and
 * drivers that end. And what irq_call() reserves, on whose account, and how it fails. */
#include "core.h"

#include <string.h>

#include "account.h"
#include "arch.h"
#include "call.h"
#include "irq.h"
#include "recall.h"
#include "regs.h"
#include "sched.h"
#include "thread.h"
#include "timer.h"

enum { LINES = 15, STEPS = 20000, CODE = 0x200000, WORD = 0x300000, BASE = 0x400000, RANDOM_BYTES = 15 * 8 };

static struct space *first, *drivers[LINES], *victim;
static u64 calls_made, counted;
static unsigned interrupt_line;

static void interrupt(void)
{
	trap_interrupt(interrupt_line);
}

/* --- the model: who was left, outermost first --- */

static struct {
	int line; /* -1: by a portal call */
	struct space *space;
	struct user_frame regs;
} left[CALLS_MAX];
static unsigned depth;

/* Registers that nobody else has. */
static void scramble(void)
{
	u8 *bytes = (u8 *)host_cpu.frame;

	for (unsigned i = 0; i < RANDOM_BYTES; i++)
		bytes[i] = (u8)core_roll(256);
	regs_set_thread_pointer(host_cpu.frame, core_roll(1000) + 1);
}

/* The thread goes on where frame `at` was left by an interrupt, and all further frames are gone. */
static void check_back(unsigned at)
{
	const struct thread *thread = host_cpu.current;

	depth = at;
	assert_int_equal(thread->depth, depth);
	assert_ptr_equal(thread->space, left[at].space);
	assert_memory_equal(host_cpu.frame, &left[at].regs, RANDOM_BYTES);
	assert_int_equal(regs_ip(host_cpu.frame), regs_ip(&left[at].regs));
	assert_int_equal(regs_sp(host_cpu.frame), regs_sp(&left[at].regs));
	assert_int_equal(regs_thread_pointer(host_cpu.frame), regs_thread_pointer(&left[at].regs));
}

static bool is_under_way(unsigned line)
{
	for (unsigned i = 0; i < depth; i++)
		if (left[i].line == (int)line)
			return true;
	return false;
}

static u32 word_of(unsigned line)
{
	u32 value = 0;

	assert_int_equal(space_read(drivers[line], WORD, &value, sizeof(value)), 0);
	return value;
}

/* --- steps --- */

static void interrupt_step(void)
{
	const unsigned line = (unsigned)core_roll(LINES);
	const bool under_way = is_under_way(line);
	const u32 word = word_of(line);
	u64 general = 0;

	scramble();
	left[depth].line = (int)line;
	left[depth].space = host_cpu.current->space;
	left[depth].regs = *host_cpu.frame;
	interrupt_line = line;
	core_enter(interrupt);
	assert_int_equal(host_lines[line], IRQ_TAKEN);
	if (host_cpu.current->depth == depth) {
		check_back(depth);
		assert_int_equal(word_of(line), word + 1);
		counted++;
		return;
	}
	assert_true(!under_way && depth + 1 < CALLS_MAX && word_of(line) == word);
	calls_made++;
	depth++;
	assert_int_equal(host_cpu.current->depth, depth);
	assert_ptr_equal(host_cpu.current->space, drivers[line]);
	assert_int_equal(regs_ip(host_cpu.frame), CODE);
	assert_int_equal(regs_argument(host_cpu.frame, 0), line);
	assert_int_equal(regs_thread_pointer(host_cpu.frame), 0);
	assert_true(regs_sp(host_cpu.frame) <= STACKLET_BASE + (THREADS_MAX + line + 1) * STACKLET_SIZE);
	assert_true(regs_sp(host_cpu.frame) > STACKLET_BASE + (THREADS_MAX + line + 1) * STACKLET_SIZE - 64);
	for (unsigned i = 1; i < 6; i++)
		general |= regs_argument(host_cpu.frame, i);
	assert_int_equal(general, 0);
}

static void leave_step(u64 call)
{
	const int line = depth ? left[depth - 1].line : -1;
	const u32 word = line < 0 ? 0 : word_of((unsigned)line);

	if (!depth)
		return;
	scramble();
	frame_set_call(host_cpu.frame, call, 0);
	core_enter(trap_native_call);
	if (line < 0) {
		assert_int_equal(host_cpu.current->depth, --depth);
		assert_ptr_equal(host_cpu.current->space, left[depth].space);
		return;
	}
	check_back(depth - 1);
	assert_int_equal(word_of((unsigned)line), word + (call == CALL_thread_exit));
	assert_int_equal(host_lines[line], call == CALL_thread_exit ? IRQ_TAKEN : IRQ_OPEN);
}

/* In a driver's call: a call of another driver. */
static void call_step(void)
{
	const unsigned to = (unsigned)core_roll(LINES);

	if (!depth || depth + 1 >= CALLS_MAX - 2 || host_cpu.current->space == victim)
		return;
	left[depth].line = -1;
	left[depth].space = host_cpu.current->space;
	regs_clear(host_cpu.frame, CODE + 64, BASE);
	frame_set_call(host_cpu.frame, CALL_portal_call, globalize(drivers[to]->number, CODE));
	core_enter(trap_native_call);
	depth++;
	assert_int_equal(host_cpu.current->depth, depth);
	assert_ptr_equal(host_cpu.current->space, drivers[to]);
}

/* All calls of interrupts run out of time. */
static void time_step(void)
{
	unsigned outermost = 0;

	while (outermost < depth && left[outermost].line < 0)
		outermost++;
	host_ticks += 2 * IRQ_CALL_NS_MAX;
	core_enter(trap_timer);
	if (outermost < depth)
		check_back(outermost);
}

static void make_driver(unsigned line)
{
	const struct space_spec spec = { .name = "driver", .quota = { 64, 0, 0, 0 } };
	struct space *space;

	assert_int_equal(space_create(first, &spec, &space), 0);
	drivers[line] = space;
	assert_int_equal(map_add(space, space, WORD, PAGE_SIZE, RIGHT_R | RIGHT_W, 0, 0), 0);
	assert_int_equal(portal_create(space, CODE, 7), 0);
	assert_int_equal(irq_grant(first, line, space), 0);
	assert_int_equal(irq_attach(space, line, WORD), 0);
	assert_int_equal(irq_call(space, line, CODE, 0), 0);
}

static void grant_portals(void)
{
	for (unsigned i = 0; i < LINES; i++)
		for (unsigned j = 0; j < LINES; j++)
			if (i != j && !grant_find(drivers[i], drivers[j], CODE, RIGHT_P))
				assert_true(grant_make(first, globalize(drivers[i]->number, CODE), 1,
						    drivers[j]->number, RIGHT_P) > 0);
}

/* A driver ends that the thread is in, or has nothing to do with, and another has its line. */
static void end_step(void)
{
	const unsigned line = (unsigned)core_roll(LINES);

	for (unsigned i = 0; i < depth; i++)
		if (left[i].space == drivers[line])
			return;
	space_kill(drivers[line], SPACE_KILLED, 0);
	if (host_cpu.current->space == drivers[line]) {
		core_enter(trap_poke);
		if (left[depth - 1].line >= 0)
			check_back(depth - 1);
		else
			assert_int_equal(host_cpu.current->depth, --depth);
	}
	make_driver(line);
	grant_portals();
}

/* --- the tests --- */

static void begin(bool process)
{
	const struct space_spec spec = { .flags = SPACE_DEVICES | SPACE_TRUSTED, .name = "first" },
				victim_spec = { .name = "victim", .system = process ? SYSTEM_OWN : SYSTEM_NONE };
	struct thread *thread;

	assert_int_equal(space_create(NULL, &spec, &first), 0);
	first->system_entry = CODE;
	assert_int_equal(space_create(first, &victim_spec, &victim), 0);
	for (unsigned i = 0; i < LINES; i++)
		make_driver(i);
	grant_portals();
	depth = 0;
	assert_int_equal(thread_create(victim, NULL, CODE, BASE, 0, &thread), 0);
	sched_ready(thread);
	core_enter(trap_poke);
	assert_ptr_equal(host_cpu.current, thread);
}

static void end(void)
{
	space_kill(victim, SPACE_KILLED, 0);
	for (unsigned i = 0; i < LINES; i++)
		space_kill(drivers[i], SPACE_KILLED, 0);
	core_enter(trap_poke);
	assert_null(host_cpu.current);
	core_end_all();
}

static void sequences(bool process)
{
	u64 frames;

	begin(process); /* what is made once is made now */
	end();
	frames = frame_free();
	begin(process);
	calls_made = counted = 0;
	for (unsigned i = 0; i < STEPS; i++) {
		host_ticks += core_roll(3) ? 0 : core_roll(100000);
		switch (core_roll(32)) {
		case 0 ... 13:
			interrupt_step();
			break;
		case 14 ... 24:
			leave_step(CALL_portal_return);
			break;
		case 25 ... 26:
			leave_step(CALL_thread_exit);
			break;
		case 27 ... 29:
			call_step();
			break;
		case 30:
			if (!core_roll(8))
				time_step();
			break;
		default:
			if (!core_roll(8))
				end_step();
		}
		if (victim->end != SPACE_ALIVE)
			fail_msg("who was interrupted has ended");
	}
	assert_true(calls_made > STEPS / 20 && counted > STEPS / 20);
	end();
	assert_int_equal(frame_free(), frames);
}

static void test_service(void **state)
{
	(void)state;
	sequences(false);
}

static void test_process(void **state)
{
	(void)state;
	sequences(true);
}

/* --- what is reserved --- */

static u64 digest_before, used_before;

static u64 used(const struct space *space)
{
	struct space_info info;

	space_info(space, &info);
	return info.used.frames;
}

static int ask(void *driver)
{
	return irq_call(driver, 0, CODE, 0);
}

static void check_nothing(void *driver)
{
	assert_int_equal(core_digest(), digest_before);
	assert_int_equal(used(driver), used_before);
}

static void test_reserve(void **state)
{
	struct space *driver;

	(void)state;
	begin(false);
	driver = drivers[0];
	assert_int_equal(irq_call(driver, 0, 0, 0), 0);
	/* Another that never had a stack for the line. */
	make_driver(0);
	assert_int_equal(irq_call(drivers[0], 0, 0, 0), 0);
	space_stacklet_drop(drivers[0], THREADS_MAX);
	space_kill(driver, SPACE_KILLED, 0);
	driver = drivers[0];
	digest_before = core_digest();
	used_before = used(driver);
	assert_true(core_fail_each(ask, check_nothing, driver) >= 2);
	assert_true(used(driver) >= used_before + 2);
	assert_int_equal(irq_call(driver, 0, CODE, 1000), 0); /* again: the same page */
	used_before = used(driver);
	assert_int_equal(irq_call(driver, 0, 0, 0), 0);
	assert_int_equal(used(driver), used_before - 1);
	end();
}

/* The page of a call under way is given back at its end, to who paid for it. */
static void test_account(void **state)
{
	(void)state;
	begin(false);
	interrupt_line = 0;
	used_before = used(drivers[0]);
	core_enter(interrupt);
	assert_int_equal(host_cpu.current->depth, 1);
	assert_int_equal(irq_grant(first, 0, drivers[2]), 0);
	assert_int_equal(used(drivers[0]), used_before);
	frame_set_call(host_cpu.frame, CALL_portal_return, 0);
	core_enter(trap_native_call);
	assert_int_equal(host_cpu.current->depth, 0);
	assert_int_equal(used(drivers[0]), used_before - 1);
	assert_int_equal(irq_call(drivers[0], 0, CODE, 0), -E_PERM);
	end();
}

/* A recall of who was interrupted waits; so does what it waits for. */
static void test_recall(void **state)
{
	struct thread *thread;

	(void)state;
	begin(false);
	thread = host_cpu.current;
	assert_true(grant_make(first, globalize(drivers[1]->number, CODE), 1, victim->number, RIGHT_P) > 0);
	regs_clear(host_cpu.frame, CODE, BASE);
	frame_set_call(host_cpu.frame, CALL_portal_call, globalize(drivers[1]->number, CODE));
	core_enter(trap_native_call);
	assert_ptr_equal(thread->space, drivers[1]);
	interrupt_line = 0;
	core_enter(interrupt);
	assert_ptr_equal(thread->space, drivers[0]);
	thread_recall(thread);
	core_enter(trap_poke);
	assert_ptr_equal(thread->space, drivers[0]);
	regs_enter(host_cpu.frame, CODE, BASE, (const u64[6]){ WORD }, 0);
	frame_set_call(host_cpu.frame, CALL_wait, 0);
	core_enter(trap_native_call);
	assert_int_equal(frame_result(host_cpu.frame), -E_PERM);
	frame_set_call(host_cpu.frame, CALL_portal_return, 0);
	core_enter(trap_native_call);
	assert_ptr_equal(thread->space, victim);
	assert_int_equal(thread->depth, 0);
	assert_int_equal(frame_result(host_cpu.frame), -E_INTR);
	/* It may wait again, if there is anything to wait for. */
	regs_enter(host_cpu.frame, CODE, BASE, (const u64[6]){ WORD }, 0);
	frame_set_call(host_cpu.frame, CALL_wait, 0);
	core_enter(trap_native_call);
	assert_int_equal(frame_result(host_cpu.frame), -E_FAULT);
	end();
}

/* A chain of calls that is full. */
static void test_full(void **state)
{
	u32 word;

	(void)state;
	begin(false);
	interrupt_line = 0;
	core_enter(interrupt);
	for (unsigned i = 1; i + 1 < CALLS_MAX; i++) {
		regs_clear(host_cpu.frame, CODE, BASE);
		frame_set_call(host_cpu.frame, CALL_portal_call, globalize(drivers[i % 2]->number, CODE));
		core_enter(trap_native_call);
		assert_int_equal(host_cpu.current->depth, i + 1);
	}
	word = word_of(2);
	interrupt_line = 2;
	core_enter(interrupt);
	assert_int_equal(host_cpu.current->depth, CALLS_MAX - 1);
	assert_int_equal(word_of(2), word + 1);
	host_ticks += 2 * IRQ_CALL_NS_MAX;
	core_enter(trap_timer);
	assert_int_equal(host_cpu.current->depth, 0);
	end();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_account),
		cmocka_unit_test(test_recall),
		cmocka_unit_test(test_full),
	};

	core_start(argc, argv, 16u << 20);
	timer_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

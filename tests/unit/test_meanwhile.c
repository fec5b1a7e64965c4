/* Races: another processor has acted, or is about to, while a thread of a process enters the kernel. */
#include "core.h"

#include "arch.h"
#include "call.h"
#include "regs.h"
#include "sched.h"
#include "thread.h"
#include "timer.h"

enum { SCRATCH = 0x100000, CODE = 0x200000 };

static struct space *first;

static void end(void)
{
	space_kill(first, SPACE_KILLED, 0);
	core_enter(trap_poke);
	assert_null(host_cpu.current);
	assert_true(list_is_empty(&threads));
	assert_int_equal(space_count(), 0);
}

/* A thread of a process begins to run. */
static struct thread *run_in(struct space *process)
{
	struct thread *thread;

	assert_int_equal(thread_create(process, NULL, CODE, 0, 0, &thread), 0);
	sched_ready(thread);
	core_enter(trap_poke);
	assert_ptr_equal(host_cpu.current, thread);
	return thread;
}

static struct space *begin_process(void)
{
	const struct space_spec system_spec = { .flags = SPACE_DEVICES | SPACE_TRUSTED, .name = "system" };
	const struct space_spec spec = { .system = SYSTEM_OWN, .name = "process" };
	struct thread *keeper; /* never runs; without it the space would end with its last thread */
	struct space *process;

	assert_int_equal(space_create(NULL, &system_spec, &first), 0);
	assert_int_equal(thread_create(first, NULL, CODE, 0, 0, &keeper), 0);
	first->system_entry = CODE;
	assert_int_equal(map_add(first, first, SCRATCH, PAGE_SIZE, RIGHT_R | RIGHT_W, 0, 0), 0);
	assert_int_equal(space_create(first, &spec, &process), 0);
	return process;
}

/* A thread that was interrupted, or whose process has ended, just before it waits does not wait. */
static void test_wait_meanwhile(void **state)
{
	const u64 words[6] = { SCRATCH, 0, 0, WAIT_INTERRUPTIBLE };
	struct user_frame *frame;
	struct space *process;
	struct thread *thread;

	(void)state;
	process = begin_process();
	thread = run_in(process);
	frame = host_cpu.frame;
	thread_interrupt(thread);
	core_call(CALL_yield, 0, 0);
	assert_int_equal(frame_result(frame), 0);
	assert_int_equal(frame->cause, CAUSE_INTERRUPT);
	core_enter(trap_system_return);
	assert_ptr_equal(thread->space, process);
	thread_interrupt(thread);
	regs_enter(frame, CODE, SCRATCH, (const u64[6]){ core_space(process, 0)->number }, 0);
	frame_set_call(frame, CALL_space_wait, 0);
	core_enter(trap_native_call);
	assert_ptr_equal(host_cpu.current, thread);
	assert_int_equal(frame_result(frame), -E_INTR);
	assert_ptr_equal(thread->space, first);
	space_kill(process, SPACE_KILLED, 0);
	regs_enter(host_cpu.frame, CODE, SCRATCH, words, 0);
	frame_set_call(host_cpu.frame, CALL_wait, 0);
	core_enter(trap_native_call);
	assert_ptr_equal(host_cpu.current, thread);
	assert_int_equal(frame_result(host_cpu.frame), -E_INTR);
	core_enter(trap_system_return);
	assert_null(host_cpu.current);
	end();
}

/* A system is not called for a process that has ended meanwhile. */
static void test_system_call_meanwhile(void **state)
{
	struct space *process;

	(void)state;
	process = begin_process();
	run_in(process);
	space_kill(process, SPACE_KILLED, 0);
	core_enter(trap_system_call);
	assert_null(host_cpu.current);
	end();
}

/* Whose thread it is does not depend on what the short way of system calls has written so far. */
static void test_home(void **state)
{
	struct space *process;
	struct thread *other;

	(void)state;
	process = begin_process();
	other = run_in(process);
	host_cpu.reschedule = true;
	run_in(process);
	other->space = first;
	assert_int_equal(core_call(CALL_thread_interrupt, other->number, 0), 0);
	other->space = process;
	end();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wait_meanwhile),
		cmocka_unit_test(test_system_call_meanwhile),
		cmocka_unit_test(test_home),
	};

	core_start(argc, argv, 16u << 20);
	timer_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

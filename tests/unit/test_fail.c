/* Allocations that a test has fail: kernel/fail.h. */
#include "core.h"

#include "fail.h"
#include "regs.h"
#include "sched.h"
#include "thread.h"
#include "timer.h"

/* The nth allocation fails, for the thread that was told so, and no other. */
static void test_fail(void **state)
{
	struct space *first = core_first();
	struct thread *thread;
	u64 frames, failures = 0;
	i64 result;

	(void)state;
	assert_int_equal(thread_create(first, NULL, 0x200000, 0, 0, &thread), 0);
	sched_ready(thread);
	core_enter(trap_poke);
	assert_int_equal(core_call(CALL_fail, 0, 1), -E_NOSYS);
	fail_init("no");
	assert_int_equal(core_call(CALL_fail, 0, 1), -E_NOSYS);
	fail_init("fail");
	assert_int_equal(core_call(CALL_fail, 12345, 1), -E_NOENT);
	/* What is kept of the first one stays. */
	result = core_call(CALL_segment_create, 5, 0);
	assert_int_equal(core_call(CALL_segment_destroy, (u64)result, 0), 0);
	frames = frame_free();
	for (u64 n = 1;; n++) {
		core_call(CALL_fail, 0, n);
		assert_int_equal(core_call(CALL_fail, 0, ~0ul), n);
		result = core_call(CALL_segment_create, 5, 0);
		if (core_call(CALL_fail, 0, 0))
			break;
		assert_int_equal(result, -E_NOMEM);
		assert_int_equal(frame_free(), frames);
		failures++;
	}
	assert_true(result > 0 && failures > 0);
	/* The object has a frame of its own. */
	assert_true(frame_free() < frames);
	assert_int_equal(core_call(CALL_segment_destroy, (u64)result, 0), 0);
	assert_int_equal(frame_free(), frames);
	core_end_all();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fail),
	};

	core_start(argc, argv, 16u << 20);
	timer_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

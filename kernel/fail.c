/* Allocations that fail on demand: fail.h. */
#include "fail.h"

#include "arch.h"
#include "frame.h"
#include "lib/string.h"
#include "pool.h"
#include "space.h"
#include "thread.h"

bool fail_on;

void fail_init(const char *test)
{
	if (strcmp(test, "fail"))
		return;
	fail_on = true;
	frame_keep_none();
	pool_keep_apart();
}

u32 fail_set(struct thread *thread, u64 count)
{
	u32 left = thread->fail_left;

	if (~count) {
		thread->fail_left = (u32)count;
		thread->fail_taken = false;
	}
	return left;
}

bool fail_counts(void)
{
	const struct cpu *cpu = cpu_self();
	struct thread *thread = cpu ? cpu->current : NULL;

	if (!thread || !thread->fail_left || --thread->fail_left)
		return false;
	thread->fail_taken = true;
	return true;
}

u32 fail_put_off(struct view *view, u64 va, u32 access, struct fault *info, u32 code)
{
	struct thread *thread = cpu_self()->current;

	if (!fail_on || !(code & FAULT_NOMEM) || !thread || !thread->fail_taken || view->space->system ||
		info->owner != view->space->number)
		return code;
	code = view_fault(view, va, access, info);
	fail_set(thread, 1);
	return code;
}

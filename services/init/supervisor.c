/* Supervising the children: supervisor.h. */
#include "supervisor.h"

enum { FAILURES_MAX = 3 };

void supervisor_give_up(const char *why)
{
	service_log("init: %s: powering off", why);
	call_power_off(STATUS_BROKEN);
	service_panic("init: no right to power off");
}

static const char *end_name(i64 end)
{
	static const char *const names[] = {
		[SPACE_ALIVE] = "is alive",
		[SPACE_EXITED] = "exited",
		[SPACE_FAULTED] = "faulted",
		[SPACE_KILLED] = "was killed",
	};

	return end >= 0 && end < (i64)ARRAY_SIZE(names) ? names[end] : "is gone";
}

/* Begins a life and waits for its end. */
static void live(struct child *child)
{
	u64 address = 0;
	i64 end = child_begin(child);
	u32 space;

	if (end < 0) {
		service_log("init: %s could not be started: error %ld", child->name, (long)-end);
		child->failures++;
		return;
	}
	space = child->space;
	end = call_space_wait(space, &address);
	lock_acquire(&child_lock);
	child->failures++;
	lock_release(&child_lock);
	service_log("init: %s (space %u) %s, address 0x%lx", child->name, space, end_name(end), (unsigned long)address);
	child_clear(child);
	call_space_destroy(space);
}

void supervisor_run(struct child *child)
{
	for (;;) {
		live(child);
		if (child->service == SERVICE_LINUX)
			supervisor_give_up("the Linux service has ended");
		if (child->failures > FAILURES_MAX)
			supervisor_give_up("a driver cannot be kept running");
		service_log("init: %s is started again, life %u", child->name, child->lives + 1);
	}
}

static void keep(void *child)
{
	supervisor_run(child);
}

void supervisor_start(struct child *child)
{
	if (thread_start(keep, child) < 0)
		supervisor_give_up("no thread for a driver");
}

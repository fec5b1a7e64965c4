/* Helper threads of the service: helper.h. */
#include "services/linux/helper.h"

#include "services/runtime/service.h"

#include "services/linux/sleep.h"

/* The pause, so that a helper that crashes again and again leaves the processor to others. */
enum { HELPERS_MAX = 8, PAUSE_NS = 50000000 };

static struct helper {
	void (*function)(void *);
	void *argument;
	u32 thread; /* [a] the native one that runs it; 0: none yet, or it has ended */
} helpers[HELPERS_MAX];

static unsigned helper_count;

static void helper_run(void *argument)
{
	struct helper *helper = argument;

	helper->thread = thread_self();
	helper->function(helper->argument);
	helper->thread = 0;
}

void helper_start(void (*function)(void *), void *argument)
{
	struct helper *helper = &helpers[helper_count++];

	service_assert(helper_count <= HELPERS_MAX);
	*helper = (struct helper){ function, argument, 0 };
	service_assert(thread_start(helper_run, helper) >= 0);
}

void helper_restart(void)
{
	for (unsigned i = 0; i < helper_count; i++) {
		if (helpers[i].thread != thread_self())
			continue;
		clock_sleep(PAUSE_NS);
		helper_run(&helpers[i]);
		break;
	}
	call_thread_exit();
}

/* Long work in steps: work.h. */
#include "work.h"

#include "arch.h"
#include "regs.h"
#include "segment.h"
#include "thread.h"
#include "timer.h"
#include "tlb.h"

u64 work_waiting;
static u64 step_ticks; /* how long a step may take; 0: not known yet */
u64 work_step_end = ~0ul;
static struct work_place nowhere, *place = &nowhere; /* of the call that is under way */
static const struct user_frame *call_frame;
static u32 call_depth;

static bool is_same_call(void)
{
	bool same = place->call == regs_call(call_frame) && place->depth == call_depth;

	for (unsigned i = 0; i < ARRAY_SIZE(place->words); i++)
		same &= place->words[i] == regs_argument(call_frame, i);
	return same;
}

static void remember_call(void)
{
	place->call = regs_call(call_frame);
	place->depth = call_depth;
	for (unsigned i = 0; i < ARRAY_SIZE(place->words); i++)
		place->words[i] = regs_argument(call_frame, i);
}

void work_begin(struct thread *thread, const struct user_frame *frame)
{
	if (!step_ticks)
		step_ticks = timer_ticks_of_ns(boot_clock.base + WORK_STEP_NS) - boot_clock.start;
	work_step_end = arch_ticks() + step_ticks;
	if (!thread)
		return;
	place = &thread->work;
	call_frame = frame;
	call_depth = thread->depth;
	if (place->call && !is_same_call())
		place->call = place->at = 0;
}

i64 work_end(i64 result)
{
	work_step_end = ~0ul;
	if (result == WORK_AGAIN && place != &nowhere)
		remember_call();
	else
		place->call = place->at = 0;
	place = &nowhere;
	return result;
}

bool work_is_over(void)
{
	return arch_ticks() >= work_step_end;
}

u64 *work_place(void)
{
	nowhere.at = 0;
	return &place->at;
}

void work_run(void)
{
	bool is_own = work_step_end == ~0ul;

	if (is_own)
		work_begin(NULL, NULL);
	if (thread_work())
		segment_work();
	tlb_commit();
	if (is_own)
		work_end(0);
}

/* Bounds on a machine that has no instructions for them: only the library's traps. */
#include "abi/bounds.h"

#include "services/linux/machine.h"
#include "services/linux/task.h"
#include "services/linux/user_memory.h"

enum { TRAP_BYTES = 4 };

bool machine_has_bounds(void)
{
	return false;
}

bool machine_bounds_directory(u64 *directory)
{
	(void)directory;
	return false;
}

enum bounds_cause machine_bounds_cause(struct task *self, const struct user_frame *frame, struct bounds_report *report)
{
	(void)self, (void)frame, (void)report;
	return BOUNDS_CAUSE_OTHER;
}

u64 machine_bounds_astray(u64 directory)
{
	(void)directory;
	return 0;
}

int machine_bounds_trap(struct task *self, const struct user_frame *frame)
{
	u32 word; /* udf #BOUNDS_TRAP + kind: the immediate is the whole of it */
	if (user_get_u32(self, frame->pc, &word))
		return -1;
	return word - BOUNDS_TRAP < BOUNDS_TRAP_KINDS ? (int)(word - BOUNDS_TRAP) : -1;
}

void machine_bounds_trap_end(struct user_frame *frame, long result)
{
	frame->pc += TRAP_BYTES;
	frame->x[0] = result;
	frame->flags |= FRAME_FULL;
}

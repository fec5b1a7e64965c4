/* How long the kernel runs in one go: stretch.h. */
#include "stretch.h"

#include "arch.h"
#include "regs.h"

bool stretch_measured;
static struct upcalls measured; /* [I] the functions that are measured */

static struct stretch *begin(u64 cause)
{
	struct stretch *stretch = &cpu_self()->stretch;

	stretch->began = arch_ticks();
	stretch->running = cause;
	stretch->faults = cpu_self()->faults;
	stretch->interrupts = cpu_self()->interrupts;
	return stretch;
}

static void end(struct stretch *stretch)
{
	const struct cpu *cpu = cpu_self();
	u64 ticks = arch_ticks() - stretch->began;

	if (ticks <= stretch->longest)
		return;
	stretch->longest = ticks;
	stretch->cause = stretch->running;
	if (stretch->running == STRETCH_OTHER && stretch->faults != cpu->faults)
		stretch->cause = STRETCH_FAULT;
	if (stretch->running == STRETCH_OTHER && stretch->interrupts != cpu->interrupts)
		stretch->cause = STRETCH_INTERRUPT;
}

static void native_call(void)
{
	struct stretch *stretch = begin(regs_call(cpu_self()->frame));

	measured.native_call();
	end(stretch);
}

static void system_call(void)
{
	struct stretch *stretch = begin(STRETCH_SYSTEM_CALL);

	measured.system_call();
	end(stretch);
}

static void system_return(void)
{
	struct stretch *stretch = begin(STRETCH_SYSTEM_RETURN);

	measured.system_return();
	end(stretch);
}

static void interrupt(unsigned number)
{
	struct stretch *stretch = begin(STRETCH_OTHER);

	measured.interrupt(number);
	end(stretch);
}

static void exception(unsigned number)
{
	struct stretch *stretch = begin(STRETCH_OTHER);

	measured.exception(number);
	end(stretch);
}

void stretch_measure(struct upcalls *upcalls)
{
	stretch_measured = true;
	measured = *upcalls;
	*upcalls = (struct upcalls){ native_call, system_call, system_return, interrupt, exception };
}

void stretch_waited(u64 since)
{
	cpu_self()->stretch.began += arch_ticks() - since;
}

void stretch_idle(void)
{
	if (stretch_measured && cpu_self()->stretch.running)
		end(&cpu_self()->stretch);
}

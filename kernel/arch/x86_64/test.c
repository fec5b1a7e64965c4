/* A storm of NMIs (`test=nmi` on the command line), for the test that they are harmless at any instruction: each processor
 * that takes one sends one to the next, so that one is always on its way. A single processor sends itself one with every
 * timer interrupt. */
#include "arch.h"
#include "layout.h"
#include "machine.h"

static bool storm;

void arch_test_nmi(bool on)
{
	storm = on;
	if (on)
		lapic_send((cpu_self()->number + 1) % cpu_count, LAPIC_NMI | LAPIC_ASSERT);
}

/* The NMI may have come between the two writes of a command: the first one is put back. */
void test_nmi_taken(void)
{
	u32 target;

	if (!__atomic_load_n(&storm, __ATOMIC_RELAXED) || cpu_count == 1)
		return;
	target = lapic_target();
	lapic_send((cpu_self()->number + 1) % cpu_count, LAPIC_NMI | LAPIC_ASSERT);
	lapic_set_target(target);
}

void test_timer_taken(void)
{
	if (storm && cpu_count == 1)
		lapic_send(0, LAPIC_NMI | LAPIC_ASSERT);
}

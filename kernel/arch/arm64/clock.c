/* Time: the virtual counter is the clock, the virtual timer of each processor is its alarm. Both run at the frequency in
 * CNTFRQ_EL0. With `-icount shift=0` the counter advances by one for each 16 guest instructions (62.5 MHz). */
#include "arch.h"
#include "machine.h"
#include "registers.h"

u64 arch_ticks(void)
{
	isb();
	return read_sysreg(cntvct_el0);
}

void arch_clock_init(struct clock_info *clock)
{
	u64 frequency = read_sysreg(cntfrq_el0);

	/* The counter starts with the machine. */
	*clock = (struct clock_info){ .start = 0, .base = 0, .mult = (1000000000ul << 32) / frequency, .wall = 0 };
}

void arch_alarm(u64 ticks)
{
	write_sysreg(cntv_cval_el0, ticks);
	write_sysreg(cntv_ctl_el0, ticks == ~0ul ? 0 : TIMER_ON);
	isb();
}

bool clock_alarm_due(void)
{
	if (!(read_sysreg(cntv_ctl_el0) & TIMER_ON) || arch_ticks() < read_sysreg(cntv_cval_el0))
		return false;
	write_sysreg(cntv_ctl_el0, 0);
	isb();
	return true;
}

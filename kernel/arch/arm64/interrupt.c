/* From exceptions and interrupts of the processor to the upcalls. entry.S has saved the registers in cpu->frame. */
#include "arch.h"
#include "entry.h"
#include "layout.h"
#include "log.h"
#include "machine.h"
#include "panic.h"
#include "registers.h"

static const u8 exceptions[64] = {
	[CLASS_FETCH_ALIGNMENT] = EXCEPTION_ALIGNMENT,
	[CLASS_STACK_ALIGNMENT] = EXCEPTION_ALIGNMENT,
	[CLASS_FLOAT] = EXCEPTION_FLOAT,
	[CLASS_STEP] = EXCEPTION_STEP,
	[CLASS_BREAKPOINT] = EXCEPTION_BREAKPOINT,
};

static void memory_fault(u64 syndrome, bool fetch)
{
	u64 address = read_sysreg(far_el1);
	u32 access = fetch ? FAULT_EXEC : 0;

	/* Cache maintenance by address is reported as a write, but asks for no right to write. */
	if (!fetch && (syndrome & SYNDROME_WRITE) && !(syndrome & SYNDROME_CACHE))
		access = FAULT_WRITE;
	switch (syndrome & SYNDROME_STATUS) {
	case STATUS_ADDRESS_SIZE:
	case STATUS_TRANSLATION:
	case STATUS_ACCESS_FLAG:
	case STATUS_PERMISSION:
		trap_fault(address, access);
		break;
	case STATUS_ALIGNMENT:
		trap_exception(EXCEPTION_ALIGNMENT);
		break;
	default:
		trap_exception(EXCEPTION_PROTECTION);
	}
}

static void exception_taken(unsigned unused)
{
	u64 syndrome = cpu_self()->frame->syndrome;
	unsigned class = SYNDROME_CLASS(syndrome);

	(void)unused;
	if (class == CLASS_DATA || class == CLASS_FETCH)
		memory_fault(syndrome, class == CLASS_FETCH);
	else if ((class == CLASS_UNKNOWN || class == CLASS_REGISTER) && identify())
		return;
	else
		trap_exception(exceptions[class] ? exceptions[class] : EXCEPTION_ILLEGAL);
}

static void take(unsigned taken)
{
	unsigned number = taken & 1023;

	switch (number) {
	case GIC_POKE:
		gic_end(taken);
		mmu_answer();
		trap_poke();
		break;
	case GIC_FLUSH:
		gic_end(taken);
		mmu_answer();
		break;
	case GIC_TIMER: {
		bool due = clock_alarm_due();

		gic_end(taken);
		if (due)
			trap_timer();
		break;
	}
	default:
		trap_interrupt(number - GIC_LINES);
		break;
	}
}

static void interrupt_taken(unsigned unused)
{
	unsigned taken = gic_take();

	(void)unused;
	if ((taken & 1023) < GIC_NONE)
		take(taken);
	/* Not every interrupt makes an upcall, which would have chosen what to run, or learnt where the gate led to. */
	if (!cpu_self()->current)
		arch_idle();
	if (!gate_is_settled(cpu_self()))
		trap_poke();
}

struct upcalls upcalls = { trap_native_call, trap_system_call, trap_system_return, interrupt_taken, exception_taken };

void kernel_fault(struct kernel_registers *r)
{
	log_line("exception in the kernel, syndrome %lx, address %p", r->syndrome, (void *)r->address);
	log_line("pc %016lx sp %016lx pstate %lx", r->pc, r->sp, r->pstate);
	for (unsigned i = 0; i < 31; i += 4)
		log_line("x%-2u %016lx %016lx %016lx %016lx", i, r->x[i], r->x[i + 1], r->x[i + 2],
			i < 28 ? r->x[i + 3] : 0);
	log_line("ttbr0 %016lx ttbr1 %016lx", read_sysreg(ttbr0_el1), read_sysreg(ttbr1_el1));
	/* The backtrace goes on from where the fault was. */
	backtrace(r->pc, r->x[29]);
	panic("the kernel never faults");
}

/* Return addresses on the stack are signed in their upper bits, which are all ones without. */
u64 arch_code_address(u64 at)
{
	return at | 0xffff000000000000ul;
}

/* From the vectors of the processor to the upcalls. entry.S has saved the registers in cpu->frame. */
#include "arch.h"
#include "entry.h"
#include "layout.h"
#include "log.h"
#include "machine.h"
#include "panic.h"
#include "registers.h"

enum { FAULT_BIT_PRESENT = 1, FAULT_BIT_WRITE = 2, FAULT_BIT_USER = 4, FAULT_BIT_RESERVED = 8, FAULT_BIT_FETCH = 16 };

static const u8 exceptions[VECTOR_LINES] = {
	[0] = EXCEPTION_DIVIDE,
	[1] = EXCEPTION_STEP,
	[3] = EXCEPTION_BREAKPOINT,
	[4] = EXCEPTION_OVERFLOW,
	[5] = EXCEPTION_BOUND,
	[6] = EXCEPTION_ILLEGAL,
	[7] = EXCEPTION_FLOAT,
	[10] = EXCEPTION_PROTECTION,
	[11] = EXCEPTION_PROTECTION,
	[12] = EXCEPTION_PROTECTION,
	[13] = EXCEPTION_PROTECTION,
	[16] = EXCEPTION_FLOAT,
	[17] = EXCEPTION_ALIGNMENT,
	[19] = EXCEPTION_FLOAT,
	[21] = EXCEPTION_PROTECTION,
};

static void page_fault(struct cpu *cpu)
{
	u64 error = cpu->frame->error, va = read_cr2();
	u32 access = 0;

	if (error & FAULT_BIT_RESERVED)
		panic("page tables have a reserved bit set at %p", (void *)va);
	/* The emulator does the accesses of far returns with the kernel's rights, against which SMAP stands: they can never
	 * succeed. */
	if ((error & FAULT_BIT_PRESENT) && !(error & FAULT_BIT_USER)) {
		trap_exception(EXCEPTION_PROTECTION);
		return;
	}
	if (error & FAULT_BIT_WRITE)
		access |= FAULT_WRITE;
	if (error & FAULT_BIT_FETCH)
		access |= FAULT_EXEC;
	trap_fault(va, access);
}

static void device_interrupt(struct cpu *cpu, unsigned vector)
{
	switch (vector) {
	case VECTOR_TIMER:
		lapic_done();
		test_timer_taken();
		if (clock_alarm_due())
			trap_timer();
		break;
	case VECTOR_POKE:
		lapic_done();
		mmu_answer();
		trap_poke();
		break;
	case VECTOR_FLUSH:
		lapic_done();
		mmu_answer();
		break;
	case VECTOR_SPURIOUS:
		break;
	default:
		trap_interrupt(vector - VECTOR_LINES);
		break;
	}
	/* Not every interrupt makes an upcall, which would have chosen what to run. */
	if (!cpu->current)
		arch_idle();
}

void interrupt(unsigned vector)
{
	struct cpu *cpu = cpu_self();

	if (vector == VECTOR_PAGE_FAULT)
		page_fault(cpu);
	else if (vector >= VECTOR_LINES)
		device_interrupt(cpu, vector);
	else if (exceptions[vector])
		trap_exception(exceptions[vector]);
	else
		panic("vector %u in user mode", vector);
}

void kernel_fault(struct kernel_registers *r)
{
	if (r->vector == 13 && vector_fault(&r->rip))
		return;
	log_line("vector %lu in the kernel, error code %lx, address %p", r->vector, r->error, (void *)read_cr2());
	log_line("rip %016lx rsp %016lx rflags %lx cs %lx", r->rip, r->rsp, r->rflags, r->cs);
	log_line("rax %016lx rbx %016lx rcx %016lx rdx %016lx", r->rax, r->rbx, r->rcx, r->rdx);
	log_line("rsi %016lx rdi %016lx rbp %016lx r8  %016lx", r->rsi, r->rdi, r->rbp, r->r8);
	log_line("r9  %016lx r10 %016lx r11 %016lx r12 %016lx", r->r9, r->r10, r->r11, r->r12);
	log_line("r13 %016lx r14 %016lx r15 %016lx cr3 %016lx", r->r13, r->r14, r->r15, read_cr3());
	/* The backtrace goes on from where the fault was. */
	backtrace(r->rip, r->rbp);
	panic("the kernel never faults");
}

/* The entry code runs in the entry area; its place in the image has the names. */
u64 arch_code_address(u64 at)
{
	u64 in_entry_area = at - entry_base;

	return in_entry_area < ENTRY_IDT ? (u64)entry_text + in_entry_area : at;
}

void nmi(void)
{
	cpu_self()->nmis++;
	test_nmi_taken();
}

/* What the files of this folder share; the portable kernel sees arch.h only. */
#ifndef X86_64_MACHINE_H
#define X86_64_MACHINE_H

#include "entry.h"
#include "types.h"

/* cpu.c: descriptor tables, model-specific registers and control registers of the calling processor. */
void cpu_init(unsigned number);

/* irq.c: the calling processor's local interrupt controller; the others (once). */
void lapic_init(void);
void ioapic_init(void);
/* Sends an interrupt to a processor; INIT, start-up and NMI likewise. */
void lapic_send(unsigned processor, u32 command);
enum { LAPIC_NMI = 0x400, LAPIC_INIT = 0x500, LAPIC_STARTUP = 0x600, LAPIC_ASSERT = 0x4000 };
/* Interrupt command register as an NMI must leave it. */
u32 lapic_target(void);
void lapic_set_target(u32 target);
void lapic_done(void);
/* The counter of this processor's timer runs down by one per LAPIC tick, from `count`; 0 stops it. */
void lapic_timer_start(u32 count);
u32 lapic_timer_count(void);

/* clock.c: begins to measure the time-stamp counter. At the timer interrupt: is the alarm of this processor due? */
void clock_start(void);
bool clock_alarm_due(void);

/* interrupt.c: called by entry.S. */
void interrupt(unsigned vector);
struct kernel_registers;
void kernel_fault(struct kernel_registers *registers);
void nmi(void);

/* smp.c: an NMI, a timer interrupt was taken. */
void test_nmi_taken(void);
void test_timer_taken(void);

/* mmu.c */
void mmu_init(void);
void mmu_cpu_init(void);
/* Answers the invalidation request of another processor, if there is one. */
void mmu_answer(void);

/* vector.c: chooses the components (once), turns them on (each processor). */
void vector_init(void);
/* Was the fault the load of a malformed vector area? Then *rip goes on where the initial state is loaded. */
bool vector_fault(u64 *rip);

/* smp.c: where another processor enters virtual memory. */
_Noreturn void smp_start(unsigned number);

#endif

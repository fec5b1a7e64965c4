/* What the files of this folder share; the portable kernel sees arch.h only. */
#ifndef ARM64_MACHINE_H
#define ARM64_MACHINE_H

#include "entry.h"
#include "types.h"

/* cpu.c: system registers of the calling processor. */
void cpu_init(unsigned number);
/* Turns on pointer authentication, if the processor has it. To be called from a function that does not return, since its own return
 * address is not signed yet. */
__attribute__((target("branch-protection=bti"))) void cpu_sign(void);
/* Random bits of the processor, if it has an instruction for that; else nothing is changed. Works early and later. */
void random_instruction(u64 *value);
/* Calls the firmware (PSCI). -> its result. */
u64 firmware(u32 function, u64 a, u64 b, u64 c);

/* irq.c: sizes of the registers; the distributor (once); the calling processor's interface. */
enum { GIC_DISTRIBUTOR_BYTES = 0x10000, GIC_REDISTRIBUTOR_BYTES = 0x20000 };
void gic_init(void);
void gic_cpu_init(unsigned number);
/* Interrupt numbers of the processors' own: sent by another one, and the virtual timer. Lines begin at GIC_LINES. */
enum { GIC_POKE = 0, GIC_FLUSH = 1, GIC_TIMER = 27, GIC_LINES = 32, GIC_NONE = 1020 };
void gic_send(unsigned processor, unsigned number);
/* Takes the interrupt that is waiting. -> its number in the low ten bits, GIC_NONE or more if there is none; otherwise this
 * must be ended with the whole result. */
unsigned gic_take(void);
void gic_end(unsigned taken);

/* clock.c: at the timer interrupt: is the alarm of this processor due? */
bool clock_alarm_due(void);

/* interrupt.c: where entry.S goes, for all but what makes the kernel panic. */
extern struct upcalls upcalls; /* [I] */
struct kernel_registers;
void kernel_fault(struct kernel_registers *registers);

/* cpu.c: was the refused instruction one that reads an identification register? Then it has been done. */
bool identify(void);

/* mmu.c */
void mmu_init(unsigned number);
/* Answers the request of another processor to leave a root, if there is one. */
void mmu_answer(void);

/* vector.c: FP/SIMD on. */
void vector_init(void);

/* smp.c: where another processor enters virtual memory. */
_Noreturn void smp_start(u64 number);

#endif

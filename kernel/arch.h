/* The machine interface: all that the portable kernel asks of a machine.
 *
 * Each machine supplies these functions and the pure headers of its folder: pte.h (page-table entries), regs.h (a thread's
 * registers), layout.h (where physical memory is visible, sizes). The core never includes anything else of a machine's.
 *
 * The kernel is event-driven. Every entry from user mode saves the registers in the frame at cpu->frame, then calls one of
 * the upcalls at the end of this file on the processor's one kernel stack with interrupts off; when the upcall returns, the
 * machine leaves the kernel through cpu->frame of the thread that is then cpu->current. There is no other way in or out. */
#ifndef KERNEL_ARCH_H
#define KERNEL_ARCH_H

#include "cpu.h"
#include "types.h"

struct space;
struct thread;
struct tlb_batch;
struct view;

/* --- life --- */

/* What the machine's start-up code found. */
struct boot_info {
	struct {
		u64 start, bytes;
	} ram[32]; /* the kernel and the archive may be in it: kernel_main() takes them out */
	unsigned ram_ranges;
	u64 kernel, kernel_end; /* physical; the image, and what was made behind it */
	u64 archive, archive_bytes; /* physical; the boot archive */
	const char *command_line;
	unsigned processors; /* present; started by arch_cpus_start() */
	unsigned irq_lines;
};

/* Starts the other processors; each calls cpu_main() on its own stack once. Returns when all have. */
void arch_cpus_start(unsigned count);
/* Decides on the shield (on, off, auto: "on", "off" or "auto"), patches the entry code. -> true if it is on. Once, early. */
bool arch_shield_init(const char *wish);
/* Waits for an interrupt, with interrupts on; the interrupt enters the kernel as one in user mode does, with cpu->current NULL. */
_Noreturn void arch_idle(void);
/* Leaves the kernel for the current thread, as the end of an upcall does: for the first thread that a processor runs. */
_Noreturn void arch_leave(void);
/* Ends the machine. */
_Noreturn void arch_power_off(unsigned status);
/* One character to the kernel's log. */
void arch_log_char(char c);
/* 64 random bits, good enough for address randomisation. */
u64 arch_random(void);

/* --- processors, time, interrupts --- */

/* The calling processor. */
static inline struct cpu *cpu_self(void);
/* Makes processor `number` take an interrupt soon (trap_poke). */
void arch_poke(unsigned number);
/* One turn of a loop that waits for the kernel lock. Answers invalidation requests of other processors, which would wait for this
 * one otherwise. */
void arch_relax(void);
/* The loop is over and the kernel lock is held: does what arch_relax() put off. */
void arch_relax_end(void);
/* The time-stamp counter; struct clock_info has its scale (arch_clock_init fills it in, before other processors start). */
u64 arch_ticks(void);
void arch_clock_init(struct clock_info *clock);
/* Calls trap_timer() on this processor once, at or after the tick (in the past: at once). ~0: never. */
void arch_alarm(u64 ticks);
/* IRQ_OPEN: interrupts of the line go to one processor (trap_interrupt). IRQ_MASKED: to none. IRQ_TAKEN: to none, and the one that
 * this processor took is acknowledged. With the kernel lock: the registers of some controllers are reached through an index. */
enum irq_state { IRQ_MASKED, IRQ_OPEN, IRQ_TAKEN };
void arch_irq_set(unsigned line, enum irq_state state);

/* --- threads: the vector state (x87, SSE, AVX...; FP/SIMD) and other registers that user mode has to itself --- */

/* Bytes of a vector area, at most one page; areas are 64-byte aligned. An area of zeroes is the initial state. */
unsigned arch_vector_bytes(void);
void arch_vector_save(void *area);
/* Loads an area. The content may come from user mode: a malformed one is loaded as the initial state. */
void arch_vector_load(const void *area);
/* Puts the initial state into the registers. */
void arch_vector_clear(void);
/* The thread leaves this processor, or comes onto it: saves to, or loads from, thread->vector and thread->gs_base the registers
 * that no frame holds. (Every frame holds the thread pointer, and every way out of the kernel but the fast one loads it.) */
void arch_thread_save(struct thread *thread);
void arch_thread_load(struct thread *thread);
/* Loads the register that thread->gs_base is saved from -> its old content. Does nothing on machines without it. */
static inline u64 arch_exchange_gs_base(u64 value);

/* --- spaces --- */

/* Fills the kernel's part of a fresh root (an unshielded space's root carries the kernel's mappings). */
void arch_root_init(void *root);
/* This processor is about to run `run`; when it next enters the kernel from there, it shall be on the root of `entry` (an
 * unshielded space, or NULL for the kernel's own root). Called with every change of cpu->current or of its space, before
 * the kernel is left; loads roots now or arranges for the exit code to do it. */
void arch_space_prepare(struct view *run, struct space *entry);
/* The root that the entry code of the gate loads to run a view on this processor. It stays good until gate_reset(); roots given for
 * other ways may not. -> false: the machine has none to give, the gate makes no way. */
bool arch_gate_root(struct view *view, u64 root[2]);
/* The user entry `index` of a view's root has changed from empty to a table: brings the per-processor top-level pages of
 * all processors that run it up to date. */
void arch_root_changed(struct view *view, unsigned index);
/* Invalidates what the batch lists on every processor whose loaded roots can have it cached, waits until done. */
void arch_tlb_commit(const struct tlb_batch *batch);
/* Memory was written and will be executed: makes instruction fetches see it. Not needed where CODE_FOLLOWS_DATA (layout.h). */
static inline void arch_code_changed(const void *memory, u64 bytes);
/* Lists supervisor pages visible under this processor's shielded root; counts words in them that look like addresses of
 * the kernel (randomised text, data, direct map) into *leaks. -> number of pages, possibly more than `entries`. */
unsigned arch_shield_list(struct shield_page *list, unsigned entries, unsigned *leaks);

/* --- for a panic --- */

/* The offset in the kernel's image of a return address found on the kernel's stack. */
u64 arch_code_address(u64 at);

/* --- upcalls: called by the machine, defined in trap.c and main.c --- */

_Noreturn void kernel_main(struct boot_info *boot);
/* Entry of another processor, with cpu_self() set up. */
_Noreturn void cpu_main(void);
/* Registers of all these are in cpu->frame; va and codes as in struct user_frame. */
void trap_native_call(void);
void trap_system_call(void); /* slow way; the fast way is in the entry code, see cpu.h */
void trap_system_return(void); /* slow way: cpu->current->pending is set or the frame asks for it */
void trap_fault(u64 va, u32 access);
void trap_exception(u32 code);
void trap_interrupt(unsigned line);
void trap_timer(void);
void trap_poke(void);

#include "arch_cpu.h"

#endif

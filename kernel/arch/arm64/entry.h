/* The entry area: the only part of the kernel that the trampoline's table shows, at a fixed address (layout.h), what
 * lies beside it for the kernel alone, and the roots of a processor.
 *
 *   ENTRY_BASE + 0        trampoline page: vectors and the last instructions on the way out (entry.S), read and execute
 *              + 0x1000   data page: the addresses of the kernel's entries; in the kernel's table only
 *              + 0x10000  processor 0: two pages in the kernel's table only, then its gate page, read and write
 *              + 0x14000  processor 1 ...
 *
 * Three top-level tables for TTBR1 and TTBR0 lie one after the other in memory, the first at an even page:
 *
 *   tramp    what a shielded space runs with as TTBR1: the trampoline page
 *   kernel   everything
 *   zero     nothing: TTBR0 while the tag (ASID) changes, and while no space is loaded
 *
 * so that the trampoline computes the address of one from another by adding a constant: none of its bytes and no register tells
 * where the kernel is. The tag is in TTBR1. Tag 0 belongs to the kernel and to the system service that it runs under (mmu.c). */
#ifndef ARM64_ENTRY_H
#define ARM64_ENTRY_H

#include "cpu.h"
#include "layout.h"
#include "offsets.h"
#include "types.h"

/* What a processor loads, prepared by mmu.c. TTBR0 values have the tag of the pair in their upper bits as well, where the
 * processor ignores it; the trampoline takes it from there. */
struct roots {
	u64 user0, user1; /* [C] for cpu->frame == system.process_frame: of the process */
	u64 run0, run1;   /* [C] else: of the current thread's space; if there is a short way, of the system service */
	u64 zero;         /* [I] TTBR0 that shows nothing */
	u64 shielded;     /* [C] bit 0: run1 is the trampoline's; bit 1: user1 is */
	u64 key[2]; /* [I] what C of the kernel signs its return addresses with */
};

/* A processor's own pages: at a fixed address (entry_area), the last one in the trampoline's table too. */
struct cpu_area {
	u8 fault_stack[PAGE_SIZE - sizeof(struct roots)];
	struct roots roots;
	struct cpu cpu;
	u8 unused[PAGE_SIZE - sizeof(struct cpu)];
	struct gate gate;
	u8 unused_of_gate[PAGE_SIZE - sizeof(struct gate)];
};

enum { ENTRY_AREAS = 0x10000, AREA_PAGES = 3 };

static inline struct cpu_area *cpu_area(unsigned cpu)
{
	return (struct cpu_area *)(ENTRY_BASE + ENTRY_AREAS + cpu * (AREA_PAGES + 1) * PAGE_SIZE);
}

/* Registers at an exception in the kernel itself, as entry.S stores them. */
struct kernel_registers {
	u64 x[31], sp, pc, pstate, syndrome, address, unused[2];
};

_Static_assert(offsetof(struct cpu_area, cpu) == PAGE_SIZE && offsetof(struct cpu_area, gate) == PAGE_SIZE + GATE, "assembly");
_Static_assert(sizeof(struct cpu_area) == AREA_PAGES * PAGE_SIZE, "three pages");
_Static_assert(sizeof(struct roots) == -ROOTS, "assembly");
_Static_assert(offsetof(struct roots, user0) == ROOTS_USER0 - ROOTS, "assembly");
_Static_assert(offsetof(struct roots, user1) == ROOTS_USER1 - ROOTS, "assembly");
_Static_assert(offsetof(struct roots, run0) == ROOTS_RUN0 - ROOTS, "assembly");
_Static_assert(offsetof(struct roots, run1) == ROOTS_RUN1 - ROOTS, "assembly");
_Static_assert(offsetof(struct roots, zero) == ROOTS_ZERO - ROOTS, "assembly");
_Static_assert(offsetof(struct roots, shielded) == ROOTS_SHIELDED - ROOTS, "assembly");
_Static_assert(offsetof(struct roots, key) == ROOTS_KEY - ROOTS, "assembly");
_Static_assert(offsetof(struct kernel_registers, sp) == KERNEL_REGISTERS_SP, "assembly");
_Static_assert(offsetof(struct kernel_registers, pc) == KERNEL_REGISTERS_PC, "assembly");
_Static_assert(sizeof(struct kernel_registers) == KERNEL_REGISTERS_BYTES, "assembly");

/* The roots of a processor. */
static inline struct roots *roots_of(struct cpu *cpu)
{
	return (struct roots *)((char *)cpu - sizeof(struct roots));
}

/* Entry text (entry.S), at its place in the kernel image. */
extern char entry_text[], entry_text_end[], entry_data[], entry_leave[];
/* Instructions that write the key registers: early.c makes NOPs of them where the processor has none. */
extern u32 entry_key_in[], entry_key_in_end[], entry_key_out[], entry_key_out_end[];

#endif

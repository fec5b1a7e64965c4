/* A thread that is interrupted: the machine's assembly (MACHINE/victim.S) loads all registers, causes an interrupt, and stores all
 * registers again. */
#ifndef NATIVE_VICTIM_H
#define NATIVE_VICTIM_H

#include "victim_machine.h"

struct registers {
	u64 general[GENERAL];
	u64 sp, flags;
	u64 pointers[2]; /* of the thread: FS and GS base, TPIDR */
	u8 vector[4096 - REGISTERS_VECTOR] __attribute__((aligned(64)));
} __attribute__((aligned(4096)));

_Static_assert(offsetof(struct registers, sp) == REGISTERS_SP, "assembly");
_Static_assert(offsetof(struct registers, flags) == REGISTERS_FLAGS, "assembly");
_Static_assert(offsetof(struct registers, pointers) == REGISTERS_POINTERS, "assembly");
_Static_assert(offsetof(struct registers, vector) == REGISTERS_VECTOR, "assembly");

extern struct registers victim_in, victim_out, victim_spied;

/* Loads victim_in, makes the interrupt that its value register says, waits a while, stores victim_out. */
void victim_run(void);

/* Entry of a portal that stores what it is entered with in victim_spied, calls victim_has_spied() and returns. */
extern const char victim_spy[];
void victim_has_spied(void);

#endif

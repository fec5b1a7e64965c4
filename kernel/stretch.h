/* Stretches: how long the kernel runs in one go, with interrupts off, from an entry to the next exit or to arch_idle(). What
 * waits for the kernel lock is not counted, nor is the start-up.
 *
 * Nothing of it is there unless the command line says `measure=stretch`: machines enter the portable kernel through struct upcalls,
 * and measuring puts functions in the places of those there that look at the clock before and after. Times are ticks; with
 * `-icount shift=0` a tick is a guest instruction on x86-64 and 16 on arm64. */
#ifndef KERNEL_STRETCH_H
#define KERNEL_STRETCH_H

#include "types.h"

/* Where the entry code goes. Their order is known to entry code. */
struct upcalls {
	void (*native_call)(void);
	void (*system_call)(void);
	void (*system_return)(void);
	void (*interrupt)(unsigned number); /* for the machine: and all else that is no call, or */
	void (*exception)(unsigned number); /* not */
};

/* A processor's. All [C]. A cause is one of enum stretch_cause or the number of a native call. */
struct stretch {
	u64 began;              /* ticks; later by what was waited for since */
	u64 running;            /* its cause; 0: it has not been measured yet */
	u64 faults, interrupts; /* of the processor when it began */
	u64 longest, cause;
};

extern bool stretch_measured; /* [I] */

/* Has what goes through *upcalls measured from now on. For start-up code; all that it is called for are the same. */
void stretch_measure(struct upcalls *upcalls);
/* This processor has waited for something since that tick: that does not count. */
void stretch_waited(u64 since);
/* It is about to wait for an interrupt. */
void stretch_idle(void);

#endif

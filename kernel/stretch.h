/* Stretches: how long the kernel runs in one go, with interrupts off, from an entry to the next exit or to arch_idle(). Waiting for
 * the kernel lock is not counted, nor is the start-up.
 *
 * It is only measured with `measure=stretch` on the command line. Machines enter the portable kernel through struct upcalls;
 * stretch_measure() replaces the functions there by ones that read the clock before and after. Times are ticks: with
 * `-icount shift=0` a tick is one guest instruction on x86-64, and 16 on arm64. */
#ifndef KERNEL_STRETCH_H
#define KERNEL_STRETCH_H

#include "types.h"

/* Where the entry code goes. Their order is known to entry code. */
struct upcalls {
	void (*native_call)(void);
	void (*system_call)(void);
	void (*system_return)(void);
	/* What the machine enters by these differs: one of them takes interrupts, and perhaps all else that is no call. */
	void (*interrupt)(unsigned number);
	void (*exception)(unsigned number);
};

/* A processor's. All [C]. A cause is one of enum stretch_cause or the number of a native call. */
struct stretch {
	u64 began;              /* ticks; moved on by the time that was waited since */
	u64 running;            /* its cause; 0: it has not been measured yet */
	u64 faults, interrupts; /* of the processor when it began */
	u64 longest, cause;
};

extern bool stretch_measured; /* [I] */

/* Measures all that goes through *upcalls from now on. For start-up code; each processor's *upcalls has the same content. */
void stretch_measure(struct upcalls *upcalls);
/* This processor has waited for the kernel lock since that tick: the time does not count. */
void stretch_waited(u64 since);
/* This processor is about to wait for an interrupt: the stretch ends. */
void stretch_idle(void);

#endif

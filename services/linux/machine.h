/* What the service asks of a machine; registers.h of each machine says where a user frame has what. */
#ifndef LINUX_MACHINE_H
#define LINUX_MACHINE_H

#include <linux/types.h>
#include <linux/signal.h>
#include <asm/siginfo.h>

#include "services/linux/base.h"

#include "registers.h"

struct task;

/* --- machine.c of each machine --- */

/* The first registers of a program. */
void machine_start(struct user_frame *frame, u64 ip, u64 sp);
/* Gives the program that starts in the calling thread's frame a fresh vector state. */
void machine_reset_vector(void);
/* AT_HWCAP, AT_HWCAP2, and the stack a signal handler needs at least (AT_MINSIGSTKSZ). */
u64 machine_hwcap(void);
u64 machine_hwcap2(void);
u64 machine_min_signal_stack(void);
/* Why the floating-point unit raised an exception in the calling thread's program: FPE_*. */
int machine_float_code(void);
/* Makes the frame go on in a signal handler, with the old state on the handler's stack. -> 0 or -EFAULT. */
int machine_signal_push(struct task *self, struct user_frame *frame, int signal, const siginfo_t *info,
	const struct sigaction *action, u64 mask, u64 altstack_top);
/* rt_sigreturn: fills the frame and *mask from the handler's stack. -> 0 or -EFAULT. */
int machine_signal_pop(struct task *self, struct user_frame *frame, u64 *mask);

/* --- mpx.c of each machine: see memory/memory.h --- */

/* What bounds registers and instruction tell of an exception. */
enum bounds_cause { BOUNDS_CAUSE_OTHER, BOUNDS_CAUSE_VIOLATION, BOUNDS_CAUSE_MISSING };
struct bounds_report {
	u64 pointer, lower, upper; /* violation */
	u64 entry;                 /* missing: address of the directory entry */
};

/* Has the processor bounds registers that programs can use? */
bool machine_has_bounds(void);
/* The address of the calling thread's directory; false if it uses none. */
bool machine_bounds_directory(u64 *directory);
/* Why EXCEPTION_BOUND was raised; fills in the members that belong to the cause. */
enum bounds_cause machine_bounds_cause(struct task *self, const struct user_frame *frame, struct bounds_report *report);
/* Which of the library's traps the instruction is: BOUNDS_TRAP_*, or -1. */
int machine_bounds_trap(struct task *self, const struct user_frame *frame);
/* Moves the frame behind that instruction, with its result. */
void machine_bounds_trap_end(struct user_frame *frame, long result);
/* The wrong address at which this processor's instructions look for that directory (a bug of QEMU), 0: they find it. */
u64 machine_bounds_astray(u64 directory);

#endif

/* What the service believes about x86-64: where system-call arguments and results are. */
#ifndef LINUX_MACHINE_H
#define LINUX_MACHINE_H

#include "user_frame.h"

#include <linux/types.h>
#include <linux/signal.h>
#include <asm/siginfo.h>

#include "linux/base.h"
#include "linux/bounds.h"

#define MACHINE_NAME "x86_64"

/* Argument i of the system call; with a constant i this is one load. */
static inline u64 arg(const struct user_frame *frame, unsigned i)
{
	switch (i) {
	case 0:
		return frame->rdi;
	case 1:
		return frame->rsi;
	case 2:
		return frame->rdx;
	case 3:
		return frame->r10;
	case 4:
		return frame->r8;
	default:
		return frame->r9;
	}
}

static inline void frame_set_result(struct user_frame *frame, long result)
{
	frame->rax = (u64)result;
}

static inline long frame_result(const struct user_frame *frame)
{
	return (long)frame->rax;
}

/* Makes the system-call instruction run again with the same arguments, or with another number. */
static inline void frame_restart(struct user_frame *frame, u64 number)
{
	frame->rip -= 2;
	frame->rax = number;
}

/* The thread's stack pointer and instruction pointer. */
static inline u64 frame_sp(const struct user_frame *frame)
{
	return frame->rsp;
}

static inline u64 frame_ip(const struct user_frame *frame)
{
	return frame->rip;
}

static inline void frame_set_sp(struct user_frame *frame, u64 sp)
{
	frame->rsp = sp;
}

/* The caller sets FRAME_THREAD_POINTER in the frame's flags. */
static inline void frame_set_thread_pointer(struct user_frame *frame, u64 address)
{
	frame->fs_base = address;
}

/* The stack pointer of the service's own code. */
static inline u64 machine_sp(void)
{
	u64 sp;
	__asm__("movq %%rsp, %0" : "=r"(sp));
	return sp;
}

/* The machines disagree about the order of the last two arguments of clone. */
#define CLONE_ARG_CHILD_TID(frame) arg(frame, 3)
#define CLONE_ARG_TLS(frame) arg(frame, 4)

/* What si_code and si_addr say of an illegal instruction and of a breakpoint. */
#define MACHINE_ILLEGAL ILL_ILLOPN
#define MACHINE_BREAKPOINT SI_KERNEL
#define MACHINE_BREAKPOINT_ADDRESS(ip) 0

/* --- machine.c --- */

/* The first registers of a program. */
void machine_start(struct user_frame *frame, u64 ip, u64 sp);
/* Gives the program that starts in the calling thread's frame a fresh vector state. */
void machine_reset_vector(void);
/* AT_HWCAP, AT_HWCAP2, and the stack a signal handler needs at least (AT_MINSIGSTKSZ). */
u64 machine_hwcap(void);
u64 machine_hwcap2(void);
u64 machine_min_signal_stack(void);
/* FPE_*: why the floating-point unit raised an exception in the calling thread's program. */
int machine_float_code(void);
/* Thirty-two random bits that need not be good. */
u64 machine_random(void);

struct task;

/* Makes the frame go on in a signal handler, with the old state on the handler's stack. -> 0 or -EFAULT. */
int machine_signal_push(struct task *self, struct user_frame *frame, int signal, const siginfo_t *info,
	const struct sigaction *action, u64 mask, u64 altstack_top);
/* The way back: fills the frame and *mask from what lies on the stack. -> 0 or -EFAULT. */
int machine_signal_pop(struct task *self, struct user_frame *frame, u64 *mask);

/* --- mpx.c: see bounds.h --- */

struct bounds_report;

/* Whether the processor has bounds registers that programs can use. */
bool machine_has_bounds(void);
/* Where the calling thread's program has its directory; false if it uses none. */
bool machine_bounds_directory(u64 *directory);
/* Why EXCEPTION_BOUND was raised; fills in what belongs to the cause. */
enum bounds_cause machine_bounds_cause(struct task *self, const struct user_frame *frame, struct bounds_report *report);
/* Which of the library's traps the instruction is: BOUNDS_TRAP_*, or -1. */
int machine_bounds_trap(struct task *self, const struct user_frame *frame);
/* Goes on behind it. */
void machine_bounds_trap_end(struct user_frame *frame, long result);

/* Where this processor's instructions look for that directory instead, 0: they find it. */
u64 machine_bounds_astray(u64 directory);

#define MACHINE_ELF EM_X86_64

#endif

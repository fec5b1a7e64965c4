/* Where x86-64 has arguments and results of system calls, and other numbers that differ between machines; see
 * services/linux/machine.h. */
#ifndef LINUX_REGISTERS_H
#define LINUX_REGISTERS_H

#include "user_frame.h"

#include "services/linux/base.h"

#define MACHINE_NAME "x86_64"
#define MACHINE_ELF EM_X86_64

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

#endif

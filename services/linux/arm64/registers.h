/* Where arm64 has arguments and results of system calls, and other numbers that differ between machines; see
 * services/linux/machine.h. */
#ifndef LINUX_REGISTERS_H
#define LINUX_REGISTERS_H

#include "user_frame.h"

#include "services/linux/base.h"

#define MACHINE_NAME "aarch64"
#define MACHINE_ELF EM_AARCH64

/* Argument i of the system call. The result has not taken the place of the first one while the call is served. */
static inline u64 arg(const struct user_frame *frame, unsigned i)
{
	return frame->x[i];
}

static inline void frame_set_result(struct user_frame *frame, long result)
{
	frame->x[0] = (u64)result;
}

static inline long frame_result(const struct user_frame *frame)
{
	return (long)frame->x[0];
}

/* Makes the system-call instruction run again with the same arguments, or with another number. */
static inline void frame_restart(struct user_frame *frame, u64 number)
{
	frame->pc -= 4;
	frame->x[0] = frame->argument0;
	frame->x[8] = number;
}

/* The thread's stack pointer and instruction pointer. */
static inline u64 frame_sp(const struct user_frame *frame)
{
	return frame->sp;
}

static inline u64 frame_ip(const struct user_frame *frame)
{
	return frame->pc;
}

static inline void frame_set_sp(struct user_frame *frame, u64 sp)
{
	frame->sp = sp;
}

/* The caller sets FRAME_THREAD_POINTER in the frame's flags. */
static inline void frame_set_thread_pointer(struct user_frame *frame, u64 address)
{
	frame->thread_pointer = address;
}

/* The stack pointer of the service's own code. */
static inline u64 machine_sp(void)
{
	u64 sp;
	__asm__("mov %0, sp" : "=r"(sp));
	return sp;
}

/* The machines disagree about the order of the last two arguments of clone. */
#define CLONE_ARG_CHILD_TID(frame) arg(frame, 4)
#define CLONE_ARG_TLS(frame) arg(frame, 3)

/* What si_code and si_addr say of an illegal instruction and of a breakpoint. */
#define MACHINE_ILLEGAL ILL_ILLOPC
#define MACHINE_BREAKPOINT TRAP_BRKPT
#define MACHINE_BREAKPOINT_ADDRESS(ip) (ip)

#endif

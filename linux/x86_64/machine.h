/* What the service believes about x86-64: where system-call arguments and results are. */
#ifndef LINUX_MACHINE_H
#define LINUX_MACHINE_H

#include "user_frame.h"

#include "linux/base.h"

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

#endif

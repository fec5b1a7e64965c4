/* A thread's registers on arm64, seen through struct user_frame by the portable kernel: pure, no machine action.
 *
 * When the kernel is left, the entry code (entry.S) makes any content of a frame harmless: it cuts the processor state down to what
 * user mode may have, and an address outside of user addresses just faults. So none of these functions needs to check anything.
 * They keep the stack pointer a multiple of 16, as the processor requires. */
#ifndef ARM64_REGS_H
#define ARM64_REGS_H

#include "types.h"
#include "user_frame.h"

/* Number of a native call, and its argument 0..5. */
static inline u64 regs_call(const struct user_frame *f)
{
	return f->x[8];
}

static inline u64 regs_argument(const struct user_frame *f, unsigned i)
{
	return f->x[i];
}

/* The portal's address in a portal_call. */
static inline u64 regs_portal(const struct user_frame *f)
{
	return f->x[9];
}

static inline u64 regs_ip(const struct user_frame *f)
{
	return f->pc;
}

static inline u64 regs_sp(const struct user_frame *f)
{
	return f->sp;
}

static inline u64 regs_thread_pointer(const struct user_frame *f)
{
	return f->thread_pointer;
}

static inline void regs_set_thread_pointer(struct user_frame *f, u64 thread_pointer)
{
	f->thread_pointer = thread_pointer;
}

/* The thread makes the native call anew: it goes back to the instruction, with the registers that it came with. */
static inline void regs_restart(struct user_frame *f)
{
	f->pc -= 4;
}

/* Sets the result of a call that has only one: the register of the second keeps its content. */
static inline void regs_set_result(struct user_frame *f, u64 word0)
{
	f->x[0] = word0;
}

static inline void regs_set_results(struct user_frame *f, u64 word0, u64 word1)
{
	f->x[0] = word0;
	f->x[1] = word1;
}

/* Clears all general registers; the thread goes on at ip with stack pointer sp. The thread pointer is kept. */
static inline void regs_clear(struct user_frame *f, u64 ip, u64 sp)
{
#pragma GCC unroll 31
	for (unsigned i = 0; i < 31; i++)
		f->x[i] = 0;
	f->pc = ip;
	f->pstate = 0;
	f->sp = sp & ~15ul;
}

/* First registers of a thread; the full way back is asked for. */
static inline void regs_start(struct user_frame *f, u64 ip, u64 sp, u64 argument)
{
	regs_clear(f, ip, sp);
	f->x[0] = argument;
	f->thread_pointer = 0;
	f->flags = FRAME_FULL | FRAME_THREAD_POINTER;
}

/* A callee's registers at the entry of a portal. */
static inline void regs_enter(struct user_frame *f, u64 ip, u64 sp, const u64 words[6], u64 cookie)
{
	regs_clear(f, ip, sp);
	f->x[9] = cookie;
#pragma GCC unroll 6
	for (unsigned i = 0; i < 6; i++)
		f->x[i] = words[i];
}

/* A caller's registers after a portal call. */
static inline void regs_leave(struct user_frame *f, u64 ip, u64 sp, u64 thread_pointer, u64 word0, u64 word1)
{
	regs_clear(f, ip, sp);
	f->thread_pointer = thread_pointer;
	regs_set_results(f, word0, word1);
}

/* The C arguments of a plain call instruction that is turned into a portal call. */
static inline void regs_pointer_words(const struct user_frame *f, u64 words[6])
{
	for (unsigned i = 0; i < 6; i++)
		words[i] = f->x[i];
}

/* Where that call instruction left its return address: in a register, no bytes at the stack pointer. */
enum { REGS_BACK_BYTES = 0 };

static inline u64 regs_back(const struct user_frame *f)
{
	return f->x[30];
}

/* After a fault in a copy routine (struct landing): only the word registers 0, 1, 2 change. */
static inline void regs_land(struct user_frame *f, u64 ip, u64 code, u64 segment, u64 page)
{
	f->pc = ip;
	f->x[9] = code;
	f->x[10] = segment;
	f->x[11] = page;
}

/* A plain call to a portal goes on at the landing as a call to that. */
static inline void regs_land_call(struct user_frame *f, u64 ip, u64 portal)
{
	f->pc = ip;
	f->x[16] = portal;
}

/* The thread goes on in a C function that does not return (crash_landing). */
static inline void regs_land_crash(struct user_frame *f, u64 ip, u64 code, u64 address)
{
	f->x[0] = code;
	f->x[1] = address;
	f->x[2] = f->pc;
	f->pc = ip;
	f->sp &= ~15ul;
	f->pstate = 0;
}

#endif

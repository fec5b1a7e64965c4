/* A thread's registers on x86-64, seen through struct user_frame by the portable kernel: pure, no machine
 * action.
 *
 * When the kernel is left, the entry code (entry.S) makes any content of a frame harmless: it ignores segments, and cuts flags and
 * addresses down to what user mode may have. So none of these functions needs to check anything. */
#ifndef X86_64_REGS_H
#define X86_64_REGS_H

#include "types.h"
#include "user_frame.h"

/* rflags of a fresh thread: interrupts on, and the bit that is always 1. */
#define REGS_FLAGS 0x202ul

/* Number of a native call, and its argument 0..5. */
static inline u64 regs_call(const struct user_frame *f)
{
	return f->rax;
}

static inline u64 regs_argument(const struct user_frame *f, unsigned i)
{
	switch (i) {
	case 0: return f->rdi;
	case 1: return f->rsi;
	case 2: return f->rdx;
	case 3: return f->r10;
	case 4: return f->r8;
	default: return f->r9;
	}
}

/* The portal's address in a portal_call. */
static inline u64 regs_portal(const struct user_frame *f)
{
	return f->rbx;
}

static inline u64 regs_ip(const struct user_frame *f)
{
	return f->rip;
}

static inline u64 regs_sp(const struct user_frame *f)
{
	return f->rsp;
}

static inline u64 regs_thread_pointer(const struct user_frame *f)
{
	return f->fs_base;
}

static inline void regs_set_thread_pointer(struct user_frame *f, u64 thread_pointer)
{
	f->fs_base = thread_pointer;
}

/* The thread makes the native call anew: it goes back to the instruction, with the registers that it came with. */
static inline void regs_restart(struct user_frame *f)
{
	f->rip -= 2;
}

/* Sets the result of a call that has only one: the register of the second keeps its content. */
static inline void regs_set_result(struct user_frame *f, u64 word0)
{
	f->rax = word0;
}

static inline void regs_set_results(struct user_frame *f, u64 word0, u64 word1)
{
	f->rax = word0;
	f->rdx = word1;
}

/* Clears all general registers; the thread goes on at ip with stack pointer sp. Segment bases are kept. */
static inline void regs_clear(struct user_frame *f, u64 ip, u64 sp)
{
	f->r15 = f->r14 = f->r13 = f->r12 = f->rbp = f->rbx = f->r11 = f->r10 = 0;
	f->r9 = f->r8 = f->rax = f->rcx = f->rdx = f->rsi = f->rdi = 0;
	f->rip = ip;
	f->rflags = REGS_FLAGS;
	f->rsp = sp;
}

/* First registers of a thread; the full way back is asked for. */
static inline void regs_start(struct user_frame *f, u64 ip, u64 sp, u64 argument)
{
	regs_clear(f, ip, sp);
	f->rdi = argument;
	f->fs_base = f->gs_base = 0;
	f->flags = FRAME_FULL | FRAME_THREAD_POINTER;
}

/* A callee's registers at the entry of a portal. */
static inline void regs_enter(struct user_frame *f, u64 ip, u64 sp, const u64 words[6], u64 cookie)
{
	regs_clear(f, ip, sp);
	f->rax = cookie;
	f->rdi = words[0];
	f->rsi = words[1];
	f->rdx = words[2];
	f->r10 = words[3];
	f->r8 = words[4];
	f->r9 = words[5];
}

/* A caller's registers after a portal call. */
static inline void regs_leave(struct user_frame *f, u64 ip, u64 sp, u64 thread_pointer, u64 word0, u64 word1)
{
	regs_clear(f, ip, sp);
	f->fs_base = thread_pointer;
	regs_set_results(f, word0, word1);
}

/* The C arguments of a plain call instruction that is turned into a portal call. */
static inline void regs_pointer_words(const struct user_frame *f, u64 words[6])
{
	words[0] = f->rdi;
	words[1] = f->rsi;
	words[2] = f->rdx;
	words[3] = f->rcx;
	words[4] = f->r8;
	words[5] = f->r9;
}

/* Where that call instruction left its return address: so many bytes at the stack pointer, not in a register. */
enum { REGS_BACK_BYTES = 8 };

static inline u64 regs_back(const struct user_frame *f)
{
	(void)f;
	return 0;
}

/* After a fault in a copy routine (struct landing): only the word registers 0, 1, 2 change. */
static inline void regs_land(struct user_frame *f, u64 ip, u64 code, u64 segment, u64 page)
{
	f->rip = ip;
	f->rax = code;
	f->r8 = segment;
	f->r9 = page;
}

/* A plain call to a portal goes on at the landing as a call to that. */
static inline void regs_land_call(struct user_frame *f, u64 ip, u64 portal)
{
	f->rip = ip;
	f->r11 = portal;
}

/* The thread goes on in a C function that does not return (crash_landing): the stack pointer is as after a call instruction. */
static inline void regs_land_crash(struct user_frame *f, u64 ip, u64 code, u64 address)
{
	f->rdi = code;
	f->rsi = address;
	f->rdx = f->rip;
	f->rip = ip;
	f->rsp = (f->rsp & ~15ul) - 8;
	f->rflags = REGS_FLAGS;
}

#endif

/* The user frame on x86-64: every register of a thread that was called away from its space. Assembly knows the offsets. */
#ifndef ALLOD_ABI_X86_64_USER_FRAME_H
#define ALLOD_ABI_X86_64_USER_FRAME_H

#include <stddef.h>
#include <stdint.h>

/* The members up to ss have the order of Linux's struct pt_regs. */
struct user_frame {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t nr; /* rax at the system-call instruction; ~0 for other causes */
	uint64_t rip, cs, rflags, rsp, ss;
	uint64_t fs_base, gs_base; /* fs_base is saved on every entry; gs_base only for causes other than CAUSE_SYSCALL */
	uint32_t cause, code;      /* enum frame_cause; enum fault_code or exception_code */
	uint64_t addr;             /* of a fault */
	uint32_t segment, page;    /* of a fault with FAULT_PAGER */
	uint32_t flags, space;    /* FRAME_*; number of the space that it is of, set by the kernel */
	uint64_t cookie;           /* the system service's own word for this thread; kept by the kernel */
	uint64_t error, trap;      /* error code and vector of the processor, for signal frames */
	uint64_t pad[2];           /* keeps the size a multiple of 16 */
};

_Static_assert(offsetof(struct user_frame, nr) == 120, "assembly");
_Static_assert(offsetof(struct user_frame, ss) == 160, "assembly");
_Static_assert(offsetof(struct user_frame, cause) == 184, "assembly");
_Static_assert(offsetof(struct user_frame, flags) == 208, "assembly");
_Static_assert(offsetof(struct user_frame, cookie) == 216, "assembly");
_Static_assert(sizeof(struct user_frame) == 256, "assembly");

#endif

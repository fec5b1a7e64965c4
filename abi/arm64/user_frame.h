/* The user frame on arm64: every register of a thread that was called away from its space. Assembly knows the offsets. */
#ifndef ALLOD_ABI_ARM64_USER_FRAME_H
#define ALLOD_ABI_ARM64_USER_FRAME_H

#include <stddef.h>
#include <stdint.h>

/* The members up to pstate have the order of Linux's struct user_pt_regs. */
struct user_frame {
	uint64_t x[31], sp, pc, pstate;
	uint64_t thread_pointer; /* TPIDR_EL0; saved on every entry */
	uint64_t argument0;      /* x0 at the system-call instruction: a result takes its place in x[0] */
	uint64_t nr;             /* x8 at the system-call instruction; ~0 for other causes */
	uint32_t cause, code;    /* enum frame_cause; enum fault_code or exception_code */
	uint64_t addr;           /* of a fault */
	uint32_t segment, page;  /* of a fault with FAULT_PAGER */
	uint32_t flags, space;  /* FRAME_*; number of the space that it is of, set by the kernel */
	uint64_t cookie;         /* the system service's own word for this thread; kept by the kernel */
	uint64_t syndrome;       /* ESR_EL1 of a fault or an exception, for signal frames */
	uint64_t pad[21];        /* a frame aligned to its size lies in one page */
};

_Static_assert(offsetof(struct user_frame, sp) == 248, "assembly");
_Static_assert(offsetof(struct user_frame, thread_pointer) == 272, "assembly");
_Static_assert(offsetof(struct user_frame, nr) == 288, "assembly");
_Static_assert(offsetof(struct user_frame, cause) == 296, "assembly");
_Static_assert(offsetof(struct user_frame, flags) == 320, "assembly");
_Static_assert(offsetof(struct user_frame, syndrome) == 336, "assembly");
_Static_assert(sizeof(struct user_frame) == 512, "assembly");

#endif

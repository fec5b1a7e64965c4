/* Threads: what the scheduler runs. A thread is in one space at a time and keeps the chain of frames of the calls it is
 * inside of, in kernel memory that no space can reach, so that nobody can forge a return.
 *
 *   calls[0] ... calls[depth - 1]   the callers, outermost first; the thread itself is in `space`
 *
 * While it runs in a process (a space with a system portal), its registers are saved in the user frame at the top of its
 * stacklet in the system service; otherwise in `regs`. */
#ifndef KERNEL_THREAD_H
#define KERNEL_THREAD_H

#include "user_frame.h"
#include "lib/list.h"
#include "types.h"

struct space;
struct portal;

enum { CALLS_MAX = 24, STACKLETS_MAX = 8 };

/* A call the thread is inside of: how to go on in the caller. */
struct call {
	struct space *space; /* the caller, referenced */
	u64 ip, sp;          /* portal calls: where the caller goes on */
	u64 thread_pointer;
	struct user_frame *frame; /* system calls: the user frame (kernel address), else NULL */
	u64 frame_user;           /* the same in the service */
};

enum thread_state { THREAD_READY, THREAD_RUNNING, THREAD_WAITING, THREAD_DEAD };

enum { PENDING_INTERRUPT = 1, PENDING_END = 2 };

struct thread {
	/* Known to entry code. */
	u32 pending;         /* [a] PENDING_*: something to do before user mode goes on */
	u32 depth;           /* [C] calls in use */
	struct space *space; /* [C] the space it is in, referenced */
	struct user_frame regs __attribute__((aligned(16))); /* [C] */

	/* [K] from here on */
	u32 number;
	enum thread_state state;
	struct list_node queue;   /* run queue or wait queue */
	struct list_node all;     /* of all threads */
	struct cpu *cpu;          /* the processor it runs on, or last ran on */
	struct {
		u64 key_space, key_offset; /* the awaited word */
		u64 deadline;              /* ticks, ~0 = none */
		bool interruptible;
		struct list_node timer; /* queue of deadlines */
	} wait;
	void *vector;       /* saved vector state */
	bool vector_saved;  /* it is in `vector`, not in a processor */
	bool vector_live;   /* it matters: a user frame of the chain will need it */
	u64 gs_base;        /* x86-64: the user's second segment base */
	struct call calls[CALLS_MAX];
	struct {
		struct space *space;
		u64 top; /* user address */
	} stacklets[STACKLETS_MAX];
};

#endif

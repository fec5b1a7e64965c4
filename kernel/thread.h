/* Threads: what the scheduler runs. A thread is in one space at a time. The chain of frames of the calls it is inside of is in
 * kernel memory that no space can reach, so nobody can forge a return.
 *
 *   calls[0] ... calls[depth - 1]   the callers, outermost first; the thread itself is in `space`
 *   calls[depth]                    made ready for the next system call if `space` has a system
 *
 * At an entry from a process (a space with a system), its registers are saved in its user frame, at the top of the thread's
 * stacklet in the system service, where the service can read and change them; at an entry from any other space, in `regs`.
 *
 * References: the thread holds one to its home space and one to each space that it entered by a portal call. The process itself
 * holds the one to its system service (space->system). */
#ifndef KERNEL_THREAD_H
#define KERNEL_THREAD_H

#include "cpu_offsets.h"
#include "lib/list.h"
#include "timer.h"
#include "types.h"
#include "user_frame.h"
#include "work.h"

struct cpu;
struct interrupted;
struct portal;
struct space;
struct view;

enum { STACKLETS_MAX = 32 /* more than CALLS_MAX: one can be spared */ };

/* A call the thread is inside of: how to go on in the caller. */
struct call {
	struct space *space;      /* the caller */
	bool system;              /* a system call: all registers are in `frame`; else a portal call: ip, sp, thread_pointer */
	u64 ip, sp, thread_pointer;
	struct user_frame *frame; /* if the caller has a system: its user frame (kernel address, page held) */
	u64 frame_user;           /* the same frame's address in the system service */
	u64 gs_base;              /* portal calls on x86-64: the second segment base */
	struct interrupted *interrupted; /* a call made by an interrupt: all other registers (irq.h); NULL: it is none */
	void *vector;             /* the vector state, where it has been saved for the time of the call; or NULL */
	struct view *view;        /* if the caller has a system: the view of it under which the thread runs (vas.h) */
	struct space *vas;        /* referenced: the VAS of that view, kept when it is detached; NULL: none */
	struct list_node grants;  /* that end with the call, by grant.of_call; next is NULL: none */
	u64 deadline;             /* of the call, ticks; 0: none */
};

/* PENDING_INTERRUPT: thread_interrupt(); PENDING_END: a space of the chain has ended; PENDING_RECALL: recall.h; PENDING_YIELD: its
 * slice is over, and it yields when it leaves the unshielded service that it is in. */
enum { PENDING_INTERRUPT = 1, PENDING_END = 2, PENDING_RECALL = 4, PENDING_YIELD = 8 };

/* A thread's stack in a space. */
struct stacklet {
	struct thread *thread;
	struct space *space; /* referenced */
	u64 top;             /* user address of the end */
	void *page;          /* kernel address of the top page, held */
	struct list_node of_thread, of_space;
};

struct thread {
	/* Known to entry code: cpu_offsets.h. */
	u32 pending;         /* [K] PENDING_*; entry code only looks whether it is 0 */
	u32 depth;           /* [C] calls in use */
	struct space *space; /* [C] the space it is in */
	struct user_frame regs __attribute__((aligned(16))); /* [C] */

	/* [K] from here on. */
	u32 number;
	enum thread_state state;
	struct list_node queue; /* unless it runs: queue of ready threads or of waiters */
	struct list_node all;   /* of all threads */
	struct cpu *cpu;        /* the processor it runs on, or last ran on */
	struct {
		u64 space, offset; /* the awaited word: space.born of its owner, offset in the window */
		bool interruptible;
		struct timer timer;
	} wait;
	struct timer deadline; /* the earliest of its calls' */
	bool recalled;         /* thread_recall() has not ended all calls yet */
	u32 interrupts;        /* how many of its calls were made by interrupts: while there is one, it may not wait */
	void *vector;       /* its vector state while it is on no processor */
	void *vector_spare; /* a page kept for call.vector, or NULL */
	u64 gs_base;        /* x86-64: the second segment base of user mode while it is on no processor */
	u32 fail_left;      /* allocations until one fails, 0: none (fail.h) */
	bool fail_taken;    /* ... because that one has */
	u32 crashes;        /* how often it went on at a crash_landing */
	struct work_place work;
	struct list_node of_home;   /* in space.homes */
	struct list_node stacklets; /* by stacklet.of_thread, the oldest first */
	u32 stacklet_count;
	struct call calls[CALLS_MAX + 1];
};

_Static_assert(offsetof(struct thread, pending) == THREAD_PENDING && offsetof(struct thread, depth) == THREAD_DEPTH, "assembly");
_Static_assert(offsetof(struct thread, space) == THREAD_SPACE && offsetof(struct thread, regs) == THREAD_REGS, "assembly");

/* All functions are called with the kernel lock held. */

/* The space whose thread it is. */
static inline struct space *thread_home(const struct thread *thread)
{
	return thread->depth ? thread->calls[0].space : thread->space;
}

extern struct list_node threads; /* all of them, by thread.all */

/* Makes a thread whose home is `home`, not yet ready. With `frame` (for a space with a system) it starts with these user registers;
 * otherwise at ip with `argument`, on the stack at sp, or on its stacklet if sp is 0.
 * -E_NOMEM, -E_LIMIT (too many threads), -E_INVAL, -E_BUSY (a fork into it is not done), -E_DEAD. */
int thread_create(struct space *home, const struct user_frame *frame, u64 ip, u64 sp, u64 argument, struct thread **out);

/* The thread of that number, or NULL. */
struct thread *thread_find(u32 number);

/* Ends the calling processor's current thread. */
void thread_exit(void);

/* The current thread, in a system call of its home space, will return into another space of the same system. -E_INVAL (in no
 * such call), -E_LIMIT. */
int thread_set_home(struct thread *thread, struct space *space);

/* The view under which the thread runs now. */
struct view *thread_view(struct thread *thread);

/* As the native call. */
void thread_interrupt(struct thread *thread);

/* Ends a space and all spaces it manages. Their threads return to the nearest living caller with -E_DEAD, or end; threads in
 * space_wait() are told. Does the first step; the others are done later (work.h). */
void space_kill(struct space *space, enum space_end why, u64 address);

/* Goes on with spaces whose end has begun. -> none is left? */
bool thread_work(void);

/* If the thread is in a space that has ended, leaves it: pops calls until it is in a living one (word 0 = -E_DEAD) or ends
 * the thread. The thread must be the current one of this processor or on none. */
void thread_unwind(struct thread *thread);

/* The end of the thread's stacklet in a space, made if need be: *top is where an empty stack starts, *page the kernel's
 * address of its highest page. -E_NOMEM, -E_LIMIT. */
int thread_stacklet(struct thread *thread, struct space *space, u64 *top, void **page);

/* Drops the current thread's stacklets in spaces that it is not in. (Its last call was ended; the caller's side can see by this
 * that the thread has left.) */
void thread_spare_stacklets(struct thread *thread);

/* Where the thread's stack begins at its next call into the space: at the top of its stacklet, or, if the thread is in the space
 * already, below the stack pointer there. Errors as thread_stacklet(). */
int thread_stack(struct thread *thread, struct space *space, u64 *sp);

/* Reserves calls[at].frame, on the thread's stacklet in the system, for a space with a system that the thread is about to enter as
 * calls[at]. Errors as thread_stacklet(); also -E_LIMIT if that is full or the system's code runs on another stack. */
int thread_reserve_frame(struct thread *thread, u32 at, struct space *process);
void thread_release_frame(struct thread *thread, u32 at);

/* Makes cpu->system ready for cpu->current: after every change of it, of its space or of its depth. */
void thread_load(void);

#endif

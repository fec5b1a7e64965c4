/* Threads: what the scheduler runs. A thread is in one space at a time and keeps the chain of frames of the calls it is
 * inside of, in kernel memory that no space can reach, so that nobody can forge a return.
 *
 *   calls[0] ... calls[depth - 1]   the callers, outermost first; the thread itself is in `space`
 *   calls[depth]                    made ready for the next system call if `space` has a system portal
 *
 * While it runs in a process (a space with a system portal), its registers are saved in its user frame, which lies at the
 * top of its stacklet in the system service, where the service can read and change it; otherwise they are in `regs`.
 *
 * References: the thread holds one on its home space and one on each space it entered by a portal call. The system service
 * is held by the process's own reference (space->system). */
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
	bool system;              /* a system call: everything is in `frame`; else a portal call: ip, sp, thread_pointer */
	u64 ip, sp, thread_pointer;
	struct user_frame *frame; /* spaces with a system portal: their user frame (kernel address, page held) */
	u64 frame_user;           /* the same as the system service addresses it */
	u64 gs_base;              /* portal calls on x86-64: the second segment base */
	struct interrupted *interrupted; /* an interrupt's call: all else to go on with (irq.h); NULL: none */
	void *vector;             /* the vector state of the user frame below a portal call of the system service, or NULL */
	struct view *view;        /* spaces with a system: under which the thread runs there, its main one or a VAS's (vas.h) */
	struct space *vas;        /* referenced: that VAS, also when it is detached; NULL: none since the last switch */
	struct list_node grants;  /* that end with the call, by grant.of_call; next is NULL: none */
	u64 deadline;             /* of the call, ticks; 0: none */
};

/* PENDING_INTERRUPT: thread_interrupt(); PENDING_END: a space of the chain ended; PENDING_RECALL: see recall.h; PENDING_YIELD: the
 * end of its slice was put off until it leaves the service that it is in. */
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
		u64 space, offset; /* the awaited word: `born` of its owner, offset in the window */
		bool interruptible;
		struct timer timer;
	} wait;
	struct timer deadline; /* the earliest of its calls' */
	bool recalled;         /* thread_recall() is not done yet */
	u32 interrupts;        /* of its calls, those of interrupts: while there is one, it does not wait */
	void *vector;       /* its vector state while it is on no processor */
	void *vector_spare; /* a page kept for call.vector, or NULL */
	u64 gs_base;        /* x86-64: the second segment base of user mode while it is on no processor */
	u32 fail_left;      /* allocations until one fails, 0: none (fail.h) */
	bool fail_taken;    /* ... because that one has */
	u32 crashes;        /* landings of faults of a service's own code */
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

/* Makes a thread whose home is `home`, not yet ready. With `frame` (for a space with a system portal) it starts with these
 * user registers; otherwise at ip with `argument`, on the stack at sp, or on its stacklet if sp is 0.
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

/* Ends a space and all spaces it manages: their threads return to the nearest living caller with -E_DEAD or end, those that
 * wait for the end are told. What takes long of that is done later (work.h), but for the first step. */
void space_kill(struct space *space, enum space_end why, u64 address);

/* Does some of the ends of spaces that have begun. -> there is none left? */
bool thread_work(void);

/* If the thread is in a space that has ended, leaves it: pops calls until it is in a living one (word 0 = -E_DEAD) or ends
 * the thread. The thread must be the current one of this processor or on none. */
void thread_unwind(struct thread *thread);

/* The end of the thread's stacklet in a space, made if need be: *top is where an empty stack starts, *page the kernel's
 * address of its highest page. -E_NOMEM, -E_LIMIT. */
int thread_stacklet(struct thread *thread, struct space *space, u64 *top, void **page);

/* Drops the stacklets of spaces that the thread is not in: its last call was ended, and whoever it worked for can see by this that
 * it has left. The thread is the current one. */
void thread_spare_stacklets(struct thread *thread);

/* Where the next call of the thread into the space shall start its stack: the top of the stacklet, or below the frames the
 * thread already has there. Errors as thread_stacklet. */
int thread_stack(struct thread *thread, struct space *space, u64 *sp);

/* Reserves calls[at].frame for a space with a system portal that the thread is about to enter as calls[at]: on the stacklet in
 * the system. Errors as thread_stacklet; -E_LIMIT too if that is full or the system's code runs on another stack. */
int thread_reserve_frame(struct thread *thread, u32 at, struct space *process);
void thread_release_frame(struct thread *thread, u32 at);

/* Tells the entry code about cpu->current: after every change of it, of its space or of its depth. */
void thread_load(void);

#endif

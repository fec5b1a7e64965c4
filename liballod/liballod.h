/* What the parts of liballod share: how they call the kernel, and the contexts that a space keeps for threads of other spaces.
 *
 * A thread from another space comes in on a stacklet, without a thread pointer. C functions need a larger stack, and a thread
 * pointer with glibc's variables behind it. Both together are a *context*. A program makes contexts by starting threads that do
 * nothing: while such a thread sleeps, a thread from outside uses its thread pointer and the rest of its stack (context.c). A
 * sandbox has copies of its maker's contexts, and one more: that of the thread that made it, with a stack of its own.
 *
 * Code that runs before a context is taken uses neither thread-local data nor the C library. */
#ifndef LIBALLOD_H
#define LIBALLOD_H

#include <allod/space.h>

#include "services/runtime/calls.h"

#pragma GCC visibility push(hidden)

enum {
	ENTRIES = 1024,        /* entries at which portals can be */
	ENTRIES_OWN = 512,     /* from this one on they are for a sandbox that offers portals itself */
	ENTRY_BYTES = 8,       /* assembly */
	CONTEXTS_MAX = 64,
	CONTEXT_RESERVE = 16384, /* stack left to the thread that sleeps */
	STACK_DEFAULT = 256 << 10,
};

#define STACK_MAX (1ul << 40) /* no window is larger */

/* Assembly knows the offsets. */
struct context {
	u32 owner; /* tag of the thread that is in it, 0: free; the upper half is context.c's. Atomic */
	u32 unused;
	u64 thread_pointer, stack_top;
};

/* All contexts of a space. */
struct context_pool {
	u32 waiting;  /* threads that wait for one. Atomic */
	u32 released; /* counts releases while threads waited, which sleep on this word */
	u32 count;
	u32 unused;
	struct context contexts[CONTEXTS_MAX];
};

extern struct context_pool allod_pool;

/* A space that this program made. */
struct allod_space {
	u32 number;
	bool ended; /* report is right */
	u64 deadline;
	struct allod_report report;
	int lock;          /* for the table: allod_space_lock() */
	u32 entries;       /* used so far */
	u32 export_count;  /* of a library; else 0 */
	struct library_export {
		u64 portal;
		char name[48]; /* ALLOD_EXPORT_MAX */
	} *exports;
	struct space_portal {
		const void *function; /* NULL: free. Written last */
		u64 portal;
		u32 entry;
	} portals[ENTRIES_OWN];
};

/* Sets errno for a result of the kernel. -> the result, -1 if it is an error. */
long allod_result(long result);

/* Tag of the thread whose stacklet ends there; entry.S does the same. */
static inline u32 context_tag(u64 stacklet_end)
{
	return (u32)(stacklet_end / STACKLET_SIZE);
}

/* A context for a thread that found none free; waits for one if need be. Called by entry.S without a context. */
struct context *allod_context_wait(u32 tag);
/* Wakes threads that wait for a context. Likewise. */
void allod_context_wake(void);
/* Makes sure that the pool of this program has so many contexts with that much stack. 0, -1 and errno. */
int allod_contexts_make(unsigned count, size_t stack);
/* The end of a stack that nobody uses, for copies of this program. NULL and errno. */
void *allod_spare_stack(size_t bytes);

/* --- assembly --- */

/* Portals start here: entry i at allod_entries + i * ENTRY_BYTES, with the C function as cookie. Result words: 0, its value. */
extern const char allod_entries[];
/* Where a plain call to a portal's address goes on: landing.call_landing. */
extern const char allod_plain_call[];
/* Makes native call `number` (portal_call, portal_call_with) and saves the callee-saved registers. -> word 0; *word1. */
i64 allod_stub_call(u64 portal, const u64 words[6], u64 *word1, u64 number);
/* The thread pointer. */
u64 allod_thread_pointer(void);

#pragma GCC visibility pop

#endif

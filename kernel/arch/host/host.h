/* The host machine: what tests use of it besides arch.h. RAM is an array; the TLB is a table that keeps every translation that was
 * used, until it is invalidated. */
#ifndef HOST_H
#define HOST_H

#include "arch.h"
#include "types.h"

struct space;
struct tlb_batch;

/* Makes a machine with that much RAM (in two ranges with a hole and ragged ends), and starts frame.c and space.c on it. */
void host_start(u64 bytes, unsigned levels);
void host_stop(void);

/* Physical address of registers that no RAM lies at. */
#define HOST_DEVICE 0xfeb00000ul

/* --- the fake TLB --- */

struct host_translation {
	struct space *space; /* NULL: free */
	u64 page;            /* address */
	u64 frame;           /* physical */
	u32 rights;          /* RIGHT_R, W, X */
};

enum { HOST_TLB = 512 };
extern struct host_translation host_tlb[HOST_TLB];

/* Remembers a translation that was used. */
void host_tlb_add(struct space *space, u64 page, u64 frame, u32 rights);
void host_tlb_flush(void);
/* How many invalidations arch_tlb_commit() made, and how many calls of arch_root_changed() there were. */
extern u64 host_commits, host_root_changes;

/* --- the fake instruction cache: what was in memory when arch_code_changed() named it, by frame --- */

/* Is a frame's content what the cache has? */
bool host_code_is_current(const void *page);
/* Number of calls of arch_code_changed(). */
extern u64 host_codes_changed;

/* --- threads (threads.c) --- */

/* Where the kernel goes (longjmp) when no thread is ready. To be set before an upcall. */
extern void *host_idle_return;
/* The clock, in ns, and by how much each reading advances it. */
extern u64 host_ticks, host_tick_step;
/* The last line of the log, and how many there were. */
extern char host_log[300];
extern u64 host_logged;
/* What the kernel last asked of each interrupt line. */
enum { HOST_LINES = 16 };
extern enum irq_state host_lines[HOST_LINES];

/* Set by tests that make calls by the gate as the entry code does. */
extern bool host_has_gate;

/* While set, panic() returns here (setjmp) instead of ending the test. */
extern void *host_panic_return;
extern char host_panic_text[256];

#endif

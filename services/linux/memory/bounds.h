/* Bounds tables of processes, made when they are first needed: abi/bounds.h.
 *
 * The directory is the program's memory and says what is there; programs must not write it, and may be expected to. So what is
 * known here about each table is what the service goes by, and an entry that says something else is an error of the
 * program's: SIGSEGV. Two threads that miss the same table come here one after the other, by the service lock; the second
 * finds it made. Entries are exchanged atomically all the same, because the program may write at any time.
 *
 * All functions need the service lock. */
#ifndef LINUX_MEMORY_BOUNDS_H
#define LINUX_MEMORY_BOUNDS_H

#include "services/linux/base.h"

struct mm;
struct region_info;
struct task;
struct user_frame;

enum bounds_kind { BOUNDS_HARD, BOUNDS_SOFT, BOUNDS_KINDS };

struct bounds_table {
	u64 chunk;   /* number of the MiB it covers */
	u64 address; /* BOUNDS_TABLE_BYTES from there on are mapped for it */
};

/* The tables of one kind; part of struct mm. */
struct bounds {
	u64 directory; /* 0: not managed, or not any more; tables made before stay */
	u64 bytes;     /* of the directory */
	struct bounds_table *tables; /* ordered by chunk */
	u32 count, room;
	/* Where the instructions of this processor look for the directory, if that is not where it is (machine_bounds_astray): what
	 * is there is a copy of it, as far as it is needed. 0: there is none. */
	u64 astray;
	u64 misses, violations; /* traps for a table that is not there; because of a pointer outside of its bounds */
};

/* What the bounds registers and the instruction say about an exception. */
enum bounds_cause { BOUNDS_CAUSE_OTHER, BOUNDS_CAUSE_VIOLATION, BOUNDS_CAUSE_MISSING };
struct bounds_report {
	u64 pointer, lower, upper; /* violation */
	u64 entry;                 /* missing: address of the directory entry */
};

/* Whether a directory is so large for the image's half of the window that programs must be laid out with it in mind. */
bool bounds_window_is_narrow(void);
/* Where a heap that could start at `start` starts, out of the way of a copy of the directory. Only narrow windows have them so
 * near. */
u64 bounds_lowest_heap(u64 start);

/* prctl(PR_MPX_ENABLE_MANAGEMENT), prctl(PR_MPX_DISABLE_MANAGEMENT). -> 0 or -ENXIO; -EEXIST: memory of the program's is where a
 * copy of the directory must be. */
long bounds_enable(struct task *self);
long bounds_disable(struct task *self);

/* EXCEPTION_BOUND: makes the table, or a signal. */
void bounds_exception(struct task *self, struct user_frame *frame);
/* EXCEPTION_ILLEGAL: -> whether it was a trap of the library's, which has been dealt with. For a peer a report is not: the frame
 * is then that of a fault at the pointer. */
bool bounds_trap(struct task *self, struct user_frame *frame);
/* The range was unmapped, and perhaps mapped anew: tables of which nothing is left in use go, of the others the part for the
 * range is cleared. */
void bounds_unmapped(struct task *self, u64 start, u64 bytes);

/* The tables of a copy made by fork; of one that is no process, for which the processor's stay off. -> 0 or -ENOMEM. */
int bounds_fork(struct mm *copy, const struct mm *from);
int bounds_copy(struct mm *copy, const struct mm *from);
void bounds_free(struct mm *mm);

/* For /proc: traps of both kinds since the program started, or was copied by fork. */
void bounds_counts(const struct mm *mm, u64 *misses, u64 *violations);
/* The name of the piece of memory at `at`, "" if it has nothing to do with bounds; *end, at first an address behind it, is lowered
 * to where that changes. */
const char *bounds_name(const struct mm *mm, u64 at, u64 *end);

#endif

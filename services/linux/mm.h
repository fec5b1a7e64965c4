/* The memory of a process: struct mm. Many rooms read it; the memory room (memory/memory.h) makes and changes it.
 *
 * Legend: [I] never changes after creation, [L] service lock. */
#ifndef LINUX_MM_H
#define LINUX_MM_H

#include "services/linux/base.h"

struct file;
struct vas_use;

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
	/* The wrong address at which this processor looks for the directory (machine_bounds_astray()): has a copy of the entries
	 * that are in use. 0: there is none. */
	u64 astray;
	u64 misses, violations; /* traps: for a missing table; for a pointer outside of its bounds */
};

struct mm {
	u32 references; /* [L] */
	u32 guests;     /* [L] calls of strangers that work on it, and may outlive it: the last one frees it */
	u32 space;      /* [I] */
	u64 base;       /* [I] space << number_shift: is put into user addresses */
	u64 cursor;     /* [L] the search for a place for the next mapping begins below this */
	u64 mmap_top;   /* [I] mappings are placed below */
	u64 start_code, end_code, start_data, end_data; /* [L] for /proc */
	u64 brk_start, brk;                             /* [L] */
	u64 stack_low, stack_top, stack_start;          /* [L] region of the stack; first stack pointer */
	u64 arg_start, arg_end, env_start, env_end;     /* [L] */
	bool dumpable;                                  /* [L] others may look at it: may_inspect() */
	u64 auxv[48];                                   /* [L] pairs as on the stack, ends with AT_NULL */
	struct file *exe;                               /* [L] */
	struct vas_use *vases; /* [L] attached to it */
	struct bounds bounds[BOUNDS_KINDS]; /* [L] */
};

#endif

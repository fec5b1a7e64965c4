/* The memory room: what lives in the space of a process, how much of it there is, and what happens when frames run out.
 *
 *   mm.c        the memory of a process as a whole: made, copied by fork, shared, let go
 *   mmap.c      the calls that map, protect and unmap
 *   bounds.c    tables of pointer bounds, made when a program first needs them (abi/bounds.h)
 *   oom.c       no frame is free: caches shrink, then a process is killed
 *
 * The kernel keeps the regions of a space, and is asked for them; struct mm (mm.h) has what the kernel does not know. Everything
 * here needs the service lock. */
#ifndef LINUX_MEMORY_MEMORY_H
#define LINUX_MEMORY_MEMORY_H

#include "services/linux/task.h"

struct user_frame;

/* What this room calls in rooms behind it. Set once, at the start. */
struct memory_hooks {
	/* No frame is free: drops what caches can do without. -> have frames become free? */
	bool (*reclaim)(void);
	/* The segment behind a descriptor, to be mapped with these rights (RIGHT_*), shared or not; *most loses the rights that the
	 * mapping may never have. For /dev/zero a new segment of `bytes`, or 0 for private memory. -> 0 or -errno. */
	int (*file_segment)(struct task *self, int fd, u32 rights, bool share, u64 bytes, u32 *segment, u32 *most);
	/* The process was chosen to be killed because memory has run out. */
	void (*killed)(u32 pid, const char *name);
	/* A shared mapping of the segment has become writable. */
	void (*segment_written)(u32 segment);
	/* fork has copied mm->exe; the memory's space has ended and struct mm is about to be freed (self: NULL if fork failed). */
	void (*copied)(struct mm *copy);
	void (*ended)(struct task *self, struct mm *mm);
};
void memory_init(const struct memory_hooks *hooks);

/* --- the memory of a process --- */

/* A new empty space for a program. NULL: no memory. */
struct mm *mm_new(const char *name);
/* A copy for fork, copy-on-write. */
struct mm *mm_fork(struct mm *mm, const char *name);
struct mm *mm_get(struct mm *mm);
void mm_put(struct task *self, struct mm *mm);
/* A free range of `bytes` for a mapping, as high as possible below mm->mmap_top. 0: none. */
u64 mm_find(struct mm *mm, u64 bytes);
/* Resident and total pages of a process: an estimate from the kernel. */
void mm_sizes(const struct mm *mm, u64 *total_pages, u64 *resident_pages);
/* Pages of [start, end), all of one region, that have frames. */
u64 mm_resident(const struct mm *mm, u64 start, u64 end);

/* --- when frames run out ---
 *
 * First caches shrink (memory_hooks.reclaim). After that, the process with the most memory is killed, and what it had is free
 * at once. The kernel keeps frames back (kernel/fault.c) with which the service itself goes on meanwhile. */

/* An access found no frame: frees some. -> should it be tried again? The process that tries may have been killed. */
bool oom_reclaim(void);
/* The same for a page of a VAS. No process is killed for it: the memory of VASes stays when processes end. */
bool oom_reclaim_vas(void);
/* Is there memory for one more process or thread? */
bool oom_room(void);

/* --- bounds ---
 * The directory is memory of the program, which must not write to it but can. So the service keeps a list of the tables of its own;
 * if an entry of the directory differs from that, it is an error of the program: SIGSEGV. If two threads miss the same table, the
 * service lock lets them in here one after the other, and the second finds the table made. Entries are exchanged atomically all the
 * same, because the program may write at any time. */

/* Whether a directory is so large for the image's half of the window that programs must be laid out with it in mind. */
bool bounds_window_is_narrow(void);
/* Where a heap that could start at `start` starts, out of the way of a copy of the directory. Only narrow windows have them so
 * near. */
u64 bounds_lowest_heap(u64 start);

/* prctl(PR_MPX_ENABLE_MANAGEMENT), prctl(PR_MPX_DISABLE_MANAGEMENT). -> 0 or -ENXIO; -EEXIST: memory of the program's is where a
 * copy of the directory must be. */
long bounds_enable(struct task *self);
long bounds_disable(struct task *self);

/* EXCEPTION_BOUND: makes the missing table, or sends a signal. */
void bounds_exception(struct task *self, struct user_frame *frame);
/* EXCEPTION_ILLEGAL. -> was it a trap of the library, which this has handled? A report of a stranger is not handled: the frame
 * becomes that of a fault at the pointer. */
bool bounds_trap(struct task *self, struct user_frame *frame);
/* The range was unmapped, and perhaps mapped anew: frees tables that cover no other memory, and clears the part for the range in
 * others. */
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

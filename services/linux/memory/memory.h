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
	/* No frame is free: caches give back what they can do without. -> whether frames became free. */
	bool (*reclaim)(void);
	/* The segment behind a descriptor, to be mapped with these rights (RIGHT_*), shared or not; *most loses the rights that the
	 * mapping may never have. For /dev/zero a new segment of `bytes`, or 0 for private memory. -> 0 or -errno. */
	int (*file_segment)(struct task *self, int fd, u32 rights, bool share, u64 bytes, u32 *segment, u32 *most);
	/* The process was chosen to be killed because memory has run out. */
	void (*killed)(u32 pid, const char *name);
	/* A shared mapping of the segment has become writable. */
	void (*segment_written)(u32 segment);
	/* fork has copied mm->exe; the space of the memory is gone, struct mm goes next (self: NULL if fork failed). */
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

/* An access found no frame. -> whether it is worth another try; the process that tries may have been killed. */
bool oom_reclaim(void);
/* An access found no frame for a page of a VAS. -> whether it is worth another try. Nobody is killed for it: what is in VASes
 * stays when processes end. */
bool oom_reclaim_vas(void);
/* Whether there is room for one more process or thread. */
bool oom_room(void);

/* --- bounds ---
 * The directory is the program's memory and says what is there; programs must not write it, and may be expected to. So what is
 * known here about each table is what the service goes by, and an entry that says something else is an error of the
 * program's: SIGSEGV. Two threads that miss the same table come here one after the other, by the service lock; the second
 * finds it made. Entries are exchanged atomically all the same, because the program may write at any time.
 *
 */

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

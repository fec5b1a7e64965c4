/* First-class virtual address spaces: memory with a name, which processes attach and threads switch into.
 *
 *   int vid = vas_create("/index", 0600);
 *   uint64_t range[2];
 *   vas_range(range);                                        // where VASes show: the upper half of the address range
 *   int sid = vas_seg_create("/index.data", range[0], range[0] + (1 << 30), 0600);
 *   vas_seg_attach(vid, sid, O_RDWR);
 *   vas_attach(0, vid, O_RDWR);
 *   vas_switch(vid);                                         // from here on this thread sees the segment
 *   struct vas_heap *heap = vas_heap_make((void *)range[0], 1 << 30); // allod/heap.h: malloc inside of it
 *   ...
 *   vas_switch(0);
 *
 * The program's own memory (text, data, heap, stacks) is in the lower half of the window, whatever VAS the thread is in: a switch
 * copies nothing, and no addresses can be in conflict. The memory of a VAS is at the same addresses in every process, so pointers
 * in it mean the same to all, and outlive the processes that made them.
 *
 * The first sixteen calls are those of the Linux RFC of 2017; what is different from it is marked "here". All calls: 0 or more on
 * success, -1 and errno on failure; errors besides those named: EFAULT (a bad pointer), ENOMEM, ENOSYS (this is not Allod).
 *
 * Names have 1 to 255 bytes; a VAS and a segment may have the same name. Modes are those of files without x (0666); root may do
 * everything. Both live until they are deleted, also if their makers have ended. */
#ifndef ALLOD_VAS_H
#define ALLOD_VAS_H

#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vas_attr {
	mode_t mode;
	uid_t user;
	gid_t group;
};

struct vas_seg_attr {
	mode_t mode;
	uid_t user;
	gid_t group;
};

/* --- VASes --- */

/* -> number of a new VAS, at least 1. EEXIST, EINVAL (an empty name), ENAMETOOLONG, EDQUOT. */
int vas_create(const char *name, mode_t mode);
/* Takes the segments out first. EINVAL (no such VAS), EACCES (not to be written), EBUSY (attached to a process). */
int vas_delete(int vid);
/* -> number. ESRCH, ENAMETOOLONG. */
int vas_find(const char *name);
/* Lets threads of a process (0: the caller's; else one of the same user) switch into it. type: O_RDONLY, O_WRONLY (as O_RDWR) or
 * O_RDWR. Attached already: nothing happens. ESRCH (process), EINVAL, EACCES, EBUSY: attached to read any number of times or
 * to write once - here, unless vas_share() or lockable segments say otherwise. */
int vas_attach(pid_t pid, int vid, int type);
/* EINVAL (not attached), ESRCH, EACCES, EBUSY: a thread of the process is inside. */
int vas_detach(pid_t pid, int vid);
/* The calling thread goes on in another VAS, 0: in none. Its registers stay as they are. EINVAL (not attached). Waits while locks
 * of lockable segments are taken; then EINTR is possible, and the thread is in no VAS. */
int vas_switch(int vid);
/* -> the VAS that the calling thread is in, 0: none. */
int active_vas(void);
/* EINVAL. */
int vas_getattr(int vid, struct vas_attr *attr);
/* EINVAL; EACCES: not the owner - here, as for files; EPERM: only root gives it to other users, and to strange groups; EDQUOT:
 * the new owner's quota. */
int vas_setattr(int vid, struct vas_attr *attr);

/* --- segments: pieces of memory with fixed addresses, zero-filled --- */

/* [start, end): whole pages in the range that vas_range() tells. -> number, at least 1. EEXIST, EINVAL, ENAMETOOLONG, EDQUOT. */
int vas_seg_create(const char *name, unsigned long start, unsigned long end, mode_t mode);
/* EINVAL, EACCES, EBUSY (attached to a VAS). */
int vas_seg_delete(int sid);
/* ESRCH, ENAMETOOLONG. */
int vas_seg_find(const char *name);
/* Makes it part of a VAS that the caller may write to; here, all who have it attached see it at once. Attached already: nothing
 * happens. EINVAL, EACCES, EFAULT (another segment is there), EBUSY: as vas_attach, of a segment in several VASes; or
 * it is lockable and a thread is inside of the VAS. */
int vas_seg_attach(int vid, int sid, int type);
/* EINVAL, EACCES, EBUSY: it is lockable and a thread is inside, or there is no other lockable one and the VAS is attached to more
 * than many readers or one writer. */
int vas_seg_detach(int vid, int sid);
/* As vas_getattr() and vas_setattr(). */
int vas_seg_getattr(int sid, struct vas_seg_attr *attr);
int vas_seg_setattr(int sid, struct vas_seg_attr *attr);

/* --- beyond the RFC --- */

/* Where VASes show: range[0] is the first address, range[1] the one behind the last. */
int vas_range(uint64_t range[2]);

/* A new VAS with copies of all segments, or a new segment with a copy of another; copy-on-write. EACCES (not to be read), EBUSY (a
 * thread holds the lock to write), else as vas_create() and vas_seg_create(). The copies of segments of a cloned VAS have no names
 * and go with the last VAS that they are attached to. */
int vas_clone(int vid, const char *name, mode_t mode);
int vas_seg_clone(int sid, const char *name, mode_t mode);

/* A word by which programs find their data in the VAS; 0 at first. */
int vas_get_root(int vid, uint64_t *root);
int vas_set_root(int vid, uint64_t root);

/* Detaches the VAS from a process, or (0) from all; only its owner may. Threads that are inside go on outside, where its addresses
 * fault. A system call that has begun to read or write there may still end as if nothing had happened. EINVAL, EACCES, ESRCH. */
int vas_revoke(int vid, pid_t pid);

/* Who may have it attached at the same time; by the owner. */
enum {
	VAS_SHARED_STRICT = 0, /* many readers or one writer */
	VAS_SHARED_FREE = 1,   /* anybody: programs keep order among themselves */
	VAS_SHARED_LOCK = 2,   /* segments only: anybody, and vas_switch() keeps order */
};
/* A thread inside of a VAS with a lockable segment holds the segment's lock, exclusively if it may write there. It releases the
 * lock when it switches out, ends (in whatever way) or calls exec, or when the VAS is revoked.
 * EINVAL, EACCES, EBUSY (more have it attached than VAS_SHARED_STRICT allows; a segment is attached). */
int vas_share(int vid, int how);
int vas_seg_share(int sid, int how);

/* Sets (only root may; NULL: does not) and tells (NULL: does not) how many VASes and segments, and pages in them, a user may have.
 * EPERM. */
struct vas_quota {
	uint64_t objects_max, pages_max;
	uint64_t objects, pages; /* told */
};
int vas_quota(uid_t user, const struct vas_quota *set, struct vas_quota *tell);

#ifdef __cplusplus
}
#endif

#endif

/* VASes and their segments: named objects with owners and modes, which live until they are deleted. A VAS is a space of the
 * kernel's kind SPACE_VAS, its number is the VAS's; a segment is a segment of the kernel's that this service owns.
 *
 *   struct vas  --- struct seg_use ---> struct seg      a segment attached to a VAS
 *   struct mm   --- struct vas_use ---> struct vas      a VAS attached to the memory of a process
 *
 * What is attached to what, and by whom it is locked, is known here; the memory is the kernel's business. All functions: with the
 * service lock. */
#ifndef LINUX_VAS_VAS_H
#define LINUX_VAS_VAS_H

#include "abi/vas.h"
#include "services/linux/proc/procfs.h"
#include "services/linux/sleep.h"
#include "services/linux/task.h"

struct vas_user; /* what a user has made, and may make */

/* What VASes and segments have in common. */
struct vas_object {
	struct list_node by_id, by_name; /* in the tables of its kind */
	u32 id;
	char *name;   /* NULL: a segment that goes with its VAS (vas_clone) */
	u32 mode;     /* 0666 */
	u32 uid, gid;
	u32 share;    /* VAS_SHARE_* */
	u32 readers, writers; /* attachments */
	u64 pages;    /* accounted for */
	struct vas_user *user; /* whose quota it is on */
};

struct vas {
	struct vas_object object;
	u64 root;                  /* what programs remember it by */
	struct list_node segments; /* struct seg_use.of_vas, by address */
	struct list_node uses;     /* struct vas_use.of_vas */
	u32 lockable;              /* number of lockable segments */
	u32 lockers;               /* tasks inside that hold their locks, or wait for them */
};

struct seg {
	struct vas_object object;
	u32 segment;    /* the kernel's */
	u64 start, end; /* native addresses, in the upper half of the window */
	struct list_node uses; /* struct seg_use.of_seg */
	/* The lock of a lockable one: tasks that hold it to read, that hold it to write (0 or 1), that wait to write. */
	u32 reading, writing, wish_to_write;
	struct wait_queue waiting;
};

struct seg_use {
	struct list_node of_vas, of_seg;
	struct vas *vas;
	struct seg *seg;
	bool write;
};

struct vas_use {
	struct vas_use *next; /* of mm->vases */
	struct list_node of_vas;
	struct vas *vas;
	struct mm *mm;
	bool write;
	u32 pid; /* of the process, for /proc */
};

/* --- vas.c: objects, names, rights, quotas --- */

struct vas *vas_by_id(u64 id);
struct seg *seg_by_id(u64 id);
/* The first whose number is not below `from`, NULL if none: for listing. */
struct vas *vas_next(u64 from);
struct seg *seg_next(u64 from);
/* A name in user memory, free for a new object of the kind. -> 0; -EFAULT, -EINVAL (empty), -ENAMETOOLONG, -EEXIST. */
int vas_name_new(struct task *self, u64 addr, bool is_segment, char name[VAS_NAME_MAX]);
/* -> number of the object of that name; -ESRCH, -EFAULT, -ENAMETOOLONG. */
long vas_name_find(struct task *self, u64 addr, bool is_segment);
/* May the task do that with the object (4 read, 2 write)? -> 0 or -EACCES. */
int vas_may(const struct task *self, const struct vas_object *object, u32 mask);
/* New objects of the task's. NULL with *error = -ENOMEM or -EDQUOT. name NULL: without one. */
struct vas *vas_new(struct task *self, const char *name, u32 mode, int *error);
/* segment: the kernel's, handed over on success; 0: a new one. */
struct seg *seg_new(struct task *self, const char *name, u32 mode, u64 start, u64 end, u32 segment, int *error);
/* Nothing is attached to them any more. */
void vas_free(struct vas *vas);
void seg_free(struct seg *seg);
/* Changes mode, and owner and group (by whom it may be). -> 0, -EACCES, -EPERM, -EDQUOT. */
int vas_object_set(struct task *self, struct vas_object *object, u32 mode, u32 uid, u32 gid);
/* Sets (if limits is not NULL) and tells a user's limits and use: objects, pages. -> 0, -ENOMEM. */
int vas_user_quota(u32 uid, const u64 limits[2], u64 told[4]);

/* --- vas_attach.c: what is attached to what; locks --- */

struct vas_use *vas_use_find(const struct mm *mm, const struct vas *vas);
/* -> 0, -EBUSY, -ENOMEM; vas_use_end: -EINVAL, -EBUSY (a thread is inside, and not by force). */
int vas_use_make(struct task *target, struct vas *vas, bool write);
int vas_use_end(struct mm *mm, struct vas *vas, bool force);
/* -> 0, -EBUSY, -EFAULT (something is there), -ENOMEM; seg_use_end: -EINVAL, -EBUSY. */
int seg_use_make(struct vas *vas, struct seg *seg, bool write);
int seg_use_end(struct vas *vas, struct seg *seg);
/* Is it attached more often than by many readers or one writer? */
bool vas_is_crowded(const struct vas *vas);
/* The calling thread goes on in the VAS, NULL: in none; waits for the locks of lockable segments. -> 0, -EINVAL (not attached),
 * -ERESTARTSYS: then it is in none. */
int vas_enter(struct task *self, struct vas *vas);
/* Lets the locks of the task go: it ends, or its memory does. */
void vas_leave(struct task *self);
/* The memory is gone: nothing is attached to it. */
void vas_mm_end(struct mm *mm);

/* --- vas_calls.c --- */

/* The call frame->nr, from VAS_CALL_FIRST on. */
long vas_call(struct task *self, const struct user_frame *frame);

/* --- vas_proc.c --- */

/* What /proc and /sys show of VASes. Once, at the start. */
void vas_init(void);

#endif

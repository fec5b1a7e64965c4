/* The vas room: first-class address spaces. VASes and their segments are named objects with owners and modes, which live until they
 * are deleted. A VAS is a space of the kernel's kind SPACE_VAS, its number is the VAS's; a segment is a segment of the kernel's
 * that this service owns.
 *
 *   struct vas  --- struct seg_use ---> struct seg      a segment attached to a VAS
 *   struct mm   --- struct vas_use ---> struct vas      a VAS attached to the memory of a process
 *
 *   vas.c      objects, names, rights, quotas           calls.c    the calls of abi/vas.h
 *   attach.c   what is attached to what; locks          proc.c     what /proc and /sys show of them
 *
 * This room keeps attachments and locks; the kernel keeps the memory. Everything here needs the service lock. */
#ifndef LINUX_VAS_VAS_H
#define LINUX_VAS_VAS_H

#include "abi/vas.h"

#include "services/linux/proc/proc.h"

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
	u64 root;                  /* the word of vas_set_root() */
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
	/* Of a lockable segment: how many tasks hold its lock to read, hold it to write (0 or 1), wait to write. */
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

/* --- for the roof --- */

/* What /proc and /sys show of VASes. Once, at the start. */
void vas_init(void);
/* The call frame->nr, from VAS_CALL_FIRST on. */
long vas_call(struct task *self, const struct user_frame *frame);
struct vas *vas_by_id(u64 id);
struct seg *seg_by_id(u64 id);
/* The first whose number is not below `from`, NULL if none: for listing. */
struct vas *vas_next(u64 from);
struct seg *seg_next(u64 from);
/* The task ends, or leaves its memory: releases its locks. */
void vas_leave(struct task *self);
/* The memory has ended: ends its attachments. */
void vas_mm_end(struct mm *mm);

#endif

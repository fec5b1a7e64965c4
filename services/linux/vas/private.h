/* What the files of the vas room share. */
#ifndef LINUX_VAS_PRIVATE_H
#define LINUX_VAS_PRIVATE_H

#include "services/linux/vas/vas.h"

struct vas_user; /* what a user has made, and may make */

/* Reads a name for a new object from user memory. -> 0; -EFAULT, -EINVAL (empty), -ENAMETOOLONG, -EEXIST. */
int vas_name_new(struct task *self, u64 addr, bool is_segment, char name[VAS_NAME_MAX]);
/* -> number of the object of that name; -ESRCH, -EFAULT, -ENAMETOOLONG. */
long vas_name_find(struct task *self, u64 addr, bool is_segment);
/* May the task use the object so (mask: 4 read, 2 write)? -> 0 or -EACCES. */
int vas_may(const struct task *self, const struct vas_object *object, u32 mask);
/* New objects of the task's. NULL with *error = -ENOMEM or -EDQUOT. name NULL: without one. */
struct vas *vas_new(struct task *self, const char *name, u32 mode, int *error);
/* segment: the kernel's, handed over on success; 0: a new one. */
struct seg *seg_new(struct task *self, const char *name, u32 mode, u64 start, u64 end, u32 segment, int *error);
/* Free an object to which nothing is attached any more. */
void vas_free(struct vas *vas);
void seg_free(struct seg *seg);
/* Changes mode, owner and group as far as the task may. -> 0, -EACCES, -EPERM, -EDQUOT. */
int vas_object_set(struct task *self, struct vas_object *object, u32 mode, u32 uid, u32 gid);
/* Sets (if limits is not NULL) and tells a user's limits and use: objects, pages. -> 0, -ENOMEM. */
int vas_user_quota(u32 uid, const u64 limits[2], u64 told[4]);
/* Attaching a VAS to the memory of a process: finds, makes, ends an attachment. -> NULL: there is none; 0, -EBUSY, -ENOMEM;
 * 0, -EINVAL (there is none), -EBUSY (a thread is inside, and `force` is not set). */
struct vas_use *vas_use_find(const struct mm *mm, const struct vas *vas);
int vas_use_make(struct task *target, struct vas *vas, bool write);
int vas_use_end(struct mm *mm, struct vas *vas, bool force);
/* Attaching a segment to a VAS. -> 0, -EBUSY, -EFAULT (another segment is there), -ENOMEM; seg_use_end: 0, -EINVAL, -EBUSY. */
int seg_use_make(struct vas *vas, struct seg *seg, bool write);
int seg_use_end(struct vas *vas, struct seg *seg);
/* Have more processes attached it than many readers or one writer? */
bool vas_is_crowded(const struct vas *vas);
/* The calling thread goes on in the VAS, NULL: in none; waits for the locks of lockable segments. -> 0, -EINVAL (not attached),
 * -ERESTARTSYS: then it is in none. */
int vas_enter(struct task *self, struct vas *vas);

#endif

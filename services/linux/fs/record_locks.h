/* Locks of files: record locks of processes and of open files (fcntl), and flock(). Kept within the guest. */
#ifndef LINUX_FS_RECORD_LOCKS_H
#define LINUX_FS_RECORD_LOCKS_H

#include "services/linux/base.h"

struct file;
struct inode;
struct task;

/* F_GETLK, F_SETLK, F_SETLKW and the F_OFD_ ones; addr: struct flock of user memory. */
long locks_fcntl(struct task *self, struct file *file, unsigned fd, int command, u64 addr);
/* Drops all locks of an owner: a descriptor table, or an open file. */
void locks_release_owner(struct inode *inode, const void *owner);
void locks_release_file(struct file *file);

#endif

/* Making and removing names. */
#ifndef LINUX_FS_NAMEI_H
#define LINUX_FS_NAMEI_H

#include "services/linux/fs/inode.h"

/* Makes a file of that mode (type and permissions, umask not yet applied) at an entry without inode, with all checks
 * of the directory. rdev for devices. */
int dentry_mknod(struct task *self, struct dentry *dentry, uint32_t mode, uint64_t rdev);

#endif

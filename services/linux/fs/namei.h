/* Making and removing names. */
#ifndef LINUX_NAMES_H
#define LINUX_NAMES_H

#include "services/linux/fs/inode.h"

/* Makes a file of that mode (type and permissions, umask not yet applied) at an entry without inode, with all checks
 * of the directory. rdev for devices. */
int names_create(struct task *self, struct entry *entry, uint32_t mode, uint64_t rdev);

#endif

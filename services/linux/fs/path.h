/* From a path to an entry. */
#ifndef LINUX_FS_PATH_H
#define LINUX_FS_PATH_H

#include "services/linux/base.h"
#include "services/linux/fs/inode.h"

enum {
	LOOKUP_FOLLOW = 1,   /* follow a symbolic link at the end */
	LOOKUP_EMPTY = 2,    /* an empty path means dirfd itself */
	LOOKUP_MISSING = 4,  /* the last name need not exist: then entry->inode is NULL */
	LOOKUP_NO_LINKS = 8, /* any symbolic link: ELOOP */
};

struct path {
	struct dentry *dentry; /* result, with a reference */
	bool slash;          /* the path ended in a slash */
	bool dots;           /* its last name was "." or "..", or there was none ("/") */
};

/* path is in service memory; dirfd may be AT_FDCWD. -> 0 or -errno. */
int path_lookup(struct task *self, int dirfd, const char *path, unsigned flags, struct path *result);
/* As walk() with a path from user memory. */
int path_lookup_user(struct task *self, int dirfd, u64 path, unsigned flags, struct path *result);

#endif

/* From a path to an entry. */
#ifndef LINUX_WALK_H
#define LINUX_WALK_H

#include "services/linux/base.h"
#include "services/linux/fs/inode.h"

enum {
	WALK_FOLLOW = 1,   /* follow a symbolic link at the end */
	WALK_EMPTY = 2,    /* an empty path means dirfd itself */
	WALK_MISSING = 4,  /* the last name need not exist: then entry->inode is NULL */
	WALK_NO_LINKS = 8, /* any symbolic link: ELOOP */
};

struct walk {
	struct entry *entry; /* result, with a reference */
	bool slash;          /* the path ended in a slash */
	bool dots;           /* its last name was "." or "..", or there was none ("/") */
};

/* path is in service memory; dirfd may be AT_FDCWD. -> 0 or -errno. */
int walk(struct task *self, int dirfd, const char *path, unsigned flags, struct walk *result);
/* As walk() with a path from user memory. */
int walk_user(struct task *self, int dirfd, u64 path, unsigned flags, struct walk *result);

#endif

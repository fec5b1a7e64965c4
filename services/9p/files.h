/* The calls of the fs portal (enum fs_op). A client may send any words, so each function checks them.
 *
 * Functions return word 0 of the result: 0 or more, -E_*, or -(FS_ERRNO + errno). */
#ifndef FS_FILES_H
#define FS_FILES_H

#include "services/runtime/types.h"

/* names.c: finding, making and removing files. */
i64 file_root(u64 device, u64 attr);
i64 file_lookup(u64 dir, u64 name, u64 length, u64 attr);
i64 file_create(u64 dir, u64 name, u64 length, u64 mode, u64 attr);
i64 file_mkdir(u64 dir, u64 name, u64 length, u64 mode);
i64 file_symlink(u64 dir, u64 name, u64 length, u64 target, u64 target_length);
i64 file_link(u64 dir, u64 name, u64 length, u64 node);
i64 file_unlink(u64 dir, u64 name, u64 length, bool directory);
i64 file_rename(u64 dir, u64 names, u64 length, u64 new_length, u64 new_dir);
i64 file_readlink(u64 node, u64 buffer, u64 bytes);

/* attributes.c */
struct node;
/* Fills the client's *attr. */
i64 node_attr(struct node *node, u64 attr);
i64 file_attr(u64 node, u64 attr);
i64 file_set_attr(u64 node, u64 attr, u64 which);
i64 file_statfs(u64 node, u64 buffer);

/* data.c: what is in them. */
i64 file_read(u64 node, u64 offset, u64 buffer, u64 bytes);
i64 file_write(u64 node, u64 offset, u64 buffer, u64 bytes);
i64 file_readdir(u64 dir, u64 cursor, u64 buffer, u64 bytes);
i64 file_sync(u64 node);

#endif

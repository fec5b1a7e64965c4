/* The 9p server's files, through the file-system driver (abi/services.h).
 *
 * Nodes die with the driver. Each inode remembers where it was found, and p9_node() finds it again. The call that was in
 * progress when the driver died returns -EIO. Calls are made with the service lock held, as they are short; only reading
 * content has a second form that lets the lock go meanwhile.
 * Functions return 0 or more, or -errno. */
#ifndef LINUX_FS_9P_CLIENT_H
#define LINUX_FS_9P_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/services.h"

struct inode;
struct inode_ops;
struct stamp;
struct superblock;

extern const struct inode_ops p9_ops;

/* The root inode of a 9p device, for superblock->root. */
int p9_root(struct superblock *sb, struct inode **root);
/* Tells the driver that the inode's node is not needed any more. */
void p9_forget(struct inode *inode);
/* Reads from a file into the arena, from where p9_buffer() points: at most FS_CHUNK bytes. -> bytes. */
long p9_read(struct inode *inode, uint64_t offset, size_t bytes);
void *p9_buffer(void);
/* The same without the service lock during the call, into a buffer of the reader's own; the inode must be held. */
enum { P9_READERS = 8 };
int p9_reader(void); /* -> a free one, or -1 */
void p9_reader_free(int reader);
char *p9_reader_buffer(int reader);
long p9_read_apart(struct inode *inode, int reader, uint64_t offset, size_t bytes);
/* Writes from service memory to the server, all of it. */
int p9_write(struct inode *inode, uint64_t offset, const void *from, size_t bytes);
int p9_statfs(struct inode *inode, struct fs_statfs *about);
int p9_sync(struct inode *inode);

/* For superblocks with write_through: the same change on the server. Of a mode, the server only gets what is in 0777: set-user-ID
 * would be for the user there. */
int p9_create(struct inode *dir, const char *name, size_t length, uint32_t mode, struct inode **made);
int p9_mkdir(struct inode *dir, const char *name, size_t length, uint32_t mode, struct inode **made);
int p9_symlink(struct inode *dir, const char *name, size_t length, const char *target, struct inode **made);
int p9_link(struct inode *dir, const char *name, size_t length, struct inode *to);
int p9_unlink(struct inode *dir, const char *name, size_t length, bool directory);
int p9_rename(struct inode *dir, const char *name, size_t length, struct inode *to, const char *new_name,
	size_t new_length, struct inode *moved);
/* which: FS_SET_*; values are those of the inode. */
int p9_set_attributes(struct inode *inode, uint32_t which);

#endif

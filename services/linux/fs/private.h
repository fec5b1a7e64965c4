/* What the files of the fs room have of each other. Besides: page_cache.h, record_locks.h, 9p_client.h. */
#ifndef LINUX_FS_PRIVATE_H
#define LINUX_FS_PRIVATE_H

#include "services/linux/fs/fs.h"

/* st_dev. */
uint64_t inode_dev(const struct inode *inode);
/* The inode with this number, if it is known (with a reference); and the opposite. */
struct inode *inode_find(struct superblock *sb, uint64_t ino, uint32_t device);
void inode_hash(struct inode *inode);
struct stamp stamp_now(void);
/* Notes that attributes were changed. */
void inode_changed(struct inode *inode);
/* inode_permission() for the real user (access()). */
int inode_permission_real(struct task *self, struct inode *inode, unsigned mask);
/* Is self the owner or the superuser? */
bool inode_is_owner(struct task *self, struct inode *inode);
/* Memory for dentry_move() to the name `like`, NULL if there is none. */
struct dentry *dentry_reserve(const struct dentry *like);
/* A directory that was removed: forgets names that are known not to be in it, the first ones at once, others later. */
void dentry_forget_children(struct dentry *dir);
/* Frees one that nothing knows. */
void dentry_discard(struct dentry *dentry);
/* The dentry `from` gets the name and directory of `to`, which is removed; takes what dentry_reserve(to) gave. */
void dentry_move(struct dentry *from, struct dentry *to, struct dentry *spare);
/* Two dentries get each other's names and directories. */
void dentry_exchange(struct dentry *a, struct dentry *b);
/* Keeps the dentry and all above it in memory. */
void dentry_pin(struct dentry *dentry);
/* Has the directory any names? Looks at the server's list too. */
int dentry_is_empty(struct task *self, struct dentry *dir, bool *empty);
/* Is the name of the server's list replaced or removed? */
bool dentry_hides(struct dentry *dir, const char *name, size_t length);
/* Makes the root dentry of a superblock. Takes over the reference to the inode. */
struct dentry *dentry_root(struct superblock *sb, struct inode *inode);
/* Forgets unused dentries, the oldest first, until `target` are left. */
void dentries_trim(unsigned target);
extern unsigned dentries_unused_max; /* more are never kept: set to suit the memory of the machine */
/* A new superblock; ops NULL: in memory. superblock_mount() mounts it on a dentry (NULL: nowhere). */
struct superblock *superblock_new(const char *type, const char *source, uint32_t magic, const struct inode_ops *ops);
int superblock_mount(struct superblock *sb, struct dentry *on);
/* The one mounted last. */
struct superblock *superblocks_last(void);
/* file_new() in two steps, of which the second cannot fail: heap_zalloc(sizeof(struct file)) is made one. */
void file_init(struct file *file, const struct file_ops *ops, struct inode *inode, struct dentry *dentry, u32 flags);
/* The mark FD_CLOEXEC of an open descriptor. */
bool descriptor_close_on_exec(const struct descriptor_table *files, unsigned fd);
void descriptor_set_close_on_exec(struct descriptor_table *files, unsigned fd, bool on);
/* The task's descriptors are below this: RLIMIT_NOFILE, at most DESCRIPTORS_MAX. */
unsigned descriptors_limit(const struct task *self);
/* What fs_init() was given. */
void file_set_hooks(const struct fs_hooks *hooks);
extern const struct fs_hooks *fs_hooks_used;
/* See fs_hooks. */
void notify_gone(struct inode *inode);
long file_pipe_size(struct task *self, struct file *file, const u64 *wanted);
/* The operations of regular files and directories. */
extern const struct file_ops regular_ops, directory_ops;
/* Text like "pipe:[12]" for a file without dentry. -> length */
int anonymous_name(const struct inode *inode, char *to, size_t size);
/* Around a call that moves `bytes` at the position of the file, or writes: nobody else moves the position or writes to the file
 * meanwhile, although the lock is let go. pos: of the call. -> 0 or -ERESTARTSYS: self is killed. */
int file_hold(struct task *self, struct file *file, const u64 *pos, bool write);
void file_release_hold(struct task *self, struct file *file);

/* path_lookup() with a path from user memory. */
int path_lookup_user(struct task *self, int dirfd, u64 path, unsigned flags, struct path *result);
/* The inode of a path relative to dirfd, or of dirfd itself (AT_EMPTY_PATH), with a reference. flags: AT_*. */
int inode_at(struct task *self, int dirfd, u64 path, unsigned flags, struct inode **inode);
/* The inode behind a descriptor, with a reference; -EBADF, also for one that was opened with O_PATH unless path_too. */
int inode_of_fd(struct task *self, u64 fd, bool path_too, struct inode **inode);
/* The end of a call that changes attributes: if error is 0, ctime becomes now, and a writable share's server is told what `which`
 * (FS_SET_*) says. Lets the reference to the inode go. -> error, or the server's. */
long attributes_changed(struct inode *inode, u32 which, long error);
/* Makes the file one of the device's: -ENXIO if there is no such device. */
int device_open(struct task *self, struct inode *inode, struct file *file);
/* Is it /dev/zero? And the segment for a shared mapping of it. */
bool device_is_zero(const struct file *file);
i64 device_zero_segment(size_t bytes);

#endif

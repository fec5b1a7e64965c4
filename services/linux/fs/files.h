/* Files, as the rest of the Linux service sees them: open files, descriptor tables, working directories, page caches.
 *
 *   task -> struct descriptor_table (descriptors) -> struct file (open file) -> struct inode (the file itself, services/linux/fs/inode.h)
 *                                                                 -> or a pipe, a terminal, an epoll set...
 *
 * All functions here are called with the service lock held, unless said otherwise. Those that take a task may sleep, which
 * lets the lock go for a while. They return 0 or more on success and a negative errno of Linux on failure.
 * Buffers are pointers that the service can use: its own memory, or a process's through user_pointer() (then a bad
 * pointer gives -EFAULT). */
#ifndef LINUX_FS_FILES_H
#define LINUX_FS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dentry;
struct file;
struct inode;
struct inode_ops;
struct superblock;
struct task;

/* --- life of the service --- */

/* What this room calls in rooms behind it. Set once, at the start. */
struct fs_hooks {
	/* A file that epoll sets watch (file->epolls) is going. */
	void (*unwatch)(struct file *file);
	/* Opens a fifo: sets file->ops and file->data; may wait for the other end. */
	int (*open_fifo)(struct task *self, struct inode *inode, struct file *file);
};
/* Before any other function: finds the driver of files and mounts the root. May sleep in portal calls; the service lock need not be
 * held yet. */
void fs_init(const struct fs_hooks *hooks);
/* The rest of the tree: /dev, /run, and the shares of the configuration. */
void fs_mount_rest(void);

/* --- building trees at the start; what fails ends the service --- */

/* Mounts a tree in memory, or of these operations, at an absolute path, which is made where it is missing. */
struct superblock *fs_mount(const char *path, const char *type, const char *source, uint32_t magic, uint32_t mode,
	const struct inode_ops *ops);
/* Makes a file in a directory in memory. mode: type and permissions; rdev: of devices. */
struct dentry *fs_plant(const char *directory, const char *name, uint32_t mode, uint64_t rdev);

/* --- descriptor tables: of a process, shared by its threads and by CLONE_FILES --- */

/* Descriptors are below this, whatever RLIMIT_NOFILE: /proc/sys/fs/nr_open. */
enum { DESCRIPTORS_MAX = 1 << 20 };
/* A further reference to the same table. */
struct descriptor_table *descriptors_get(struct descriptor_table *files);
/* A copy for a new process; NULL: no memory. */
struct descriptor_table *descriptors_fork(struct descriptor_table *files);
/* Lets a reference go; the last one closes everything and drops the process's record locks. */
void descriptors_put(struct task *self, struct descriptor_table *files);
/* The task leaves the table it shares for a copy of its own. -ENOMEM. */
int descriptors_own(struct task *self);
/* Exec: closes what is marked close-on-exec. The caller has made sure that the table is not shared. */
void descriptors_exec(struct task *self, struct descriptor_table *files);
/* The open file behind a descriptor, with a reference (file_put), or NULL. */
struct file *descriptor_get(struct descriptor_table *files, int fd);
/* Puts the file at the lowest free descriptor not below `from`; takes over the caller's reference, also on failure
 * (-EMFILE, -ENOMEM). Limit: RLIMIT_NOFILE of self. -> descriptor. */
int descriptor_add(struct task *self, struct file *file, int from, bool close_on_exec);
/* Makes room for one more, so that descriptor_add() finds it unless another thread takes it. -EMFILE, -ENOMEM. */
int descriptor_room(struct task *self);
/* Number of open descriptors. */
unsigned descriptors_count(const struct descriptor_table *files);

/* --- working directory, root, file mode mask --- */

/* cwd= of the configuration, umask=. */
struct fs *fs_first(struct task *self);
struct fs *fs_get(struct fs *fs);
struct fs *fs_fork(struct fs *fs);
void fs_put(struct fs *fs);

/* --- open files --- */

struct file *file_get(struct file *file);
void file_put(struct task *self, struct file *file);
/* Holds a program's file while it runs, during which nobody may open it for writing. -ETXTBSY if somebody has already. */
int file_deny_write(struct file *file);
void file_allow_write(struct task *self, struct file *file);
/* Reads from a regular file at an offset, independently of its position. -> bytes, 0 at the end. */
long file_read_at(struct task *self, struct file *file, void *to, size_t bytes, uint64_t offset);

/* What exec needs to know about a program file. */
struct exec_attributes {
	uint32_t mode, uid, gid; /* set-user-ID and set-group-ID: bits of mode, owner uid, group gid */
	uint64_t size, ino, dev;
	bool readable; /* by self */
};

/* Opens a program: path relative to dirfd as for execveat (AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW in flags); path is a string
 * in the service's memory. Checks that it is a regular file that self may execute. */
int exec_open(struct task *self, int dirfd, const char *path, int flags, struct file **file,
	struct exec_attributes *about);
/* The absolute path of an open file, NUL-terminated; " (deleted)" is appended if it has no name any more. -> length. */
int file_path(struct file *file, char *to, size_t size);
/* The absolute path of the working directory. */
int fs_cwd_path(struct fs *fs, char *to, size_t size);

/* --- mapping files --- */

/* The segment behind a file for mmap. Checks the open mode against rights wanted (RIGHT_*) and sharing: -EACCES, -ENODEV.
 * A page offset in the file is the same offset in the segment. For /dev/zero the segment is a fresh zero-filled one of `bytes`
 * (or 0: private zero-filled memory, when not shared). The segment stays valid as long as it is mapped somewhere or the
 * file is open; pages that are mapped behind the file's last page are refused by segment_fill(). */
int file_segment(struct file *file, uint32_t rights, bool share, size_t bytes, uint32_t *segment);
/* The same for a descriptor; *most loses the right to write if a shared mapping may never have it. -EBADF. */
int descriptor_segment(struct task *self, int fd, uint32_t rights, bool share, uint64_t bytes, uint32_t *segment, uint32_t *most);
/* A process is about to write to its shared mapping of a file. */
void segment_written(uint32_t segment);
/* A fault needs this page of a paged segment (user_frame.segment, .page, or the landing of a copy routine): supplies it and
 * some of its neighbours. 0: try again; -EFAULT: behind the end of the file (SIGBUS); -EIO: cannot be read (SIGBUS). */
int segment_fill(uint32_t segment, uint32_t page);
/* The same, letting the service lock go while the driver reads. */
int segment_fetch(uint32_t segment, uint32_t page);
/* No frame was free (FAULT_NOMEM): drops what the page cache and the names in memory can do without. -> whether frames
 * became free; then the access is worth another try before anything is killed. */
bool fs_reclaim(void);
/* What /proc/self/maps says about a segment: path into `to`, device and inode number. false: not a file's. */
bool segment_name(uint32_t segment, char *to, size_t size, uint64_t *dev, uint64_t *ino);

#endif

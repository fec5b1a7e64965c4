/* Open files, for the files that implement them. See services/linux/fs/files.h for what others need. */
#ifndef LINUX_FS_FILE_H
#define LINUX_FS_FILE_H

#include "services/linux/fs/files.h"
#include "services/linux/fs/inode.h"
#include "services/linux/machine.h"
#include "services/linux/sleep.h"
#include "services/linux/task.h"
#include "services/linux/user_memory.h"

struct iovec;
/* Where a caller of poll waits: see services/linux/event/poll.h. */
struct poll_table;

/* All may be NULL: then reading and writing give EINVAL, poll says ready, ioctl ENOTTY. */
struct file_ops {
	/* `to`, `from`: service memory or a user_pointer(). pos: the place in the file, to be moved. May sleep. */
	long (*read)(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos);
	long (*write)(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos);
	/* readv and writev in one go, for files that keep messages apart; NULL: the pieces are moved one by one. The pieces are
	 * service pointers and may be changed. */
	long (*readv_writev)(struct task *self, struct file *file, struct iovec *pieces, u64 count, u64 bytes, bool write);
	/* -> EPOLL* that are the case now; if wait is not NULL, also adds the lists that are woken on changes. */
	unsigned (*poll)(struct file *file, struct poll_table *wait);
	long (*ioctl)(struct task *self, struct file *file, unsigned command, u64 argument);
	/* The last reference goes. */
	void (*release)(struct task *self, struct file *file);
	/* A descriptor of it has been closed, and it has other references; NULL for most. */
	void (*close)(struct task *self, struct file *file);
	bool seekable;
};

enum { FILE_READ = 1, FILE_WRITE = 2 };

struct file {
	const struct file_ops *ops;
	u32 refs;
	u32 flags; /* O_* */
	u8 may;    /* FILE_* */
	u64 pos;
	struct inode *inode;     /* never NULL */
	struct dentry *dentry;     /* NULL: has no name, as a pipe */
	void *data;              /* of ops */
	u64 words[2];            /* of ops */
	struct list_node epolls; /* members of epoll sets that watch it */
	bool locked;             /* flock() or open file description locks may be there */
};

/* Descriptor table. */
struct descriptor_table {
	u32 refs;
	u32 size;       /* of fd */
	u32 first_free; /* none is free below */
	struct file **fd;
	u64 *close_on_exec; /* bits */
};

struct fs {
	u32 refs, umask;
	struct dentry *root, *cwd;
};

/* A new open file; takes over references to inode and entry (may be NULL), also on failure. */
struct file *file_new(const struct file_ops *ops, struct inode *inode, struct dentry *dentry, u32 flags);
/* The same in two steps, of which the second cannot fail: heap_zalloc(sizeof(struct file)) is made one. */
void file_init(struct file *file, const struct file_ops *ops, struct inode *inode, struct dentry *dentry, u32 flags);
/* As descriptor_get(), without a reference: for calls that do not sleep. */
static inline struct file *descriptor_peek(const struct descriptor_table *files, u64 fd)
{
	return (u32)fd < files->size ? files->fd[(u32)fd] : NULL;
}
/* Puts a file at a descriptor, closing what was there. Takes over the reference. */
int descriptor_set(struct task *self, struct file *file, unsigned fd, bool close_on_exec);
int descriptor_close(struct task *self, unsigned fd);
/* Marks an open descriptor. */
int descriptor_close_on_exec(struct descriptor_table *files, unsigned fd, bool on);
/* An empty table. */
struct descriptor_table *descriptors_empty(void);

/* Once. */
void file_set_hooks(const struct fs_hooks *hooks);
/* Opens what an entry names; consumes no references. flags: O_* with permission checked before. */
int file_open(struct task *self, struct dentry *dentry, u32 flags, struct file **opened);
/* The operations of regular files and directories. */
extern const struct file_ops regular_ops, directory_ops;

/* A file that is none of the tree's: inode of the anonymous tree. */
struct inode *anonymous_inode(u32 mode);
/* An open file of that tree with a name, over data of the heap (NULL: there was no memory for it). -> NULL: no memory, the data is
 * freed. */
struct file *anonymous_file(const struct file_ops *ops, void *data, const char *name, u32 flags);
/* Text like "pipe:[12]" for a file without entry. -> length */
int anonymous_name(const struct inode *inode, char *to, size_t size);

/* Readiness of a file. */
static inline unsigned file_poll(struct file *file, struct poll_table *wait)
{
	/* EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM */
	return file->ops->poll ? file->ops->poll(file, wait) : 0x1 | 0x4 | 0x40 | 0x100;
}

/* Before a read: lets the service lock go while content that is not in memory yet is fetched. The file must be held. */
void file_fetch(struct file *file, const u64 *pos, size_t bytes);
/* Reads a vector of at most UIO_MAXIOV pieces from user memory, checks it, and turns it into service pointers, to
 * be read from (write: to files) or to be written to. `few` has room for
 * IOVEC_ON_STACK of them; if there are more, they are in memory that iovec_free() gives back. */
enum { IOVEC_ON_STACK = 8 };
long iovec_import(struct task *self, u64 addr, u64 count, bool write, struct iovec *few, struct iovec **vector, u64 *bytes);
void iovec_free(struct iovec *few, struct iovec *vector);
/* Reads and writes with everything that read() and write() check but the descriptor. */
long file_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos);
long file_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos);

#endif

/* The fs room: names, files and descriptors.
 *
 *   task -> struct descriptor_table -> struct file (an open file) -> struct inode (the file itself)
 *                                                                 -> or a pipe, a socket, a terminal, an epoll set...
 *
 *   dentry "/" -- dentry "usr" -- dentry "bin" -- dentry "sh"     names; each child holds a reference on its parent
 *      |             |               |               |
 *    inode         inode           inode           inode          files; several names may lead to one (hard links)
 *      :             :               :               :
 *    node          node            node            node           what the 9p server has, if anything
 *
 * The service does not write to the 9p server (unless the share is writable): what programs change stays in the inode or in the
 * list of dentries. Such inodes are `dirty` and their dentries `pinned`; all others are a cache, forgotten oldest first when there
 * are too many. A name that was removed leaves a dentry without inode that is `pinned`. A dentry without inode that is not pinned
 * means that the server has no such name.
 *
 *   namei.c path.c        from a path to a dentry; making and removing names     dentry.c inode.c    what is known of the tree
 *   open.c read_write.c stat.c attr.c fcntl.c ...    the calls, as in Linux      descriptors.c       tables of descriptors; cwd.c
 *   notify.c              events for the watches of inotify
 *   file.c                open files                                             page_cache.c        the content of files
 *   mounts.c devices.c    what there is at the start                             9p_client.c         the server's side
 *
 * Everything here needs the service lock, unless said otherwise. Functions that take a task may sleep, which lets the lock go for a
 * while. They return 0 or more on success, and a negative errno of Linux on failure. Buffers are pointers that the service can use:
 * its own memory, or a process's through user_pointer() (then a bad pointer gives -EFAULT). */
#ifndef LINUX_FS_FS_H
#define LINUX_FS_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/list.h"

#include "services/linux/task.h"
#include "services/linux/user_memory.h"

struct dir_context;
struct dentry;
struct file;
struct file_ops;
struct inode;
struct iovec;
struct pipe;
struct poll_table; /* where a caller of poll waits: services/linux/event/event.h */
struct socket;
struct superblock;
struct task;

/* --- names and files: the structures --- */

struct stamp {
	int64_t s;
	uint32_t ns;
};

/* What a file system does for its directories and symbolic links. File systems in memory need none of these. */
struct inode_ops {
	/* Finds a name in a directory -> 0 and an inode with a reference, or -ENOENT and others. */
	int (*lookup)(struct task *self, struct inode *dir, const char *name, size_t length, struct inode **found);
	/* Calls `emit` for each name that the server or a table has, "." and ".." too, from the one behind `cursor` on (0: from the
	 * first), until `emit` returns false. */
	int (*list)(struct task *self, struct inode *dir, uint64_t cursor, struct dir_context *listing);
	/* Target of a symbolic link, not terminated -> length. */
	int (*readlink)(struct task *self, struct inode *link, char *to, size_t size);
	/* The dentry that a magic link of /proc leads to, with a reference, where a path would not do; may be NULL. */
	int (*follow)(struct task *self, struct inode *link, struct dentry **target);
	/* Called when a file of this inode is opened: may set file->ops and file->data. */
	int (*open)(struct task *self, struct inode *inode, struct file *file);
	/* Brings attributes up to date before they are read or a right is asked for; may be NULL. */
	void (*refresh)(struct inode *inode);
	/* May self use it? 1: yes; 0: as owner and mode say; or an error. May be NULL. */
	int (*judge)(struct task *self, const struct inode *inode);
	/* The last reference goes; may be NULL. */
	void (*release)(struct inode *inode);
};

/* A mounted file system. */
struct superblock {
	const struct inode_ops *ops; /* of its inodes; NULL: all of them are in memory */
	const char *type;            /* as in /proc/mounts */
	const char *source;
	uint32_t magic;    /* statfs.f_type */
	uint32_t device;   /* 9p device, if ops are p9_ops */
	uint64_t dev;      /* st_dev */
	uint64_t next_ino; /* for inodes made in memory */
	struct dentry *root;
	struct superblock *next;  /* of all mounted */
	bool on_server;     /* inodes have nodes on the 9p server */
	bool write_through; /* changes are made on the server too */
	bool fixed;         /* names cannot be made or removed */
	bool uncached;      /* names are looked up each time */
	bool shared;        /* a folder of the host's: mounted nosuid and nodev */
};

struct inode {
	uint32_t refs;
	uint32_t mode, uid, gid, nlink;
	bool made_here; /* a process has made it on the server: owner and the bits of mode above 0777 are not taken from there */
	uint64_t ino, rdev, size, blocks;
	struct stamp atime, mtime, ctime;
	struct superblock *sb;
	const struct inode_ops *ops;
	struct list_node hash; /* inodes with a node, by superblock and number */
	bool linkable;         /* has no name yet, and may be given one: O_TMPFILE */
	bool dirty;            /* differs from the server's: must not be forgotten */
	bool written;          /* its pages differ */
	uint8_t kmap;          /* hint of services/linux/fs/page_cache.c */
	/* The server's side. */
	bool remote;              /* there is one */
	uint64_t node;           /* number of the node, 0: none at the moment */
	uint32_t life;           /* of the driver that `node` belongs to */
	uint32_t device;         /* which of the host's devices, numbered by the server */
	struct inode *remote_dir; /* where it was found: with a reference; NULL: root */
	char *remote_name;
	struct inode *below;      /* while p9_node() walks: the next one down */
	/* Regular files. */
	uint32_t segment; /* 0: none yet */
	bool paged, pinned, bounded;
	bool mapped_writable;      /* shared, by some process, at some time */
	uint64_t remote_size;       /* bytes that still show through from the server */
	uint8_t *filled;           /* bit per chunk of the segment that has been supplied */
	uint64_t chunks;           /* bits in it */
	uint32_t writers;          /* files open for writing */
	uint32_t deny_write;         /* memories of processes whose program it is: nobody may write to it */
	struct list_node used;     /* inodes with a segment, least recently used first */
	struct list_node segments; /* paged inodes by segment */
	/* Others. */
	char *target;           /* symbolic link in memory */
	struct pipe *pipe;      /* of a fifo while it is open */
	struct socket *socket;  /* bound to this name, while it is open */
	uint64_t data[3];       /* of the superblock's ops */
	struct list_node locks; /* record locks, services/linux/fs/record_locks.c */
	struct list_node watches; /* the event room's; only if there are some */
	uint32_t watched;         /* how many, each with a reference */
	struct task *writer;     /* a task that writes in pieces: other writers wait */
	struct dentry *alias;    /* a dentry that names it, if one is cached: no reference */
};

enum { DENTRY_SHORT = 24 };

struct dentry {
	uint32_t refs;
	uint16_t length;       /* of the name */
	char *name;            /* not terminated: short_name, or a block of the heap */
	char short_name[DENTRY_SHORT];
	bool pinned;            /* cannot be forgotten: one of the references is for this */
	bool fresh;            /* not in the server's list of names */
	bool dead;             /* has been removed from its directory */
	uint64_t serial;       /* order of fresh names */
	struct dentry *parent;  /* with a reference; itself for a root */
	struct inode *inode;   /* NULL: no such name */
	struct dentry *mounted; /* root of the file system mounted here */
	struct dentry *covers;  /* of a root: the dentry that it is mounted on */
	struct list_node hash, sibling, children;
	struct list_node unused; /* dentries without references, oldest first */
};

/* Receives the names of a directory. */
struct dir_context {
	/* -> false when it is full and the name has not been taken */
	bool (*emit)(struct dir_context *listing, const char *name, size_t length, uint64_t ino, unsigned type,
		uint64_t next);
};

/* --- open files: the structures --- */

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
	/* Further lines of its file in /proc/PID/fdinfo, terminated; NULL for most. */
	void (*about)(struct file *file, char *to, size_t size);
	bool seekable;
	u8 pieces; /* PIECES_* */
};

/* How a call goes on that moves more than IO_PIECE bytes. */
enum {
	PIECES_NONE,   /* in one go: the file itself lets the lock go when it has moved as much as fits into it */
	PIECES_KILL,   /* in pieces; only a fatal signal ends it early */
	PIECES_SIGNAL, /* in pieces; any signal ends it early */
};

enum { IO_PIECE = 65536 };

enum { FILE_READ = 1, FILE_WRITE = 2 };

struct file {
	const struct file_ops *ops;
	u32 refs;
	u32 flags; /* O_* */
	u8 may;    /* FILE_* */
	u64 pos;
	struct task *mover;      /* a task that moves bytes in pieces: calls of others that use the position wait */
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

/* --- the start and the end of the room --- */

/* What this room calls in rooms behind it. Set once, at the start. */
struct fs_hooks {
	/* A file that epoll sets watch (file->epolls) is about to be freed. */
	void (*unwatch)(struct file *file);
	/* Opens a fifo: sets file->ops and file->data; may wait for the other end. */
	int (*open_fifo)(struct task *self, struct inode *inode, struct file *file);
	/* Something has happened to a watched inode: notify_dentry(). */
	void (*notify)(struct inode *inode, u32 mask, u32 cookie, const char *name, size_t length);
	/* A watched inode has no name any more and is referenced by its watches only: ends these, and it with them. */
	void (*notify_gone)(struct inode *inode);
	/* F_GETPIPE_SZ (wanted NULL) and F_SETPIPE_SZ. */
	long (*pipe_size)(struct task *self, struct file *file, const u64 *wanted);
};

/* Before any other function: finds the driver of files and mounts the root. May sleep in portal calls; the service lock need not be
 * held yet. */
void fs_init(const struct fs_hooks *hooks);
/* Mounts the rest: /dev, /run, and the shares of the configuration. */
void fs_mount_rest(void);
/* Writes to the server what processes may have changed through shared mappings, if the superblock is write_through. The service
 * does not see such writes happen; so fsync(), msync() and the end call this. */
int page_cache_flush(struct inode *inode, uint64_t offset, uint64_t bytes);
void page_cache_flush_all(void);

/* --- what other rooms add at the start: mounts, names, devices; what fails ends the service --- */

/* Mounts a new file system at an absolute path, whose missing directories are made. ops NULL: one in memory. */
struct superblock *fs_mount(const char *path, const char *type, const char *source, uint32_t magic, uint32_t mode,
	const struct inode_ops *ops);
/* Makes a file in a directory in memory. mode: type and permissions; rdev: of devices. */
struct dentry *fs_mknod(const char *directory, const char *name, uint32_t mode, uint64_t rdev);

/* Device numbers as in st_rdev. */
#define DEVICE(major, minor) ((u64)(major) << 8 | (minor))

/* The devices with the numbers from `first` to `last`. */
struct device {
	u64 first, last;
	const struct file_ops *ops; /* of their files */
	/* NULL, or called at each opening; may set file->ops. */
	int (*open)(struct task *self, struct inode *inode, struct file *file);
};

/* Another room's devices: a table that ends with zeros. Once, at the start. */
void devices_register(const struct device *table);

/* --- finding, making and removing names --- */

enum {
	LOOKUP_FOLLOW = 1,   /* follow a symbolic link at the end */
	LOOKUP_EMPTY = 2,    /* an empty path means dirfd itself */
	LOOKUP_MISSING = 4,  /* the last name need not exist: then dentry->inode is NULL */
	LOOKUP_NO_LINKS = 8, /* any symbolic link: ELOOP */
};

struct path {
	struct dentry *dentry; /* result, with a reference */
	bool slash;          /* the path ended in a slash */
	uint8_t dots;        /* its last name was "." or there was none ("/"): 1; "..": 2 */
};

/* path is in service memory; dirfd may be AT_FDCWD. -> 0 or -errno. */
int path_lookup(struct task *self, int dirfd, const char *path, unsigned flags, struct path *result);

struct dentry *dentry_get(struct dentry *dentry);
void dentry_put(struct dentry *dentry);
/* Finds the dentry for a name in a directory, with a reference; one that is not cached is made after asking the file system. Its
 * inode is NULL if there is no such file. Does not cross mounts. */
int dentry_lookup(struct task *self, struct dentry *dir, const char *name, size_t length, struct dentry **found);
/* Gives a dentry without inode an inode; takes over the reference to it. */
void dentry_instantiate(struct dentry *dentry, struct inode *inode);
/* Removes a name, which is free for another file then. The dentry is dead for those that still hold it. */
int dentry_delete(struct dentry *dentry);
/* Makes a file of that mode (type and permissions, umask not yet applied) at a dentry without inode, with all checks
 * of the directory. rdev for devices. */
int dentry_mknod(struct task *self, struct dentry *dentry, uint32_t mode, uint64_t rdev);
/* A dentry that is in no directory, with a reference, for a file that has no name. */
struct dentry *dentry_anonymous(struct inode *inode);
/* Writes the absolute path of a dentry as it is seen from `top`, or from its own root if it is not below `top`. -> length;
 * -ENAMETOOLONG. */
int dentry_path(struct dentry *dentry, struct dentry *top, char *to, size_t size);
extern struct superblock *superblocks;       /* in order of mounting */
extern struct dentry *root_dentry; /* "/" */

/* --- inodes --- */

/* A new inode with one reference, all times now. NULL: no memory. */
struct inode *inode_new(struct superblock *sb, uint32_t mode, uint32_t uid, uint32_t gid);
struct inode *inode_get(struct inode *inode);
void inode_put(struct inode *inode);
/* mask: 4 read, 2 write, 1 execute or search, of the file-system user -> 0 or -EACCES. */
int inode_permission(struct task *self, struct inode *inode, unsigned mask);
/* Is the task in the group? */
bool in_group(const struct task *self, uint32_t gid);
/* Target of a symbolic link, not terminated -> length. */
int inode_readlink(struct task *self, struct inode *link, char *to, size_t size);
static inline bool is_directory(const struct inode *inode)
{
	return (inode->mode & 0170000) == 0040000;
}
static inline bool is_regular(const struct inode *inode)
{
	return (inode->mode & 0170000) == 0100000;
}
static inline bool is_symlink(const struct inode *inode)
{
	return (inode->mode & 0170000) == 0120000;
}

/* --- opening files, and making files of one's own kind --- */

/* Open files, and how many there may be before a descriptor of a new one is refused to all but the superuser (ENFILE):
 * /proc/sys/fs/file-nr, file-max. */
extern u64 files_open, files_max;
struct file *file_get(struct file *file);
void file_put(struct task *self, struct file *file);
/* A new open file. Takes over the references to inode and dentry (which may be NULL), also on failure. */
struct file *file_new(const struct file_ops *ops, struct inode *inode, struct dentry *dentry, u32 flags);
/* Opens what a dentry names; keeps no reference of the caller's. flags: O_*; the caller has checked permission. */
int file_open(struct task *self, struct dentry *dentry, u32 flags, struct file **opened);
/* An inode for a file that has no path: a pipe, a socket, an epoll set. */
struct inode *anonymous_inode(u32 mode);
/* An open file of that kind, which /proc calls `name`. Takes over `data`, a block of the heap (NULL: there was no memory for it).
 * -> NULL: no memory, and the data is freed. */
struct file *anonymous_file(const struct file_ops *ops, void *data, const char *name, u32 flags);
/* The absolute path of an open file, NUL-terminated; " (deleted)" is appended if it has no name any more. -> length. */
int file_path(struct file *file, char *to, size_t size);
/* Readiness of a file. */
static inline unsigned file_poll(struct file *file, struct poll_table *wait)
{
	/* EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM */
	return file->ops->poll ? file->ops->poll(file, wait) : 0x1 | 0x4 | 0x40 | 0x100;
}

/* --- reading and writing an open file --- */

/* With everything that read() and write() check but the descriptor. Both let the service lock go between pieces of IO_PIECE
 * bytes; the caller holds the file. */
long file_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos);
long file_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos);
/* Between two pieces that a call moves by itself: passes the service lock on. -> whether the call is to end here. */
bool file_pause(struct task *self, const struct file *file);
/* Before a read: lets the service lock go while content that is not in memory yet is fetched. The file must be held. */
void file_fetch(struct file *file, const u64 *pos, size_t bytes);
/* Moves bytes from one file to another through memory of the service, in pieces. */
long file_transfer(struct task *self, struct file *in, struct file *out, u64 *in_pos, u64 *out_pos, u64 bytes);

/* --- events for watches: masks are IN_* of <linux/inotify.h> --- */

extern u64 inodes_watched; /* number of watches */
/* A flag in masks: the name that the event has been sent with was removed. */
enum { NOTIFY_UNLINKED = 1 << 27 };
void notify_inode_far(struct inode *inode, u32 mask);
void notify_dentry_far(const struct dentry *dentry, u32 mask);
void notify_entry_far(struct inode *dir, const struct inode *inode, u32 mask, u32 cookie, const struct dentry *called);
/* An event of a file itself, for its watches. */
static inline void notify_inode(struct inode *inode, u32 mask)
{
	if (__builtin_expect(inodes_watched != 0, 0))
		notify_inode_far(inode, mask);
}
/* An event of a file that was found or opened by this name (NULL: it has none), for its watches and its directory's. */
static inline void notify_dentry(const struct dentry *dentry, u32 mask)
{
	if (__builtin_expect(inodes_watched != 0, 0) && dentry)
		notify_dentry_far(dentry, mask);
}
/* An event of a name in a directory that was, or is, the inode's; for the directory's watches only. */
static inline void notify_entry(struct inode *dir, const struct inode *inode, u32 mask, u32 cookie, const struct dentry *called)
{
	if (__builtin_expect(inodes_watched != 0, 0))
		notify_entry_far(dir, inode, mask, cookie, called);
}
/* A new number that the two events of a rename share, and no others. */
u32 notify_cookie(void);

/* --- vectors of readv() and the like --- */

/* Reads an iovec of at most UIO_MAXIOV pieces from user memory, checks it and turns its addresses into service pointers: to read
 * from if the call writes to a file (write), otherwise to write to. The result is in `few`, which has room for IOVEC_ON_STACK
 * pieces, or in memory that iovec_free() gives back. */
enum { IOVEC_ON_STACK = 8 };
long iovec_import(struct task *self, u64 addr, u64 count, bool write, struct iovec *few, struct iovec **vector, u64 *bytes);
void iovec_free(struct iovec *few, struct iovec *vector);

/* --- descriptors: tables of a process, shared by its threads and by CLONE_FILES --- */

/* The open file behind a descriptor, with a reference (file_put), or NULL. */
struct file *descriptor_get(struct descriptor_table *files, int fd);
/* As descriptor_get(), without a reference: for calls that do not sleep. */
static inline struct file *descriptor_peek(const struct descriptor_table *files, u64 fd)
{
	return (u32)fd < files->size ? files->fd[(u32)fd] : NULL;
}
/* Puts the file at the lowest free descriptor not below `from`; takes over the caller's reference, also on failure
 * (-EMFILE, -ENFILE, -ENOMEM). Limits: RLIMIT_NOFILE of self, files_max. -> descriptor. */
int descriptor_add(struct task *self, struct file *file, int from, bool close_on_exec);
/* Makes room for one more, so that descriptor_add() finds it unless another thread takes it. -EMFILE, -ENOMEM. */
int descriptor_room(struct task *self);
/* Puts a file at a descriptor, closing what was there. Takes over the reference. */
int descriptor_set(struct task *self, struct file *file, unsigned fd, bool close_on_exec);
int descriptor_close(struct task *self, unsigned fd);
/* An empty table. */
struct descriptor_table *descriptors_empty(void);
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

/* --- working directory, root, file mode mask --- */

/* cwd= of the configuration, umask=. */
struct fs *fs_first(struct task *self);
struct fs *fs_get(struct fs *fs);
struct fs *fs_fork(struct fs *fs);
void fs_put(struct fs *fs);

/* --- programs that are executed --- */

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
/* While a program runs, nobody may open its file for writing: counts one such use. -ETXTBSY if the file is open for writing. */
int file_deny_write(struct file *file);
void file_allow_write(struct task *self, struct file *file);
/* Reads from a regular file at an offset, independently of its position. -> bytes, 0 at the end. */
long file_read_at(struct task *self, struct file *file, void *to, size_t bytes, uint64_t offset);

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
/* What /proc/self/maps says about a segment: path into `to`, device and inode number. false: not a file's. */
bool segment_name(uint32_t segment, char *to, size_t size, uint64_t *dev, uint64_t *ino);
/* No frame was free (FAULT_NOMEM): drops clean pages of the page cache and unused dentries. -> have frames become free, so that the
 * access should be tried again before a process is killed? */
bool fs_reclaim(void);
/* Pages in the cache, roughly, for /proc/meminfo. */
uint64_t page_cache_count(void);

#endif

/* The tree of files: inodes (files themselves), entries (names in directories) and trees (mounted file systems).
 *
 *   entry "/" --- entry "usr" --- entry "bin" --- entry "sh"      names; each child holds a reference on its parent
 *      |             |               |              |
 *    inode         inode           inode          inode           files; several entries may name one (hard links)
 *      :             :               :              :
 *    node          node            node           node            what the 9p server has, if anything (services/linux/fs/9p_client.h)
 *
 * A tree that lies on the 9p server is never written to (unless its share is writable): what programs change stays in the
 * inode or in the list of entries. Such inodes are `dirty` and their entries `kept`; all others are a cache, forgotten
 * oldest first when there are too many. A name that was removed leaves an entry without inode that is `kept`.
 * An entry without inode that is not kept says that the server has no such name.
 *
 * Everything here is protected by the service lock. */
#ifndef LINUX_FS_INODE_H
#define LINUX_FS_INODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/list.h"

struct dentry;
struct file;
struct file_ops;
struct inode;
struct dir_context;
struct pipe;
struct socket;
struct task;
struct superblock;

struct stamp {
	int64_t s;
	uint32_t ns;
};

/* What directories and symbolic links of a tree do. Trees held in memory need none of these. */
struct inode_ops {
	/* Finds a name in a directory -> 0 and an inode with a reference, or -ENOENT and others. */
	int (*lookup)(struct task *self, struct inode *dir, const char *name, size_t length, struct inode **found);
	/* Hands the names that do not come from memory to `emit`, starting behind `cursor` (0: at the start), until it
	 * returns false. "." and ".." included. */
	int (*list)(struct task *self, struct inode *dir, uint64_t cursor, struct dir_context *listing);
	/* Target of a symbolic link, not terminated -> length. */
	int (*readlink)(struct task *self, struct inode *link, char *to, size_t size);
	/* The entry a magic link of /proc leads to (with a reference), when text is not enough; may be NULL. */
	int (*follow)(struct task *self, struct inode *link, struct dentry **target);
	/* Called when a file of this inode is opened: may set file->ops and file->data. */
	int (*open)(struct task *self, struct inode *inode, struct file *file);
	/* Brings attributes up to date before they are read or a right is asked for; may be NULL. */
	void (*refresh)(struct inode *inode);
	/* Whether self may use it: 1 whatever owner and mode say, 0 as they say, or an error; may be NULL. */
	int (*judge)(struct task *self, const struct inode *inode);
	/* The last reference goes; may be NULL. */
	void (*release)(struct inode *inode);
};

/* A mounted file system. */
struct superblock {
	const struct inode_ops *ops; /* of inodes that come from below; NULL: all is in memory */
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
};

struct inode {
	uint32_t refs;
	uint32_t mode, uid, gid, nlink;
	uint64_t ino, rdev, size, blocks;
	struct stamp atime, mtime, ctime;
	struct superblock *sb;
	const struct inode_ops *ops;
	struct list_node hash; /* inodes with a node, by tree and number */
	bool dirty;            /* differs from the server's: must not be forgotten */
	bool written;          /* the pages do */
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
	uint64_t data[3];       /* of the tree's ops */
	struct list_node locks; /* record locks, services/linux/fs/record_locks.c */
	struct dentry *alias;    /* an entry that names it, if one is cached: no reference */
};

struct dentry {
	uint32_t refs;
	uint16_t length;       /* of the name */
	bool pinned;            /* cannot be forgotten: one of the references is for this */
	bool fresh;            /* not in the server's list of names */
	bool dead;             /* has been removed from its directory */
	uint64_t serial;       /* order of fresh names */
	struct dentry *parent;  /* with a reference; itself for a root */
	struct inode *inode;   /* NULL: no such name */
	struct dentry *mounted; /* root of the tree that covers this entry */
	struct dentry *covers;  /* root of a tree: the entry it is mounted on */
	struct list_node hash, sibling, children;
	struct list_node unused; /* entries without references, oldest first */
	char name[];
};

/* Receives the names of a directory. */
struct dir_context {
	/* -> false when it is full and the name has not been taken */
	bool (*emit)(struct dir_context *listing, const char *name, size_t length, uint64_t ino, unsigned type,
		uint64_t next);
};

/* --- inodes --- */

/* A new inode with one reference, all times now. NULL: no memory. */
struct inode *inode_new(struct superblock *sb, uint32_t mode, uint32_t uid, uint32_t gid);
struct inode *inode_get(struct inode *inode);
void inode_put(struct inode *inode);
/* st_dev. */
uint64_t inode_dev(const struct inode *inode);
/* The inode with this number, if it is known (with a reference); and the opposite. */
struct inode *inode_find(struct superblock *sb, uint64_t ino, uint32_t device);
void inode_hash(struct inode *inode);
struct stamp stamp_now(void);
/* Notes that attributes were changed. */
void inode_changed(struct inode *inode);
/* mask: 4 read, 2 write, 1 execute or search, of the file-system user -> 0 or -EACCES. */
int inode_permission(struct task *self, struct inode *inode, unsigned mask);
/* Likewise for the real user (access()). */
int inode_permission_real(struct task *self, struct inode *inode, unsigned mask);
/* Is the task in the group? */
bool in_group(const struct task *self, uint32_t gid);
/* Is self the owner or the superuser? */
bool inode_is_owner(struct task *self, struct inode *inode);
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

/* --- entries --- */

struct dentry *dentry_get(struct dentry *dentry);
void dentry_put(struct dentry *dentry);
/* The entry for a name in a directory, made if necessary by asking the tree. It has a reference; entry->inode is NULL
 * if there is no such file. Does not look at mounts. */
int dentry_lookup(struct task *self, struct dentry *dir, const char *name, size_t length, struct dentry **found);
/* Gives a name (an entry without inode) an inode, takes over a reference to it. */
void dentry_instantiate(struct dentry *dentry, struct inode *inode);
/* Takes the inode from a name. The entry is dead then for those who still hold it, and its name free. */
int dentry_delete(struct dentry *dentry);
/* Memory for dentry_move() to the name `like`, NULL if there is none; heap_free() gives it back. */
struct dentry *dentry_reserve(const struct dentry *like);
/* Moves the inode of `from` to the name `to`, with all entries below it; takes what dentry_reserve(to) gave, also on failure. */
int dentry_move(struct dentry *from, struct dentry *to, struct dentry *moved);
/* Makes the entry and all above it stay in memory. */
void dentry_pin(struct dentry *dentry);
/* Has the directory any names? Looks at the server's list too. */
int dentry_is_empty(struct task *self, struct dentry *dir, bool *empty);
/* Is the name of the server's list replaced or removed? */
bool dentry_hides(struct dentry *dir, const char *name, size_t length);
/* Makes the root entry of a tree. Takes over the reference to the inode. */
struct dentry *dentry_root(struct superblock *sb, struct inode *inode);
/* An entry without a place in any directory, for a file that has none (with a reference). */
struct dentry *dentry_anonymous(struct inode *inode);
/* Absolute path below `top` -> length; "(unreachable)" is never produced: the walk ends at a root. -ENAMETOOLONG. */
int dentry_path(struct dentry *dentry, struct dentry *top, char *to, size_t size);
/* Forgets unused entries until `target` are left. */
void dentries_trim(unsigned target);
extern unsigned dentries_unused;
extern unsigned dentries_unused_max; /* more are never kept: set to suit the memory of the machine */

/* --- trees --- */

extern struct superblock *superblocks;       /* in order of mounting */
extern struct dentry *root_dentry; /* "/" */
/* A tree in memory, mounted on the entry (NULL: nowhere). */
struct superblock *superblock_new(const char *type, const char *source, uint32_t magic, const struct inode_ops *ops);
int superblock_mount(struct superblock *sb, struct dentry *on);
/* The one mounted last. */
struct superblock *superblocks_last(void);

#endif

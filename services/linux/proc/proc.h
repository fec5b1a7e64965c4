/* The proc room: trees of generated files, /proc and /sys.
 *
 *   procfs.c     the engine: nodes as inodes, texts as files      process.c    /proc/PID
 *   machine.c    /proc itself, and /sys                           fail.c       /proc/PID/task/TID/fail-nth
 *
 * A node of a table says what a name is: a directory with nodes of its own, a text that a function writes each time the file is
 * opened, or a symbolic link. Names are looked up anew each time. An inode keeps its node and a number (of a process, mostly),
 * which is passed to the node's functions. Everything here needs the service lock. */
#ifndef LINUX_PROC_PROC_H
#define LINUX_PROC_PROC_H

#include "services/linux/fs/fs.h"

struct seq_file;

/* Mounts /proc and /sys. */
void proc_init(void);

/* --- nodes --- */

/* Below the directory of a process, each use of a name, and each read of an open file, checks may_inspect() unless the node is
 * public. The mode is checked in any case. */
struct proc_node {
	const char *name; /* NULL ends a table */
	u32 mode;         /* type and permissions */
	bool public;      /* of a process: may_inspect() is not checked */
	bool own;         /* of a process: the process itself may use it, even if it does not own it */
	const struct proc_node *children;
	void (*show)(struct seq_file *seq, struct task *self, u64 number);
	/* Instead of show: a number of the machine that can be written, from `least` to `most`. */
	u64 *value, least, most;
	int (*link)(struct task *self, u64 number, char *to, size_t size);
	struct dentry *(*follow)(struct task *self, u64 number);
	/* Directories with names that come and go, beside children. lookup: the node and number of a name. next: the first name
	 * whose index is at least *index, to which *index is moved. */
	const struct proc_node *(*lookup)(struct task *self, u64 number, const char *name, size_t length, u64 *found);
	const struct proc_node *(*next)(struct task *self, u64 number, u64 *index, char *name, size_t size);
};

/* Entries of tables: a text; a number; a directory with nodes of its own, or with names that come and go; a symbolic link; the
 * end. */
#define NODE_FILE(name_, rights, function) { .name = name_, .mode = S_IFREG | (rights), .show = function }
#define NODE_PUBLIC(name_, rights, function) \
	{ .name = name_, .mode = S_IFREG | (rights), .public = true, .show = function }
#define NODE_NUMBER(name_, value_, least_, most_) \
	{ .name = name_, .mode = S_IFREG | 0644, .value = value_, .least = least_, .most = most_ }
#define NODE_DIRECTORY(name_, nodes) { .name = name_, .mode = S_IFDIR | 0555, .children = nodes }
#define NODE_LIST(name_, find, step) { .name = name_, .mode = S_IFDIR | 0555, .lookup = find, .next = step }
#define NODE_LINK(name_, function) { .name = name_, .mode = S_IFLNK | 0777, .link = function }
#define NODE_END { .name = NULL }

/* Adds a node of another room to /proc/PID; sets the nodes of /sys/kernel. Once each, at the start. */
void process_node_add(const struct proc_node *node);
void sysfs_kernel_set(const struct proc_node *nodes);

/* --- texts --- */

/* Text that grows. */
struct seq_file {
	char *buffer;
	size_t length, room;
	bool failed;
	const struct file_ops *ops; /* set by show() if the file has operations of its own, about `number`; NULL for most */
	u64 number;
};

void seq_printf(struct seq_file *seq, const char *what, ...) __attribute__((format(printf, 2, 3)));
void seq_write(struct seq_file *seq, const char *bytes, size_t count);

/* Reads a decimal number. -> false: the name is none. */
bool name_number(const char *name, size_t length, u64 *number);

#endif

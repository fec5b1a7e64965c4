/* The engine behind /proc and /sys. inode->data[0] is the node, data[1] its number. If the node is about a process, that is the
 * lower half of the number, and data[2] says when it started, so that a later process with that number is not taken for it; else
 * data[2] is 0. */
#include "services/linux/fs/fs.h"
#include "services/linux/proc/private.h"

#include <asm/errno.h>
#include <linux/magic.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>

#include "services/runtime/service.h"

#include "services/runtime/heap.h"

enum { NUMBER_BYTES = 24 };

static const struct inode_ops node_ops, magic_ops;
static const struct proc_node process_root;

static const struct proc_node *node_of(const struct inode *inode)
{
	return (const struct proc_node *)inode->data[0];
}

/* --- nodes about a process --- */

/* Never 0. */
static u64 start_of(const struct process *process)
{
	return process->start_ns | 1;
}

/* The process that the inode is about. NULL: it has ended, or the node is about none. */
static struct process *process_of(const struct inode *inode)
{
	struct process *process = inode->data[2] ? process_find((u32)inode->data[1]) : NULL;

	return process && start_of(process) == inode->data[2] ? process : NULL;
}

/* May self use the node now? -> 0, -EACCES, -ESRCH. */
static int node_check(const struct task *self, const struct inode *inode)
{
	const struct process *process = process_of(inode);

	if (!inode->data[2])
		return 0;
	if (!process)
		return -ESRCH;
	return node_of(inode)->public || may_inspect(self, process) ? 0 : -EACCES;
}

/* Files of a process belong to its user, or to the superuser if it cannot be dumped. Directories that everybody may search always
 * belong to its user. */
static void node_refresh(struct inode *inode)
{
	const struct process *process = process_of(inode);

	inode->mode = node_of(inode)->mode;
	inode->uid = inode->gid = 0;
	if (process && (inode->mode == (S_IFDIR | 0555) || is_dumpable(process))) {
		inode->uid = process->cred.euid;
		inode->gid = process->cred.egid;
	}
}

static int node_judge(struct task *self, const struct inode *inode)
{
	if (node_of(inode)->own && process_of(inode) == self->process)
		return 1;
	return is_directory(inode) ? node_check(self, inode) : 0;
}

/* --- seq_file --- */

static bool seq_room(struct seq_file *seq, size_t more)
{
	char *larger;

	if (seq->length + more < seq->room)
		return true;
	larger = heap_realloc(seq->buffer, (seq->length + more) * 2 + 512);
	if (!larger) {
		seq->failed = true;
		return false;
	}
	seq->room = (seq->length + more) * 2 + 512;
	seq->buffer = larger;
	return true;
}

void seq_write(struct seq_file *seq, const char *bytes, size_t count)
{
	if (!seq_room(seq, count))
		return;
	memcpy(seq->buffer + seq->length, bytes, count);
	seq->length += count;
}

void seq_printf(struct seq_file *seq, const char *what, ...)
{
	va_list arguments;
	char line[PATH_MAX + 256];
	int length;

	va_start(arguments, what);
	length = format_v(line, sizeof(line), what, arguments);
	va_end(arguments);
	seq_write(seq, line, min_u64((u64)length, sizeof(line) - 1));
}

void seq_pad(struct seq_file *seq, size_t line_start, size_t column)
{
	while (!seq->failed && seq->length - line_start < column)
		seq_write(seq, " ", 1);
}

/* --- open seq_files --- */

static long seq_file_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	const struct seq_file *seq = file->data;
	int error = node_check(self, file->inode);
	u64 piece, copied;

	if (error)
		return error;
	if (*pos >= seq->length)
		return 0;
	piece = min_u64(bytes, seq->length - *pos);
	copied = copy_guarded(to, seq->buffer + *pos, piece);
	*pos += copied;
	return copied || !piece ? (long)copied : -EFAULT;
}

static long seq_file_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos)
{
	(void)self, (void)file, (void)from, (void)pos;
	return (long)bytes;
}

void seq_file_release(struct task *self, struct file *file)
{
	struct seq_file *seq = file->data;

	(void)self;
	if (seq)
		heap_free(seq->buffer);
	heap_free(seq);
}

static const struct file_ops seq_file_ops = {
	.read = seq_file_read,
	.write = seq_file_write,
	.release = seq_file_release,
	.seekable = true,
};

/* --- numbers that can be set --- */

static long number_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos)
{
	const struct proc_node *node = node_of(file->inode);
	char text[NUMBER_BYTES] = "";
	const char *at = text;
	u64 number;

	(void)self;
	if (*pos || !bytes || bytes >= sizeof(text))
		return -EINVAL;
	if (copy_guarded(text, from, bytes) != bytes)
		return -EFAULT;
	number = parse_number(&at);
	if (at == text || (*at && *at != '\n') || number < node->least || number > node->most)
		return -EINVAL;
	*node->value = number;
	*pos += bytes;
	return (long)bytes;
}

static const struct file_ops number_ops = {
	.read = seq_file_read,
	.write = number_write,
	.release = seq_file_release,
	.seekable = true,
};

/* --- opening --- */

static void node_show(const struct proc_node *node, struct seq_file *seq, struct task *self, u64 number)
{
	if (node->value) {
		seq_printf(seq, "%lu\n", *node->value);
		seq->ops = &number_ops;
	} else {
		node->show(seq, self, number);
	}
}

static int node_open(struct task *self, struct inode *inode, struct file *file)
{
	const struct proc_node *node = node_of(inode);
	struct seq_file *seq;
	int error = node_check(self, inode);

	if (error || (!node->show && !node->value))
		return error;
	seq = heap_zalloc(sizeof(*seq));
	if (!seq)
		return -ENOMEM;
	node_show(node, seq, self, inode->data[1]);
	/* All of the text, or none. */
	if (seq->failed) {
		heap_free(seq->buffer);
		heap_free(seq);
		return -ENOMEM;
	}
	file->data = seq;
	file->ops = seq->ops ? seq->ops : &seq_file_ops;
	return 0;
}

/* --- names --- */

bool name_number(const char *name, size_t length, u64 *number)
{
	*number = 0;
	if (!length || length > 9 || (name[0] == '0' && length > 1))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		*number = *number * 10 + (u64)(name[i] - '0');
	}
	return true;
}

static int node_inode(const struct inode *dir, const struct proc_node *node, u64 number, struct inode **found)
{
	struct inode *inode = inode_new(dir->sb, node->mode, 0, 0);

	if (!inode)
		return -ENOMEM;
	inode->ops = node->follow ? &magic_ops : &node_ops;
	inode->data[0] = (u64)node;
	inode->data[1] = number;
	inode->ino = number << 20 ^ ((u64)node >> 3 & 0xfffff);
	inode->data[2] = node == &process_root ? start_of(process_find((u32)number)) : dir->data[2];
	node_refresh(inode);
	*found = inode;
	return 0;
}

static int node_lookup(struct task *self, struct inode *dir, const char *name, size_t length, struct inode **found)
{
	const struct proc_node *node = node_of(dir);
	u64 number = dir->data[1];
	int error = node_check(self, dir);

	if (error)
		return error == -ESRCH ? -ENOENT : error;
	for (const struct proc_node *child = node->children; child && child->name; child++)
		if (strlen(child->name) == length && memcmp(child->name, name, length) == 0)
			return node_inode(dir, child, number, found);
	if (node->lookup)
		node = node->lookup(self, dir->data[1], name, length, &number);
	else
		node = NULL;
	return node ? node_inode(dir, node, number, found) : -ENOENT;
}

/* Cursors: 1 and 2 are the dots, then the children, from FIRST_DYNAMIC the names that come and go. */
enum { FIRST_DYNAMIC = 1 << 16 };

static int node_list(struct task *self, struct inode *dir, uint64_t cursor, struct dir_context *listing)
{
	const struct proc_node *node = node_of(dir);
	u64 index = cursor >= FIRST_DYNAMIC ? cursor - FIRST_DYNAMIC : 0;
	const struct proc_node *child;
	char name[NAME_MAX + 1];
	int error = node_check(self, dir);

	if (!error && dir->data[2])
		error = inode_permission(self, dir, 4);
	if (error)
		return error == -ESRCH ? -ENOENT : error;
	if (cursor < 1 && !listing->emit(listing, ".", 1, dir->ino, 4, 1))
		return 0;
	if (cursor < 2 && !listing->emit(listing, "..", 2, 1, 4, 2))
		return 0;
	for (u64 i = 0; node->children && node->children[i].name; i++) {
		child = &node->children[i];
		if (cursor < i + 3 &&
			!listing->emit(listing, child->name, strlen(child->name),
				dir->data[1] << 20 ^ ((u64)child >> 3 & 0xfffff), child->mode >> 12, i + 3))
			return 0;
	}
	while (node->next && (child = node->next(self, dir->data[1], &index, name, sizeof(name)))) {
		index++;
		if (!listing->emit(listing, name, strlen(name), index << 20, child->mode >> 12, FIRST_DYNAMIC + index))
			return 0;
	}
	return 0;
}

static int node_readlink(struct task *self, struct inode *link, char *to, size_t size)
{
	int error = node_check(self, link);

	return error ? error : node_of(link)->link(self, link->data[1], to, size);
}

static int node_follow(struct task *self, struct inode *link, struct dentry **target)
{
	int error = node_check(self, link);

	if (error)
		return error;
	*target = node_of(link)->follow(self, link->data[1]);
	return *target ? 0 : -ENOENT;
}

static const struct inode_ops node_ops = {
	.lookup = node_lookup,
	.list = node_list,
	.readlink = node_readlink,
	.open = node_open,
	.refresh = node_refresh,
	.judge = node_judge,
};

/* Links that lead to a dentry which no path names. */
static const struct inode_ops magic_ops = {
	.readlink = node_readlink,
	.follow = node_follow,
	.refresh = node_refresh,
};

void nodes_mount(struct superblock *sb, const struct proc_node *root)
{
	struct inode *inode = sb->root->inode;

	sb->fixed = true;
	sb->uncached = true;
	sb->ops = &node_ops;
	inode->ops = &node_ops;
	inode->data[0] = (u64)root;
	inode->ino = 1;
}

/* --- /proc --- */

/* number: of the process found. */
static const struct proc_node process_root = { .name = "PID",
	.mode = S_IFDIR | 0555,
	.public = true,
	.children = process_nodes };

static const struct proc_node *process_lookup(struct task *self, u64 number, const char *name, size_t length,
	u64 *found)
{
	(void)self, (void)number;
	return name_number(name, length, found) && process_find((u32)*found) ? &process_root : NULL;
}

static const struct proc_node *process_next(struct task *self, u64 number, u64 *index, char *name, size_t size)
{
	u32 best = 0;

	(void)self, (void)number;
	list_for_each(node, &processes) {
		u32 pid = container_of(node, struct process, all)->pid;

		if (pid >= *index && (!best || pid < best))
			best = pid;
	}
	if (!best)
		return NULL;
	*index = best;
	format(name, size, "%u", best);
	return &process_root;
}

static const struct proc_node root_node = { .name = "/",
	.mode = S_IFDIR | 0555,
	.children = machine_nodes,
	.lookup = process_lookup,
	.next = process_next };

void proc_init(void)
{
	nodes_mount(fs_mount("/proc", "proc", "proc", PROC_SUPER_MAGIC, 0555, NULL), &root_node);
	sysfs_init();
}

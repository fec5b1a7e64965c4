/* getdents64: first the names that the tree below lists, in its order and without those that were removed or replaced,
 * then the names made in memory, in the order in which they were made.
 *
 * The position of the second part is FRESH plus the serial number of the name last handed out. Positions of the first part
 * are the host's, up to 63 bits of them: file systems leave this range out, but for its last number, which is an end. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <linux/limits.h>
#include <linux/stat.h>

#include "lib/string.h"

#include "services/linux/fs/private.h"
#include "services/linux/syscall.h"
#include "services/runtime/heap.h"

enum { RECORDS_MAX = 32768 };

#define FRESH 0x7fffffff00000000ull
#define FRESH_END 0x7fffffffffff0000ull

/* As the kernel fills it in; the UAPI headers do not have it. */
struct linux_dirent64 {
	u64 d_ino;
	i64 d_off;
	u16 d_reclen;
	u8 d_type;
	char d_name[];
};

struct records {
	struct dir_context listing;
	struct dentry *dir;
	char *buffer;
	size_t size, used;
	u64 pos; /* of the last name taken */
	bool full;
};

static bool dirent_put(struct records *records, const char *name, size_t length, u64 ino, unsigned type, u64 next)
{
	size_t bytes = (offsetof(struct linux_dirent64, d_name) + length + 1 + 7) & ~7ull;
	struct linux_dirent64 *record = (struct linux_dirent64 *)(records->buffer + records->used);

	if (records->used + bytes > records->size) {
		records->full = true;
		return false;
	}
	memset(record, 0, bytes);
	record->d_ino = ino;
	record->d_off = (i64)next;
	record->d_reclen = (u16)bytes;
	record->d_type = (u8)type;
	memcpy(record->d_name, name, length);
	records->used += bytes;
	records->pos = next;
	return true;
}

static bool dirents_emit(struct dir_context *listing, const char *name, size_t length, u64 ino, unsigned type, u64 next)
{
	struct records *records = container_of(listing, struct records, listing);

	if (dentry_hides(records->dir, name, length)) {
		records->pos = next;
		return true;
	}
	return dirent_put(records, name, length, ino, type, next);
}

static struct dentry *above(struct dentry *dir)
{
	while (dir->covers)
		dir = dir->covers;
	return dir->parent;
}

static bool is_fresh(u64 pos)
{
	return pos >= FRESH && pos < FRESH_END;
}

static bool list_fresh(struct records *records, bool dots)
{
	struct dentry *dir = records->dir;

	if (dots && records->pos < FRESH - 2 && !dirent_put(records, ".", 1, dir->inode->ino, 4, FRESH - 2))
		return false;
	if (dots && records->pos < FRESH && !dirent_put(records, "..", 2, above(dir)->inode->ino, 4, FRESH))
		return false;
	list_for_each(node, &dir->children) {
		struct dentry *dentry = container_of(node, struct dentry, sibling);

		if (!dentry->inode || !dentry->fresh || FRESH + dentry->serial <= records->pos)
			continue;
		if (!dirent_put(records, dentry->name, dentry->length, dentry->inode->ino,
			    dentry->inode->mode >> 12 & 15, FRESH + dentry->serial))
			return false;
	}
	return true;
}

static long list_names(struct task *self, struct file *file, struct records *records)
{
	const struct inode_ops *ops = file->inode->ops;
	bool below = ops && ops->list && (file->inode->remote || !file->inode->sb->on_server);
	int error = 0;

	records->pos = file->pos;
	if (below && !is_fresh(records->pos)) {
		error = ops->list(self, file->inode, records->pos, &records->listing);
		if (!error && !records->full)
			records->pos = FRESH;
	}
	if (!error && !records->full)
		list_fresh(records, !below);
	if (error && !records->used)
		return error;
	if (!records->used && records->full)
		return -EINVAL;
	return (long)records->used;
}

long sys_getdents64(struct task *self, struct user_frame *f)
{
	/* Nothing below lets go of the service lock, so one buffer serves all. */
	static char buffer[RECORDS_MAX] __attribute__((aligned(8)));
	struct file *file = descriptor_peek(self->files, arg(f, 0));
	struct records records = { { dirents_emit }, NULL, buffer, min_u64((unsigned)arg(f, 2), RECORDS_MAX), 0, 0,
		false };
	long result;

	if (!file || file->flags & O_PATH)
		return -EBADF;
	if (!is_directory(file->inode) || !file->dentry)
		return -ENOTDIR;
	if (file->dentry->dead)
		return -ENOENT;
	records.dir = file->dentry;
	result = list_names(self, file, &records);
	if (result > 0 && user_write(self, arg(f, 1), buffer, (u64)result))
		result = -EFAULT;
	if (result >= 0) {
		file->pos = records.pos;
		notify_dentry(file->dentry, IN_ACCESS);
	}
	return result;
}

/* Calls that make, remove and move names: mkdir, mknod, unlink, rename, link, symlink. */
#include "services/linux/fs/namei.h"

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/stat.h>

#include "lib/string.h"

#include "services/linux/call.h"
#include "services/linux/fs/file.h"
#include "services/linux/fs/9p_client.h"
#include "services/runtime/heap.h"
#include "services/linux/fs/path.h"

/* May names be made and removed in the directory of this entry? */
static int may_change(struct task *self, struct entry *entry)
{
	struct inode *dir = entry->parent->inode;
	int error = inode_may(self, dir, 3);

	if (!error && dir->tree->fixed)
		error = dir->tree->uncached ? -EPERM : -EROFS;
	return error;
}

/* The same for removing what the entry names: a sticky directory protects the files of others. */
static int may_remove(struct task *self, struct entry *entry)
{
	struct inode *dir = entry->parent->inode;
	int error = may_change(self, entry);

	if (!error && dir->mode & S_ISVTX && !inode_owned(self, entry->inode) && !inode_owned(self, dir))
		error = -EPERM;
	return error;
}

static void directory_changed(struct inode *dir)
{
	dir->mtime = stamp_now();
	inode_changed(dir);
}

static struct inode *new_inode(struct task *self, struct inode *dir, u32 mode)
{
	struct inode *inode;
	u32 gid = self->process->cred.fsgid;

	if (dir->mode & S_ISGID) {
		gid = dir->gid;
		if (S_ISDIR(mode))
			mode |= S_ISGID;
	}
	inode = inode_new(dir->tree, mode, self->process->cred.fsuid, gid);
	if (inode && S_ISDIR(mode)) {
		inode->size = PAGE_SIZE;
		inode->blocks = 8;
	}
	return inode;
}

int names_create(struct task *self, struct entry *entry, uint32_t mode, uint64_t rdev)
{
	struct inode *dir = entry->parent->inode;
	struct inode *inode = NULL;
	int error = may_change(self, entry);

	if (error)
		return error;
	mode &= ~self->fs->umask | S_IFMT;
	if (dir->tree->write_through && (S_ISREG(mode) || S_ISDIR(mode))) {
		error = S_ISDIR(mode) ? lower_mkdir(dir, entry->name, entry->length, mode, &inode)
				      : lower_create(dir, entry->name, entry->length, mode, &inode);
		if (error)
			return error;
	} else {
		inode = new_inode(self, dir, mode);
		if (!inode)
			return -ENOMEM;
		inode->rdev = rdev;
	}
	if (S_ISDIR(mode))
		dir->nlink++;
	directory_changed(dir);
	entry_bind(entry, inode);
	entry->fresh = !dir->tree->write_through;
	return 0;
}

/* --- making --- */

static long make(struct task *self, int dirfd, u64 path, u32 mode, u64 rdev)
{
	struct walk at;
	long error = walk_user(self, dirfd, path, WALK_MISSING, &at);

	if (error)
		return error;
	if (at.entry->inode)
		error = -EEXIST;
	else if (at.slash && !S_ISDIR(mode))
		error = -ENOENT;
	else
		error = names_create(self, at.entry, mode, rdev);
	entry_put(at.entry);
	return error;
}

static long make_node(struct task *self, int dirfd, u64 path, u32 mode, u64 dev)
{
	if (!(mode & S_IFMT))
		mode |= S_IFREG;
	if ((S_ISCHR(mode) || S_ISBLK(mode)) && !task_is_root(self))
		return -EPERM;
	if (S_ISDIR(mode))
		return -EPERM;
	return make(self, dirfd, path, mode & (S_IFMT | 07777), dev);
}

long sys_mkdir(struct task *self, struct user_frame *f)
{
	return make(self, AT_FDCWD, arg(f, 0), S_IFDIR | (arg(f, 1) & 01777), 0);
}

long sys_mkdirat(struct task *self, struct user_frame *f)
{
	return make(self, (int)arg(f, 0), arg(f, 1), S_IFDIR | (arg(f, 2) & 01777), 0);
}

long sys_mknod(struct task *self, struct user_frame *f)
{
	return make_node(self, AT_FDCWD, arg(f, 0), (u32)arg(f, 1), arg(f, 2));
}

long sys_mknodat(struct task *self, struct user_frame *f)
{
	return make_node(self, (int)arg(f, 0), arg(f, 1), (u32)arg(f, 2), arg(f, 3));
}

static int symlink_here(struct task *self, struct entry *entry, const char *target)
{
	struct inode *dir = entry->parent->inode;
	struct inode *inode = NULL;
	int error = may_change(self, entry);

	if (error)
		return error;
	if (dir->tree->write_through) {
		error = lower_symlink(dir, entry->name, entry->length, target, &inode);
		if (error)
			return error;
	} else {
		inode = new_inode(self, dir, S_IFLNK | 0777);
		if (!inode)
			return -ENOMEM;
		inode->size = strlen(target);
		inode->target = heap_string(target, inode->size);
		if (!inode->target) {
			inode_put(inode);
			return -ENOMEM;
		}
	}
	directory_changed(dir);
	entry_bind(entry, inode);
	entry->fresh = !dir->tree->write_through;
	return 0;
}

static long make_symlink(struct task *self, u64 target, int dirfd, u64 path)
{
	char *text = heap_zalloc(PATH_MAX);
	struct walk at;
	long error;

	if (!text)
		return -ENOMEM;
	error = user_string(self, target, text, PATH_MAX);
	if (error == 0)
		error = -ENOENT;
	if (error > 0)
		error = walk_user(self, dirfd, path, WALK_MISSING, &at);
	if (!error) {
		if (at.entry->inode)
			error = -EEXIST;
		else
			error = at.slash ? -ENOENT : symlink_here(self, at.entry, text);
		entry_put(at.entry);
	}
	heap_free(text);
	return error;
}

long sys_symlink(struct task *self, struct user_frame *f)
{
	return make_symlink(self, arg(f, 0), AT_FDCWD, arg(f, 1));
}

long sys_symlinkat(struct task *self, struct user_frame *f)
{
	return make_symlink(self, arg(f, 0), (int)arg(f, 1), arg(f, 2));
}

static int link_here(struct task *self, struct entry *entry, struct inode *inode)
{
	struct inode *dir = entry->parent->inode;
	int error = may_change(self, entry);

	if (error)
		return error;
	if (is_directory(inode))
		return -EPERM;
	if (inode->tree != dir->tree)
		return -EXDEV;
	if (dir->tree->write_through) {
		error = lower_link(dir, entry->name, entry->length, inode);
		if (error)
			return error;
	}
	inode->nlink++;
	inode_changed(inode);
	directory_changed(dir);
	entry_bind(entry, inode_get(inode));
	entry->fresh = !dir->tree->write_through;
	return 0;
}

static long make_link(struct task *self, int from_fd, u64 from, int to_fd, u64 to, unsigned flags)
{
	unsigned how = (flags & AT_SYMLINK_FOLLOW ? WALK_FOLLOW : 0) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
	struct walk old, new;
	long error;

	if (flags & ~(unsigned)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	error = walk_user(self, from_fd, from, how, &old);
	if (error)
		return error;
	error = walk_user(self, to_fd, to, WALK_MISSING, &new);
	if (!error) {
		if (new.entry->inode)
			error = -EEXIST;
		else
			error = new.slash ? -ENOENT : link_here(self, new.entry, old.entry->inode);
		entry_put(new.entry);
	}
	entry_put(old.entry);
	return error;
}

long sys_link(struct task *self, struct user_frame *f)
{
	return make_link(self, AT_FDCWD, arg(f, 0), AT_FDCWD, arg(f, 1), 0);
}

long sys_linkat(struct task *self, struct user_frame *f)
{
	return make_link(self, (int)arg(f, 0), arg(f, 1), (int)arg(f, 2), arg(f, 3), (unsigned)arg(f, 4));
}

/* --- removing --- */

/* The inode has lost a name. */
static void name_lost(struct inode *inode)
{
	if (is_directory(inode))
		inode->nlink = 0;
	else if (inode->nlink)
		inode->nlink--;
	inode->ctime = stamp_now();
	/* The server may give the number to another file now. */
	if (!inode->nlink)
		list_remove(&inode->hash);
}

static int remove_entry(struct task *self, struct entry *entry)
{
	struct inode *dir = entry->parent->inode;
	struct inode *inode = entry->inode;
	int error = may_remove(self, entry);

	if (error)
		return error;
	if (entry->mounted || entry->covers)
		return -EBUSY;
	if (dir->tree->write_through && inode->lower) {
		error = lower_unlink(dir, entry->name, entry->length, is_directory(inode));
		if (error)
			return error;
	}
	error = entry_unbind(entry);
	if (error)
		return error;
	name_lost(inode);
	if (is_directory(inode) && dir->nlink > 2)
		dir->nlink--;
	directory_changed(dir);
	return 0;
}

static long unlink_at(struct task *self, int dirfd, u64 path)
{
	struct walk at;
	long error = walk_user(self, dirfd, path, 0, &at);

	if (error)
		return error;
	if (is_directory(at.entry->inode))
		error = -EISDIR;
	else
		error = remove_entry(self, at.entry);
	entry_put(at.entry);
	return error;
}

static long rmdir_at(struct task *self, int dirfd, u64 path)
{
	struct walk at;
	long error = walk_user(self, dirfd, path, 0, &at);
	bool empty = false;

	if (error)
		return error;
	if (at.dots)
		error = at.entry == self->fs->root ? -EBUSY : -EINVAL;
	else if (!is_directory(at.entry->inode))
		error = -ENOTDIR;
	else if (at.entry->covers)
		error = -EBUSY;
	else
		error = entry_is_empty(self, at.entry, &empty);
	if (!error)
		error = empty ? remove_entry(self, at.entry) : -ENOTEMPTY;
	entry_put(at.entry);
	return error;
}

long sys_unlink(struct task *self, struct user_frame *f)
{
	return unlink_at(self, AT_FDCWD, arg(f, 0));
}

long sys_rmdir(struct task *self, struct user_frame *f)
{
	return rmdir_at(self, AT_FDCWD, arg(f, 0));
}

long sys_unlinkat(struct task *self, struct user_frame *f)
{
	if (arg(f, 2) & ~(u64)AT_REMOVEDIR)
		return -EINVAL;
	if (arg(f, 2) & AT_REMOVEDIR)
		return rmdir_at(self, (int)arg(f, 0), arg(f, 1));
	return unlink_at(self, (int)arg(f, 0), arg(f, 1));
}

/* --- renaming --- */

static bool is_below(const struct entry *entry, const struct entry *top)
{
	for (; entry->parent != entry; entry = entry->parent)
		if (entry == top)
			return true;
	return entry == top;
}

static int check_rename(struct task *self, struct entry *from, struct entry *to, unsigned flags)
{
	bool directory = is_directory(from->inode), empty;
	int error;

	if (from->inode->tree != to->parent->inode->tree)
		return -EXDEV;
	if (from->mounted || from->covers || to->mounted || to->covers)
		return -EBUSY;
	error = may_remove(self, from);
	if (!error)
		error = to->inode ? may_remove(self, to) : may_change(self, to);
	if (error)
		return error;
	if (directory && is_below(to, from))
		return -EINVAL;
	if (is_below(from, to))
		return to->inode ? -ENOTEMPTY : 0;
	if (!to->inode)
		return 0;
	if (flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (directory != is_directory(to->inode))
		return directory ? -ENOTDIR : -EISDIR;
	if (!directory)
		return 0;
	error = entry_is_empty(self, to, &empty);
	return error ? error : empty ? 0 : -ENOTEMPTY;
}

static int rename_entry(struct task *self, struct entry *from, struct entry *to, unsigned flags)
{
	struct inode *inode = from->inode, *old = to->inode;
	struct inode *dir = from->parent->inode, *new_dir = to->parent->inode;
	int error = from == to ? 0 : check_rename(self, from, to, flags);
	struct entry *moved;

	if (error || inode == old)
		return error;
	moved = entry_reserve(to);
	if (!moved)
		return -ENOMEM;
	if (dir->tree->write_through && inode->lower) {
		error = lower_rename(dir, from->name, from->length, new_dir, to->name, to->length, inode);
		if (error) {
			heap_free(moved);
			return error;
		}
	}
	if (old)
		inode_get(old);
	error = entry_move(from, to, moved);
	if (!error) {
		if (is_directory(inode) && dir != new_dir) {
			dir->nlink -= dir->nlink > 2;
			new_dir->nlink += !old;
		}
		if (old)
			name_lost(old);
		inode->ctime = stamp_now();
		directory_changed(dir);
		directory_changed(new_dir);
	}
	inode_put(old);
	return error;
}

static long rename_at(struct task *self, int from_fd, u64 from, int to_fd, u64 to, unsigned flags)
{
	struct walk old, new;
	long error;

	if (flags & ~(unsigned)RENAME_NOREPLACE)
		return -EINVAL;
	/* Both ways are walked before it matters whether there is anything to rename. */
	error = walk_user(self, from_fd, from, WALK_MISSING, &old);
	if (error)
		return error;
	error = walk_user(self, to_fd, to, WALK_MISSING, &new);
	if (!error) {
		if (old.dots || new.dots)
			error = -EBUSY;
		else if (!old.entry->inode)
			error = -ENOENT;
		else if ((old.slash || new.slash) && !is_directory(old.entry->inode))
			error = -ENOTDIR;
		else
			error = rename_entry(self, old.entry, new.entry, flags);
		entry_put(new.entry);
	}
	entry_put(old.entry);
	return error;
}

long sys_rename(struct task *self, struct user_frame *f)
{
	return rename_at(self, AT_FDCWD, arg(f, 0), AT_FDCWD, arg(f, 1), 0);
}

long sys_renameat(struct task *self, struct user_frame *f)
{
	return rename_at(self, (int)arg(f, 0), arg(f, 1), (int)arg(f, 2), arg(f, 3), 0);
}

long sys_renameat2(struct task *self, struct user_frame *f)
{
	return rename_at(self, (int)arg(f, 0), arg(f, 1), (int)arg(f, 2), arg(f, 3), (unsigned)arg(f, 4));
}

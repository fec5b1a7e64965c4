/* Calls that make, remove and move names: mkdir, mknod, unlink, rename, link, symlink; and inode_at(), the inode that a call
 * names. */

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/stat.h>

#include "lib/string.h"

#include "services/linux/fs/private.h"
#include "services/linux/syscall.h"
#include "services/linux/fs/9p_client.h"
#include "services/runtime/heap.h"

int inode_at(struct task *self, int dirfd, u64 path, unsigned flags, struct inode **inode)
{
	unsigned how = (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0) | (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW);
	struct file *file;
	struct path at;
	char first = 1;
	int error;

	if (flags & AT_EMPTY_PATH && path && user_read(self, path, &first, 1))
		return -EFAULT;
	if (flags & AT_EMPTY_PATH && (!path || !first) && dirfd != AT_FDCWD) {
		file = descriptor_peek(self->files, (unsigned)dirfd);
		if (!file)
			return -EBADF;
		*inode = inode_get(file->inode);
		return 0;
	}
	error = path_lookup_user(self, dirfd, path, how, &at);
	if (error)
		return error;
	*inode = inode_get(at.dentry->inode);
	dentry_put(at.dentry);
	return 0;
}

int inode_of_fd(struct task *self, u64 fd, bool path_too, struct inode **inode)
{
	struct file *file = descriptor_peek(self->files, fd);

	if (!file || (!path_too && file->flags & O_PATH))
		return -EBADF;
	*inode = inode_get(file->inode);
	return 0;
}

/* May names be made and removed in the directory of this dentry? */
static int may_change(struct task *self, struct dentry *dentry)
{
	struct inode *dir = dentry->parent->inode;
	int error = inode_permission(self, dir, 3);

	if (!error && dir->sb->fixed)
		error = dir->sb->uncached ? -EPERM : -EROFS;
	return error;
}

/* The same for removing what the dentry names: a sticky directory protects the files of others. */
static int may_remove(struct task *self, struct dentry *dentry)
{
	struct inode *dir = dentry->parent->inode;
	int error = may_change(self, dentry);

	if (!error && dir->mode & S_ISVTX && !inode_is_owner(self, dentry->inode) && !inode_is_owner(self, dir))
		error = -EPERM;
	return error;
}

static void directory_changed(struct inode *dir)
{
	dir->mtime = stamp_now();
	inode_changed(dir);
}

/* The group and mode of what self makes in a directory. */
static u32 group_in(const struct task *self, const struct inode *dir, u32 *mode)
{
	if (!(dir->mode & S_ISGID))
		return self->process->cred.fsgid;
	if (S_ISDIR(*mode))
		*mode |= S_ISGID;
	return dir->gid;
}

/* Gives a file that was made on the server to self; on the host it belongs to the user who runs the server. */
static void belongs_to(const struct task *self, const struct inode *dir, struct inode *inode, u32 mode)
{
	inode->gid = group_in(self, dir, &mode);
	inode->uid = self->process->cred.fsuid;
	inode->mode = (inode->mode & (S_IFMT | 0777)) | (mode & 07000);
	inode->made_here = true;
}

static struct inode *new_inode(struct task *self, struct inode *dir, u32 mode)
{
	u32 gid = group_in(self, dir, &mode);
	struct inode *inode = inode_new(dir->sb, mode, self->process->cred.fsuid, gid);

	if (inode && S_ISDIR(mode)) {
		inode->size = PAGE_SIZE;
		inode->blocks = 8;
	}
	return inode;
}

int dentry_mknod(struct task *self, struct dentry *dentry, uint32_t mode, uint64_t rdev)
{
	struct inode *dir = dentry->parent->inode;
	struct inode *inode = NULL;
	int error = may_change(self, dentry);

	if (error)
		return error;
	mode &= ~self->fs->umask | S_IFMT;
	if (dir->sb->write_through && (S_ISREG(mode) || S_ISDIR(mode))) {
		error = S_ISDIR(mode) ? p9_mkdir(dir, dentry->name, dentry->length, mode, &inode)
				      : p9_create(dir, dentry->name, dentry->length, mode, &inode);
		if (error)
			return error;
		belongs_to(self, dir, inode, mode);
	} else {
		inode = new_inode(self, dir, mode);
		if (!inode)
			return -ENOMEM;
		inode->rdev = rdev;
	}
	if (S_ISDIR(mode))
		dir->nlink++;
	directory_changed(dir);
	dentry_instantiate(dentry, inode);
	dentry->fresh = !dir->sb->write_through;
	notify_entry(dir, inode, IN_CREATE, 0, dentry);
	return 0;
}

/* --- making --- */

static long make(struct task *self, int dirfd, u64 path, u32 mode, u64 rdev)
{
	struct path at;
	long error = path_lookup_user(self, dirfd, path, LOOKUP_MISSING, &at);

	if (error)
		return error;
	if (at.dentry->inode)
		error = -EEXIST;
	else if (at.slash && !S_ISDIR(mode))
		error = -ENOENT;
	else
		error = dentry_mknod(self, at.dentry, mode, rdev);
	dentry_put(at.dentry);
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

static int symlink_here(struct task *self, struct dentry *dentry, const char *target)
{
	struct inode *dir = dentry->parent->inode;
	struct inode *inode = NULL;
	int error = may_change(self, dentry);

	if (error)
		return error;
	if (dir->sb->write_through) {
		error = p9_symlink(dir, dentry->name, dentry->length, target, &inode);
		if (error)
			return error;
		belongs_to(self, dir, inode, 0);
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
	dentry_instantiate(dentry, inode);
	dentry->fresh = !dir->sb->write_through;
	notify_entry(dir, inode, IN_CREATE, 0, dentry);
	return 0;
}

static long make_symlink(struct task *self, u64 target, int dirfd, u64 path)
{
	char *text = heap_zalloc(PATH_MAX);
	struct path at;
	long error;

	if (!text)
		return -ENOMEM;
	error = user_string(self, target, text, PATH_MAX);
	if (error == 0)
		error = -ENOENT;
	if (error > 0)
		error = path_lookup_user(self, dirfd, path, LOOKUP_MISSING, &at);
	if (!error) {
		if (at.dentry->inode)
			error = -EEXIST;
		else
			error = at.slash ? -ENOENT : symlink_here(self, at.dentry, text);
		dentry_put(at.dentry);
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

static int link_here(struct task *self, struct dentry *dentry, struct inode *inode)
{
	struct inode *dir = dentry->parent->inode;
	int error = may_change(self, dentry);

	if (error)
		return error;
	if (is_directory(inode))
		return -EPERM;
	if (inode->sb != dir->sb)
		return -EXDEV;
	if (!inode->nlink && !inode->linkable)
		return -ENOENT;
	if (dir->sb->write_through) {
		error = p9_link(dir, dentry->name, dentry->length, inode);
		if (error)
			return error;
	}
	inode->nlink++;
	inode->linkable = false;
	inode_changed(inode);
	directory_changed(dir);
	dentry_instantiate(dentry, inode_get(inode));
	dentry->fresh = !dir->sb->write_through;
	notify_inode(inode, IN_ATTRIB);
	notify_entry(dir, inode, IN_CREATE, 0, dentry);
	return 0;
}

static long make_link(struct task *self, int from_fd, u64 from, int to_fd, u64 to, unsigned flags)
{
	unsigned how = (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct path old, new;
	long error;

	if (flags & ~(unsigned)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	/* A descriptor may have come from a process that can reach files that self cannot. */
	if (flags & AT_EMPTY_PATH && !task_is_root(self))
		return -ENOENT;
	error = path_lookup_user(self, from_fd, from, how, &old);
	if (error)
		return error;
	error = path_lookup_user(self, to_fd, to, LOOKUP_MISSING, &new);
	if (!error) {
		if (new.dentry->inode)
			error = -EEXIST;
		else
			error = new.slash ? -ENOENT : link_here(self, new.dentry, old.dentry->inode);
		dentry_put(new.dentry);
	}
	dentry_put(old.dentry);
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

/* If nobody uses a file whose last name is removed, the file ends before the event of the removal is sent. */
static void notify_removed(struct inode *dir, struct inode *inode, const struct dentry *dentry)
{
	if (!is_directory(inode))
		notify_inode(inode, IN_ATTRIB);
	if (inode->watched && !inode->nlink && dentry->refs == 1)
		notify_gone(inode);
	notify_entry(dir, inode, IN_DELETE, 0, dentry);
}

static int remove_entry(struct task *self, struct dentry *dentry)
{
	struct inode *dir = dentry->parent->inode;
	struct inode *inode = dentry->inode;
	int error = may_remove(self, dentry);

	if (error)
		return error;
	if (dentry->mounted || dentry->covers)
		return -EBUSY;
	if (dir->sb->write_through && inode->remote) {
		error = p9_unlink(dir, dentry->name, dentry->length, is_directory(inode));
		if (error)
			return error;
	}
	error = dentry_delete(dentry);
	if (error)
		return error;
	if (is_directory(inode))
		dentry_forget_children(dentry);
	name_lost(inode);
	if (is_directory(inode) && dir->nlink > 2)
		dir->nlink--;
	directory_changed(dir);
	notify_removed(dir, inode, dentry);
	return 0;
}

static long unlink_at(struct task *self, int dirfd, u64 path)
{
	struct path at;
	long error = path_lookup_user(self, dirfd, path, 0, &at);

	if (error)
		return error;
	if (is_directory(at.dentry->inode))
		error = -EISDIR;
	else
		error = remove_entry(self, at.dentry);
	dentry_put(at.dentry);
	return error;
}

static long rmdir_at(struct task *self, int dirfd, u64 path)
{
	struct path at;
	long error = path_lookup_user(self, dirfd, path, 0, &at);
	bool empty = false;

	if (error)
		return error;
	if (at.dots == 2)
		error = -ENOTEMPTY;
	else if (at.dots)
		error = at.dentry == self->fs->root ? -EBUSY : -EINVAL;
	else if (!is_directory(at.dentry->inode))
		error = -ENOTDIR;
	else if (at.dentry->covers)
		error = -EBUSY;
	else
		error = dentry_is_empty(self, at.dentry, &empty);
	if (!error)
		error = empty ? remove_entry(self, at.dentry) : -ENOTEMPTY;
	dentry_put(at.dentry);
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

static bool is_below(const struct dentry *dentry, const struct dentry *top)
{
	for (; dentry->parent != dentry; dentry = dentry->parent)
		if (dentry == top)
			return true;
	return dentry == top;
}

/* A directory that gets another parent needs the right to write to it: its ".." changes. */
static int may_leave(struct task *self, const struct dentry *dentry, const struct dentry *dir)
{
	return is_directory(dentry->inode) && dentry->parent != dir ? inode_permission(self, dentry->inode, 2) : 0;
}

/* Checks what stands at the new name. */
static int check_replaced(struct task *self, const struct dentry *from, struct dentry *to)
{
	bool directory = is_directory(from->inode), empty;
	int error;

	if (directory != is_directory(to->inode))
		return directory ? -ENOTDIR : -EISDIR;
	if (!directory)
		return 0;
	error = dentry_is_empty(self, to, &empty);
	return error ? error : empty ? 0 : -ENOTEMPTY;
}

/* Checks a rename, in the order in which Linux reports errors. */
static int check_rename(struct task *self, struct dentry *from, struct dentry *to, unsigned flags)
{
	bool exchange = flags & RENAME_EXCHANGE;
	int error;

	if (from->inode->sb != to->parent->inode->sb)
		return -EXDEV;
	if (to->inode && flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (!to->inode && exchange)
		return -ENOENT;
	if (from == to)
		return 0;
	if (from->mounted || from->covers || to->mounted || to->covers)
		return -EBUSY;
	if (is_directory(from->inode) && is_below(to, from))
		return -EINVAL;
	if (to->inode && is_below(from, to))
		return exchange ? -EINVAL : -ENOTEMPTY;
	if (from->inode == to->inode)
		return 0;
	error = may_remove(self, from);
	if (!error)
		error = to->inode ? may_remove(self, to) : may_change(self, to);
	if (!error)
		error = may_leave(self, from, to->parent);
	if (!error && exchange)
		error = may_leave(self, to, from->parent);
	if (!error && to->inode && !exchange)
		error = check_replaced(self, from, to);
	return error;
}

/* Updates the link counts of directories when a directory has moved from one to the other. */
static void directory_left(const struct inode *inode, struct inode *dir, struct inode *new_dir)
{
	if (!is_directory(inode) || dir == new_dir)
		return;
	dir->nlink -= dir->nlink > 2;
	new_dir->nlink++;
}

/* Sends the events of an inode that moved from one name to another. */
static void notify_moved(struct inode *dir, const struct dentry *from, struct inode *new_dir, const struct dentry *to,
	struct inode *inode)
{
	u32 cookie = notify_cookie();

	notify_entry(dir, inode, IN_MOVED_FROM, cookie, from);
	notify_entry(new_dir, inode, IN_MOVED_TO, cookie, to);
	notify_inode(inode, IN_MOVE_SELF);
}

static int exchange_entries(struct dentry *a, struct dentry *b)
{
	struct inode *dir = a->parent->inode, *other = b->parent->inode;

	/* 9P2000.L has no such request. */
	if (dir->sb->write_through)
		return -EINVAL;
	dentry_exchange(a, b);
	directory_left(a->inode, dir, other);
	directory_left(b->inode, other, dir);
	a->inode->ctime = b->inode->ctime = stamp_now();
	directory_changed(dir);
	directory_changed(other);
	/* The two dentries have each other's names now. */
	notify_moved(dir, b, other, a, a->inode);
	notify_moved(other, a, dir, b, b->inode);
	return 0;
}

static int rename_entry(struct task *self, struct dentry *from, struct dentry *to, unsigned flags)
{
	struct inode *inode = from->inode, *old = to->inode;
	struct inode *dir = from->parent->inode, *new_dir = to->parent->inode;
	int error = check_rename(self, from, to, flags);
	u32 cookie = notify_cookie();
	struct dentry *spare;

	if (error || inode == old)
		return error;
	if (flags & RENAME_EXCHANGE)
		return exchange_entries(from, to);
	spare = dentry_reserve(to);
	if (!spare)
		return -ENOMEM;
	if (dir->sb->write_through && inode->remote) {
		error = p9_rename(dir, from->name, from->length, new_dir, to->name, to->length, inode);
		if (error) {
			dentry_discard(spare);
			return error;
		}
	}
	notify_entry(dir, inode, IN_MOVED_FROM, cookie, from);
	notify_entry(new_dir, inode, IN_MOVED_TO, cookie, to);
	if (old && is_directory(old))
		dentry_forget_children(to);
	dentry_move(from, to, spare);
	directory_left(inode, dir, new_dir);
	if (old && is_directory(old) && new_dir->nlink > 2)
		new_dir->nlink--;
	if (old)
		name_lost(old);
	inode->ctime = stamp_now();
	directory_changed(dir);
	directory_changed(new_dir);
	if (old)
		notify_inode(old, IN_ATTRIB);
	notify_inode(inode, IN_MOVE_SELF);
	return 0;
}

static int check_slashes(const struct path *old, const struct path *new, unsigned flags)
{
	if (flags & RENAME_EXCHANGE && new->slash &&new->dentry->inode && !is_directory(new->dentry->inode))
		return -ENOTDIR;
	if (is_directory(old->dentry->inode))
		return 0;
	return old->slash || (new->slash && !(flags & RENAME_EXCHANGE)) ? -ENOTDIR : 0;
}

static long rename_at(struct task *self, int from_fd, u64 from, int to_fd, u64 to, unsigned flags)
{
	struct path old, new;
	long error;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE) || flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	/* Both paths are looked up before it matters whether there is anything to rename. */
	error = path_lookup_user(self, from_fd, from, LOOKUP_MISSING, &old);
	if (error)
		return error;
	error = path_lookup_user(self, to_fd, to, LOOKUP_MISSING, &new);
	if (!error) {
		if (old.dots)
			error = -EBUSY;
		else if (new.dots)
			error = flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
		else if (!old.dentry->inode)
			error = -ENOENT;
		else
			error = check_slashes(&old, &new, flags);
		if (!error)
			error = rename_entry(self, old.dentry, new.dentry, flags);
		dentry_put(new.dentry);
	}
	dentry_put(old.dentry);
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

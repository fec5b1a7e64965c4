/* Sends events of files to the watches of inotify: see fs.h. Watches themselves are in the event room (event/inotify.c). */
#include <linux/inotify.h>

#include "services/linux/fs/private.h"

u64 inodes_watched;

static u32 directory_bit(const struct inode *inode)
{
	return is_directory(inode) ? IN_ISDIR : 0;
}

void notify_inode_far(struct inode *inode, u32 mask)
{
	if (inode->watched)
		fs_hooks_used->notify(inode, mask | directory_bit(inode), 0, NULL, 0);
}

void notify_dentry_far(const struct dentry *dentry, u32 mask)
{
	struct inode *inode = dentry->inode, *dir = dentry->parent->inode;

	if (!inode)
		return;
	mask |= directory_bit(inode);
	if (dentry->parent != dentry && dir->watched)
		fs_hooks_used->notify(dir, mask | (dentry->dead ? NOTIFY_UNLINKED : 0), 0, dentry->name,
			dentry->length);
	if (inode->watched)
		fs_hooks_used->notify(inode, mask, 0, NULL, 0);
}

void notify_entry_far(struct inode *dir, const struct inode *inode, u32 mask, u32 cookie, const struct dentry *called)
{
	if (dir->watched)
		fs_hooks_used->notify(dir, mask | directory_bit(inode), cookie, called->name, called->length);
}

u32 notify_cookie(void)
{
	static u32 last;

	return ++last ? last : ++last;
}

void notify_gone(struct inode *inode)
{
	fs_hooks_used->notify_gone(inode);
}

/* statfs and fstatfs. */
#include <asm/errno.h>
#include <asm/statfs.h>
#include <linux/fcntl.h>
#include <linux/limits.h>

#include "lib/string.h"

#include "services/linux/fs/private.h"
#include "services/linux/syscall.h"
#include "services/linux/fs/9p_client.h"

/* The C library has them: f_flags of statfs(2). */
enum { ST_NOSUID = 2, ST_NODEV = 4, ST_VALID = 0x20 };

static long put_statfs(struct task *self, struct inode *inode, u64 addr)
{
	struct superblock *sb = inode->sb;
	struct statfs to = { .f_type = sb->magic, .f_bsize = PAGE_SIZE, .f_frsize = PAGE_SIZE, .f_namelen = NAME_MAX };
	struct fs_statfs about;

	if (sb->shared)
		to.f_flags = ST_VALID | ST_NOSUID | ST_NODEV;
	if (sb->on_server && p9_statfs(sb->root->inode, &about) == 0) {
		to.f_type = about.type;
		to.f_bsize = to.f_frsize = about.bsize;
		to.f_blocks = (long)about.blocks;
		to.f_bfree = (long)about.bfree;
		to.f_bavail = (long)about.bavail;
		to.f_files = (long)about.files;
		to.f_ffree = (long)about.ffree;
		to.f_namelen = about.namelen;
		memcpy(&to.f_fsid, &about.fsid, sizeof(to.f_fsid));
	}
	inode_put(inode);
	return user_write(self, addr, &to, sizeof(to));
}

long sys_statfs(struct task *self, struct user_frame *f)
{
	struct inode *inode;
	long error = inode_at(self, AT_FDCWD, arg(f, 0), 0, &inode);

	return error ? error : put_statfs(self, inode, arg(f, 1));
}

long sys_fstatfs(struct task *self, struct user_frame *f)
{
	struct inode *inode;
	long error = inode_of_fd(self, arg(f, 0), true, &inode);

	return error ? error : put_statfs(self, inode, arg(f, 1));
}

/* Inodes and superblocks. Invariant: a clean inode of the 9p server can be dropped and found again; a dirty one is held by the
 * pinned dentries that name it. */
#include "services/linux/clock.h"

#include <asm/errno.h>
#include <linux/stat.h>

#include "lib/string.h"
#include "services/linux/fs/9p_client.h"
#include "services/runtime/heap.h"
#include "services/linux/fs/page_cache.h"
#include "services/linux/fs/private.h"
#include "services/linux/task.h"

enum { INODE_BUCKETS = 1024 };

static struct list_node inodes[INODE_BUCKETS];
struct superblock *superblocks;
struct dentry *root_dentry;
static uint64_t next_dev = 0x15;

static struct list_node *inode_bucket(const struct superblock *sb, uint64_t ino)
{
	struct list_node *bucket = &inodes[(ino ^ sb->dev * 31) % INODE_BUCKETS];

	if (!bucket->next)
		list_init(bucket);
	return bucket;
}

struct stamp stamp_now(void)
{
	uint64_t ns = time_realtime();

	return (struct stamp){ (int64_t)(ns / NS_PER_S), (uint32_t)(ns % NS_PER_S) };
}

struct inode *inode_new(struct superblock *sb, uint32_t mode, uint32_t uid, uint32_t gid)
{
	struct inode *inode = heap_zalloc(sizeof(*inode));

	if (!inode)
		return NULL;
	inode->refs = 1;
	inode->mode = mode;
	inode->uid = uid;
	inode->gid = gid;
	inode->nlink = S_ISDIR(mode) ? 2 : 1;
	inode->ino = ++sb->next_ino;
	inode->atime = inode->mtime = inode->ctime = stamp_now();
	inode->sb = sb;
	inode->ops = sb->ops;
	list_init(&inode->hash);
	list_init(&inode->used);
	list_init(&inode->segments);
	list_init(&inode->locks);
	return inode;
}

struct inode *inode_get(struct inode *inode)
{
	inode->refs++;
	return inode;
}

void inode_put(struct inode *inode)
{
	while (inode && --inode->refs == inode->watched) {
		struct inode *dir = inode->remote_dir;

		/* Only its watches know it: they keep it as long as it has a name. */
		if (inode->watched) {
			if (!inode->nlink)
				notify_gone(inode);
			return;
		}
		if (inode->ops && inode->ops->release)
			inode->ops->release(inode);
		list_remove(&inode->hash);
		page_cache_release(inode);
		if (inode->remote)
			p9_forget(inode);
		heap_free(inode->remote_name);
		heap_free(inode->target);
		heap_free(inode);
		inode = dir;
	}
}

struct inode *inode_find(struct superblock *sb, uint64_t ino, uint32_t device)
{
	struct list_node *bucket = inode_bucket(sb, ino);

	list_for_each(node, bucket) {
		struct inode *inode = container_of(node, struct inode, hash);

		if (inode->ino == ino && inode->device == device && inode->sb == sb)
			return inode_get(inode);
	}
	return NULL;
}

void inode_hash(struct inode *inode)
{
	list_append(inode_bucket(inode->sb, inode->ino), &inode->hash);
}

void inode_changed(struct inode *inode)
{
	inode->ctime = stamp_now();
	inode->dirty = true;
	if (inode->alias)
		dentry_pin(inode->alias);
}

static int may(const struct inode *inode, unsigned mask, uint32_t uid, bool member)
{
	unsigned mode = inode->mode;

	if (uid == 0) {
		if (!(mask & 1) || is_directory(inode) || (mode & 0111))
			return 0;
		return -EACCES;
	}
	if (uid == inode->uid)
		mode >>= 6;
	else if (member)
		mode >>= 3;
	return (mode & mask) == mask ? 0 : -EACCES;
}

bool in_group(const struct task *self, uint32_t gid)
{
	const struct credentials *cred = &self->process->cred;

	for (unsigned i = 0; i < cred->group_count; i++)
		if (cred->groups[i] == gid)
			return true;
	return cred->fsgid == gid;
}

/* Asks the file system: inode_ops.judge. */
static int judge(struct task *self, struct inode *inode)
{
	const struct inode_ops *ops = inode->ops;

	if (ops && ops->refresh)
		ops->refresh(inode);
	return ops && ops->judge ? ops->judge(self, inode) : 0;
}

int inode_permission(struct task *self, struct inode *inode, unsigned mask)
{
	int verdict = judge(self, inode);

	if (verdict)
		return verdict < 0 ? verdict : 0;
	return may(inode, mask, self->process->cred.fsuid, in_group(self, inode->gid));
}

int inode_permission_real(struct task *self, struct inode *inode, unsigned mask)
{
	const struct credentials *cred = &self->process->cred;
	int verdict = judge(self, inode);

	if (verdict)
		return verdict < 0 ? verdict : 0;
	return may(inode, mask, cred->uid, cred->gid == inode->gid || in_group(self, inode->gid));
}

bool inode_is_owner(struct task *self, struct inode *inode)
{
	uint32_t uid = self->process->cred.fsuid;

	return uid == 0 || uid == inode->uid;
}

struct superblock *superblock_new(const char *type, const char *source, uint32_t magic, const struct inode_ops *ops)
{
	struct superblock *sb = heap_zalloc(sizeof(*sb));

	if (!sb)
		return NULL;
	sb->type = type;
	sb->source = source;
	sb->magic = magic;
	sb->ops = ops;
	sb->dev = next_dev++;
	return sb;
}

struct superblock *superblocks_last(void)
{
	struct superblock *sb = superblocks;

	while (sb->next)
		sb = sb->next;
	return sb;
}

uint64_t inode_dev(const struct inode *inode)
{
	uint64_t dev = inode->sb->dev;

	/* The tree of a share may lie on several devices of the host: files of the first have the superblock's own st_dev. */
	return inode->device > 1 ? dev + ((uint64_t)inode->device << 20) : dev;
}

int superblock_mount(struct superblock *sb, struct dentry *on)
{
	struct superblock **last = &superblocks;

	if (on) {
		if (on->mounted)
			return -EBUSY;
		dentry_pin(on);
		on->mounted = sb->root;
		sb->root->covers = on;
	}
	while (*last)
		last = &(*last)->next;
	*last = sb;
	return 0;
}

/* Dentries, the names in directories: a cache of the 9p server's names, and the only record of names that programs have changed.
 *
 * Invariant: a dentry is in the hash table and in its parent's list of children exactly if it is not dead. */
#include <asm/errno.h>
#include <linux/limits.h>

#include "lib/string.h"
#include "services/runtime/heap.h"
#include "services/linux/fs/page_cache.h"
#include "services/linux/fs/private.h"

enum { DENTRY_BUCKETS = 4096, FORGET_MOST = 512 };

static struct list_node buckets[DENTRY_BUCKETS];
static struct list_node unused = LIST_INIT(unused);
static unsigned dentries_unused;
unsigned dentries_unused_max = 8192;
static uint64_t next_serial, entries_made;

static struct list_node *dentry_bucket(const struct dentry *dir, const char *name, size_t length)
{
	uint64_t hash = (uintptr_t)dir >> 4;
	struct list_node *bucket;

	for (size_t i = 0; i < length; i++)
		hash = hash * 31 + (unsigned char)name[i];
	bucket = &buckets[(hash ^ hash >> 17) % DENTRY_BUCKETS];
	if (!bucket->next)
		list_init(bucket);
	return bucket;
}

struct dentry *dentry_get(struct dentry *dentry)
{
	if (dentry->refs++ == 0) {
		list_remove(&dentry->unused);
		dentries_unused--;
	}
	return dentry;
}

static void dentry_set_inode(struct dentry *dentry, struct inode *inode)
{
	if (dentry->inode) {
		if (dentry->inode->alias == dentry)
			dentry->inode->alias = NULL;
		if (dentry->inode->watched && !dentry->inode->nlink)
			notify_gone(dentry->inode);
		inode_put(dentry->inode);
	}
	dentry->inode = inode;
	if (inode && !inode->alias)
		inode->alias = dentry;
}

static void dentry_unlink(struct dentry *dentry)
{
	list_remove(&dentry->hash);
	list_remove(&dentry->sibling);
	dentry->dead = true;
}

void dentry_discard(struct dentry *dentry)
{
	if (dentry && dentry->name != dentry->short_name)
		heap_free(dentry->name);
	heap_free(dentry);
}

/* Frees a dentry without references. -> its parent, whose reference the caller now has. */
static struct dentry *dentry_free(struct dentry *dentry)
{
	struct dentry *parent = dentry->parent == dentry ? NULL : dentry->parent;

	if (!dentry->dead)
		dentry_unlink(dentry);
	dentry_set_inode(dentry, NULL);
	dentry_discard(dentry);
	return parent;
}

void dentry_put(struct dentry *dentry)
{
	while (dentry && --dentry->refs == 0) {
		struct superblock *sb = dentry->inode ? dentry->inode->sb : dentry->parent->inode->sb;

		if (!dentry->dead && !sb->uncached) {
			list_append(&unused, &dentry->unused);
			dentries_unused++;
			break;
		}
		dentry = dentry_free(dentry);
	}
	if (dentries_unused > dentries_unused_max)
		dentries_trim(dentries_unused_max - dentries_unused_max / 8);
}

void dentries_trim(unsigned target)
{
	while (dentries_unused > target) {
		struct dentry *dentry = container_of(list_first(&unused), struct dentry, unused);

		list_remove(&dentry->unused);
		dentries_unused--;
		dentry = dentry_free(dentry);
		/* The parent may now be unused itself: it goes to the young end of the list. */
		if (dentry && --dentry->refs == 0) {
			list_append(&unused, &dentry->unused);
			dentries_unused++;
		}
	}
}

/* A dentry that is in no directory yet. */
static struct dentry *dentry_make(const char *name, size_t length)
{
	struct dentry *dentry = heap_zalloc(sizeof(*dentry));

	if (!dentry)
		return NULL;
	dentry->name = length <= DENTRY_SHORT ? dentry->short_name : heap_zalloc(length);
	if (!dentry->name) {
		heap_free(dentry);
		return NULL;
	}
	/* Names in memory grow without any file being read: they look at the free frames themselves. */
	if (++entries_made % 256 == 0)
		page_cache_shrink();
	dentry->refs = 1;
	dentry->length = (uint16_t)length;
	memcpy(dentry->name, name, length);
	list_init(&dentry->hash);
	list_init(&dentry->sibling);
	list_init(&dentry->children);
	list_init(&dentry->unused);
	dentry->parent = dentry;
	return dentry;
}

static void dentry_place(struct dentry *dentry, struct dentry *dir)
{
	dentry->parent = dentry_get(dir);
	list_append(dentry_bucket(dir, dentry->name, dentry->length), &dentry->hash);
	list_append(&dir->children, &dentry->sibling);
}

static struct dentry *dentry_new(struct dentry *dir, const char *name, size_t length)
{
	struct dentry *dentry = dentry_make(name, length);

	if (dentry && dir)
		dentry_place(dentry, dir);
	return dentry;
}

struct dentry *dentry_reserve(const struct dentry *like)
{
	return dentry_make(like->name, like->length);
}

struct dentry *dentry_root(struct superblock *sb, struct inode *inode)
{
	struct dentry *dentry = dentry_new(NULL, "", 0);

	if (!dentry)
		return NULL;
	dentry->pinned = true;
	dentry_set_inode(dentry, inode);
	sb->root = dentry;
	return dentry;
}

struct dentry *dentry_anonymous(struct inode *inode)
{
	struct dentry *dentry = dentry_new(NULL, "", 0);

	if (!dentry)
		return NULL;
	dentry->dead = true;
	/* It does not become the inode's alias: the inode may outlive it. */
	dentry->inode = inode_get(inode);
	return dentry;
}

static struct dentry *dentry_find(struct dentry *dir, const char *name, size_t length)
{
	struct list_node *bucket = dentry_bucket(dir, name, length);

	list_for_each(node, bucket) {
		struct dentry *dentry = container_of(node, struct dentry, hash);

		if (dentry->parent == dir && dentry->length == length && memcmp(dentry->name, name, length) == 0)
			return dentry;
	}
	return NULL;
}

int dentry_lookup(struct task *self, struct dentry *dir, const char *name, size_t length, struct dentry **found)
{
	const struct inode_ops *ops = dir->inode->ops;
	struct dentry *dentry = dentry_find(dir, name, length);
	struct inode *inode = NULL;
	int error = 0;

	if (dentry) {
		*found = dentry_get(dentry);
		return 0;
	}
	if (length > NAME_MAX)
		return -ENAMETOOLONG;
	if (dir->dead)
		return -ENOENT;
	if (ops && ops->lookup)
		error = ops->lookup(self, dir->inode, name, length, &inode);
	if (error && error != -ENOENT)
		return error;
	dentry = dentry_new(dir, name, length);
	if (!dentry) {
		inode_put(inode);
		return -ENOMEM;
	}
	dentry_set_inode(dentry, inode);
	*found = dentry;
	return 0;
}

void dentry_pin(struct dentry *dentry)
{
	/* Those above stay because each dentry has a reference on its parent. */
	if (!dentry->pinned && !dentry->dead) {
		dentry->pinned = true;
		dentry_get(dentry);
	}
}

void dentry_instantiate(struct dentry *dentry, struct inode *inode)
{
	/* A name the server lists stays where the server lists it only if it stands for the same file. */
	dentry_set_inode(dentry, inode);
	dentry->fresh = true;
	dentry->serial = ++next_serial;
	/* Fresh names are listed in the order in which they were made. */
	list_remove(&dentry->sibling);
	list_append(&dentry->parent->children, &dentry->sibling);
	dentry_pin(dentry);
}

/* Leaves a pinned dentry without inode in the place of a name of the server, so that the name is not looked up there again. */
static bool leaves_hole(const struct dentry *dir)
{
	return dir->inode->ops && dir->inode->ops->lookup && !dir->inode->sb->write_through;
}

int dentry_delete(struct dentry *dentry)
{
	struct dentry *dir = dentry->parent;
	struct dentry *hole;

	dentry_unlink(dentry);
	if (leaves_hole(dir)) {
		hole = dentry_new(dir, dentry->name, dentry->length);
		if (!hole) {
			dentry->dead = false;
			list_append(dentry_bucket(dir, dentry->name, dentry->length), &dentry->hash);
			list_append(&dir->children, &dentry->sibling);
			return -ENOMEM;
		}
		dentry_pin(hole);
		dentry_put(hole);
	}
	if (dentry->pinned) {
		dentry->pinned = false;
		dentry_put(dentry);
	}
	return 0;
}

void dentry_forget_children(struct dentry *dir)
{
	unsigned left = FORGET_MOST;

	list_for_each_safe(node, &dir->children) {
		struct dentry *child = container_of(node, struct dentry, sibling);

		if (!left--)
			break;
		dentry_get(child);
		if (child->pinned) {
			child->pinned = false;
			dentry_put(child);
		}
		if (!child->dead)
			dentry_unlink(child);
		dentry_put(child);
	}
}

/* Exchanges the names of two dentries; short ones are in the dentries themselves and are copied. */
static void dentry_swap_names(struct dentry *a, struct dentry *b)
{
	char *a_name = a->name == a->short_name ? b->short_name : a->name;
	char *b_name = b->name == b->short_name ? a->short_name : b->name;
	char bytes[DENTRY_SHORT];
	uint16_t length = a->length;

	memcpy(bytes, a->short_name, DENTRY_SHORT);
	memcpy(a->short_name, b->short_name, DENTRY_SHORT);
	memcpy(b->short_name, bytes, DENTRY_SHORT);
	a->name = b_name;
	b->name = a_name;
	a->length = b->length;
	b->length = length;
}

/* Takes the dentry out of its directory; the reference to that stays. */
static void dentry_leave(struct dentry *dentry)
{
	list_remove(&dentry->hash);
	list_remove(&dentry->sibling);
}

/* Puts it into a directory, whose reference it takes over. */
static void dentry_enter(struct dentry *dentry, struct dentry *dir)
{
	dentry->parent = dir;
	list_append(dentry_bucket(dir, dentry->name, dentry->length), &dentry->hash);
	list_append(&dir->children, &dentry->sibling);
	dentry->fresh = true;
	dentry->serial = ++next_serial;
	dentry_pin(dentry);
}

void dentry_move(struct dentry *from, struct dentry *to, struct dentry *spare)
{
	struct dentry *dir = from->parent;

	dentry_leave(from);
	dentry_swap_names(from, spare);
	if (leaves_hole(dir)) {
		dentry_place(spare, dir);
		dentry_pin(spare);
		dentry_put(spare);
	} else {
		dentry_discard(spare);
	}
	/* The file that had the new name loses it. */
	dentry_unlink(to);
	if (to->pinned) {
		to->pinned = false;
		dentry_put(to);
	}
	dentry_enter(from, dentry_get(to->parent));
	dentry_put(dir);
}

void dentry_exchange(struct dentry *a, struct dentry *b)
{
	struct dentry *dir = a->parent;

	dentry_leave(a);
	dentry_leave(b);
	dentry_swap_names(a, b);
	dentry_enter(a, b->parent);
	dentry_enter(b, dir);
}

/* Notes the first name that is neither "." nor ".." nor hidden by a dentry of the directory. */
struct emptiness {
	struct dir_context listing;
	struct dentry *dir;
	bool found;
};

static bool emptiness_emit(struct dir_context *listing, const char *name, size_t length, uint64_t ino, unsigned type,
	uint64_t next)
{
	struct emptiness *state = container_of(listing, struct emptiness, listing);
	struct dentry *dentry;

	(void)ino, (void)type, (void)next;
	if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')))
		return true;
	dentry = dentry_find(state->dir, name, length);
	if (dentry && !dentry->inode)
		return true;
	state->found = true;
	return false;
}

int dentry_is_empty(struct task *self, struct dentry *dir, bool *empty)
{
	struct emptiness state = { { emptiness_emit }, dir, false };
	const struct inode_ops *ops = dir->inode->ops;
	int error = 0;

	*empty = false;
	list_for_each(node, &dir->children)
		if (container_of(node, struct dentry, sibling)->inode)
			return 0;
	if (ops && ops->list)
		error = ops->list(self, dir->inode, 0, &state.listing);
	*empty = !state.found;
	return error;
}

bool dentry_hides(struct dentry *dir, const char *name, size_t length)
{
	struct dentry *dentry = dentry_find(dir, name, length);

	return dentry && (!dentry->inode || dentry->fresh);
}

int dentry_path(struct dentry *dentry, struct dentry *top, char *to, size_t size)
{
	size_t at = size - 1;
	size_t length;

	to[at] = 0;
	while (dentry != top) {
		if (dentry->covers) {
			dentry = dentry->covers;
			continue;
		}
		if (dentry->parent == dentry)
			break;
		if (at < dentry->length + 1u)
			return -ENAMETOOLONG;
		at -= dentry->length;
		memcpy(to + at, dentry->name, dentry->length);
		to[--at] = '/';
		dentry = dentry->parent;
	}
	if (at == size - 1) {
		if (!at)
			return -ENAMETOOLONG;
		to[--at] = '/';
	}
	length = size - 1 - at;
	memmove(to, to + at, length + 1);
	return (int)length;
}

/* Names in directories: a cache of what the 9p server has, and the truth about what programs have changed.
 *
 * Invariant: an entry is in the hash table and in its parent's list of children exactly if it is not dead. */
#include <asm/errno.h>
#include <linux/limits.h>

#include "lib/string.h"
#include "services/linux/fs/inode.h"
#include "services/runtime/heap.h"
#include "services/linux/fs/page_cache.h"

enum { ENTRY_BUCKETS = 4096 };

static struct list_node buckets[ENTRY_BUCKETS];
static struct list_node unused = LIST_INIT(unused);
unsigned entries_unused;
unsigned entries_unused_max = 8192;
static uint64_t next_serial, entries_made;

static struct list_node *entry_bucket(const struct entry *dir, const char *name, size_t length)
{
	uint64_t hash = (uintptr_t)dir >> 4;
	struct list_node *bucket;

	for (size_t i = 0; i < length; i++)
		hash = hash * 31 + (unsigned char)name[i];
	bucket = &buckets[(hash ^ hash >> 17) % ENTRY_BUCKETS];
	if (!bucket->next)
		list_init(bucket);
	return bucket;
}

struct entry *entry_get(struct entry *entry)
{
	if (entry->refs++ == 0) {
		list_remove(&entry->unused);
		entries_unused--;
	}
	return entry;
}

static void entry_set_inode(struct entry *entry, struct inode *inode)
{
	if (entry->inode) {
		if (entry->inode->alias == entry)
			entry->inode->alias = NULL;
		inode_put(entry->inode);
	}
	entry->inode = inode;
	if (inode && !inode->alias)
		inode->alias = entry;
}

static void entry_unlink(struct entry *entry)
{
	list_remove(&entry->hash);
	list_remove(&entry->sibling);
	entry->dead = true;
}

/* Frees an entry without references. -> its parent, whose reference the caller now has. */
static struct entry *entry_free(struct entry *entry)
{
	struct entry *parent = entry->parent == entry ? NULL : entry->parent;

	if (!entry->dead)
		entry_unlink(entry);
	entry_set_inode(entry, NULL);
	heap_free(entry);
	return parent;
}

void entry_put(struct entry *entry)
{
	while (entry && --entry->refs == 0) {
		struct tree *tree = entry->inode ? entry->inode->tree : entry->parent->inode->tree;

		if (!entry->dead && !tree->uncached) {
			list_append(&unused, &entry->unused);
			entries_unused++;
			break;
		}
		entry = entry_free(entry);
	}
	if (entries_unused > entries_unused_max)
		entries_trim(entries_unused_max - entries_unused_max / 8);
}

void entries_trim(unsigned target)
{
	while (entries_unused > target) {
		struct entry *entry = container_of(list_first(&unused), struct entry, unused);

		list_remove(&entry->unused);
		entries_unused--;
		entry = entry_free(entry);
		/* The parent may now be unused itself: it goes to the young end of the list. */
		if (entry && --entry->refs == 0) {
			list_append(&unused, &entry->unused);
			entries_unused++;
		}
	}
}

/* One that is in no directory yet. */
static struct entry *entry_make(const char *name, size_t length)
{
	struct entry *entry = heap_zalloc(sizeof(*entry) + length + 1);

	if (!entry)
		return NULL;
	/* Names in memory grow without any file being read: they look at the free frames themselves. */
	if (++entries_made % 256 == 0)
		pages_relieve();
	entry->refs = 1;
	entry->length = (uint16_t)length;
	memcpy(entry->name, name, length);
	list_init(&entry->hash);
	list_init(&entry->sibling);
	list_init(&entry->children);
	list_init(&entry->unused);
	entry->parent = entry;
	return entry;
}

static void entry_place(struct entry *entry, struct entry *dir)
{
	entry->parent = entry_get(dir);
	list_append(entry_bucket(dir, entry->name, entry->length), &entry->hash);
	list_append(&dir->children, &entry->sibling);
}

static struct entry *entry_new(struct entry *dir, const char *name, size_t length)
{
	struct entry *entry = entry_make(name, length);

	if (entry && dir)
		entry_place(entry, dir);
	return entry;
}

struct entry *entry_reserve(const struct entry *like)
{
	return entry_make(like->name, like->length);
}

struct entry *entry_root(struct tree *tree, struct inode *inode)
{
	struct entry *entry = entry_new(NULL, "", 0);

	if (!entry)
		return NULL;
	entry->kept = true;
	entry_set_inode(entry, inode);
	tree->root = entry;
	return entry;
}

struct entry *entry_anonymous(struct inode *inode)
{
	struct entry *entry = entry_new(NULL, "", 0);

	if (!entry)
		return NULL;
	entry->dead = true;
	/* Not its alias: that would outlive it. */
	entry->inode = inode_get(inode);
	return entry;
}

static struct entry *entry_find(struct entry *dir, const char *name, size_t length)
{
	struct list_node *bucket = entry_bucket(dir, name, length);

	list_for_each(node, bucket) {
		struct entry *entry = container_of(node, struct entry, hash);

		if (entry->parent == dir && entry->length == length && memcmp(entry->name, name, length) == 0)
			return entry;
	}
	return NULL;
}

int entry_lookup(struct task *self, struct entry *dir, const char *name, size_t length, struct entry **found)
{
	const struct inode_ops *ops = dir->inode->ops;
	struct entry *entry = entry_find(dir, name, length);
	struct inode *inode = NULL;
	int error = 0;

	if (entry) {
		*found = entry_get(entry);
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
	entry = entry_new(dir, name, length);
	if (!entry) {
		inode_put(inode);
		return -ENOMEM;
	}
	entry_set_inode(entry, inode);
	*found = entry;
	return 0;
}

void entry_keep(struct entry *entry)
{
	/* Those above stay because each entry has a reference on its parent. */
	if (!entry->kept && !entry->dead) {
		entry->kept = true;
		entry_get(entry);
	}
}

void entry_bind(struct entry *entry, struct inode *inode)
{
	/* A name the server lists stays where the server lists it only if it stands for the same file. */
	entry_set_inode(entry, inode);
	entry->fresh = true;
	entry->serial = ++next_serial;
	/* Fresh names are listed in the order in which they were made. */
	list_remove(&entry->sibling);
	list_append(&entry->parent->children, &entry->sibling);
	entry_keep(entry);
}

int entry_unbind(struct entry *entry)
{
	struct entry *dir = entry->parent;
	struct entry *hole;

	entry_unlink(entry);
	/* In the place of a name of the server a hole stays behind, so that it is not looked up again. */
	if (dir->inode->ops && dir->inode->ops->lookup && !dir->inode->tree->write_through) {
		hole = entry_new(dir, entry->name, entry->length);
		if (!hole) {
			entry->dead = false;
			list_append(entry_bucket(dir, entry->name, entry->length), &entry->hash);
			list_append(&dir->children, &entry->sibling);
			return -ENOMEM;
		}
		entry_keep(hole);
		entry_put(hole);
	}
	if (entry->kept) {
		entry->kept = false;
		entry_put(entry);
	}
	return 0;
}

int entry_move(struct entry *from, struct entry *to, struct entry *moved)
{
	struct inode *inode = inode_get(from->inode);

	if (entry_unbind(from)) {
		inode_put(inode);
		heap_free(moved);
		return -ENOMEM;
	}
	entry_place(moved, to->parent);
	/* What was below the old name is now below the new one. */
	while (!list_is_empty(&from->children)) {
		struct entry *child = container_of(list_first(&from->children), struct entry, sibling);

		list_remove(&child->sibling);
		list_remove(&child->hash);
		child->parent = entry_get(moved);
		list_append(&moved->children, &child->sibling);
		list_append(entry_bucket(moved, child->name, child->length), &child->hash);
		entry_put(from);
	}
	if (inode->alias == from)
		inode->alias = NULL;
	/* The target's old entry gives way. */
	entry_unlink(to);
	if (to->kept) {
		to->kept = false;
		entry_put(to);
	}
	entry_bind(moved, inode);
	entry_put(moved);
	return 0;
}

/* Notes the first name that is neither "." nor ".." nor hidden by an entry of the directory. */
struct emptiness {
	struct listing listing;
	struct entry *dir;
	bool found;
};

static bool emptiness_emit(struct listing *listing, const char *name, size_t length, uint64_t ino, unsigned type,
	uint64_t next)
{
	struct emptiness *state = container_of(listing, struct emptiness, listing);
	struct entry *entry;

	(void)ino, (void)type, (void)next;
	if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')))
		return true;
	entry = entry_find(state->dir, name, length);
	if (entry && !entry->inode)
		return true;
	state->found = true;
	return false;
}

int entry_is_empty(struct task *self, struct entry *dir, bool *empty)
{
	struct emptiness state = { { emptiness_emit }, dir, false };
	const struct inode_ops *ops = dir->inode->ops;
	int error = 0;

	*empty = false;
	list_for_each(node, &dir->children)
		if (container_of(node, struct entry, sibling)->inode)
			return 0;
	if (ops && ops->list)
		error = ops->list(self, dir->inode, 0, &state.listing);
	*empty = !state.found;
	return error;
}

bool entry_hides(struct entry *dir, const char *name, size_t length)
{
	struct entry *entry = entry_find(dir, name, length);

	return entry && (!entry->inode || entry->fresh);
}

int entry_path(struct entry *entry, struct entry *top, char *to, size_t size)
{
	size_t at = size - 1;
	size_t length;

	to[at] = 0;
	while (entry != top) {
		if (entry->covers) {
			entry = entry->covers;
			continue;
		}
		if (entry->parent == entry)
			break;
		if (at < entry->length + 1u)
			return -ENAMETOOLONG;
		at -= entry->length;
		memcpy(to + at, entry->name, entry->length);
		to[--at] = '/';
		entry = entry->parent;
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

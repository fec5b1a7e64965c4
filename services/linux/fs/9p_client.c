/* Calls of the file-system driver, and the inodes that stand for its nodes. */
#include "services/linux/fs/9p_client.h"

#include <asm/errno.h>
#include <linux/limits.h>
#include <linux/stat.h>

#include "services/runtime/service.h"

#include "services/runtime/heap.h"
#include "services/linux/fs/page_cache.h"
#include "services/linux/fs/private.h"
#include "services/linux/sleep.h"

/* Granted to the driver: a page for names and attributes, then the data of one call. */
static struct {
	char names[PAGE_SIZE];
	struct fs_attr attr;
	struct fs_statfs statfs;
	char pad[PAGE_SIZE - sizeof(struct fs_attr) - sizeof(struct fs_statfs)];
	char data[FS_CHUNK];
	char apart[P9_READERS][FS_CHUNK]; /* of p9_read_apart() */
} arena __attribute__((aligned(4096)));

static uint64_t portal;
static uint32_t life;
static uint32_t readers; /* bit i: arena.apart[i] is taken */

void *p9_buffer(void)
{
	return arena.data;
}

static int p9_find(void)
{
	uint64_t number;
	int64_t found = portal_call(service_start->registry, REGISTRY_FIND, SERVICE_FS, globalize(&arena),
		sizeof(arena), 0, 0, &number);

	if (found < 0)
		return -EIO;
	portal = (uint64_t)found;
	life++;
	return 0;
}

/* Turns the result of a call, made in that life of the driver, into 0 or more, or -errno. */
static int64_t result_of(int64_t result, uint32_t then)
{
	if (result >= 0)
		return result;
	if (result <= -FS_ERRNO)
		return result + FS_ERRNO;
	if (portal_is_lost(result) && life == then)
		portal = 0;
	return result == -E_NOMEM ? -ENOMEM : -EIO;
}

static int64_t p9_call(enum fs_op op, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	uint64_t word1;

	if (!portal && p9_find())
		return -EIO;
	return result_of(portal_call(portal, op, a, b, c, d, e, &word1), life);
}

/* The server numbers the files of all its devices in one range: in the low bits it puts a code of the device (n zeros, a one, n
 * more bits), above that the host's inode number (QEMU's multidevs=remap). -> the host's number; *device: the code, 1 for the first
 * device. */
static uint64_t host_number(uint64_t path, uint32_t *device)
{
	unsigned zeros = path ? (unsigned)__builtin_ctzll(path) : 0;

	if (zeros > 8) {
		*device = 0;
		return path;
	}
	*device = (uint32_t)(path & ((2ull << 2 * zeros) - 1));
	return path >> (2 * zeros + 1);
}

static void take_attributes(struct inode *inode, const struct fs_attr *attr)
{
	if (inode->made_here) {
		inode->mode = (inode->mode & ~0777u) | (attr->mode & 0777);
	} else {
		inode->mode = attr->mode;
		inode->uid = attr->uid;
		inode->gid = attr->gid;
	}
	inode->nlink = attr->nlink;
	inode->rdev = attr->rdev;
	inode->size = inode->remote_size = attr->size;
	inode->blocks = attr->blocks;
	inode->atime = (struct stamp){ attr->atime, attr->atime_ns };
	inode->mtime = (struct stamp){ attr->mtime, attr->mtime_ns };
	inode->ctime = (struct stamp){ attr->ctime, attr->ctime_ns };
}

static bool has_node(const struct inode *inode)
{
	return inode->node && inode->life == life;
}

/* Looks up a node again that an earlier life of the driver had; its directory's node is there. */
static int node_renew(struct inode *inode)
{
	const char *name = inode->remote_name;
	size_t length = name ? strlen(name) : 0;
	int64_t found;

	if (inode->remote_dir) {
		memcpy(arena.names, name, length);
		found = p9_call(FS_LOOKUP, inode->remote_dir->node, globalize(arena.names), length,
			globalize(&arena.attr), 0);
	} else {
		found = p9_call(FS_ROOT, inode->sb->device, globalize(&arena.attr), 0, 0, 0);
	}
	if (found < 0)
		return (int)found;
	inode->node = (uint64_t)found;
	inode->life = life;
	return 0;
}

/* The number of an inode's node. If it is of an earlier life of the driver, looks it up again: goes up to a directory that has a
 * node, noting the way in `below`, and down again. This needs no recursion: directories may be nested to any depth. */
static int p9_node(struct inode *inode, uint64_t *node)
{
	struct inode *at = inode;
	int error = 0;

	if (!portal && p9_find())
		return -EIO;
	inode->below = NULL;
	while (!has_node(at) && at->remote_dir) {
		at->remote_dir->below = at;
		at = at->remote_dir;
	}
	for (; !error && at; at = at->below)
		if (!has_node(at))
			error = node_renew(at);
	*node = inode->node;
	return error;
}

/* An inode for a node that was just found, whose attributes are in the arena. Uses the one that is known already. */
static int inode_of_node(struct superblock *sb, struct inode *dir, const char *name, size_t length, uint64_t node,
	struct inode **result)
{
	const struct fs_attr attr = arena.attr;
	uint32_t device;
	uint64_t ino = host_number(attr.ino, &device);
	struct inode *inode = inode_find(sb, ino, device);

	if (inode) {
		p9_call(FS_FORGET, node, 0, 0, 0, 0);
		if (!inode->dirty &&
			(inode->mtime.s != attr.mtime || inode->mtime.ns != attr.mtime_ns ||
				inode->size != attr.size)) {
			page_cache_drop(inode);
			take_attributes(inode, &attr);
		}
		*result = inode;
		return 0;
	}
	inode = inode_new(sb, attr.mode, attr.uid, attr.gid);
	if (!inode) {
		p9_call(FS_FORGET, node, 0, 0, 0, 0);
		return -ENOMEM;
	}
	inode->ino = ino;
	inode->device = device;
	inode->remote = true;
	inode->node = node;
	inode->life = life;
	inode->paged = true;
	take_attributes(inode, &attr);
	if (dir) {
		inode->remote_dir = inode_get(dir);
		inode->remote_name = heap_string(name, length);
		if (!inode->remote_name) {
			inode_put(inode);
			return -ENOMEM;
		}
	}
	inode_hash(inode);
	*result = inode;
	return 0;
}

int p9_root(struct superblock *sb, struct inode **root)
{
	int64_t node = p9_call(FS_ROOT, sb->device, globalize(&arena.attr), 0, 0, 0);

	if (node < 0)
		return (int)node;
	return inode_of_node(sb, NULL, NULL, 0, (uint64_t)node, root);
}

void p9_forget(struct inode *inode)
{
	if (inode->node && inode->life == life && portal)
		p9_call(FS_FORGET, inode->node, 0, 0, 0, 0);
}

static int p9_lookup(struct task *self, struct inode *dir, const char *name, size_t length, struct inode **found)
{
	uint64_t node;
	int64_t result;
	int error;

	(void)self;
	if (!dir->remote)
		return -ENOENT;
	error = p9_node(dir, &node);
	if (error)
		return error;
	memcpy(arena.names, name, length);
	result = p9_call(FS_LOOKUP, node, globalize(arena.names), length, globalize(&arena.attr), 0);
	if (result < 0)
		return (int)result;
	return inode_of_node(dir->sb, dir, name, length, (uint64_t)result, found);
}

static int p9_list(struct task *self, struct inode *dir, uint64_t cursor, struct dir_context *listing)
{
	uint32_t device;
	uint64_t node;
	int error;

	(void)self;
	if (!dir->remote)
		return 0;
	error = p9_node(dir, &node);
	if (error)
		return error;
	for (;;) {
		int64_t bytes = p9_call(FS_READDIR, node, cursor, globalize(arena.data), sizeof(arena.data) / 4, 0);
		int64_t at = 0;

		if (bytes <= 0)
			return (int)bytes;
		while (at + (int64_t)sizeof(struct fs_entry) <= bytes) {
			const struct fs_entry *dentry = (const struct fs_entry *)(arena.data + at);

			if (dentry->bytes < sizeof(*dentry) + dentry->length || at + dentry->bytes > bytes)
				return -EIO;
			if (!listing->emit(listing, dentry->name, dentry->length, host_number(dentry->ino, &device),
				    dentry->type, dentry->cursor))
				return 0;
			cursor = dentry->cursor;
			at += dentry->bytes;
		}
	}
}

static int p9_readlink(struct task *self, struct inode *link, char *to, size_t size)
{
	uint64_t node;
	int64_t length;
	int error = p9_node(link, &node);

	(void)self;
	if (error)
		return error;
	length = p9_call(FS_READLINK, node, globalize(arena.data), PATH_MAX, 0, 0);
	if (length < 0)
		return (int)length;
	length = length < (int64_t)size ? length : (int64_t)size;
	memcpy(to, arena.data, (size_t)length);
	return (int)length;
}

const struct inode_ops p9_ops = {
	.lookup = p9_lookup,
	.list = p9_list,
	.readlink = p9_readlink,
};

long p9_read(struct inode *inode, uint64_t offset, size_t bytes)
{
	size_t done = 0;
	uint64_t node;
	int error = p9_node(inode, &node);

	if (error)
		return error;
	while (done < bytes) {
		int64_t got = p9_call(FS_READ, node, offset + done, globalize(arena.data + done), bytes - done, 0);

		if (got < 0)
			return got;
		if (!got)
			break;
		done += (size_t)got;
	}
	return (long)done;
}

int p9_reader(void)
{
	for (int i = 0; i < P9_READERS; i++) {
		if (!(readers & 1u << i)) {
			readers |= 1u << i;
			return i;
		}
	}
	return -1;
}

void p9_reader_free(int reader)
{
	readers &= ~(1u << reader);
}

char *p9_reader_buffer(int reader)
{
	return arena.apart[reader];
}

long p9_read_apart(struct inode *inode, int reader, uint64_t offset, size_t bytes)
{
	size_t done = 0;
	uint64_t node, word1;
	int error = p9_node(inode, &node);

	while (!error && done < bytes) {
		uint64_t to = globalize(arena.apart[reader] + done), by = portal;
		uint32_t then = life;
		int64_t got;

		if (!by || inode->life != then)
			return -EIO;
		service_unlock();
		got = portal_call(by, FS_READ, node, offset + done, to, bytes - done, 0, &word1);
		service_lock();
		got = result_of(got, then);
		if (got <= 0)
			return got ? got : (long)done;
		done += (size_t)got;
	}
	return error ? error : (long)done;
}

int p9_write(struct inode *inode, uint64_t offset, const void *from, size_t bytes)
{
	uint64_t node;
	int error = p9_node(inode, &node);

	while (!error && bytes) {
		size_t piece = bytes < sizeof(arena.data) ? bytes : sizeof(arena.data);
		int64_t written;

		memcpy(arena.data, from, piece);
		written = p9_call(FS_WRITE, node, offset, globalize(arena.data), piece, 0);
		if (written <= 0)
			return written ? (int)written : -EIO;
		offset += (uint64_t)written;
		from = (const char *)from + written;
		bytes -= (size_t)written;
	}
	return error;
}

int p9_statfs(struct inode *inode, struct fs_statfs *about)
{
	uint64_t node;
	int error = p9_node(inode, &node);

	if (!error)
		error = (int)p9_call(FS_STATFS, node, globalize(&arena.statfs), 0, 0, 0);
	*about = arena.statfs;
	return error;
}

int p9_sync(struct inode *inode)
{
	uint64_t node;
	int error = p9_node(inode, &node);

	return error ? error : (int)p9_call(FS_SYNC, node, 0, 0, 0, 0);
}

/* Puts a name into the arena and finds the directory's node. */
static int remote_name(struct inode *dir, const char *name, size_t length, uint64_t *node)
{
	int error = p9_node(dir, node);

	if (!error)
		memcpy(arena.names, name, length);
	return error;
}

/* A file has been made on the server: if there is no memory for an inode (-ENOMEM), removes it again. -> error */
static int known_or_undone(int error, struct inode *dir, const char *name, size_t length, bool directory)
{
	if (error == -ENOMEM)
		p9_unlink(dir, name, length, directory);
	return error;
}

int p9_create(struct inode *dir, const char *name, size_t length, uint32_t mode, struct inode **made)
{
	uint64_t node;
	int64_t result;
	int error = remote_name(dir, name, length, &node);

	if (error)
		return error;
	result = p9_call(FS_CREATE, node, globalize(arena.names), length, mode & 0777, globalize(&arena.attr));
	if (result < 0)
		return (int)result;
	error = inode_of_node(dir->sb, dir, name, length, (uint64_t)result, made);
	return known_or_undone(error, dir, name, length, false);
}

int p9_mkdir(struct inode *dir, const char *name, size_t length, uint32_t mode, struct inode **made)
{
	uint64_t node;
	int error = remote_name(dir, name, length, &node);

	if (!error)
		error = (int)p9_call(FS_MKDIR, node, globalize(arena.names), length, mode & 0777, 0);
	return error ? error : known_or_undone(p9_lookup(NULL, dir, name, length, made), dir, name, length, true);
}

int p9_symlink(struct inode *dir, const char *name, size_t length, const char *target, struct inode **made)
{
	size_t target_length = strlen(target);
	uint64_t node;
	int error = remote_name(dir, name, length, &node);

	if (error)
		return error;
	memcpy(arena.data, target, target_length);
	error = (int)p9_call(FS_SYMLINK, node, globalize(arena.names), length, globalize(arena.data), target_length);
	return error ? error : known_or_undone(p9_lookup(NULL, dir, name, length, made), dir, name, length, false);
}

int p9_link(struct inode *dir, const char *name, size_t length, struct inode *to)
{
	uint64_t node, target;
	int error = p9_node(to, &target);

	if (!error)
		error = remote_name(dir, name, length, &node);
	return error ? error : (int)p9_call(FS_LINK, node, globalize(arena.names), length, target, 0);
}

int p9_unlink(struct inode *dir, const char *name, size_t length, bool directory)
{
	uint64_t node;
	int error = remote_name(dir, name, length, &node);

	return error ? error : (int)p9_call(FS_UNLINK, node, globalize(arena.names), length, directory, 0);
}

int p9_rename(struct inode *dir, const char *name, size_t length, struct inode *to, const char *new_name,
	size_t new_length, struct inode *moved)
{
	char *copy = heap_string(new_name, new_length);
	uint64_t node, target;
	int error = copy ? p9_node(to, &target) : -ENOMEM;

	if (!error)
		error = remote_name(dir, name, length, &node);
	if (!error) {
		memcpy(arena.names + length, new_name, new_length);
		error = (int)p9_call(FS_RENAME, node, globalize(arena.names), length | new_length << 16, target, 0);
	}
	if (error) {
		heap_free(copy);
		return error;
	}
	heap_free(moved->remote_name);
	moved->remote_name = copy;
	inode_get(to);
	inode_put(moved->remote_dir);
	moved->remote_dir = to;
	return 0;
}

int p9_set_attributes(struct inode *inode, uint32_t which)
{
	uint64_t node;
	int error = p9_node(inode, &node);

	if (error)
		return error;
	arena.attr = (struct fs_attr){
		.mode = inode->mode & 0777,
		.uid = inode->uid,
		.gid = inode->gid,
		.size = inode->size,
		.atime = inode->atime.s,
		.atime_ns = inode->atime.ns,
		.mtime = inode->mtime.s,
		.mtime_ns = inode->mtime.ns,
	};
	return (int)p9_call(FS_SET_ATTR, node, globalize(&arena.attr), which, 0, 0);
}

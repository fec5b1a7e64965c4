/* Mounts file systems at the start, and makes the names of devices. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/stat.h>

#include "services/runtime/service.h"

#include "services/linux/config.h"
#include "services/linux/fs/9p_client.h"
#include "services/runtime/heap.h"
#include "services/linux/fs/page_cache.h"
#include "services/linux/fs/private.h"

static struct superblock *devices;

/* --- making names without a task --- */

/* Makes a file in a directory in memory. */
static struct dentry *make_node(struct dentry *dir, const char *name, u32 mode, u64 rdev)
{
	struct inode *inode = inode_new(dir->inode->sb, mode, 0, 0);
	struct dentry *dentry;

	if (!inode || dentry_lookup(NULL, dir, name, strlen(name), &dentry))
		service_panic("no memory for /%s", name);
	inode->rdev = rdev;
	if (S_ISDIR(mode))
		dir->inode->nlink++;
	dentry_instantiate(dentry, inode);
	dentry_put(dentry);
	return dentry;
}

static void plant_link(struct dentry *dir, const char *name, const char *target)
{
	struct dentry *dentry = make_node(dir, name, S_IFLNK | 0777, 0);

	dentry->inode->target = heap_string(target, strlen(target));
	dentry->inode->size = strlen(target);
}

/* The dentry of an absolute path, whose missing directories are made. */
static struct dentry *dentry_for(const char *path)
{
	struct dentry *at = dentry_get(root_dentry);

	while (*path) {
		const char *end = path;
		struct dentry *next;

		while (*end && *end != '/')
			end++;
		if (end == path) {
			path++;
			continue;
		}
		while (at->mounted) {
			next = dentry_get(at->mounted);
			dentry_put(at);
			at = next;
		}
		if (dentry_lookup(NULL, at, path, (size_t)(end - path), &next))
			return NULL;
		if (!next->inode) {
			struct inode *inode = inode_new(at->inode->sb, S_IFDIR | 0755, 0, 0);

			if (!inode)
				return NULL;
			dentry_instantiate(next, inode);
		}
		dentry_put(at);
		at = next;
		path = end;
	}
	return at;
}

struct dentry *fs_mknod(const char *directory, const char *name, u32 mode, u64 rdev)
{
	struct dentry *dir = dentry_for(directory);

	if (!dir)
		service_panic("no memory for %s", directory);
	while (dir->mounted)
		dir = dir->mounted;
	return make_node(dir, name, mode, rdev);
}

struct superblock *fs_mount(const char *path, const char *type, const char *source, u32 magic, u32 mode,
	const struct inode_ops *ops)
{
	struct superblock *sb = superblock_new(type, source, magic, ops);
	struct inode *inode = sb ? inode_new(sb, S_IFDIR | mode, 0, 0) : NULL;
	struct dentry *on = dentry_for(path);

	if (!inode || !on || !dentry_root(sb, inode) || superblock_mount(sb, on))
		service_panic("cannot mount %s", path);
	return sb;
}

/* --- the mounts --- */

static struct superblock *server_tree(u32 device, const char *source)
{
	struct superblock *sb = superblock_new(device ? "9p" : "overlay", source, V9FS_MAGIC, &p9_ops);
	struct inode *root;
	int error;

	if (!sb)
		return NULL;
	sb->device = device;
	sb->on_server = true;
	/* Numbers of files made in memory stay clear of the server's. */
	sb->next_ino = 1ull << 60;
	error = p9_root(sb, &root);
	if (error) {
		service_log("linux: file system %u cannot be read: error %d", device, -error);
		return NULL;
	}
	return dentry_root(sb, root) ? sb : NULL;
}

/* share=TAG:PATH:MODE */
static void mount_share(const char *text)
{
	u32 device = (u32)parse_number(&text);
	const char *path = *text == ':' ? text + 1 : text;
	const char *mode = strrchr(path, ':');
	size_t length = mode ? (size_t)(mode - path) : strlen(path);
	char *copy = heap_string(path, length);
	struct superblock *sb = copy ? server_tree(device, "share") : NULL;
	struct dentry *on = sb ? dentry_for(copy) : NULL;

	if (!on || superblock_mount(sb, on)) {
		service_log("linux: cannot mount share %u", device);
		return;
	}
	sb->write_through = mode && strcmp(mode + 1, "rw") == 0;
	sb->shared = true;
	heap_free(copy);
}

static void make_devices(void)
{
	static const struct {
		const char *name;
		u32 mode;
		u64 number;
	} nodes[] = {
		{ "null", 0666, DEVICE(1, 3) },
		{ "zero", 0666, DEVICE(1, 5) },
		{ "full", 0666, DEVICE(1, 7) },
		{ "random", 0666, DEVICE(1, 8) },
		{ "urandom", 0666, DEVICE(1, 9) },
		{ "tty", 0666, DEVICE(5, 0) },
		{ "console", 0600, DEVICE(5, 1) },
		{ "ptmx", 0666, DEVICE(5, 2) },
	};
	struct dentry *root;

	devices = fs_mount("/dev", "devtmpfs", "udev", TMPFS_MAGIC, 0755, NULL);
	root = devices->root;
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		make_node(root, nodes[i].name, S_IFCHR | nodes[i].mode, nodes[i].number);
	plant_link(root, "fd", "/proc/self/fd");
	plant_link(root, "stdin", "/proc/self/fd/0");
	plant_link(root, "stdout", "/proc/self/fd/1");
	plant_link(root, "stderr", "/proc/self/fd/2");
	make_node(root, "pts", S_IFDIR | 0755, 0);
	fs_mount("/dev/shm", "tmpfs", "tmpfs", TMPFS_MAGIC, 01777, NULL);
}

void fs_init(const struct fs_hooks *hooks)
{
	const char *at = NULL, *share;
	struct superblock *root;

	page_cache_init();
	/* A name with its inode takes some 700 bytes: at most a fortieth of the memory goes there. */
	dentries_unused_max = (unsigned)min_u64(service_start->memory / 32768, 16384);
	root = server_tree(0, "root");
	if (!root)
		service_panic("the root file system cannot be read");
	at = NULL;
	share = config_get("root", &at);
	root->write_through = share && strcmp(share, "rw") == 0;
	root_dentry = root->root;
	superblock_mount(root, NULL);
	file_set_hooks(hooks);
}

void fs_mount_rest(void)
{
	const char *at = NULL, *share;

	make_devices();
	fs_mount("/run", "tmpfs", "tmpfs", TMPFS_MAGIC, 0755, NULL);
	make_node(superblocks_last()->root, "lock", S_IFDIR | 01777, 0);
	while ((share = config_get("share", &at)))
		mount_share(share);
}

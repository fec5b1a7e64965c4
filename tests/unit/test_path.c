/* The tree of names and the path walk: services/linux/fs/dentry.c, services/linux/fs/inode.c, services/linux/fs/path.c over a tree
 * in memory and over one whose names come from a table, as those of the file server do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define LIB_STRING_H
#define LINUX_MEMORY_H
#define LINUX_CLOCK_H
#define LINUX_USER_MEMORY_H
#define LINUX_FS_9P_CLIENT_H
#define LINUX_TASK_H

#include "services/linux/base.h"
#include "services/linux/fs/private.h"

/* What the sources need of a task. */
struct credentials {
	u32 uid, fsuid, gid, fsgid, group_count, groups[4];
};
struct process {
	struct credentials cred;
};
struct task {
	struct process *process;
	struct descriptor_table *files;
	struct fs *fs;
};
static long blocks;

static void *heap_zalloc(size_t bytes)
{
	void *block = calloc(1, bytes);

	blocks += block != NULL;
	return block;
}

static void heap_free(void *block)
{
	blocks -= block != NULL;
	free(block);
}

static char *heap_string(const char *text, size_t length)
{
	char *copy = heap_zalloc(length + 1);

	if (copy)
		memcpy(copy, text, length);
	return copy;
}

static u64 time_realtime(void)
{
	return 1700000000000000000ull;
}

/* Nobody watches here. */
void notify_gone(struct inode *inode)
{
	fail_msg("inode %lu is watched", (unsigned long)inode->ino);
}

static unsigned forgotten;

static void p9_forget(struct inode *inode)
{
	(void)inode;
	forgotten++;
}

static long user_string(struct task *self, u64 addr, char *to, u64 size)
{
	(void)self;
	strncpy(to, (const char *)addr, size - 1);
	return (long)strlen(to);
}

#include "services/linux/fs/dentry.c"
#include "services/linux/fs/inode.c"
#include "services/linux/fs/path.c"

void page_cache_release(struct inode *inode)
{
	(void)inode;
}

void page_cache_shrink(void)
{
}

/* --- the tree of a server: names that are found, and how often they were asked for --- */

static unsigned lookups;

static int table_lookup(struct task *self, struct inode *dir, const char *name, size_t length, struct inode **found)
{
	(void)self;
	lookups++;
	if (length == 5 && !memcmp(name, "lower", 5)) {
		*found = inode_new(dir->sb, 0100644, 0, 0);
		(*found)->remote = true;
		return 0;
	}
	return -ENOENT;
}

static int table_list(struct task *self, struct inode *dir, uint64_t cursor, struct dir_context *listing)
{
	(void)self, (void)dir;
	if (cursor < 1 && !listing->emit(listing, ".", 1, 1, 4, 1))
		return 0;
	if (cursor < 2)
		listing->emit(listing, "lower", 5, 2, 8, 2);
	return 0;
}

static const struct inode_ops table_ops = { .lookup = table_lookup, .list = table_list };

static struct process process;
static struct fs fs;
static struct task task = { &process, NULL, &fs };
static struct dentry *top;

static struct dentry *make(struct dentry *dir, const char *name, u32 mode)
{
	struct dentry *dentry;

	assert_int_equal(dentry_lookup(&task, dir, name, strlen(name), &dentry), 0);
	assert_null(dentry->inode);
	dentry_instantiate(dentry, inode_new(dir->inode->sb, mode, 0, 0));
	dentry_put(dentry);
	return dentry;
}

static void make_link(struct dentry *dir, const char *name, const char *target)
{
	make(dir, name, 0120777)->inode->target = heap_string(target, strlen(target));
}

static struct dentry *new_root(const struct inode_ops *ops)
{
	struct superblock *sb = superblock_new("test", "test", 0, ops);

	return dentry_root(sb, inode_new(sb, 040755, 0, 0));
}

static int setup(void **state)
{
	struct dentry *a, *b;

	(void)state;
	memset(&process, 0, sizeof(process));
	lookups = forgotten = 0;
	top = root_dentry = new_root(NULL);
	fs = (struct fs){ 1, 022, dentry_get(top), dentry_get(top) };
	a = make(top, "a", 040755);
	b = make(a, "b", 040755);
	make(b, "file", 0100644);
	make_link(top, "rel", "a/b");
	make_link(b, "abs", "/a/b/file");
	make_link(top, "loop", "loop2");
	make_link(top, "loop2", "loop");
	make_link(top, "dangling", "nowhere");
	return 0;
}

/* Walks; -> error, or 0 with the path that was reached in `reached`. */
static char reached[4096];

static int go(const char *path, unsigned flags)
{
	struct path at;
	int error = path_lookup(&task, AT_FDCWD, path, flags, &at);

	reached[0] = 0;
	if (!error) {
		dentry_path(at.dentry, root_dentry, reached, sizeof(reached));
		if (!at.dentry->inode)
			strcat(reached, " (missing)");
		dentry_put(at.dentry);
	}
	return error;
}

static void leads(const char *path, unsigned flags, const char *to)
{
	assert_int_equal(go(path, flags), 0);
	assert_string_equal(reached, to);
}

static void test_plain(void **state)
{
	(void)state;
	leads("/", 0, "/");
	leads("//a///b/", 0, "/a/b");
	leads("a/./b/../b/file", 0, "/a/b/file");
	leads("/../../a", 0, "/a");
	assert_int_equal(go("", 0), -ENOENT);
	assert_int_equal(go("/a/none", 0), -ENOENT);
	assert_int_equal(go("/a/none/more", LOOKUP_MISSING), -ENOENT);
	assert_int_equal(go("/a/b/file/more", 0), -ENOTDIR);
	assert_int_equal(go("/a/b/file/", 0), -ENOTDIR);
	assert_int_equal(go("/a/b/file/.", 0), -ENOTDIR);
	leads("/a/new", LOOKUP_MISSING, "/a/new (missing)");
	leads("/a/new/", LOOKUP_MISSING, "/a/new (missing)");
}

static void test_long_name(void **state)
{
	char name[NAME_MAX + 3] = "/";

	(void)state;
	memset(name + 1, 'x', NAME_MAX + 1);
	assert_int_equal(go(name, 0), -ENAMETOOLONG);
	name[NAME_MAX + 1] = 0;
	assert_int_equal(go(name, 0), -ENOENT);
}

static void test_links(void **state)
{
	(void)state;
	leads("/rel", 0, "/rel");
	leads("/rel", LOOKUP_FOLLOW, "/a/b");
	leads("/rel/", 0, "/a/b");
	leads("/rel/file", 0, "/a/b/file");
	leads("/rel/abs", LOOKUP_FOLLOW, "/a/b/file");
	assert_int_equal(go("/loop", LOOKUP_FOLLOW), -ELOOP);
	leads("/loop", 0, "/loop");
	assert_int_equal(go("/dangling", LOOKUP_FOLLOW), -ENOENT);
	leads("/dangling", LOOKUP_FOLLOW | LOOKUP_MISSING, "/nowhere (missing)");
	assert_int_equal(go("/rel/file", LOOKUP_NO_LINKS), -ELOOP);
}

static void test_rights(void **state)
{
	struct dentry *secret = make(top, "secret", 040700);

	(void)state;
	make(secret, "inside", 0100644);
	leads("/secret/inside", 0, "/secret/inside");
	process.cred.uid = process.cred.fsuid = 1000;
	assert_int_equal(go("/secret/inside", 0), -EACCES);
	leads("/secret", 0, "/secret");
	assert_int_equal(inode_permission(&task, secret->inode, 4), -EACCES);
	process.cred.group_count = 1;
	process.cred.groups[0] = 50;
	secret->inode->gid = 50;
	secret->inode->mode = 040750;
	leads("/secret/inside", 0, "/secret/inside");
}

static void test_mount(void **state)
{
	struct dentry *root = new_root(NULL), *on = make(top, "mnt", 040755);

	(void)state;
	make(root, "x", 040755);
	assert_int_equal(superblock_mount(root->inode->sb, on), 0);
	leads("/mnt/x", 0, "/mnt/x");
	leads("/mnt/x/../..", 0, "/");
	leads("/mnt/..", 0, "/");
	assert_int_equal(superblock_mount(root->inode->sb, on), -EBUSY);
}

static void test_move(void **state)
{
	struct path from, to;

	(void)state;
	assert_int_equal(path_lookup(&task, AT_FDCWD, "/a", 0, &from), 0);
	assert_int_equal(path_lookup(&task, AT_FDCWD, "/moved", LOOKUP_MISSING, &to), 0);
	dentry_move(from.dentry, to.dentry, dentry_reserve(to.dentry));
	assert_ptr_equal(from.dentry->inode->alias, from.dentry);
	dentry_put(from.dentry);
	dentry_put(to.dentry);
	assert_int_equal(go("/a", 0), -ENOENT);
	leads("/moved/b/file", 0, "/moved/b/file");
}

static void test_server(void **state)
{
	struct dentry *root = new_root(&table_ops), *on = make(top, "srv", 040755);
	struct path at;
	bool empty;

	(void)state;
	superblock_mount(root->inode->sb, on);
	leads("/srv/lower", 0, "/srv/lower");
	leads("/srv/lower", 0, "/srv/lower");
	assert_int_equal(lookups, 1);
	assert_int_equal(go("/srv/none", 0), -ENOENT);
	assert_int_equal(go("/srv/none", 0), -ENOENT);
	assert_int_equal(lookups, 2);
	assert_int_equal(dentry_is_empty(&task, root, &empty), 0);
	assert_false(empty);
	/* What is clean is forgotten and found again. */
	dentries_trim(0);
	assert_int_equal(forgotten, 1);
	leads("/srv/lower", 0, "/srv/lower");
	assert_int_equal(lookups, 3);
	/* A name that was removed stays removed. */
	assert_int_equal(path_lookup(&task, AT_FDCWD, "/srv/lower", 0, &at), 0);
	assert_int_equal(dentry_delete(at.dentry), 0);
	dentry_put(at.dentry);
	dentries_trim(0);
	assert_int_equal(go("/srv/lower", 0), -ENOENT);
	assert_int_equal(lookups, 3);
	assert_true(dentry_hides(root, "lower", 5));
	assert_int_equal(dentry_is_empty(&task, root, &empty), 0);
	assert_true(empty);
}

static void test_dirty_stays(void **state)
{
	struct dentry *root = new_root(&table_ops), *on = make(top, "dirty", 040755);
	struct path at;

	(void)state;
	superblock_mount(root->inode->sb, on);
	assert_int_equal(path_lookup(&task, AT_FDCWD, "/dirty/lower", 0, &at), 0);
	at.dentry->inode->mode = 0100600;
	inode_changed(at.dentry->inode);
	dentry_put(at.dentry);
	dentries_trim(0);
	assert_int_equal(path_lookup(&task, AT_FDCWD, "/dirty/lower", 0, &at), 0);
	assert_int_equal(at.dentry->inode->mode, 0100600);
	dentry_put(at.dentry);
	assert_int_equal(lookups, 1);
}

static void test_nothing_lost(void **state)
{
	long before;

	(void)state;
	dentries_trim(0);
	before = blocks;
	go("/a/b/none", 0);
	go("/rel/abs", LOOKUP_FOLLOW);
	go("/loop", LOOKUP_FOLLOW);
	go("/a/b/file/", 0);
	go("/dangling", LOOKUP_FOLLOW | LOOKUP_MISSING);
	dentries_trim(0);
	assert_int_equal(blocks, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_plain, setup),
		cmocka_unit_test_setup(test_long_name, setup),
		cmocka_unit_test_setup(test_links, setup),
		cmocka_unit_test_setup(test_rights, setup),
		cmocka_unit_test_setup(test_mount, setup),
		cmocka_unit_test_setup(test_move, setup),
		cmocka_unit_test_setup(test_server, setup),
		cmocka_unit_test_setup(test_dirty_stays, setup),
		cmocka_unit_test_setup(test_nothing_lost, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

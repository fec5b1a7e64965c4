/* The path walk.
 *
 * It goes name by name from dentry to dentry. A symbolic link on the way puts its target in front of what is left of the
 * path; the two are joined in memory of their own, so a chain of links needs no recursion. */

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>

#include "lib/string.h"

#include "services/runtime/heap.h"

#include "services/linux/fs/private.h"

enum { LINKS_MAX = 40 };

/* A walk in progress. */
struct state {
	struct task *self;
	struct dentry *at; /* with a reference */
	const char *rest;  /* of the path */
	char *joined;      /* memory that rest points into, if a link was followed */
	unsigned links, flags;
};

static void move_to(struct state *state, struct dentry *dentry)
{
	dentry_put(state->at);
	state->at = dentry;
}

static void move_up(struct state *state)
{
	struct dentry *root = state->self->fs->root;
	struct dentry *at = state->at;

	while (at->covers && at != root)
		at = at->covers;
	if (at != root)
		at = at->parent;
	while (at->mounted)
		at = at->mounted;
	dentry_get(at);
	move_to(state, at);
}

static int start(struct state *state, int dirfd, bool absolute)
{
	struct task *self = state->self;
	struct file *file;

	if (absolute) {
		state->at = dentry_get(self->fs->root);
	} else if (dirfd == AT_FDCWD) {
		state->at = dentry_get(self->fs->cwd);
	} else {
		file = descriptor_peek(self->files, (unsigned)dirfd);
		if (!file)
			return -EBADF;
		state->at = file->dentry ? dentry_get(file->dentry) : dentry_anonymous(file->inode);
		if (!state->at)
			return -ENOMEM;
	}
	return 0;
}

/* Follows a symbolic link found in the directory state->at; consumes the reference to link. */
static int follow(struct state *state, struct dentry *link)
{
	const struct inode_ops *ops = link->inode->ops;
	size_t left = strlen(state->rest);
	struct dentry *target;
	char *joined;
	int length, error;

	if (state->flags & LOOKUP_NO_LINKS || ++state->links > LINKS_MAX) {
		dentry_put(link);
		return -ELOOP;
	}
	if (ops && ops->follow) {
		error = ops->follow(state->self, link->inode, &target);
		dentry_put(link);
		if (error)
			return error;
		move_to(state, target);
		return 0;
	}
	joined = heap_zalloc(PATH_MAX + left + 1);
	if (!joined) {
		dentry_put(link);
		return -ENOMEM;
	}
	length = inode_readlink(state->self, link->inode, joined, PATH_MAX - 1);
	dentry_put(link);
	if (length <= 0) {
		heap_free(joined);
		return length ? length : -ENOENT;
	}
	memcpy(joined + length, state->rest, left);
	heap_free(state->joined);
	state->rest = state->joined = joined;
	if (*joined == '/')
		move_to(state, dentry_get(state->self->fs->root));
	return 0;
}

static bool is_dots(const char *name, size_t length)
{
	return name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.'));
}

/* Goes on to one name. last: nothing but slashes comes behind it. */
static int step(struct state *state, const char *name, size_t length, bool last, bool slash)
{
	struct dentry *next;
	int error;

	if (!is_directory(state->at->inode))
		return -ENOTDIR;
	error = inode_permission(state->self, state->at->inode, 1);
	if (error)
		return error;
	if (is_dots(name, length)) {
		if (length == 2)
			move_up(state);
		return 0;
	}
	if (length > NAME_MAX)
		return -ENAMETOOLONG;
	error = dentry_lookup(state->self, state->at, name, length, &next);
	if (error)
		return error;
	while (next->mounted) {
		struct dentry *root = dentry_get(next->mounted);

		dentry_put(next);
		next = root;
	}
	if (!next->inode && !(last && state->flags & LOOKUP_MISSING)) {
		dentry_put(next);
		return -ENOENT;
	}
	if (next->inode && is_symlink(next->inode) && (!last || slash || state->flags & LOOKUP_FOLLOW))
		return follow(state, next);
	move_to(state, next);
	return 0;
}

static int walk_on(struct state *state, struct path *result)
{
	int error = 0;

	while (!error) {
		const char *name, *end;
		size_t length;

		while (*state->rest == '/')
			state->rest++;
		name = state->rest;
		if (!*name)
			break;
		while (*state->rest && *state->rest != '/')
			state->rest++;
		length = (size_t)(state->rest - name);
		end = state->rest;
		while (*end == '/')
			end++;
		result->slash = !*end && end != state->rest;
		result->dots = is_dots(name, length) ? (uint8_t)length : 0;
		if (!state->at->inode)
			return -ENOENT;
		error = step(state, name, length, !*end, result->slash);
	}
	if (!error && result->slash && state->at->inode && !is_directory(state->at->inode))
		error = -ENOTDIR;
	return error;
}

int path_lookup(struct task *self, int dirfd, const char *path, unsigned flags, struct path *result)
{
	struct state state = { .self = self, .rest = path, .flags = flags };
	int error;

	*result = (struct path){ .dots = 1 };
	if (!*path && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	error = start(&state, dirfd, *path == '/');
	if (!error)
		error = walk_on(&state, result);
	heap_free(state.joined);
	if (error)
		dentry_put(state.at);
	else
		result->dentry = state.at;
	return error;
}

int path_lookup_user(struct task *self, int dirfd, u64 path, unsigned flags, struct path *result)
{
	char text[PATH_MAX];
	long length;

	if (!path && flags & LOOKUP_EMPTY) {
		text[0] = 0;
	} else {
		length = user_string(self, path, text, sizeof(text));
		if (length < 0)
			return (int)length;
	}
	return path_lookup(self, dirfd, text, flags, result);
}

int inode_readlink(struct task *self, struct inode *link, char *to, size_t size)
{
	size_t length;

	if (link->ops && link->ops->readlink && !link->target)
		return link->ops->readlink(self, link, to, size);
	length = strlen(link->target);
	length = length < size ? length : size;
	memcpy(to, link->target, length);
	return (int)length;
}

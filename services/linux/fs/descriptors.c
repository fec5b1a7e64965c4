/* Descriptor tables; close, close_range and dup. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>

#include "lib/format.h"
#include "lib/string.h"

#include "services/linux/fs/private.h"
#include "services/linux/syscall.h"
#include "services/linux/config.h"
#include "services/linux/fs/record_locks.h"
#include "services/runtime/heap.h"

enum { DESCRIPTORS_FIRST = 64 };

_Static_assert(DESCRIPTORS_MAX * sizeof(struct file *) < 1u << 31, "no size of a table overflows");

static bool bit_test(const u64 *bits, unsigned i)
{
	return bits[i / 64] >> i % 64 & 1;
}

static void bit_set(u64 *bits, unsigned i, bool value)
{
	if (value)
		bits[i / 64] |= 1ull << i % 64;
	else
		bits[i / 64] &= ~(1ull << i % 64);
}

unsigned descriptors_limit(const struct task *self)
{
	return (unsigned)min_u64(process_limit(self->process, RLIMIT_NOFILE), DESCRIPTORS_MAX);
}

/* Enlarges a table to that many descriptors, a multiple of 64. */
static int table_resize(struct descriptor_table *files, unsigned size)
{
	struct file **fd = heap_zalloc(size * sizeof(*fd));
	u64 *bits = heap_zalloc(size / 8);

	if (!fd || !bits) {
		heap_free(fd);
		heap_free(bits);
		return -ENOMEM;
	}
	if (files->size) {
		memcpy(fd, files->fd, files->size * sizeof(*fd));
		memcpy(bits, files->close_on_exec, files->size / 8);
	}
	heap_free(files->fd);
	heap_free(files->close_on_exec);
	files->fd = fd;
	files->close_on_exec = bits;
	files->size = size;
	return 0;
}

/* Makes room for a descriptor below DESCRIPTORS_MAX, and for half as many again, so that a table is not copied often. */
static int table_grow(struct descriptor_table *files, unsigned last)
{
	return table_resize(files, (unsigned)min_u64((last + last / 2 + 64) & ~63ul, DESCRIPTORS_MAX));
}

/* A table with room for exactly that many: a process that forks over and over again has as many as its first parent. */
static struct descriptor_table *table_new(unsigned size)
{
	struct descriptor_table *files = heap_zalloc(sizeof(*files));

	if (!files)
		return NULL;
	files->refs = 1;
	if (table_resize(files, size)) {
		heap_free(files);
		return NULL;
	}
	return files;
}

struct descriptor_table *descriptors_empty(void)
{
	return table_new(DESCRIPTORS_FIRST);
}

struct descriptor_table *descriptors_get(struct descriptor_table *files)
{
	files->refs++;
	return files;
}

struct descriptor_table *descriptors_fork(struct descriptor_table *files)
{
	struct descriptor_table *copy = table_new(files->size);

	if (!copy)
		return NULL;
	copy->first_free = files->first_free;
	memcpy(copy->close_on_exec, files->close_on_exec, files->size / 8);
	for (unsigned i = 0; i < files->size; i++) {
		copy->fd[i] = files->fd[i];
		if (copy->fd[i])
			copy->fd[i]->refs++;
	}
	return copy;
}

/* Closes a descriptor of a table, which need not be self's own any more. */
static void descriptor_release(struct task *self, struct descriptor_table *files, unsigned fd)
{
	struct file *file = files->fd[fd];
	bool stays = file->refs > 1;

	files->fd[fd] = NULL;
	bit_set(files->close_on_exec, fd, false);
	if (fd < files->first_free)
		files->first_free = fd;
	if (!list_is_empty(&file->inode->locks))
		locks_release_owner(file->inode, files);
	file_put(self, file);
	if (stays && file->ops->close)
		file->ops->close(self, file);
}

void descriptors_put(struct task *self, struct descriptor_table *files)
{
	if (!files || --files->refs)
		return;
	for (unsigned i = 0; i < files->size; i++)
		if (files->fd[i])
			descriptor_release(self, files, i);
	heap_free(files->fd);
	heap_free(files->close_on_exec);
	heap_free(files);
}

int descriptors_own(struct task *self)
{
	struct descriptor_table *old = self->files, *files = descriptors_fork(old);

	if (!files)
		return -ENOMEM;
	self->files = files;
	self->files_shared = false;
	descriptors_put(self, old);
	return 0;
}

void descriptors_exec(struct task *self, struct descriptor_table *files)
{
	for (unsigned i = 0; i < files->size; i++)
		if (files->fd[i] && bit_test(files->close_on_exec, i))
			descriptor_release(self, files, i);
}

struct file *descriptor_get(struct descriptor_table *files, int fd)
{
	struct file *file = descriptor_peek(files, (unsigned)fd);

	return file ? file_get(file) : NULL;
}

/* The first free descriptor from `from` on; makes room for it in the table. -EMFILE, -ENOMEM. */
static int room(struct task *self, unsigned from)
{
	struct descriptor_table *files = self->files;
	unsigned fd = from > files->first_free ? from : files->first_free;

	while (fd < files->size && files->fd[fd])
		fd++;
	if (fd >= descriptors_limit(self))
		return -EMFILE;
	return fd >= files->size && table_grow(files, fd) ? -ENOMEM : (int)fd;
}

int descriptor_room(struct task *self)
{
	int fd = room(self, 0);

	return fd < 0 ? fd : 0;
}

int descriptor_add(struct task *self, struct file *file, int from, bool close_on_exec)
{
	struct descriptor_table *files = self->files;
	int fd = room(self, (unsigned)from);

	if (fd >= 0 && file->refs == 1 && files_open > files_max && !task_is_root(self))
		fd = -ENFILE;
	if (fd < 0) {
		file_put(self, file);
		return fd;
	}
	files->fd[fd] = file;
	bit_set(files->close_on_exec, (unsigned)fd, close_on_exec);
	if ((unsigned)fd == files->first_free || (unsigned)from <= files->first_free)
		files->first_free = (unsigned)fd + 1;
	return fd;
}

int descriptor_set(struct task *self, struct file *file, unsigned fd, bool close_on_exec)
{
	struct descriptor_table *files = self->files;
	int error = 0;

	if (fd >= descriptors_limit(self))
		error = -EBADF;
	else if (fd >= files->size)
		error = table_grow(files, fd);

	if (error) {
		file_put(self, file);
		return error;
	}
	if (files->fd[fd])
		descriptor_release(self, files, fd);
	files->fd[fd] = file;
	bit_set(files->close_on_exec, fd, close_on_exec);
	return (int)fd;
}

int descriptor_close(struct task *self, unsigned fd)
{
	if (!descriptor_peek(self->files, fd))
		return -EBADF;
	descriptor_release(self, self->files, fd);
	return 0;
}

bool descriptor_close_on_exec(const struct descriptor_table *files, unsigned fd)
{
	return bit_test(files->close_on_exec, fd);
}

void descriptor_set_close_on_exec(struct descriptor_table *files, unsigned fd, bool on)
{
	bit_set(files->close_on_exec, fd, on);
}

/* --- calls on descriptors --- */

long sys_close(struct task *self, struct user_frame *f)
{
	return descriptor_close(self, (unsigned)arg(f, 0));
}

long sys_close_range(struct task *self, struct user_frame *f)
{
	enum { UNSHARE = 2, CLOEXEC = 4 }; /* CLOSE_RANGE_*, <linux/close_range.h> */
	unsigned last = (unsigned)arg(f, 1), flags = (unsigned)arg(f, 2);

	if ((unsigned)arg(f, 0) > last || flags & ~(unsigned)(UNSHARE | CLOEXEC))
		return -EINVAL;
	if (flags & UNSHARE && self->files->refs > 1 && descriptors_own(self))
		return -ENOMEM;
	for (unsigned fd = (unsigned)arg(f, 0); fd < self->files->size && fd <= last; fd++) {
		if (!self->files->fd[fd])
			continue;
		if (flags & CLOEXEC)
			bit_set(self->files->close_on_exec, fd, true);
		else
			descriptor_release(self, self->files, fd);
	}
	return 0;
}

static long duplicate(struct task *self, u64 fd, int from, bool close_on_exec)
{
	struct file *file = descriptor_get(self->files, (int)fd);

	if (!file)
		return -EBADF;
	return descriptor_add(self, file, from, close_on_exec);
}

long sys_dup(struct task *self, struct user_frame *f)
{
	return duplicate(self, arg(f, 0), 0, false);
}

static long duplicate_to(struct task *self, unsigned from, unsigned to, bool close_on_exec)
{
	struct file *file = descriptor_get(self->files, (int)from);

	return file ? descriptor_set(self, file, to, close_on_exec) : -EBADF;
}

long sys_dup2(struct task *self, struct user_frame *f)
{
	if ((unsigned)arg(f, 0) == (unsigned)arg(f, 1))
		return descriptor_peek(self->files, arg(f, 0)) ? (long)(unsigned)arg(f, 0) : -EBADF;
	return duplicate_to(self, (unsigned)arg(f, 0), (unsigned)arg(f, 1), false);
}

long sys_dup3(struct task *self, struct user_frame *f)
{
	if ((unsigned)arg(f, 0) == (unsigned)arg(f, 1) || arg(f, 2) & ~(u64)O_CLOEXEC)
		return -EINVAL;
	return duplicate_to(self, (unsigned)arg(f, 0), (unsigned)arg(f, 1), arg(f, 2) & O_CLOEXEC);
}

/* File locks. All locks of an inode are in one list; those of one owner never overlap. flock() locks are locks of the
 * whole file, in the name space of their own that `whole` makes. */
#include "services/linux/fs/private.h"
#include "services/linux/fs/record_locks.h"

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "services/linux/syscall.h"
#include "services/runtime/heap.h"

/* flock() operations (<sys/file.h> has them; the UAPI headers do with F_ other meanings). */
enum { FLOCK_SHARED = 1, FLOCK_EXCLUSIVE = 2, FLOCK_NO_WAIT = 4, FLOCK_UNLOCK = 8 };

struct lock_range {
	struct list_node node;
	const void *owner;
	u64 start, end; /* end: behind the last byte */
	u32 pid;
	bool exclusive, whole;
};

static struct wait_queue changed = { LIST_INIT(changed.waiters) };

static struct lock_range *conflict(struct inode *inode, const struct lock_range *wanted)
{
	list_for_each(node, &inode->locks) {
		struct lock_range *lock = container_of(node, struct lock_range, node);

		if (lock->whole == wanted->whole && lock->owner != wanted->owner && lock->start < wanted->end &&
			wanted->start < lock->end && (lock->exclusive || wanted->exclusive))
			return lock;
	}
	return NULL;
}

/* Takes a range away from the owner's locks; spare is used if a lock is cut in two. */
static void carve(struct inode *inode, const struct lock_range *hole, struct lock_range **spare)
{
	list_for_each_safe(node, &inode->locks) {
		struct lock_range *lock = container_of(node, struct lock_range, node);

		if (lock->owner != hole->owner || lock->whole != hole->whole || lock->start >= hole->end ||
			lock->end <= hole->start)
			continue;
		if (lock->start < hole->start && lock->end > hole->end) {
			struct lock_range *right = *spare;

			*spare = NULL;
			*right = *lock;
			right->start = hole->end;
			lock->end = hole->start;
			list_append(&inode->locks, &right->node);
		} else if (lock->start < hole->start) {
			lock->end = hole->start;
		} else if (lock->end > hole->end) {
			lock->start = hole->end;
		} else {
			list_remove(&lock->node);
			heap_free(lock);
		}
	}
}

static int set_lock(struct task *self, struct inode *inode, const struct lock_range *wanted, bool unlock, bool wait)
{
	struct lock_range *lock = heap_zalloc(sizeof(*lock));
	struct lock_range *spare = heap_zalloc(sizeof(*spare));
	int error = lock && spare ? 0 : -ENOLCK;

	while (!error && !unlock && conflict(inode, wanted))
		error = wait ? wait_on(self, &changed, 0) : -EAGAIN;
	if (!error) {
		carve(inode, wanted, &spare);
		if (!unlock) {
			*lock = *wanted;
			list_append(&inode->locks, &lock->node);
			lock = NULL;
		}
		wake_up(&changed);
	}
	heap_free(lock);
	heap_free(spare);
	return error;
}

void locks_release_owner(struct inode *inode, const void *owner)
{
	list_for_each_safe(node, &inode->locks) {
		struct lock_range *lock = container_of(node, struct lock_range, node);

		if (lock->owner == owner) {
			list_remove(node);
			heap_free(lock);
		}
	}
	wake_up(&changed);
}

void locks_release_file(struct file *file)
{
	locks_release_owner(file->inode, file);
}

static int range_of(const struct file *file, const struct flock *lock, struct lock_range *range)
{
	const i64 from[] = { 0, (i64)file->pos, (i64)file->inode->size };
	i64 start, last;

	if (lock->l_whence < 0 || lock->l_whence > 2)
		return -EINVAL;
	if (__builtin_add_overflow(from[lock->l_whence], lock->l_start, &start))
		return -EOVERFLOW;
	if (start < 0)
		return -EINVAL;
	/* The last byte of a lock has a number, too; a negative length means bytes before the start. */
	if (lock->l_len > 0 && __builtin_add_overflow(start, lock->l_len - 1, &last))
		return -EOVERFLOW;
	if (lock->l_len < 0 && (start += lock->l_len) < 0)
		return -EINVAL;
	range->start = (u64)start;
	range->end = lock->l_len ? (u64)start + (lock->l_len > 0 ? (u64)lock->l_len : -(u64)lock->l_len) : ~0ull;
	return 0;
}

long locks_fcntl(struct task *self, struct file *file, unsigned fd, int command, u64 addr)
{
	bool of_file = command == F_OFD_GETLK || command == F_OFD_SETLK || command == F_OFD_SETLKW;
	struct flock lock;
	struct lock_range range = { .pid = self->process->pid };
	struct lock_range *other;
	int error;

	if (user_read(self, addr, &lock, sizeof(lock)))
		return -EFAULT;
	range.owner = of_file ? (const void *)file : (const void *)self->files;
	range.exclusive = lock.l_type == F_WRLCK;
	error = range_of(file, &lock, &range);
	if (error)
		return error;
	if (lock.l_type < F_RDLCK || lock.l_type > F_UNLCK)
		return -EINVAL;
	if (command == F_GETLK || command == F_OFD_GETLK) {
		other = conflict(file->inode, &range);
		lock.l_type = F_UNLCK;
		if (other) {
			lock.l_type = other->exclusive ? F_WRLCK : F_RDLCK;
			lock.l_whence = 0;
			lock.l_start = (i64)other->start;
			lock.l_len = other->end == ~0ull ? 0 : (i64)(other->end - other->start);
			lock.l_pid = (i32)other->pid;
		}
		return user_write(self, addr, &lock, sizeof(lock));
	}
	if ((lock.l_type == F_RDLCK && !(file->may & FILE_READ)) ||
		(lock.l_type == F_WRLCK && !(file->may & FILE_WRITE)))
		return -EBADF;
	file->locked |= of_file;
	error = set_lock(self, file->inode, &range, lock.l_type == F_UNLCK,
		command == F_SETLKW || command == F_OFD_SETLKW);
	/* A close takes the locks of its process away. One that came while this call slept did so before there was this one. */
	if (!error && !of_file && descriptor_peek(self->files, fd) != file) {
		locks_release_owner(file->inode, self->files);
		error = -EBADF;
	}
	return error;
}

long sys_flock(struct task *self, struct user_frame *f)
{
	struct file *file = descriptor_peek(self->files, arg(f, 0));
	unsigned op = (unsigned)arg(f, 1);
	struct lock_range range = { .owner = file, .end = ~0ull, .whole = true };
	unsigned kind = op & ~(unsigned)FLOCK_NO_WAIT;
	long result;

	if (!file)
		return -EBADF;
	if (kind != FLOCK_SHARED && kind != FLOCK_EXCLUSIVE && kind != FLOCK_UNLOCK)
		return -EINVAL;
	range.exclusive = kind == FLOCK_EXCLUSIVE;
	file->locked = true;
	file_get(file);
	result = set_lock(self, file->inode, &range, kind == FLOCK_UNLOCK, !(op & FLOCK_NO_WAIT));
	file_put(self, file);
	return result;
}

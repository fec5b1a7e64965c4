/* utimensat and its older forms. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/time_types.h>

#include "services/linux/fs/private.h"
#include "services/linux/syscall.h"
#include "services/linux/fs/9p_client.h"

/* UTIME_NOW and UTIME_OMIT are not in the UAPI headers. */
enum { TIME_NOW = (1l << 30) - 1, TIME_OMIT = (1l << 30) - 2 };

static int stamp_from(const struct __kernel_timespec *time, struct stamp *stamp)
{
	if (time->tv_nsec == TIME_OMIT)
		return 0;
	if (time->tv_nsec == TIME_NOW)
		*stamp = stamp_now();
	else if (time->tv_nsec < 0 || (u64)time->tv_nsec >= NS_PER_S)
		return -EINVAL;
	else
		*stamp = (struct stamp){ time->tv_sec, (u32)time->tv_nsec };
	return 0;
}

/* times: access and modification. Consumes the reference. */
static long set_times(struct task *self, struct inode *inode, const struct __kernel_timespec *times)
{
	struct stamp access = inode->atime, modification = inode->mtime;
	bool now = times[0].tv_nsec == TIME_NOW && times[1].tv_nsec == TIME_NOW;

	if (stamp_from(&times[0], &access) || stamp_from(&times[1], &modification))
		return attributes_changed(inode, 0, -EINVAL);
	if (times[0].tv_nsec == TIME_OMIT && times[1].tv_nsec == TIME_OMIT) {
		inode_put(inode);
		return 0;
	}
	if (!inode_is_owner(self, inode) && !(now && inode_permission(self, inode, 2) == 0))
		return attributes_changed(inode, 0, now ? -EACCES : -EPERM);
	inode->atime = access;
	inode->mtime = modification;
	return attributes_changed(inode,
		(times[0].tv_nsec == TIME_OMIT ? 0 : FS_SET_ATIME) | (times[1].tv_nsec == TIME_OMIT ? 0 : FS_SET_MTIME),
		0);
}

static long utimes_at(struct task *self, int dirfd, u64 path, const struct __kernel_timespec *times, unsigned flags)
{
	struct inode *inode;
	long error;

	if (!path && dirfd != AT_FDCWD)
		error = inode_of_fd(self, (unsigned)dirfd, false, &inode);
	else
		error = inode_at(self, dirfd, path, flags, &inode);
	return error ? error : set_times(self, inode, times);
}

long sys_utimensat(struct task *self, struct user_frame *f)
{
	struct __kernel_timespec times[2] = { { 0, TIME_NOW }, { 0, TIME_NOW } };

	if (arg(f, 2) && user_read(self, arg(f, 2), times, sizeof(times)))
		return -EFAULT;
	if (arg(f, 3) & ~(u64)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return utimes_at(self, (int)arg(f, 0), arg(f, 1), times, (unsigned)arg(f, 3));
}

static long utimes_us(struct task *self, int dirfd, u64 path, u64 addr)
{
	struct __kernel_timespec times[2] = { { 0, TIME_NOW }, { 0, TIME_NOW } };

	if (addr) {
		if (user_read(self, addr, times, sizeof(times)))
			return -EFAULT;
		times[0].tv_nsec *= 1000;
		times[1].tv_nsec *= 1000;
	}
	return utimes_at(self, dirfd, path, times, 0);
}

long sys_utimes(struct task *self, struct user_frame *f)
{
	return utimes_us(self, AT_FDCWD, arg(f, 0), arg(f, 1));
}

long sys_futimesat(struct task *self, struct user_frame *f)
{
	return utimes_us(self, (int)arg(f, 0), arg(f, 1), arg(f, 2));
}

long sys_utime(struct task *self, struct user_frame *f)
{
	struct __kernel_timespec times[2] = { { 0, TIME_NOW }, { 0, TIME_NOW } };
	u64 seconds[2];

	if (arg(f, 1)) {
		if (user_read(self, arg(f, 1), seconds, sizeof(seconds)))
			return -EFAULT;
		times[0] = (struct __kernel_timespec){ (i64)seconds[0], 0 };
		times[1] = (struct __kernel_timespec){ (i64)seconds[1], 0 };
	}
	return utimes_at(self, AT_FDCWD, arg(f, 0), times, 0);
}

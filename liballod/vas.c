/* VASes: allod/vas.h. Private calls of the Linux service (abi/vas.h), but for the switch, which is the kernel's own. */
#include <allod/vas.h>

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi/vas.h"
#include "liballod.h"

_Static_assert(sizeof(struct vas_attr) == VAS_ATTR_BYTES && sizeof(struct vas_seg_attr) == VAS_ATTR_BYTES,
	"as the service has it");
_Static_assert(VAS_SHARED_FREE == VAS_SHARE_FREE && VAS_SHARED_LOCK == VAS_SHARE_LOCK, "as the service has it");

int vas_create(const char *name, mode_t mode)
{
	return (int)syscall(VAS_CALL_create, name, mode);
}

int vas_delete(int vid)
{
	return (int)syscall(VAS_CALL_delete, vid);
}

int vas_find(const char *name)
{
	return (int)syscall(VAS_CALL_find, name);
}

int vas_attach(pid_t pid, int vid, int type)
{
	return (int)syscall(VAS_CALL_attach, pid, vid, type);
}

int vas_detach(pid_t pid, int vid)
{
	return (int)syscall(VAS_CALL_detach, pid, vid);
}

/* VASes with lockable segments, in and out of which only the service switches: those known so far, by number, and whether the
 * thread is in one. A hint that saves asking the kernel first; the service can switch into any VAS. */
static int by_service[64];
static __thread bool inside_by_service;

static int switch_by_service(int vid)
{
	int result = (int)syscall(VAS_CALL_switch, vid);

	if (result == 0 || vid)
		inside_by_service = result == 0 && vid;
	return result;
}

int vas_switch(int vid)
{
	int *known = &by_service[(unsigned)vid % 64];
	i64 result;

	if (inside_by_service || (vid && *known == vid))
		return switch_by_service(vid);
	result = call_vas_switch((u32)vid);
	if (__builtin_expect(result >= 0, 1))
		return 0;
	if (result == -E_PERM) {
		*known = vid;
		return switch_by_service(vid);
	}
	errno = result == -E_NOENT ? EINVAL : allod_errno(result);
	return -1;
}

int active_vas(void)
{
	u64 rights;

	return (int)allod_result(call_vas_active(&rights));
}

int vas_getattr(int vid, struct vas_attr *attr)
{
	return (int)syscall(VAS_CALL_getattr, vid, attr);
}

int vas_setattr(int vid, struct vas_attr *attr)
{
	return (int)syscall(VAS_CALL_setattr, vid, attr);
}

int vas_seg_create(const char *name, unsigned long start, unsigned long end, mode_t mode)
{
	return (int)syscall(VAS_CALL_seg_create, name, start, end, mode);
}

int vas_seg_delete(int sid)
{
	return (int)syscall(VAS_CALL_seg_delete, sid);
}

int vas_seg_find(const char *name)
{
	return (int)syscall(VAS_CALL_seg_find, name);
}

int vas_seg_attach(int vid, int sid, int type)
{
	return (int)syscall(VAS_CALL_seg_attach, vid, sid, type);
}

int vas_seg_detach(int vid, int sid)
{
	return (int)syscall(VAS_CALL_seg_detach, vid, sid);
}

int vas_seg_getattr(int sid, struct vas_seg_attr *attr)
{
	return (int)syscall(VAS_CALL_seg_getattr, sid, attr);
}

int vas_seg_setattr(int sid, struct vas_seg_attr *attr)
{
	return (int)syscall(VAS_CALL_seg_setattr, sid, attr);
}

int vas_range(uint64_t range[2])
{
	return (int)syscall(VAS_CALL_range, range);
}

int vas_clone(int vid, const char *name, mode_t mode)
{
	return (int)syscall(VAS_CALL_clone, vid, name, mode);
}

int vas_seg_clone(int sid, const char *name, mode_t mode)
{
	return (int)syscall(VAS_CALL_seg_clone, sid, name, mode);
}

int vas_get_root(int vid, uint64_t *root)
{
	return (int)syscall(VAS_CALL_get_root, vid, root);
}

int vas_set_root(int vid, uint64_t root)
{
	return (int)syscall(VAS_CALL_set_root, vid, root);
}

int vas_revoke(int vid, pid_t pid)
{
	return (int)syscall(VAS_CALL_revoke, vid, pid);
}

int vas_share(int vid, int how)
{
	return (int)syscall(VAS_CALL_share, vid, how);
}

int vas_seg_share(int sid, int how)
{
	return (int)syscall(VAS_CALL_seg_share, sid, how);
}

int vas_quota(uid_t user, const struct vas_quota *set, struct vas_quota *tell)
{
	return (int)syscall(VAS_CALL_quota, user, set, tell);
}

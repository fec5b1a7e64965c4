/* The calls for VASes: they are checked here, and carried out in vas.c and attach.c. */
#include "services/linux/task.h"

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "services/runtime/service.h"

#include "services/linux/machine.h"
#include "services/linux/user_memory.h"
#include "services/linux/vas/private.h"

enum { MAY_READ = 4, MAY_WRITE = 2 };

struct attributes {
	u32 mode, uid, gid;
};

_Static_assert(sizeof(struct attributes) == VAS_ATTR_BYTES, "as programs have it");

/* The object of a number, for which the task has the rights `mask`. */
static struct vas *vas_for(struct task *self, u64 id, u32 mask, int *error)
{
	struct vas *vas = vas_by_id((u32)id);

	*error = vas ? vas_may(self, &vas->object, mask) : -EINVAL;
	return *error ? NULL : vas;
}

static struct seg *seg_for(struct task *self, u64 id, u32 mask, int *error)
{
	struct seg *seg = seg_by_id((u32)id);

	*error = seg ? vas_may(self, &seg->object, mask) : -EINVAL;
	return *error ? NULL : seg;
}

/* How to attach: O_RDONLY, O_WRONLY, O_RDWR. -> rights needed; 0: none of these. */
static u32 rights_of_type(u64 type)
{
	switch ((u32)type) {
	case O_RDONLY:
		return MAY_READ;
	case O_WRONLY:
		return MAY_WRITE;
	case O_RDWR:
		return MAY_READ | MAY_WRITE;
	default:
		return 0;
	}
}

/* The process a call is about, 0: the caller's; only a user's own, unless the caller is root. */
static struct task *target_of(struct task *self, u64 pid, int *error)
{
	struct process *process = (u32)pid ? process_find((u32)pid) : self->process;
	struct task *task;

	*error = -ESRCH;
	if (!process || process->state == PROCESS_ZOMBIE)
		return NULL;
	if (process == self->process)
		return self;
	task = process_task(process);
	if (!task)
		return NULL;
	*error = -EACCES;
	return may_control(self, process) ? task : NULL;
}

/* --- VASes --- */

static long vas_create(struct task *self, const struct user_frame *f)
{
	char name[VAS_NAME_MAX];
	int error = vas_name_new(self, arg(f, 0), false, name);
	struct vas *vas = error ? NULL : vas_new(self, name, (u32)arg(f, 1), &error);

	return vas ? (long)vas->object.id : error;
}

/* Detaches a segment. Frees it if it has no name and is in no VAS any more: nobody could find it. */
static int take_segment(struct vas *vas, struct seg *seg)
{
	int error = seg_use_end(vas, seg);

	if (!error && !seg->object.name && list_is_empty(&seg->uses))
		seg_free(seg);
	return error;
}

static void delete_segments(struct vas *vas)
{
	while (!list_is_empty(&vas->segments))
		take_segment(vas, container_of(list_first(&vas->segments), struct seg_use, of_vas)->seg);
}

static long vas_delete(struct task *self, const struct user_frame *f)
{
	int error;
	struct vas *vas = vas_for(self, arg(f, 0), MAY_WRITE, &error);

	if (!vas)
		return error;
	if (!list_is_empty(&vas->uses) || vas->lockers)
		return -EBUSY;
	delete_segments(vas);
	vas_free(vas);
	return 0;
}

static long vas_find(struct task *self, const struct user_frame *f)
{
	return vas_name_find(self, arg(f, 0), false);
}

static long vas_attach(struct task *self, const struct user_frame *f)
{
	u32 rights = rights_of_type(arg(f, 2));
	int error;
	struct task *target = target_of(self, arg(f, 0), &error);
	struct vas *vas = target ? vas_for(self, arg(f, 1), rights, &error) : NULL;

	if (!vas)
		return error;
	return rights ? vas_use_make(target, vas, rights & MAY_WRITE) : -EINVAL;
}

static long vas_detach(struct task *self, const struct user_frame *f)
{
	int error;
	struct task *target = target_of(self, arg(f, 0), &error);
	struct vas *vas = target ? vas_by_id((u32)arg(f, 1)) : NULL;

	if (!target)
		return error;
	return vas ? vas_use_end(task_mm(target), vas, false) : -EINVAL;
}

static long vas_switch(struct task *self, const struct user_frame *f)
{
	u32 id = (u32)arg(f, 0);
	struct vas *vas = id ? vas_by_id(id) : NULL;

	return id && !vas ? -EINVAL : vas_enter(self, vas);
}

static long vas_active(struct task *self, const struct user_frame *f)
{
	u64 rights;

	(void)self, (void)f;
	return call_vas_active(&rights);
}

static long object_get(struct task *self, const struct vas_object *object, u64 to)
{
	const struct attributes attributes = { object->mode, object->uid, object->gid };

	return user_write(self, to, &attributes, sizeof(attributes));
}

static long object_set(struct task *self, struct vas_object *object, u64 from)
{
	struct attributes attributes;

	if (user_read(self, from, &attributes, sizeof(attributes)))
		return -EFAULT;
	return vas_object_set(self, object, attributes.mode, attributes.uid, attributes.gid);
}

static long vas_getattr(struct task *self, const struct user_frame *f)
{
	struct vas *vas = vas_by_id((u32)arg(f, 0));

	return vas ? object_get(self, &vas->object, arg(f, 1)) : -EINVAL;
}

static long vas_setattr(struct task *self, const struct user_frame *f)
{
	struct vas *vas = vas_by_id((u32)arg(f, 0));

	return vas ? object_set(self, &vas->object, arg(f, 1)) : -EINVAL;
}

/* --- segments --- */

static long vas_seg_create(struct task *self, const struct user_frame *f)
{
	u64 start = arg(f, 1), end = arg(f, 2);
	char name[VAS_NAME_MAX];
	int error = vas_name_new(self, arg(f, 0), true, name);
	struct seg *seg;

	if (error)
		return error;
	if (!is_page_aligned(start | end) || start < machine_window / 2 || end > machine_window || start >= end)
		return -EINVAL;
	seg = seg_new(self, name, (u32)arg(f, 3), start, end, 0, &error);
	return seg ? (long)seg->object.id : error;
}

static long vas_seg_delete(struct task *self, const struct user_frame *f)
{
	int error;
	struct seg *seg = seg_for(self, arg(f, 0), MAY_WRITE, &error);

	if (!seg)
		return error;
	if (!list_is_empty(&seg->uses))
		return -EBUSY;
	seg_free(seg);
	return 0;
}

static long vas_seg_find(struct task *self, const struct user_frame *f)
{
	return vas_name_find(self, arg(f, 0), true);
}

static long vas_seg_attach(struct task *self, const struct user_frame *f)
{
	u32 rights = rights_of_type(arg(f, 2));
	int error;
	struct vas *vas = vas_for(self, arg(f, 0), MAY_WRITE, &error);
	struct seg *seg = vas ? seg_for(self, arg(f, 1), rights, &error) : NULL;

	if (!seg)
		return error;
	return rights ? seg_use_make(vas, seg, rights & MAY_WRITE) : -EINVAL;
}

static long vas_seg_detach(struct task *self, const struct user_frame *f)
{
	int error;
	struct vas *vas = vas_for(self, arg(f, 0), MAY_WRITE, &error);
	struct seg *seg = vas ? seg_by_id((u32)arg(f, 1)) : NULL;

	if (!vas)
		return error;
	return seg ? take_segment(vas, seg) : -EINVAL;
}

static long vas_seg_getattr(struct task *self, const struct user_frame *f)
{
	struct seg *seg = seg_by_id((u32)arg(f, 0));

	return seg ? object_get(self, &seg->object, arg(f, 1)) : -EINVAL;
}

static long vas_seg_setattr(struct task *self, const struct user_frame *f)
{
	struct seg *seg = seg_by_id((u32)arg(f, 0));

	return seg ? object_set(self, &seg->object, arg(f, 1)) : -EINVAL;
}

/* --- beyond the 16 --- */

/* A copy of a segment, copy-on-write. */
static struct seg *seg_copy(struct task *self, struct seg *from, const char *name, u32 mode, int *error)
{
	struct seg *seg;
	i64 segment;

	*error = -EBUSY;
	if (from->writing)
		return NULL;
	segment = call_segment_clone(from->segment);
	*error = -ENOMEM;
	if (segment < 0)
		return NULL;
	seg = seg_new(self, name, mode, from->start, from->end, (u32)segment, error);
	if (!seg)
		call_segment_destroy((u32)segment);
	else
		seg->object.share = from->object.share;
	return seg;
}

static long vas_seg_clone(struct task *self, const struct user_frame *f)
{
	char name[VAS_NAME_MAX];
	int error;
	struct seg *from = seg_for(self, arg(f, 0), MAY_READ, &error), *seg;

	if (from)
		error = vas_name_new(self, arg(f, 1), true, name);
	if (error)
		return error;
	seg = seg_copy(self, from, name, (u32)arg(f, 2), &error);
	return seg ? (long)seg->object.id : error;
}

static int copy_segments(struct task *self, struct vas *from, struct vas *to)
{
	list_for_each(node, &from->segments) {
		const struct seg_use *use = container_of(node, struct seg_use, of_vas);
		struct seg *seg;
		int error = vas_may(self, &use->seg->object, MAY_READ);

		if (error)
			return error;
		seg = seg_copy(self, use->seg, NULL, to->object.mode, &error);
		if (!seg)
			return error;
		error = seg_use_make(to, seg, use->write);
		if (error) {
			seg_free(seg);
			return error;
		}
	}
	return 0;
}

static long vas_clone(struct task *self, const struct user_frame *f)
{
	char name[VAS_NAME_MAX];
	int error;
	struct vas *from = vas_for(self, arg(f, 0), MAY_READ, &error), *vas;

	if (from)
		error = vas_name_new(self, arg(f, 1), false, name);
	if (error)
		return error;
	vas = vas_new(self, name, (u32)arg(f, 2), &error);
	if (!vas)
		return error;
	error = copy_segments(self, from, vas);
	if (error) {
		delete_segments(vas);
		vas_free(vas);
		return error;
	}
	vas->object.share = from->object.share;
	vas->root = from->root;
	return vas->object.id;
}

static long vas_get_root(struct task *self, const struct user_frame *f)
{
	int error;
	struct vas *vas = vas_for(self, arg(f, 0), MAY_READ, &error);

	return vas ? user_put_u64(self, arg(f, 1), vas->root) : error;
}

static long vas_set_root(struct task *self, const struct user_frame *f)
{
	int error;
	struct vas *vas = vas_for(self, arg(f, 0), MAY_WRITE, &error);

	if (!vas)
		return error;
	vas->root = arg(f, 1);
	return 0;
}

static bool is_owner(const struct task *self, const struct vas_object *object)
{
	return task_is_root(self) || self->process->cred.euid == object->uid;
}

/* Detaches a VAS from a process, or (0) from all. */
static long vas_revoke(struct task *self, const struct user_frame *f)
{
	struct vas *vas = vas_by_id((u32)arg(f, 0));
	struct process *process = process_find((u32)arg(f, 1));
	struct task *target = process ? process_task(process) : NULL;

	if (!vas)
		return -EINVAL;
	if (!is_owner(self, &vas->object))
		return -EACCES;
	if (arg(f, 1))
		return target ? vas_use_end(task_mm(target), vas, true) : -ESRCH;
	while (!list_is_empty(&vas->uses))
		vas_use_end(container_of(list_first(&vas->uses), struct vas_use, of_vas)->mm, vas, true);
	return 0;
}

static long vas_share(struct task *self, const struct user_frame *f)
{
	struct vas *vas = vas_by_id((u32)arg(f, 0));
	u32 how = (u32)arg(f, 1);

	if (!vas || how > VAS_SHARE_FREE)
		return -EINVAL;
	if (!is_owner(self, &vas->object))
		return -EACCES;
	if (how == VAS_SHARE_STRICT && vas_is_crowded(vas))
		return -EBUSY;
	vas->object.share = how;
	return 0;
}

static long vas_seg_share(struct task *self, const struct user_frame *f)
{
	struct seg *seg = seg_by_id((u32)arg(f, 0));

	if (!seg || (u32)arg(f, 1) > VAS_SHARE_LOCK)
		return -EINVAL;
	if (!is_owner(self, &seg->object))
		return -EACCES;
	if (!list_is_empty(&seg->uses))
		return -EBUSY;
	seg->object.share = (u32)arg(f, 1);
	return 0;
}

static long vas_range(struct task *self, const struct user_frame *f)
{
	const u64 range[2] = { machine_window / 2, machine_window };

	return user_write(self, arg(f, 0), range, sizeof(range));
}

static long vas_quota(struct task *self, const struct user_frame *f)
{
	u64 limits[2], told[4];
	int error;

	if (!task_is_root(self) && (arg(f, 1) || (u32)arg(f, 0) != self->process->cred.euid))
		return -EPERM;
	if (arg(f, 1) && user_read(self, arg(f, 1), limits, sizeof(limits)))
		return -EFAULT;
	error = vas_user_quota((u32)arg(f, 0), arg(f, 1) ? limits : NULL, told);
	return error ? error : arg(f, 2) ? user_write(self, arg(f, 2), told, sizeof(told)) : 0;
}

#define VAS_CALL(number, name) [(number)-VAS_CALL_FIRST] = vas_##name,
static long (*const handlers[VAS_CALL_END - VAS_CALL_FIRST])(struct task *, const struct user_frame *) = {
#include "abi/vas_calls.def"
};
#undef VAS_CALL

long vas_call(struct task *self, const struct user_frame *frame)
{
	return handlers[frame->nr - VAS_CALL_FIRST](self, frame);
}

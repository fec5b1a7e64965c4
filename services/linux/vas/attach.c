/* Attachments, and the locks of lockable segments; see vas.h.
 *
 * If a VAS has lockable segments, the kernel lets only this service switch threads in and out (VAS_BY_SYSTEM). A thread that
 * switches in takes all locks at once. If one of them is taken, it waits for that and holds none meanwhile: so there are no
 * deadlocks. */
#include "services/linux/task.h"
#include "services/linux/user_memory.h"
#include "services/linux/vas/private.h"

#include <asm/errno.h>

#include "services/runtime/service.h"

#include "services/runtime/heap.h"

static bool is_lockable(const struct seg_use *use)
{
	return use->seg->object.share == VAS_SHARE_LOCK;
}

static u32 rights_of(const struct vas *vas, bool write)
{
	return RIGHT_R | RIGHT_X | (write ? RIGHT_W : 0) | (vas->lockable ? VAS_BY_SYSTEM : 0);
}

/* May one more attach? Many readers or one writer may, unless the object is shared in another way. */
static int count_in(struct vas_object *object, bool strict, bool write)
{
	if (strict && (object->writers || (write && object->readers)))
		return -EBUSY;
	*(write ? &object->writers : &object->readers) += 1;
	return 0;
}

static void count_out(struct vas_object *object, bool write)
{
	*(write ? &object->writers : &object->readers) -= 1;
}

static bool is_strict(const struct vas *vas)
{
	return vas->object.share == VAS_SHARE_STRICT && !vas->lockable;
}

bool vas_is_crowded(const struct vas *vas)
{
	return vas->object.writers && vas->object.writers + vas->object.readers > 1;
}

/* --- locks --- */

/* Does a task that may write to the VAS want to write to the segment? */
static bool wants_write(const struct seg_use *use, bool writing)
{
	return writing && use->write;
}

static bool can_take(const struct seg_use *use, bool writing)
{
	const struct seg *seg = use->seg;

	if (wants_write(use, writing))
		return !seg->writing && !seg->reading;
	return !seg->writing && !seg->wish_to_write;
}

/* The first lock that is in the way, NULL if all can be taken. */
static struct seg_use *find_taken(const struct vas *vas, bool writing)
{
	list_for_each(node, &vas->segments) {
		struct seg_use *use = container_of(node, struct seg_use, of_vas);

		if (is_lockable(use) && !can_take(use, writing))
			return use;
	}
	return NULL;
}

static void take_all(struct task *self, struct vas *vas, bool writing)
{
	list_for_each(node, &vas->segments) {
		struct seg_use *use = container_of(node, struct seg_use, of_vas);

		if (is_lockable(use))
			*(wants_write(use, writing) ? &use->seg->writing : &use->seg->reading) += 1;
	}
	vas->lockers++;
	self->vas_locked = vas;
	self->vas_writing = writing;
}

void vas_leave(struct task *self)
{
	struct vas *vas = self->vas_locked;

	if (!vas)
		return;
	self->vas_locked = NULL;
	vas->lockers--;
	list_for_each(node, &vas->segments) {
		struct seg_use *use = container_of(node, struct seg_use, of_vas);

		if (!is_lockable(use))
			continue;
		*(wants_write(use, self->vas_writing) ? &use->seg->writing : &use->seg->reading) -= 1;
		wake_up(&use->seg->waiting);
	}
}

/* Waits once for a lock that is taken. */
static int wait_taken(struct task *self, struct seg_use *use, bool writing)
{
	struct seg *seg = use->seg;
	bool wish = wants_write(use, writing);
	struct vas *vas = use->vas;
	int error;

	/* `lockers` keeps the VAS, and so the segment, for the time of the sleep. */
	vas->lockers++;
	seg->wish_to_write += wish;
	error = wait_on(self, &seg->waiting, 0);
	seg->wish_to_write -= wish;
	vas->lockers--;
	/* It may wait for another lock next: readers need not wait for it here any longer. */
	if (wish)
		wake_up(&seg->waiting);
	return error;
}

static int lock_all(struct task *self, u32 id)
{
	struct seg_use *taken;
	struct vas_use *use;
	struct vas *vas;
	int error = 0;

	for (;;) {
		vas = vas_by_id(id);
		use = vas ? vas_use_find(self->mm, vas) : NULL;
		if (!use)
			return -EINVAL;
		taken = vas->lockable ? find_taken(vas, use->write) : NULL;
		if (!taken)
			break;
		if (error)
			return error;
		error = wait_taken(self, taken, use->write);
	}
	if (vas->lockable)
		take_all(self, vas, use->write);
	return 0;
}

int vas_enter(struct task *self, struct vas *vas)
{
	u32 id = vas ? vas->object.id : 0;
	u64 rights;
	i64 now = call_vas_active(&rights);
	int error = 0;

	if (vas && !vas_use_find(self->mm, vas))
		return -EINVAL;
	if (now < 0 || now == id)
		return now < 0 ? -EINVAL : 0;
	/* The task waits for locks in no VAS, and holding none. */
	if (now && (self->vas_locked || (vas && vas->lockable))) {
		call_vas_switch(0);
		vas_leave(self);
		now = 0;
	}
	if (vas && vas->lockable)
		error = lock_all(self, id);
	if (!error && now != id && call_vas_switch(id) < 0) {
		vas_leave(self);
		error = -EINVAL;
	}
	return error;
}

/* --- VASes of a process --- */

struct vas_use *vas_use_find(const struct mm *mm, const struct vas *vas)
{
	for (struct vas_use *use = mm->vases; use; use = use->next)
		if (use->vas == vas)
			return use;
	return NULL;
}

static int attach_errno(i64 error)
{
	return error == -E_BUSY ? -EBUSY : error < 0 ? -ENOMEM : 0;
}

int vas_use_make(struct task *target, struct vas *vas, bool write)
{
	struct mm *mm = task_mm(target);
	struct vas_use *use;
	int error;

	if (vas_use_find(mm, vas))
		return 0;
	use = heap_zalloc(sizeof(*use));
	if (!use)
		return -ENOMEM;
	error = count_in(&vas->object, is_strict(vas), write);
	if (!error) {
		error = attach_errno(call_vas_attach(mm->space, vas->object.id, rights_of(vas, write)));
		if (error)
			count_out(&vas->object, write);
	}
	if (error) {
		heap_free(use);
		return error;
	}
	*use = (struct vas_use){ .next = mm->vases, .vas = vas, .mm = mm, .write = write, .pid = target->process->pid };
	mm->vases = use;
	list_append(&vas->uses, &use->of_vas);
	return 0;
}

static void use_free(struct vas_use *use)
{
	struct vas_use **link = &use->mm->vases;

	while (*link != use)
		link = &(*link)->next;
	*link = use->next;
	list_remove(&use->of_vas);
	count_out(&use->vas->object, use->write);
	heap_free(use);
}

int vas_use_end(struct mm *mm, struct vas *vas, bool force)
{
	struct vas_use *use = vas_use_find(mm, vas);

	if (!use)
		return -EINVAL;
	if (call_vas_detach(mm->space, vas->object.id, force) == -E_BUSY)
		return -EBUSY;
	list_for_each(node, &processes)
		list_for_each(task_node, &container_of(node, struct process, all)->tasks) {
			struct task *task = container_of(task_node, struct task, sibling);

			if (task_mm(task) == mm && task->vas_locked == vas)
				vas_leave(task);
		}
	use_free(use);
	return 0;
}

void vas_mm_end(struct mm *mm)
{
	while (mm->vases)
		use_free(mm->vases);
}

/* --- segments of a VAS --- */

/* Tells the kernel who may switch threads in and out now. */
static int update_rights(struct vas *vas)
{
	list_for_each(node, &vas->uses) {
		const struct vas_use *use = container_of(node, struct vas_use, of_vas);
		int error = attach_errno(call_vas_attach(use->mm->space, vas->object.id, rights_of(vas, use->write)));

		if (error)
			return error;
	}
	return 0;
}

/* Counts a lockable segment more or less, and tells the kernel if that changes who may switch. -EBUSY if a thread is inside. */
static int change_lockable(struct vas *vas, int by)
{
	bool was = vas->lockable;
	int error;

	if (vas->lockers)
		return -EBUSY;
	vas->lockable = (u32)((int)vas->lockable + by);
	error = was != (vas->lockable != 0) ? update_rights(vas) : 0;
	if (!error)
		return 0;
	vas->lockable = (u32)((int)vas->lockable - by);
	update_rights(vas);
	return error;
}

static bool is_strict_seg(const struct seg *seg)
{
	return seg->object.share == VAS_SHARE_STRICT;
}

int seg_use_make(struct vas *vas, struct seg *seg, bool write)
{
	u64 at = seg->start - machine_window / 2;
	struct list_node *before = &vas->segments;
	struct seg_use *use;
	int error;

	list_for_each(node, &vas->segments) {
		const struct seg_use *other = container_of(node, struct seg_use, of_vas);

		if (other->seg == seg)
			return 0;
		if (other->seg->start >= seg->end && before == &vas->segments)
			before = node;
		if (other->seg->start < seg->end && seg->start < other->seg->end)
			return -EFAULT;
	}
	use = heap_zalloc(sizeof(*use));
	if (!use)
		return -ENOMEM;
	*use = (struct seg_use){ .vas = vas, .seg = seg, .write = write };
	error = count_in(&seg->object, is_strict_seg(seg), write);
	if (error)
		goto out_free;
	error = is_lockable(use) ? change_lockable(vas, 1) : 0;
	if (error)
		goto out_count;
	if (call_map(vas->object.id, at, seg->end - seg->start, RIGHT_R | (write ? RIGHT_W : 0) | MAP_SHARE,
		    seg->segment, 0) < 0) {
		error = -ENOMEM;
		goto out_lockable;
	}
	list_insert_before(before, &use->of_vas);
	list_append(&seg->uses, &use->of_seg);
	return 0;
out_lockable:
	if (is_lockable(use))
		change_lockable(vas, -1);
out_count:
	count_out(&seg->object, write);
out_free:
	heap_free(use);
	return error;
}

int seg_use_end(struct vas *vas, struct seg *seg)
{
	struct seg_use *use = NULL;
	int error;

	list_for_each(node, &vas->segments)
		if (container_of(node, struct seg_use, of_vas)->seg == seg)
			use = container_of(node, struct seg_use, of_vas);
	if (!use)
		return -EINVAL;
	if (is_lockable(use) && vas->lockable == 1 && vas->object.share == VAS_SHARE_STRICT && vas_is_crowded(vas))
		return -EBUSY;
	error = is_lockable(use) ? change_lockable(vas, -1) : 0;
	if (error)
		return error;
	call_unmap(vas->object.id, seg->start - machine_window / 2, seg->end - seg->start);
	list_remove(&use->of_vas);
	list_remove(&use->of_seg);
	count_out(&seg->object, use->write);
	heap_free(use);
	return 0;
}

/* VASes and segments as objects: their tables, names, rights and quotas; see vas.h. */
#include "services/linux/fs/fs.h"

#include <asm/errno.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/runtime/heap.h"
#include "services/linux/user_memory.h"
#include "services/linux/vas/private.h"

enum { BUCKETS = 256, QUOTA_OBJECTS = 4096 };

/* The limits of a user for whom root has set none. */
#define QUOTA_PAGES (1ul << 28)

struct vas_user {
	struct list_node all;
	u32 uid;
	u64 objects, pages;
	u64 objects_max, pages_max;
};

/* VASes and segments: arrays of lists by number and by name. */
static struct list_node tables[2][BUCKETS], name_tables[2][BUCKETS];
static struct list_node users = LIST_INIT(users);
static u32 last_seg;

static struct list_node *bucket(bool is_segment, u64 id)
{
	struct list_node *list = &tables[is_segment][id % BUCKETS];

	if (!list->next)
		list_init(list);
	return list;
}

static struct vas_object *object_by_id(bool is_segment, u64 id)
{
	list_for_each(node, bucket(is_segment, id)) {
		struct vas_object *object = container_of(node, struct vas_object, by_id);

		if (object->id == id)
			return object;
	}
	return NULL;
}

static struct vas_object *object_next(bool is_segment, u64 from)
{
	struct vas_object *best = NULL;

	for (unsigned i = 0; i < BUCKETS; i++)
		list_for_each(node, bucket(is_segment, i)) {
			struct vas_object *object = container_of(node, struct vas_object, by_id);

			if (object->id >= from && (!best || object->id < best->id))
				best = object;
		}
	return best;
}

static struct list_node *name_bucket(bool is_segment, const char *name)
{
	struct list_node *list;
	u32 hash = 0;

	while (*name)
		hash = hash * 31 + (unsigned char)*name++;
	list = &name_tables[is_segment][(hash ^ hash >> 13) % BUCKETS];
	if (!list->next)
		list_init(list);
	return list;
}

static struct vas_object *object_by_name(bool is_segment, const char *name)
{
	list_for_each(node, name_bucket(is_segment, name)) {
		struct vas_object *object = container_of(node, struct vas_object, by_name);

		if (!strcmp(object->name, name))
			return object;
	}
	return NULL;
}

struct vas *vas_by_id(u64 id)
{
	struct vas_object *object = object_by_id(false, id);

	return object ? container_of(object, struct vas, object) : NULL;
}

struct seg *seg_by_id(u64 id)
{
	struct vas_object *object = object_by_id(true, id);

	return object ? container_of(object, struct seg, object) : NULL;
}

struct vas *vas_next(u64 from)
{
	struct vas_object *object = object_next(false, from);

	return object ? container_of(object, struct vas, object) : NULL;
}

struct seg *seg_next(u64 from)
{
	struct vas_object *object = object_next(true, from);

	return object ? container_of(object, struct seg, object) : NULL;
}

/* --- names and rights --- */

static int name_read(struct task *self, u64 addr, char name[VAS_NAME_MAX])
{
	long length = user_string(self, addr, name, VAS_NAME_MAX);

	return length < 0 ? (int)length : length == 0 ? -EINVAL : 0;
}

int vas_name_new(struct task *self, u64 addr, bool is_segment, char name[VAS_NAME_MAX])
{
	int error = name_read(self, addr, name);

	return error ? error : object_by_name(is_segment, name) ? -EEXIST : 0;
}

long vas_name_find(struct task *self, u64 addr, bool is_segment)
{
	char name[VAS_NAME_MAX];
	int error = name_read(self, addr, name);
	const struct vas_object *object = error ? NULL : object_by_name(is_segment, name);

	if (error && error != -EINVAL)
		return error;
	return object ? (long)object->id : -ESRCH;
}

int vas_may(const struct task *self, const struct vas_object *object, u32 mask)
{
	const struct credentials *cred = &self->process->cred;
	u32 mode = object->mode;

	if (cred->euid == 0)
		return 0;
	if (cred->euid == object->uid)
		mode >>= 6;
	else if (in_group(self, object->gid))
		mode >>= 3;
	return mask & ~mode ? -EACCES : 0;
}

/* --- quotas --- */

static struct vas_user *user_of(u32 uid)
{
	struct vas_user *user;

	list_for_each(node, &users) {
		user = container_of(node, struct vas_user, all);
		if (user->uid == uid)
			return user;
	}
	user = heap_zalloc(sizeof(*user));
	if (!user)
		return NULL;
	user->uid = uid;
	user->objects_max = QUOTA_OBJECTS;
	user->pages_max = QUOTA_PAGES;
	list_append(&users, &user->all);
	return user;
}

/* Frees the record of a user who has no objects and no limits of his own. */
static void user_forget(struct vas_user *user)
{
	if (user->objects || user->objects_max != QUOTA_OBJECTS || user->pages_max != QUOTA_PAGES)
		return;
	list_remove(&user->all);
	heap_free(user);
}

/* Charges an object and its pages to a user's quota. */
static int charge(struct vas_object *object, u32 uid, u64 pages)
{
	struct vas_user *user = user_of(uid);

	if (!user)
		return -ENOMEM;
	if (uid != 0 &&
		(user->objects >= user->objects_max ||
			pages > user->pages_max - min_u64(user->pages, user->pages_max))) {
		user_forget(user);
		return -EDQUOT;
	}
	user->objects++;
	user->pages += pages;
	object->user = user;
	object->pages = pages;
	return 0;
}

static void refund(struct vas_object *object)
{
	object->user->objects--;
	object->user->pages -= object->pages;
	user_forget(object->user);
}

int vas_user_quota(u32 uid, const u64 limits[2], u64 told[4])
{
	struct vas_user *user = user_of(uid);

	if (!user)
		return -ENOMEM;
	if (limits) {
		user->objects_max = limits[0];
		user->pages_max = limits[1];
	}
	told[0] = user->objects_max;
	told[1] = user->pages_max;
	told[2] = user->objects;
	told[3] = user->pages;
	user_forget(user);
	return 0;
}

/* --- life --- */

static int object_init(struct task *self, struct vas_object *object, const char *name, u32 mode, u64 pages)
{
	const struct credentials *cred = &self->process->cred;
	int error;

	object->mode = mode & 0666;
	object->uid = cred->euid;
	object->gid = cred->egid;
	list_init(&object->by_name);
	if (name) {
		object->name = heap_string(name, strlen(name));
		if (!object->name)
			return -ENOMEM;
	}
	error = charge(object, cred->euid, pages);
	if (error)
		heap_free(object->name);
	return error;
}

static void object_end(struct vas_object *object)
{
	list_remove(&object->by_name);
	refund(object);
	heap_free(object->name);
}

/* Puts an object into the tables, where others find it. */
static void object_add(struct vas_object *object, bool is_segment, u32 id)
{
	object->id = id;
	list_append(bucket(is_segment, id), &object->by_id);
	if (object->name)
		list_append(name_bucket(is_segment, object->name), &object->by_name);
}

static u32 space_new(const char *name)
{
	struct space_spec spec = { .flags = SPACE_VAS | SPACE_GRANT_CREATOR };
	i64 space;

	strlcpy(spec.name, name ? name : "vas", sizeof(spec.name));
	space = call_space_create(&spec);
	return space < 0 ? 0 : (u32)space;
}

struct vas *vas_new(struct task *self, const char *name, u32 mode, int *error)
{
	struct vas *vas = heap_zalloc(sizeof(*vas));
	u32 space;

	*error = vas ? object_init(self, &vas->object, name, mode, 1) : -ENOMEM;
	if (*error) {
		heap_free(vas);
		return NULL;
	}
	space = space_new(name);
	if (!space) {
		object_end(&vas->object);
		heap_free(vas);
		*error = -ENOMEM;
		return NULL;
	}
	list_init(&vas->segments);
	list_init(&vas->uses);
	object_add(&vas->object, false, space);
	return vas;
}

void vas_free(struct vas *vas)
{
	call_space_destroy(vas->object.id);
	list_remove(&vas->object.by_id);
	object_end(&vas->object);
	heap_free(vas);
}

static u32 seg_number(void)
{
	do
		last_seg = last_seg % 0x7fffffff + 1;
	while (object_by_id(true, last_seg));
	return last_seg;
}

struct seg *seg_new(struct task *self, const char *name, u32 mode, u64 start, u64 end, u32 segment, int *error)
{
	u64 pages = (end - start) / PAGE_SIZE;
	struct seg *seg = heap_zalloc(sizeof(*seg));
	i64 made = segment;

	*error = seg ? object_init(self, &seg->object, name, mode, pages) : -ENOMEM;
	if (*error) {
		heap_free(seg);
		return NULL;
	}
	if (!segment)
		made = call_segment_create(pages, 0);
	if (made < 0) {
		object_end(&seg->object);
		heap_free(seg);
		*error = -ENOMEM;
		return NULL;
	}
	seg->segment = (u32)made;
	seg->start = start;
	seg->end = end;
	list_init(&seg->uses);
	wait_queue_init(&seg->waiting);
	object_add(&seg->object, true, seg_number());
	return seg;
}

void seg_free(struct seg *seg)
{
	call_segment_destroy(seg->segment);
	list_remove(&seg->object.by_id);
	object_end(&seg->object);
	heap_free(seg);
}

int vas_object_set(struct task *self, struct vas_object *object, u32 mode, u32 uid, u32 gid)
{
	bool root = task_is_root(self);
	struct vas_object moved = *object;
	int error;

	if (!root && self->process->cred.euid != object->uid)
		return -EACCES;
	if (!root && (uid != object->uid || (gid != object->gid && !in_group(self, gid))))
		return -EPERM;
	if (uid != object->uid) {
		error = charge(&moved, uid, object->pages);
		if (error)
			return error;
		refund(object);
		object->user = moved.user;
	}
	object->mode = mode & 0666;
	object->uid = uid;
	object->gid = gid;
	return 0;
}

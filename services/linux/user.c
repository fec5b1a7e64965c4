/* Users and what is charged to them: see user.h. */
#include "services/linux/user.h"

#include "services/runtime/heap.h"
#include "services/runtime/service.h"

enum { BUCKETS = 64 };

static struct list_node buckets[BUCKETS];

static struct list_node *bucket_of(u32 uid)
{
	struct list_node *bucket = &buckets[uid % BUCKETS];
	if (!bucket->next)
		list_init(bucket);
	return bucket;
}

struct user *user_get(u32 uid)
{
	struct list_node *bucket = bucket_of(uid);
	list_for_each(node, bucket) {
		struct user *user = container_of(node, struct user, node);
		if (user->uid == uid)
			return user_hold(user);
	}
	struct user *user = heap_zalloc(sizeof(*user));
	if (!user)
		return NULL;
	user->uid = uid;
	user->references = 1;
	list_append(bucket, &user->node);
	return user;
}

struct user *user_hold(struct user *user)
{
	user->references++;
	return user;
}

static void free_if_unused(struct user *user)
{
	if (user->references)
		return;
	for (unsigned i = 0; i < USER_CHARGES; i++)
		if (user->charged[i])
			return;
	list_remove(&user->node);
	heap_free(user);
}

void user_put(struct user *user)
{
	service_assert(user->references);
	user->references--;
	free_if_unused(user);
}

bool user_charge(struct user *user, enum user_charge which, u64 n, u64 limit)
{
	u64 sum;
	if (__builtin_add_overflow(user->charged[which], n, &sum) || sum > limit)
		return false;
	user->charged[which] = sum;
	return true;
}

void user_uncharge(struct user *user, enum user_charge which, u64 n)
{
	service_assert(user->charged[which] >= n);
	user->charged[which] -= n;
	free_if_unused(user);
}

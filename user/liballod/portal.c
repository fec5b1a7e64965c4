/* Portals: portal.h. */
#include <allod/portal.h>

#include <errno.h>
#include <pthread.h>

#include "make.h"

/* Grants for this thread's next call. */
static _Thread_local struct {
	unsigned count;
	bool failed;
	struct {
		u64 start, bytes;
		u32 rights;
	} grants[ALLOD_LENT_MAX];
} lent;

/* --- offering --- */

static struct {
	pthread_mutex_t lock;
	u32 number; /* of the space whose portals these are: copies begin anew */
	u32 used;
	const void *functions[ENTRIES_OWN];
} offers = { .lock = PTHREAD_MUTEX_INITIALIZER };

static u64 entry_address(u32 entry)
{
	return (u64)allod_entries + entry * ENTRY_BYTES;
}

/* The entry at which a function of this program is offered. -> its index, -E_*. */
static i64 offer_entry(const void *function)
{
	i64 portal;

	if (offers.number != allod_self()) {
		offers.number = allod_self();
		offers.used = 0;
	}
	for (u32 i = 0; i < offers.used; i++)
		if (offers.functions[i] == function)
			return ENTRIES_OWN + i;
	if (offers.used == ENTRIES - ENTRIES_OWN - 1)
		return -E_LIMIT;
	portal = call_portal_create(entry_address(ENTRIES_OWN + offers.used), (u64)function);
	if (portal < 0)
		return portal;
	offers.functions[offers.used] = function;
	return ENTRIES_OWN + offers.used++;
}

allod_portal allod_offer(const void *function, uint32_t to)
{
	u64 portal;
	i64 entry;

	if (!allod_present())
		return errno = ENOSYS, 0;
	if (allod_contexts_make(1, 0))
		return 0;
	pthread_mutex_lock(&offers.lock);
	entry = offer_entry(function);
	pthread_mutex_unlock(&offers.lock);
	if (allod_result(entry) < 0)
		return 0;
	portal = (u64)allod_pointer(allod_self(), entry_address((u32)entry));
	return allod_result(call_grant(portal, 1, to, RIGHT_P | GRANT_PASS)) < 0 ? 0 : portal;
}

int allod_serve(unsigned contexts, size_t stack)
{
	return allod_contexts_make(contexts, stack);
}

/* --- portals at functions of a sandbox --- */

static struct space_portal *portal_slot(struct allod_space *space, const void *function)
{
	u64 at = (u64)function >> 4;

	for (u32 i = 0; i < ENTRIES_OWN; i++) {
		struct space_portal *slot = &space->portals[(at + i) % ENTRIES_OWN];
		const void *there = __atomic_load_n(&slot->function, __ATOMIC_ACQUIRE);

		if (!there || there == function)
			return slot;
	}
	return NULL;
}

/* Makes one. With the table's lock held. -> 0, -E_*. */
static i64 make_portal(struct allod_space *space, const void *function)
{
	struct space_portal *slot = portal_slot(space, function);
	i64 portal, grant;

	if (!slot || space->entries == ENTRIES_OWN)
		return -E_LIMIT;
	if (slot->function)
		return 0;
	portal = call_portal_create_in(space->number, entry_address(space->entries), (u64)function);
	if (portal < 0)
		return portal;
	grant = call_grant((u64)portal, 1, allod_self(), RIGHT_P | GRANT_PASS);
	if (grant < 0)
		return grant;
	slot->portal = (u64)portal;
	slot->entry = space->entries++;
	__atomic_store_n(&slot->function, function, __ATOMIC_RELEASE);
	return 0;
}

allod_portal allod_portal_at(struct allod_space *space, const void *function)
{
	const struct space_portal *slot = portal_slot(space, function);
	i64 error;

	if (slot && slot->function && slot->portal)
		return slot->portal;
	if (slot && slot->function)
		return errno = ENOENT, 0;
	if (space->ended)
		return errno = EOWNERDEAD, 0;
	while (__atomic_exchange_n(&space->lock, 1, __ATOMIC_ACQUIRE))
		call_yield();
	error = make_portal(space, function);
	__atomic_store_n(&space->lock, 0, __ATOMIC_RELEASE);
	if (allod_result(error) < 0)
		return 0;
	return portal_slot(space, function)->portal;
}

int allod_withdraw(struct allod_space *space, const void *function)
{
	i64 error = -E_NOENT;

	if (space) {
		struct space_portal *slot = portal_slot(space, function);

		if (slot && slot->function && slot->portal)
			error = call_portal_destroy_in(space->number, entry_address(slot->entry));
		if (!error)
			slot->portal = 0;
		return (int)allod_result(error);
	}
	pthread_mutex_lock(&offers.lock);
	for (u32 i = 0; i < offers.used && offers.number == allod_self(); i++)
		if (offers.functions[i] == function) {
			offers.functions[i] = NULL;
			error = call_portal_destroy(entry_address(ENTRIES_OWN + i));
		}
	pthread_mutex_unlock(&offers.lock);
	return (int)allod_result(error);
}

/* --- calling --- */

void *allod_lend(const volatile void *start, size_t bytes, unsigned rights)
{
	u64 address = (u64)allod_global(start);

	if (!bytes || lent.count == ALLOD_LENT_MAX) {
		lent.failed = true;
		return NULL;
	}
	lent.grants[lent.count].start = address;
	lent.grants[lent.count].bytes = bytes;
	lent.grants[lent.count++].rights = rights;
	return (void *)address;
}

/* -> the kernel's result; *value is the function's. */
static i64 call_plainly(allod_portal portal, const u64 words[6], u64 *value)
{
	return allod_stub_call(portal, words, value, CALL_portal_call);
}

/* A call with grants: they end with it. */
static i64 call_lending(allod_portal portal, const u64 words[6], u64 *value)
{
	unsigned count = lent.count;
	i64 numbers[ALLOD_LENT_MAX], result = 0;
	unsigned made = 0;

	lent.count = 0;
	if (lent.failed) {
		lent.failed = false;
		return -E_INVAL;
	}
	for (; made < count && result >= 0; made++)
		result = numbers[made] = call_grant(lent.grants[made].start, lent.grants[made].bytes,
			allod_space_of((void *)portal), lent.grants[made].rights);
	if (result >= 0)
		result = call_plainly(portal, words, value);
	while (made--)
		if (numbers[made] >= 0)
			call_revoke((u32)numbers[made]);
	return result;
}

int allod_call(allod_portal portal, const uint64_t words[6], uint64_t *result, const struct allod_how *how)
{
	i64 status;

	(void)how;
	if (!allod_present())
		return errno = ENOSYS, -1;
	if (__builtin_expect(lent.count || lent.failed, 0))
		status = call_lending(portal, words, result);
	else
		status = call_plainly(portal, words, result);
	return (int)allod_result(status);
}

/* In a sandbox: entering and leaving gives back the context of a call that ended otherwise. */
static void do_nothing(void)
{
}

/* A call has failed. If it got as far as into a space that lives, a context is still taken there. That the portal is gone or may
 * not be called says that the space has ended. */
static void clean_up(struct allod_space *space)
{
	static const u64 none[6];
	int error = errno;
	allod_portal portal;
	u64 value;

	if (space_is_gone(space)) {
		error = EOWNERDEAD;
	} else if (error == EOWNERDEAD || error == ETIMEDOUT || error == EINTR) {
		portal = allod_portal_at(space, (const void *)do_nothing);
		if (portal)
			call_plainly(portal, none, &value);
	}
	errno = error;
}

uint64_t allod_invoke(allod_portal portal, const uint64_t words[6])
{
	u64 value;

	if (__builtin_expect(allod_call(portal, words, &value, NULL) < 0, 0))
		return (u64)-1;
	errno = 0;
	return value;
}

uint64_t allod_invoke_in(struct allod_space *space, const void *function, const uint64_t words[6])
{
	allod_portal portal;
	u64 value;

	if (!space)
		return errno = EINVAL, (u64)-1;
	portal = allod_portal_at(space, function);
	if (!portal) {
		lent.count = 0;
		return (u64)-1;
	}
	value = allod_invoke(portal, words);
	if (__builtin_expect(errno, 0))
		clean_up(space);
	return value;
}

/* Portals: portal.h. */
#include <allod/portal.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "make.h"

/* Grants for this thread's next call. */
static _Thread_local struct {
	u32 count;
	bool failed;
	struct grant_spec grants[ALLOD_LENT_MAX];
} lent;

_Static_assert((int)ALLOD_LENT_MAX == (int)CALL_GRANTS_MAX, "grants of a call");

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

	if (!allod_present() || !function)
		return errno = function ? ENOSYS : EINVAL, 0;
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
	return allod_present() ? allod_contexts_make(contexts, stack) : (errno = ENOSYS, -1);
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
	if (grant < 0) {
		call_portal_destroy_in(space->number, entry_address(space->entries));
		return grant;
	}
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
	if (error && space_is_gone(space)) /* ended meanwhile */
		error = -E_DEAD;
	if (allod_result(error) < 0)
		return 0;
	return portal_slot(space, function)->portal;
}

int allod_withdraw(struct allod_space *space, const void *function)
{
	i64 error = allod_present() ? -E_NOENT : -E_NOSYS;

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
	lent.grants[lent.count++] = (struct grant_spec){ .address = address, .bytes = bytes, .flags = rights };
	return (void *)address;
}

static void drop_lent(void)
{
	lent.count = 0;
	lent.failed = false;
}

/* -> the kernel's result; *value is the function's. */
static i64 call_plainly(allod_portal portal, const u64 words[6], u64 *value)
{
	return allod_stub_call(portal, words, value, CALL_portal_call);
}

/* A call with grants or a deadline. */
static i64 call_with(allod_portal portal, const u64 words[6], u64 *value, u64 deadline)
{
	struct grant_spec grants[ALLOD_LENT_MAX];
	struct call_spec spec = { .portal = portal, .deadline = deadline, .grants = (u64)grants };
	const u64 argument[6] = { (u64)&spec };
	bool failed = lent.failed;

	memcpy(spec.words, words, sizeof(spec.words));
	memcpy(grants, lent.grants, sizeof(grants));
	spec.grant_count = lent.count;
	drop_lent();
	return failed ? -E_INVAL : allod_stub_call(0, argument, value, CALL_portal_call_with);
}

static i64 call_any(allod_portal portal, const u64 words[6], u64 *value, u64 deadline)
{
	if (__builtin_expect(deadline || lent.count || lent.failed, 0))
		return call_with(portal, words, value, deadline);
	return call_plainly(portal, words, value);
}

int allod_call(allod_portal portal, const uint64_t words[6], uint64_t *result, const struct allod_how *how)
{
	if (!allod_present())
		return errno = ENOSYS, -1;
	return (int)allod_result(call_any(portal, words, result, how ? how->deadline_ns : 0));
}

/* -> the value, or -1 and errno. */
static u64 invoke(allod_portal portal, const u64 words[6], u64 deadline)
{
	u64 value;
	i64 status = allod_present() ? call_any(portal, words, &value, deadline) : -E_NOSYS;

	if (__builtin_expect(status < 0, 0))
		return (u64)allod_result(status);
	errno = 0;
	return value;
}

uint64_t allod_invoke(allod_portal portal, const uint64_t words[6])
{
	return invoke(portal, words, 0);
}

/* The time so many nanoseconds from now; the last there is, if that is later. */
static u64 deadline_in(u64 nanoseconds)
{
	struct timespec time;
	u64 now;

	if (!nanoseconds)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &time);
	now = (u64)time.tv_sec * 1000000000ul + (u64)time.tv_nsec;
	return nanoseconds < ~now ? now + nanoseconds : ~0ul;
}

uint64_t allod_invoke_in(struct allod_space *space, const void *function, const uint64_t words[6])
{
	allod_portal portal;
	u64 value;

	errno = allod_present() ? EINVAL : ENOSYS;
	portal = space ? allod_portal_at(space, function) : 0;
	if (!portal) {
		drop_lent();
		return (u64)-1;
	}
	value = invoke(portal, words, deadline_in(space->deadline));
	/* That a portal is gone or may not be called says that the space has ended. */
	if (__builtin_expect(errno, 0) && space_is_gone(space))
		errno = EOWNERDEAD;
	return value;
}

/* Portals: portal.h. */
#include "portal.h"

#include "account.h"
#include "gate.h"
#include "grant.h"
#include "pool.h"
#include "pt.h"
#include "space.h"

enum { BUCKETS = 256 };

static struct pool portal_pool = POOL_INIT(portal_pool, struct portal);
static struct portal *buckets[BUCKETS];
static u64 portal_generation = 1; /* of what spaces remember */

static struct portal **bucket_of(u64 address)
{
	return &buckets[(address >> number_shift ^ address >> 4 ^ address >> 12) % BUCKETS];
}

/* Where the link to the portal at a global address is; the link is NULL if there is none. */
static struct portal **link_of(u64 address)
{
	struct portal **link = bucket_of(address);

	while (*link && (*link)->address != address)
		link = &(*link)->next;
	return link;
}

struct portal *portal_at(u64 address)
{
	return *link_of(address);
}

int portal_create(struct space *space, u64 entry, u64 cookie)
{
	struct portal *portal, **link;

	if (!entry || entry >= window_bytes())
		return -E_INVAL;
	link = link_of(globalize(space->number, entry));
	if (*link)
		return -E_EXIST;
	if (!account_charge(space->account, ACCOUNT_GRANTS, 1))
		return -E_LIMIT;
	portal = pool_alloc(&portal_pool);
	if (!portal) {
		account_refund(space->account, ACCOUNT_GRANTS, 1);
		return -E_NOMEM;
	}
	*portal = (struct portal){ .space = space, .entry = entry, .cookie = cookie };
	portal->address = globalize(space->number, entry);
	*link = portal;
	list_append(&space->portals, &portal->of_space);
	return 0;
}

static void destroy(struct portal **link)
{
	struct portal *portal = *link;

	*link = portal->next;
	list_remove(&portal->of_space);
	account_refund(portal->space->account, ACCOUNT_GRANTS, 1);
	pool_free(&portal_pool, portal);
	portal_forget();
}

int portal_destroy(struct space *space, u64 entry)
{
	struct portal **link = link_of(globalize(space->number, entry));

	if (entry >= window_bytes() || !*link)
		return -E_NOENT;
	destroy(link);
	return 0;
}

void portal_end_space(struct space *space)
{
	while (!list_is_empty(&space->portals))
		destroy(link_of(container_of(list_first(&space->portals), struct portal, of_space)->address));
}

void portal_forget(void)
{
	portal_generation++;
	gate_forget();
}

/* The slow way: by the table of all portals and the grants. */
static int find(struct space *caller, u64 address, struct portal **portal)
{
	struct portal *found;

	if (address >= user_end())
		return -E_NOENT;
	if (!address_number(address))
		address = globalize(caller->number, address);
	if (!space_may_call(caller, address))
		return -E_PERM;
	found = portal_at(address);
	if (!found)
		return -E_NOENT;
	*portal = found;
	return 0;
}

int portal_find(struct space *caller, u64 address, struct portal **portal)
{
	struct portal_memory *memory =
		&caller->portals_called[(address >> number_shift ^ address >> 4) % PORTALS_REMEMBERED];
	int error;

	if (memory->address == address && memory->generation == portal_generation) {
		*portal = memory->portal;
		return 0;
	}
	error = find(caller, address, portal);
	if (error)
		return error;
	memory->address = address;
	memory->generation = portal_generation;
	memory->portal = *portal;
	return 0;
}

/* Portals: portal.h. */
#include "portal.h"

#include "account.h"
#include "gate.h"
#include "grant.h"
#include "pool.h"
#include "pt.h"
#include "space.h"
#include "work.h"

static struct pool portal_pool = POOL_INIT(portal_pool, struct portal);
static struct hash portals;
static u64 portal_generation = 1; /* what spaces remember from before is void */

struct portal *portal_at(u64 address)
{
	struct hash_node *node = hash_find(&portals, address);

	return node ? container_of(node, struct portal, by_address) : NULL;
}

int portal_create(struct space *space, u64 entry, u64 cookie)
{
	u64 address = globalize(space->number, entry);
	struct portal *portal;

	if (!entry || entry >= window_bytes())
		return -E_INVAL;
	if (portal_at(address))
		return -E_EXIST;
	if (!account_charge(space->account, ACCOUNT_GRANTS, 1))
		return -E_LIMIT;
	portal = pool_alloc(&portal_pool);
	if (!portal) {
		account_refund(space->account, ACCOUNT_GRANTS, 1);
		return -E_NOMEM;
	}
	*portal = (struct portal){ .space = space, .entry = entry, .cookie = cookie };
	hash_insert(&portals, &portal->by_address, address);
	list_append(&space->portals, &portal->of_space);
	return 0;
}

static void destroy(struct portal *portal)
{
	hash_remove(&portals, &portal->by_address);
	list_remove(&portal->of_space);
	account_refund(portal->space->account, ACCOUNT_GRANTS, 1);
	pool_free(&portal_pool, portal);
	portal_forget();
}

int portal_destroy(struct space *space, u64 entry)
{
	struct portal *portal = entry < window_bytes() ? portal_at(globalize(space->number, entry)) : NULL;

	if (!portal)
		return -E_NOENT;
	destroy(portal);
	return 0;
}

bool portal_end_space(struct space *space)
{
	while (!list_is_empty(&space->portals)) {
		destroy(container_of(list_first(&space->portals), struct portal, of_space));
		if (work_is_due())
			return false;
	}
	return true;
}

void portal_forget(void)
{
	portal_generation++;
	gate_forget();
}

/* The slow way: looks in the table of all portals, and asks the grants. */
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

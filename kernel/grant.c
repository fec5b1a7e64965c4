/* Grants: grant.h. */
#include "grant.h"

#include "account.h"
#include "handle.h"
#include "panic.h"
#include "pool.h"
#include "portal.h"
#include "pt.h"
#include "space.h"
#include "tlb.h"

static struct pool grant_pool = POOL_INIT(grant_pool, struct grant);
static struct handle_table grants;

enum { MEMORY_RIGHTS = RIGHT_R | RIGHT_W | RIGHT_X };

/* Does a grant allow all of `rights` at an offset? */
static bool allows(const struct grant *grant, u64 offset, u32 rights)
{
	u32 have = grant->flags & RIGHT_ALL;

	if (have & MEMORY_RIGHTS)
		have |= RIGHT_R;
	if (rights & ~have)
		return false;
	if ((rights & RIGHT_P) && (offset < grant->start || offset >= grant->end))
		return false;
	return offset >= page_down(grant->start) && offset < page_down(grant->end + PAGE_SIZE - 1);
}

struct grant *grant_find(const struct space *owner, const struct space *to, u64 offset, u32 rights)
{
	list_for_each(node, &owner->granted) {
		struct grant *grant = container_of(node, struct grant, of_owner);

		if (grant->to == to && allows(grant, offset, rights))
			return grant;
	}
	return NULL;
}

struct grant *grant_by_number(u32 number)
{
	return handle_find(&grants, number);
}

bool grant_exists(const struct space *owner, const struct space *viewer)
{
	list_for_each(node, &owner->granted)
		if (container_of(node, struct grant, of_owner)->to == viewer)
			return true;
	return false;
}

bool space_may_call(struct space *caller, u64 address)
{
	const struct space *owner;

	if (address >= user_end())
		return false;
	if (!address_number(address))
		return true;
	owner = space_find((u32)address_number(address));
	if (!owner)
		return false;
	return owner == caller || owner->system == caller || space_manages(caller, owner) ||
		grant_find(owner, caller, address_offset(address), RIGHT_P);
}

static int make(struct space *owner, struct space *from, struct space *to, struct grant *parent, u64 start, u64 end,
	u32 flags)
{
	/* From birth on the grantee is the maker, too: the new space pays. */
	struct account *account = from == to ? owner->account : from->account;
	struct grant *grant;

	if (!account_charge(account, ACCOUNT_GRANTS, 1))
		return -E_LIMIT;
	grant = pool_alloc_zeroed(&grant_pool);
	if (grant)
		grant->number = handle_make(&grants, grant);
	if (!grant || !grant->number) {
		if (grant)
			pool_free(&grant_pool, grant);
		account_refund(account, ACCOUNT_GRANTS, 1);
		return -E_NOMEM;
	}
	grant->account = account;
	grant->flags = flags;
	grant->owner = owner;
	grant->from = from;
	grant->to = to;
	grant->start = start;
	grant->end = end;
	grant->parent = parent;
	list_init(&grant->children);
	list_init(&grant->sibling);
	if (parent)
		list_append(&parent->children, &grant->sibling);
	list_append(&owner->granted, &grant->of_owner);
	list_append(&to->received, &grant->of_to);
	list_append(&from->made, &grant->of_from);
	return (int)grant->number;
}

int grant_make_whole(struct space *owner, struct space *to, u32 rights_flags)
{
	return make(owner, to, to, NULL, 0, window_bytes(), rights_flags);
}

/* The grant that `caller` holds of a range and may pass on; one with all of the rights, if there is one. */
static struct grant *find_parent(const struct space *owner, const struct space *caller, u64 start, u64 end, u32 rights)
{
	struct grant *best = NULL;

	list_for_each(node, &owner->granted) {
		struct grant *grant = container_of(node, struct grant, of_owner);

		if (grant->to != caller || !(grant->flags & GRANT_PASS) || start < grant->start || end > grant->end)
			continue;
		if (!(rights & ~grant->flags))
			return grant;
		best = grant;
	}
	return best;
}

int grant_make(struct space *caller, u64 address, u64 bytes, u32 to, u32 rights_flags)
{
	u64 start = address_offset(address), number = address_number(address);
	struct space *owner, *grantee;
	struct grant *parent = NULL;

	if (address >= user_end() || !bytes || bytes > window_bytes() - start || !(rights_flags & RIGHT_ALL) ||
		(rights_flags & ~(u32)(RIGHT_ALL | GRANT_PASS)))
		return -E_INVAL;
	owner = number ? space_find((u32)number) : caller;
	grantee = space_find(to);
	if (!owner || !grantee)
		return -E_NOENT;
	if (grantee == owner)
		return -E_INVAL;
	if (owner != caller && !space_manages(caller, owner)) {
		parent = find_parent(owner, caller, start, start + bytes, rights_flags & RIGHT_ALL);
		if (!parent)
			return -E_PERM;
		rights_flags &= parent->flags;
		if (!(rights_flags & RIGHT_ALL))
			return -E_PERM;
	}
	return make(owner, caller, grantee, parent, start, start + bytes, rights_flags);
}

/* Ends one grant that has no children left. */
static void end_one(struct grant *grant)
{
	list_remove(&grant->sibling);
	list_remove(&grant->of_owner);
	list_remove(&grant->of_to);
	list_remove(&grant->of_from);
	if (grant->flags & MEMORY_RIGHTS)
		pt_clear_view(grant->to, grant->owner, page_down(grant->start), page_down(grant->end + PAGE_SIZE - 1));
	account_refund(grant->account, ACCOUNT_GRANTS, 1);
	handle_drop(&grants, grant->number);
	pool_free(&grant_pool, grant);
}

/* Ends a grant and all made from it, the youngest first. */
static void end_tree(struct grant *grant)
{
	struct grant *top = grant->parent;

	while (grant != top) {
		struct grant *parent = grant->parent;

		if (!list_is_empty(&grant->children)) {
			grant = container_of(list_first(&grant->children), struct grant, sibling);
			continue;
		}
		end_one(grant);
		/* Go on with the parent's other children, unless this was the one asked for. */
		grant = parent;
	}
}

/* Its maker, its grantee and who manages the memory may end a grant; the owner too, but not what its manager made. */
static bool may_revoke(const struct space *caller, const struct grant *grant)
{
	if (caller == grant->from || caller == grant->to || space_manages(caller, grant->owner))
		return true;
	return caller == grant->owner && !(grant->from && space_manages(grant->from, grant->owner));
}

int grant_revoke(struct space *caller, u32 number)
{
	struct grant *grant = grant_by_number(number);

	if (!grant)
		return -E_NOENT;
	if (!may_revoke(caller, grant))
		return -E_PERM;
	end_tree(grant);
	portal_forget();
	tlb_commit();
	return 0;
}

void grant_end_space(struct space *space)
{
	while (!list_is_empty(&space->granted))
		end_tree(container_of(list_first(&space->granted), struct grant, of_owner));
	while (!list_is_empty(&space->received))
		end_tree(container_of(list_first(&space->received), struct grant, of_to));
	while (!list_is_empty(&space->made))
		end_tree(container_of(list_first(&space->made), struct grant, of_from));
	portal_forget();
}

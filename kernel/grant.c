/* Grants: grant.h. */
#include "grant.h"

#include "account.h"
#include "arch.h"
#include "frame.h"
#include "handle.h"
#include "lib/string.h"
#include "panic.h"
#include "pool.h"
#include "portal.h"
#include "pt.h"
#include "space.h"
#include "tlb.h"
#include "work.h"

static struct pool grant_pool = POOL_INIT(grant_pool, struct grant),
		   pair_pool = POOL_INIT(pair_pool, struct grant_pair);
static struct handle_table grants;

enum { MEMORY_RIGHTS = RIGHT_R | RIGHT_W | RIGHT_X };

static struct hash pairs;

/* --- pairs of spaces --- */

static u64 pair_key(const struct space *owner, const struct space *to)
{
	return (u64)owner->number << 32 | to->number;
}

static struct grant_pair *pair_find(const struct space *owner, const struct space *to)
{
	struct hash_node *node = hash_find(&pairs, pair_key(owner, to));

	return node ? container_of(node, struct grant_pair, by_numbers) : NULL;
}

/* The pair of two spaces, made if need be. NULL: no frame free. */
static struct grant_pair *pair_make(struct space *owner, struct space *to)
{
	struct grant_pair *pair = pair_find(owner, to);

	if (pair)
		return pair;
	pair = pool_alloc_zeroed(&pair_pool);
	if (!pair)
		return NULL;
	pair->owner = owner;
	pair->to = to;
	list_init(&pair->grants);
	list_append(&owner->viewers, &pair->of_owner);
	list_append(&to->received, &pair->of_to);
	hash_insert(&pairs, &pair->by_numbers, pair_key(owner, to));
	return pair;
}

static void drop_last(struct grant_pair *pair)
{
	if (!pair->last)
		return;
	handle_drop(&grants, pair->last->number);
	pool_free(&grant_pool, pair->last);
	pair->last = NULL;
}

/* Frees a pair that is not needed any more. */
static void pair_put(struct grant_pair *pair)
{
	if (!list_is_empty(&pair->grants) || pair->keeps_tables)
		return;
	drop_last(pair);
	if (pair->owner->called == pair)
		pair->owner->called = NULL;
	hash_remove(&pairs, &pair->by_numbers);
	list_remove(&pair->of_owner);
	list_remove(&pair->of_to);
	pool_free(&pair_pool, pair);
}

void grant_note_copies(struct grant *grant)
{
	struct grant_pair *pair = grant->pair;

	grant->has_copies = true;
	if (pair->has_copies)
		return;
	pair->has_copies = true;
	list_remove(&pair->of_owner);
	list_prepend(&pair->owner->viewers, &pair->of_owner);
}

/* --- finding --- */

/* Is a grant, or one that it was made from, being revoked? */
static bool is_revoked(const struct grant *grant)
{
	while (grant && !grant->is_revoked)
		grant = grant->parent;
	return grant;
}

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
	return offset >= page_down(grant->start) && offset < page_down(grant->end + PAGE_SIZE - 1) &&
		!is_revoked(grant);
}

struct grant *grant_find(const struct space *owner, const struct space *to, u64 offset, u32 rights)
{
	const struct grant_pair *pair = pair_find(owner, to);

	if (!pair)
		return NULL;
	list_for_each(node, &pair->grants) {
		struct grant *grant = container_of(node, struct grant, of_pair);

		if (allows(grant, offset, rights))
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
	const struct grant_pair *pair = pair_find(owner, viewer);

	return pair && !list_is_empty(&pair->grants);
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
	struct grant_pair *pair;
	struct grant *grant;
	u32 number;

	if ((parent && parent->depth == GRANT_DEPTH_MAX) || !account_charge(account, ACCOUNT_GRANTS, 1))
		return -E_LIMIT;
	grant = pool_alloc(&grant_pool);
	pair = grant ? pair_make(owner, to) : NULL;
	number = pair ? handle_make(&grants, grant) : 0;
	if (!number) {
		if (pair)
			pair_put(pair);
		if (grant)
			pool_free(&grant_pool, grant);
		account_refund(account, ACCOUNT_GRANTS, 1);
		return -E_NOMEM;
	}
	*grant = (struct grant){
		.number = number,
		.flags = flags,
		.owner = owner,
		.from = from,
		.to = to,
		.start = start,
		.end = end,
		.account = account,
		.is_exact = parent && parent->is_exact,
		.parent = parent,
		.depth = parent ? parent->depth + 1 : 0,
		.pair = pair,
	};
	list_init(&grant->children);
	list_init(&grant->sibling);
	list_init(&grant->of_from);
	list_init(&grant->of_call);
	if (parent)
		list_append(&parent->children, &grant->sibling);
	list_append(&owner->granted, &grant->of_owner);
	list_prepend(&pair->grants, &grant->of_pair);
	if (from != owner)
		list_append(&from->made, &grant->of_from);
	return (int)grant->number;
}

int grant_make_whole(struct space *owner, struct space *to, u32 rights_flags)
{
	return make(owner, to, to, NULL, 0, window_bytes(), rights_flags);
}

/* A grant that `caller` holds of a range and may pass on: one that has all of the rights, if there is one. */
static struct grant *find_parent(const struct space *owner, const struct space *caller, u64 start, u64 end, u32 rights)
{
	const struct grant_pair *pair = pair_find(owner, caller);
	struct grant *best = NULL;

	if (!pair)
		return NULL;
	list_for_each(node, &pair->grants) {
		struct grant *grant = container_of(node, struct grant, of_pair);

		if (!(grant->flags & GRANT_PASS) || start < grant->start || end > grant->end || is_revoked(grant))
			continue;
		if (!(rights & ~grant->flags))
			return grant;
		best = grant;
	}
	return best;
}

/* As grant_make(), with a grantee that may be NULL. */
static int make_checked(struct space *caller, u64 address, u64 bytes, struct space *grantee, u32 flags)
{
	u64 start = address_offset(address), number = address_number(address);
	struct grant *parent = NULL;
	struct space *owner;

	if (address >= user_end() || !bytes || bytes > window_bytes() - start || !(flags & RIGHT_ALL))
		return -E_INVAL;
	owner = number ? space_find((u32)number) : caller;
	if (!owner || !grantee)
		return -E_NOENT;
	if (grantee == owner)
		return -E_INVAL;
	if (owner != caller && !space_manages(caller, owner)) {
		parent = find_parent(owner, caller, start, start + bytes, flags & RIGHT_ALL);
		if (!parent)
			return -E_PERM;
		flags &= parent->flags | GRANT_KEEP | GRANT_EXACT;
		if (!(flags & RIGHT_ALL))
			return -E_PERM;
	}
	return make(owner, caller, grantee, parent, start, start + bytes, flags);
}

int grant_make(struct space *caller, u64 address, u64 bytes, u32 to, u32 rights_flags)
{
	if (rights_flags & ~(u32)(RIGHT_ALL | GRANT_PASS))
		return -E_INVAL;
	return make_checked(caller, address, bytes, space_find(to), rights_flags);
}

/* --- exact grants --- */

/* The offset of the page that an edge is a copy of, and the bytes of the range that lie in it. */
static u64 edge_page(const struct grant *grant, unsigned i, u64 *start, u64 *end)
{
	u64 page = page_down(i ? grant->end - 1 : grant->start);

	*start = max_u64(page, grant->start);
	*end = min_u64(page + PAGE_SIZE, grant->end);
	return page;
}

void *grant_edge(const struct grant *grant, u64 offset)
{
	u64 start, end;

	for (; grant && grant->is_exact; grant = grant->parent)
		for (unsigned i = 0; i < 2; i++)
			if (grant->edges[i] && edge_page(grant, i, &start, &end) == page_down(offset))
				return grant->edges[i];
	return NULL;
}

/* A frame for the copy of an edge page: the one that another exact grant to the same space has for that page, or a new one. */
static void *edge_frame(const struct grant *grant, u64 page)
{
	u64 start, end;

	list_for_each(node, &grant->pair->grants) {
		const struct grant *other = container_of(node, struct grant, of_pair);

		for (unsigned i = 0; i < 2; i++)
			if (other->edges[i] && edge_page(other, i, &start, &end) == page) {
				frame_get(other->edges[i]);
				return other->edges[i];
			}
	}
	return frame_alloc();
}

static u64 own_address(const struct grant *grant, u64 offset)
{
	return grant->owner == grant->from ? offset : globalize(grant->owner->number, offset);
}

/* Copies the bytes of the range that lie in edge pages that are not whole. The maker is charged for the copies, for each edge one.
 * -E_FAULT, -E_NOMEM: end_one() frees the copies made so far. */
static int copy_edges(struct grant *grant)
{
	u32 access = grant->flags & RIGHT_W ? FAULT_WRITE : 0;
	u64 first = page_down(grant->start), start, end;

	for (unsigned i = 0; i < 2; i++) {
		u64 page = edge_page(grant, i, &start, &end);
		const void *memory;

		if (end - start == PAGE_SIZE || (i && page == first))
			continue;
		memory = space_touch(grant->from, own_address(grant, start), access);
		if (!memory)
			return -E_FAULT;
		if (!account_charge(grant->account, ACCOUNT_FRAMES, 1))
			return -E_NOMEM;
		grant->edges[i] = edge_frame(grant, page);
		if (!grant->edges[i]) {
			account_refund(grant->account, ACCOUNT_FRAMES, 1);
			return -E_NOMEM;
		}
		memcpy((char *)grant->edges[i] + (start - page), memory, end - start);
		arch_code_changed(grant->edges[i], PAGE_SIZE);
		grant->is_exact = true;
	}
	return 0;
}

/* Copies the edges back, if the grantee could write to them. Where the maker has lost the right to write, they are lost. */
static void drop_edges(struct grant *grant)
{
	u64 start, end;

	for (unsigned i = 0; i < 2; i++) {
		u64 page = edge_page(grant, i, &start, &end);

		if (!grant->edges[i])
			continue;
		if ((grant->flags & RIGHT_W) && grant->from->end == SPACE_ALIVE)
			space_write(grant->from, own_address(grant, start), (char *)grant->edges[i] + (start - page),
				end - start);
		tlb_put_frame(grant->edges[i]);
		account_refund(grant->account, ACCOUNT_FRAMES, 1);
	}
}

/* --- ending --- */

/* Ends one grant that has no children left. */
static void end_one(struct grant *grant)
{
	struct grant_pair *pair = grant->pair;

	list_remove(&grant->sibling);
	list_remove(&grant->of_owner);
	list_remove(&grant->of_pair);
	list_remove(&grant->of_from);
	list_remove(&grant->of_call);
	if (grant->flags & RIGHT_P)
		portal_forget();
	if (pair->shows && (grant->flags & MEMORY_RIGHTS))
		pt_clear_view(pair, page_down(grant->start), page_down(grant->end + PAGE_SIZE - 1));
	if (grant->is_exact)
		drop_edges(grant);
	account_refund(grant->account, ACCOUNT_GRANTS, 1);
	handle_drop(&grants, grant->number);
	pool_free(&grant_pool, grant);
	pair_put(pair);
}

/* Ends a grant that has no children: the grant itself, or a descendant of it, always by way of the youngest child. */
static void end_youngest(struct grant *grant)
{
	while (!list_is_empty(&grant->children))
		grant = container_of(list_first(&grant->children), struct grant, sibling);
	end_one(grant);
}

/* Ends a grant and all made from it, the youngest first, until it is time to stop; those that are left give no rights. -> is it
 * done? */
static bool end_some(struct grant *grant)
{
	while (!list_is_empty(&grant->children)) {
		if (!grant->is_revoked)
			portal_forget();
		grant->is_revoked = true;
		end_youngest(grant);
		if (work_is_due())
			return false;
	}
	end_one(grant);
	return true;
}

void grant_end(struct grant *grant)
{
	while (!end_some(grant))
		;
}

int grant_make_for_call(struct space *caller, struct space *to, const struct grant_spec *spec, struct grant **out)
{
	const u32 allowed = RIGHT_ALL | GRANT_PASS | GRANT_KEEP | GRANT_EXACT;
	struct grant *grant;
	int number, error = 0;

	/* A grant that is kept beyond its call cannot be exact: there is no end of the call at which to copy back. */
	if ((spec->flags & ~allowed) || !(~spec->flags & (GRANT_KEEP | GRANT_EXACT)))
		return -E_INVAL;
	number = make_checked(caller, spec->address, spec->bytes, to, spec->flags);
	if (number < 0)
		return number;
	grant = grant_by_number((u32)number);
	grant->pair->keeps_tables = true;
	if (grant->flags & GRANT_EXACT)
		error = copy_edges(grant);
	if (error) {
		grant->flags &= ~(u32)RIGHT_W;
		grant_end(grant);
		tlb_commit();
		return error;
	}
	if (grant->flags & MEMORY_RIGHTS)
		pt_show_present(grant, GRANT_SHOWN_AT_ONCE);
	*out = grant;
	return 0;
}

void grant_end_with_call(struct grant *grant)
{
	struct grant_pair *pair = grant->pair;

	if (!list_is_empty(&grant->children) || grant->owner != grant->from || grant->is_exact ||
		(grant->flags & RIGHT_P)) {
		grant_end(grant);
		return;
	}
	drop_last(pair);
	list_unlink(&grant->of_owner);
	list_unlink(&grant->of_pair);
	list_unlink(&grant->of_call);
	account_refund(grant->account, ACCOUNT_GRANTS, 1);
	grant->number = handle_lapse(&grants, grant->number);
	pair->last = grant;
	pair->owner->called = pair;
	if (pair->shows)
		pt_clear_view(pair, page_down(grant->start), page_down(grant->end + PAGE_SIZE - 1));
}

struct grant *grant_repeat(struct space *caller, struct space *to, const volatile struct grant_spec *spec)
{
	u64 address = spec->address, number = address_number(address), start = address_offset(address);
	struct grant_pair *pair = caller->called;
	struct grant *grant;

	if (number && number != caller->number)
		return NULL;
	if (!pair || pair->to != to)
		pair = pair_find(caller, to);
	grant = pair ? pair->last : NULL;
	if (!grant || grant->start != start || grant->end - start != spec->bytes || grant->flags != spec->flags ||
		!account_charge(grant->account, ACCOUNT_GRANTS, 1))
		return NULL;
	pair->last = NULL;
	handle_renew(&grants, grant->number, grant);
	list_append(&caller->granted, &grant->of_owner);
	list_prepend(&pair->grants, &grant->of_pair);
	if (grant->flags & MEMORY_RIGHTS)
		pt_show_repeated(grant);
	return grant;
}

/* May the caller end the grant? Its maker, its grantee and a manager of the owner may; the owner may, unless its manager made the
 * grant. */
static bool may_revoke(const struct space *caller, const struct grant *grant)
{
	if (caller == grant->from || caller == grant->to || space_manages(caller, grant->owner))
		return true;
	return caller == grant->owner && !(grant->from && space_manages(grant->from, grant->owner));
}

int grant_revoke(struct space *caller, u32 number)
{
	struct grant *grant = grant_by_number(number);
	bool done;

	if (!grant)
		return -E_NOENT;
	if (!may_revoke(caller, grant))
		return -E_PERM;
	done = end_some(grant);
	tlb_commit();
	return done ? 0 : WORK_AGAIN;
}

/* Ends all grants of a pair, and what tables it kept. -> false: it was time to stop. */
static bool end_pair(struct grant_pair *pair)
{
	while (!list_is_empty(&pair->grants)) {
		bool is_last = pair->grants.next == pair->grants.prev && !pair->keeps_tables;
		const struct grant *grant = container_of(list_first(&pair->grants), struct grant, of_pair);

		is_last &= list_is_empty(&grant->children);
		end_youngest(container_of(list_first(&pair->grants), struct grant, of_pair));
		if (work_is_due())
			return false;
		if (is_last)
			return true;
	}
	pair->keeps_tables = false;
	pt_clear_view(pair, 0, window_bytes());
	pair_put(pair);
	return !work_is_due();
}

bool grant_end_space(struct space *space)
{
	while (!list_is_empty(&space->viewers))
		if (!end_pair(container_of(list_first(&space->viewers), struct grant_pair, of_owner)))
			return false;
	while (!list_is_empty(&space->received))
		if (!end_pair(container_of(list_first(&space->received), struct grant_pair, of_to)))
			return false;
	while (!list_is_empty(&space->made)) {
		end_youngest(container_of(list_first(&space->made), struct grant, of_from));
		if (work_is_due())
			return false;
	}
	return true;
}

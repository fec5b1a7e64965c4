/* Accounts: account.h. */
#include "account.h"

#include "panic.h"
#include "pool.h"

static struct pool account_pool = POOL_INIT(account_pool, struct account);

_Static_assert(sizeof(struct quota) == ACCOUNT_KINDS * sizeof(u64), "a quota is one number of each kind");

int account_open(struct account *parent, const struct quota *quota, struct account **out)
{
	const u64 limits[ACCOUNT_KINDS] = { quota->frames, quota->spaces, quota->threads, quota->grants };
	struct account *account;

	account_get(parent);
	*out = parent;
	if (!(limits[0] | limits[1] | limits[2] | limits[3]))
		return 0;
	account = parent && parent->depth + 1 == ACCOUNT_DEPTH_MAX ? NULL : pool_alloc_zeroed(&account_pool);
	if (!account) {
		account_put(parent);
		return parent && parent->depth + 1 == ACCOUNT_DEPTH_MAX ? -E_LIMIT : -E_NOMEM;
	}
	account->parent = parent;
	account->references = 1;
	account->depth = parent ? parent->depth + 1 : 0;
	for (unsigned i = 0; i < ACCOUNT_KINDS; i++)
		account->limit[i] = limits[i] ? limits[i] : ~0ul;
	*out = account;
	return 0;
}

void account_get(struct account *account)
{
	if (account)
		account->references++;
}

void account_put(struct account *account)
{
	while (account && --account->references == 0) {
		struct account *parent = account->parent;

		for (unsigned i = 0; i < ACCOUNT_KINDS; i++)
			ASSERT(!account->used[i]);
		pool_free(&account_pool, account);
		account = parent;
	}
}

void account_tell(const struct account *account, struct quota *used, struct quota *limit)
{
	u64 least[ACCOUNT_KINDS] = { ~0ul, ~0ul, ~0ul, ~0ul };

	if (!account)
		return;
	*used = (struct quota){ account->used[0], account->used[1], account->used[2], account->used[3] };
	for (; account; account = account->parent)
		for (unsigned i = 0; i < ACCOUNT_KINDS; i++)
			least[i] = min_u64(least[i], account->limit[i]);
	/* No limit, ~0, is 0 outside. */
	for (unsigned i = 0; i < ACCOUNT_KINDS; i++)
		least[i] += !~least[i];
	*limit = (struct quota){ least[0], least[1], least[2], least[3] };
}

bool account_charge_all(struct account *account, enum account_kind kind, u64 count)
{
	for (const struct account *a = account; a; a = a->parent)
		if (count > a->limit[kind] || a->used[kind] > a->limit[kind] - count)
			return false;
	for (; account; account = account->parent)
		account->used[kind] += count;
	return true;
}

void account_refund_all(struct account *account, enum account_kind kind, u64 count)
{
	for (; account; account = account->parent) {
		ASSERT(account->used[kind] >= count);
		account->used[kind] -= count;
	}
}

/* Accounts: what spaces use of the machine, and how much of it they may use (struct quota).
 *
 * A space that is made with a quota has an account of its own, below the account of the space that asked for it (its payer); a
 * space made without one is on the payer's account. A charge to an account is charged to all accounts above it too, so a quota
 * below can only be tighter. Spaces without any quota have no account (NULL): charging costs a comparison then.
 *
 * Charged are: frames - private ones, page tables, segments; spaces, until their number is free again; threads, to their home's
 * account; and grants (to their maker's account), portals and segments together. All functions: under the kernel lock. */
#ifndef KERNEL_ACCOUNT_H
#define KERNEL_ACCOUNT_H

#include "types.h"

enum account_kind { ACCOUNT_FRAMES, ACCOUNT_SPACES, ACCOUNT_THREADS, ACCOUNT_GRANTS, ACCOUNT_KINDS };
enum { ACCOUNT_DEPTH_MAX = 8 };

struct account {
	struct account *parent;    /* [I] referenced; NULL: none */
	u32 references, depth;     /* depth: [I] accounts above */
	u64 used[ACCOUNT_KINDS];
	u64 limit[ACCOUNT_KINDS]; /* [I] ~0: none */
};

/* The account of a new space, with a reference: `parent`, or a new one below it if there is any quota. -E_LIMIT (too many above
 * each other), -E_NOMEM. */
int account_open(struct account *parent, const struct quota *quota, struct account **out);
void account_get(struct account *account);
void account_put(struct account *account);
/* What is used, and the least limit of the account and all above it (0: none). */
void account_tell(const struct account *account, struct quota *used, struct quota *limit);

bool account_charge_all(struct account *account, enum account_kind kind, u64 count);
void account_refund_all(struct account *account, enum account_kind kind, u64 count);

/* Charges an account; false, with nothing changed, if that is more than a limit. */
static inline bool account_charge(struct account *account, enum account_kind kind, u64 count)
{
	return !account || account_charge_all(account, kind, count);
}

/* Could a frame be charged? */
static inline bool account_has_room(struct account *account)
{
	if (!account_charge(account, ACCOUNT_FRAMES, 1))
		return false;
	if (account)
		account_refund_all(account, ACCOUNT_FRAMES, 1);
	return true;
}

static inline void account_refund(struct account *account, enum account_kind kind, u64 count)
{
	if (account)
		account_refund_all(account, kind, count);
}

#endif

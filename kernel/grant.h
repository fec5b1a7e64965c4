/* Grants: a range of one map made visible in another space.
 *
 *   owner's map <- grant (made by the owner or its manager) <- grant (passed on by its grantee) <- ...
 *
 * Rights only shrink along a chain; a grant ends with its parent, its owner and its grantee. The range is kept to the
 * byte for right p; memory is shown in whole pages. All functions: under the kernel lock. */
#ifndef KERNEL_GRANT_H
#define KERNEL_GRANT_H

#include "hash.h"
#include "lib/list.h"
#include "pte.h"
#include "types.h"

struct account;
struct space;

enum { GRANT_SHOWN_AT_ONCE = 8 /* pages */, GRANT_DEPTH_MAX = 64 };

/* All grants of one space's memory to another. */
struct grant_pair {
	struct space *owner, *to;
	struct hash_node by_numbers;      /* its key: see pair_key() */
	struct list_node grants;          /* by grant.of_pair, the newest first */
	struct list_node of_owner, of_to; /* in owner->viewers (those with copies first) and to->received */
	bool has_copies;   /* edge tables of `to` may show copies of entries */
	bool keeps_tables; /* there was a call's grant: its edge tables stay, empty, for the next call */
	bool shows;        /* the grantee's tables have shown something; never: there is nothing to take out */
	/* With keeps_tables, a call's grant that has ended, for the next call like it: in no list, not charged, with a number that
	 * stands for nothing yet. NULL: none. */
	struct grant *last;
	/* With keeps_tables, the page shown last: its offset, and the entry for it in the edge tables and in the owner's. */
	u64 page;
	pte_t *shown;        /* NULL: none */
	const pte_t *theirs; /* NULL: not known */
	pte_t was, as;       /* an entry of the owner's, and how a grant with the flags below shows that; 0: none */
	u32 as_flags;
};

struct grant {
	u32 number;
	u32 flags;            /* RIGHT_*, GRANT_* */
	struct space *owner;  /* of the memory */
	struct space *from;   /* who made it */
	struct space *to;     /* who may use it */
	u64 start, end;       /* offsets in the owner's window */
	struct account *account; /* charged */
	bool has_copies;      /* see grant_pair */
	bool is_exact;        /* this one or one above it has edges */
	bool is_revoked;      /* it is being ended, in steps: neither it nor what was made from it gives any right */
	u32 depth;            /* grants above it */
	void *edges[2];       /* GRANT_EXACT: copies of the first and the last page, NULL: that is whole, or is the first */
	struct grant *parent; /* NULL: from the owner or its manager */
	struct list_node children, sibling;
	struct grant_pair *pair;
	struct list_node of_owner, of_pair, of_from; /* in space.granted, pair->grants, space.made */
	struct list_node of_call;                    /* in call.grants, as long as it is a call's */
};

/* -> number of the grant. -E_INVAL (empty, outside of a window, no rights, to the owner itself), -E_PERM, -E_NOENT,
 * -E_LIMIT, -E_NOMEM. */
int grant_make(struct space *caller, u64 address, u64 bytes, u32 to, u32 rights_flags);
/* -E_NOENT, -E_PERM, WORK_AGAIN. */
int grant_revoke(struct space *caller, u32 number);
/* For a call into `to`: of a range as above, with GRANT_KEEP and GRANT_EXACT. What is present of a few pages is visible at once.
 * -E_FAULT too: an edge page is not accessible. */
int grant_make_for_call(struct space *caller, struct space *to, const struct grant_spec *spec, struct grant **out);
/* If it is the grant that the last call like this one made: makes that again. NULL: it is not, or that may not be. */
struct grant *grant_repeat(struct space *caller, struct space *to, const volatile struct grant_spec *spec);
/* Ends the grant of a call, and keeps what the next call like it can use; tlb_commit() has to follow. */
void grant_end_with_call(struct grant *grant);
/* Ends one and all made from it; tlb_commit() has to follow. */
void grant_end(struct grant *grant);
/* The creator's grant of a whole new space (SPACE_GRANT_CREATOR). */
int grant_make_whole(struct space *owner, struct space *to, u32 rights_flags);

/* A grant under which `to` may do all of `rights` at an offset of the owner's window, NULL if there is none. Write and
 * execute imply read, as they do in page tables. */
struct grant *grant_find(const struct space *owner, const struct space *to, u64 offset, u32 rights);
/* The grant of that number, NULL if there is none. */
struct grant *grant_by_number(u32 number);
/* The frame that stands for the page at an offset: the copy of an exact grant's edge page, NULL: the owner's page. */
void *grant_edge(const struct grant *grant, u64 offset);
/* Edge tables show copies of entries by this grant from now on. */
void grant_note_copies(struct grant *grant);
/* Does `viewer` hold any grant of the owner's memory? */
bool grant_exists(const struct space *owner, const struct space *viewer);
/* May the caller call portals at this global address: its own, of a space it manages or is the system of, or by right
 * p? */
bool space_may_call(struct space *caller, u64 address);

/* Ends all grants of a space's memory, to it, and made by it of memory it manages. -> false: it was time to stop. */
bool grant_end_space(struct space *space);

#endif

/* Grants: a range of one map made visible in another space.
 *
 *   owner's map <- grant (made by the owner or its manager) <- grant (passed on by its grantee) <- ...
 *
 * Rights only shrink along a chain. A grant ends when its parent, the owner's space or the grantee's space ends. Right p holds for
 * exactly the bytes of the range; memory is shown in whole pages. All functions: under the kernel lock. */
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
	bool has_copies;   /* edge tables of `to` may show copies of the owner's entries */
	bool keeps_tables; /* there was a grant of a call: when it ends, its edge tables stay, empty, for the next call */
	bool shows;        /* the grantee's tables have shown something of the owner's: there may be something to take out */
	/* With keeps_tables: the grant of the last call, which has ended, for the next call like it. It is in no list, not charged,
	 * and its number stands for nothing yet. NULL: none. */
	struct grant *last;
	/* With keeps_tables: the page that was shown last. */
	u64 page;            /* its offset */
	pte_t *shown;        /* its entry in the edge tables, NULL: none */
	const pte_t *theirs; /* its entry in the owner's tables, NULL: not known */
	pte_t was, as;       /* the owner's entry, and the entry that a grant with the flags below made of it; 0: none */
	u32 as_flags;
};

struct grant {
	u32 number;
	u32 flags;            /* RIGHT_*, GRANT_* */
	struct space *owner;  /* of the memory */
	struct space *from;   /* that made it */
	struct space *to;     /* that may use it */
	u64 start, end;       /* offsets in the owner's window */
	struct account *account; /* that is charged for it */
	bool has_copies;      /* see grant_pair */
	bool is_exact;        /* this one or one above it has edges */
	bool is_revoked;      /* it is being ended, in steps: neither it nor any grant made from it gives rights */
	u32 depth;            /* grants above it */
	void *edges[2];       /* GRANT_EXACT: copies of the first and of the last page; NULL: the whole page is granted, or it is
			       * the first page too */
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
/* Makes a grant for a call into `to`, of a range as above; GRANT_KEEP and GRANT_EXACT are allowed. The first GRANT_SHOWN_AT_ONCE
 * pages are entered into page tables at once, as far as they are present. Errors as grant_make(), and -E_FAULT: an edge page is not
 * accessible. */
int grant_make_for_call(struct space *caller, struct space *to, const struct grant_spec *spec, struct grant **out);
/* If the specification is that of the pair's last call, makes the same grant again, which is quick. NULL: it is another, or may not
 * be made any more. */
struct grant *grant_repeat(struct space *caller, struct space *to, const volatile struct grant_spec *spec);
/* Ends the grant of a call, and keeps it for grant_repeat() if it can; tlb_commit() has to follow. */
void grant_end_with_call(struct grant *grant);
/* Ends a grant and all made from it; tlb_commit() has to follow. */
void grant_end(struct grant *grant);
/* The creator's grant of a whole new space (SPACE_GRANT_CREATOR). */
int grant_make_whole(struct space *owner, struct space *to, u32 rights_flags);

/* A grant under which `to` may do all of `rights` at an offset of the owner's window, NULL if there is none. Write and
 * execute imply read, as they do in page tables. */
struct grant *grant_find(const struct space *owner, const struct space *to, u64 offset, u32 rights);
/* The grant of that number, NULL if there is none. */
struct grant *grant_by_number(u32 number);
/* The frame that an exact grant shows at an offset in place of the owner's page: the copy of an edge page. NULL: it shows the
 * owner's. */
void *grant_edge(const struct grant *grant, u64 offset);
/* From now on edge tables may show copies of the owner's entries by this grant. */
void grant_note_copies(struct grant *grant);
/* Does `viewer` hold any grant of the owner's memory? */
bool grant_exists(const struct space *owner, const struct space *viewer);
/* May the caller call a portal at this global address? It may in its own space, in a space that it manages or is the system of, and
 * where it holds right p. */
bool space_may_call(struct space *caller, u64 address);

/* Ends all grants that concern a space: of its memory, to it, and made by it. -> false: it was time to stop. */
bool grant_end_space(struct space *space);

#endif

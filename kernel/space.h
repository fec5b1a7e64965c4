/* Spaces: protection domains. A space has a number, a map of its own, the grants it holds, a page-table root and
 * portals.
 *
 * A space is created by its manager and ends once; what it owned goes then, but the structure and the number stay until
 * the last reference is dropped. All functions: under the kernel lock. Letters: [I] immutable, all else [K]. */
#ifndef KERNEL_SPACE_H
#define KERNEL_SPACE_H

#include "cpu.h"
#include "frame.h"
#include "lib/list.h"
#include "map.h"
#include "pt.h"
#include "tag.h"
#include "types.h"

struct account;
struct grant;
struct portal;
struct attachment;

enum { PORTALS_REMEMBERED = 4, PAGES_REMEMBERED = 2 };

/* A root of page tables under which threads of a space run. */
struct view {
	struct space *space; /* [I] */
	void *root;          /* [I] top-level table, kernel pointer */
	u64 used[8];         /* bitmap: user entries of the root in use */
	struct tag tags[CPUS_MAX]; /* for the machine */
};

struct space {
	u32 number; /* [I] */
	u32 flags;  /* [I] SPACE_* */
	char name[16];
	u32 references;
	u64 born; /* [I] how many spaces had been made with it */
	enum space_end end;
	u64 end_address;
	u32 stage, untold; /* of its end: what has been done of it; threads in `homes` that have not been told */
	bool is_off;       /* of its end: no processor is on its root any more */

	struct account *account;              /* [I] referenced; NULL: no limits */
	struct space *manager;                /* [I] referenced; NULL: this is the first space */
	u32 manager_number;                   /* [I] 0: none */
	struct list_node managed, of_manager; /* living spaces only; of one that ends: in thread.c's list of these */
	struct space *system; /* [I] referenced; whose system portal serves it, NULL: none. It may have ended. */
	u64 system_entry;     /* of this space's own system portal, for those it serves; 0: none yet */
	struct landing landing;
	u32 short_depth;      /* calls deep at which system calls still have a short way; 0: none, space_keep_vector() was called */

	struct map map;
	struct view view;
	void *tops[PT_LINKS_MAX];  /* tables of the map's window, linked into roots; NULL: not made yet */
	struct frame_chain tables; /* the tables it keeps until it ends: all but the root and edge tables */
	u64 table_count;
	struct {
		u64 page;           /* offset + 1 */
		const pte_t *entry; /* in the map's tables */
	} touched[PAGES_REMEMBERED]; /* by the kernel lately; page 0: none */

	struct list_node granted;  /* grants of this space's memory */
	struct list_node viewers;  /* grant_pairs: of this space's memory, */
	struct list_node received; /* and to this space */
	struct list_node made;     /* grants by this space of others' memory */
	struct list_node portals;
	struct portal_memory {
		u64 address, generation;
		struct portal *portal;
	} portals_called[PORTALS_REMEMBERED]; /* recently, see portal.c */
	struct list_node segments;            /* that it owns */
	struct list_node attachments;         /* of VASes to this space, detached ones too (vas.h) */
	struct list_node attached;            /* attachments of this VAS */

	struct list_node waiters; /* of space_wait(): kept by thread code */
	/* Kept by thread code: the threads whose first space it is, and stacklets in it. */
	u32 threads;
	struct list_node homes, stacklets;
	u64 round, ran; /* kept by sched.c: the last round that its threads ran in while others waited, and how long, ticks */
};

/* Is it one that the shield, if it is on, keeps the kernel away from? A process always is, trusted or not: the short way of its
 * system calls is made for that. */
static inline bool space_is_peer(const struct space *space)
{
	return !(space->flags & SPACE_TRUSTED) || space->system;
}

/* What space_fault() tells of a fault that it could not resolve. */
struct fault {
	u32 owner;         /* number of the space the address belongs to */
	u32 segment, page; /* with FAULT_PAGER */
};

/* Reads the split of addresses (layout.h: paging_levels). Once, after frame_init(). */
void space_init(void);
/* Creates a space managed by `creator` (NULL: the first one), on the account of `payer` or one below it. -E_INVAL, -E_PERM
 * (flags beyond the creator's), -E_LIMIT, -E_NOMEM. */
int space_create_for(struct space *creator, const struct space *payer, const struct space_spec *spec, struct space **out);
static inline int space_create(struct space *creator, const struct space_spec *spec, struct space **out)
{
	return space_create_for(creator, creator, spec, out);
}
/* The living space of that number, NULL if there is none. No reference is taken. */
struct space *space_find(u32 number);
/* Is `manager` the manager of s, or of its manager, and so on? */
bool space_manages(const struct space *manager, const struct space *s);
void space_get(struct space *space);
/* The last one, of an ended space, frees it and its number. */
void space_put(struct space *space);
/* Ends a living space, in pieces: space_kill() in thread.h does it. It is dead at once: Threads may still be in it, on any
 * processor, but each of their accesses faults, and space_fault() resolves none; nobody finds it, calls it or is granted anything
 * by its grants. Spaces that it manages go on until the caller ends them. */
void space_begin_end(struct space *space, enum space_end why, u64 address);
/* Then: frees its memory, portals, segments, and the grants of it, to it and by it. -> false: it was time to stop. */
bool space_end_some(struct space *space);
/* At last: drops the reference of being alive. */
void space_finish_end(struct space *space);
/* The space that had this number and is not freed yet, as thread.c keeps those in a list by of_manager; else NULL. */
struct space *space_ending(u32 number, u64 born);
/* Has a space of that number, managed by `manager`, ended not long ago, and none of that number since? Then why and where. */
bool space_ended(const struct space *manager, u32 number, enum space_end *why, u64 *address);
void space_info(const struct space *space, struct space_info *info);
/* Living spaces; spaces ever made. */
u64 space_count(void);
u64 space_made(void);

/* Resolves a fault of code running under a view of a space (access: FAULT_WRITE or FAULT_EXEC or 0). -> 0, or enum
 * fault_code (never 0, thanks to FAULT_READ) with *info, which may be NULL. Pages next to the one wanted that are there
 * already become visible too. */
u32 view_fault(struct view *view, u64 va, u32 access, struct fault *info);
static inline u32 space_fault(struct space *running, u64 va, u32 access, struct fault *info)
{
	return view_fault(&running->view, va, access, info);
}

/* Access by the kernel, with exactly the rights the space has, in the VAS that the current thread is in if it is in that
 * space; resolves faults. -E_FAULT, then a part may be done. */
int space_read(struct space *space, u64 va, void *to, u64 bytes);
int space_write(struct space *space, u64 va, const void *from, u64 bytes);
int space_read_u32(struct space *space, u64 va, u32 *value);
/* The byte at va as the kernel sees it, NULL if it is not accessible. Good to the end of its page, until the kernel is
 * left or anything is unmapped. */
void *space_touch(struct space *space, u64 va, u32 access);

/* Makes the stacklet of a thread (number below THREADS_MAX) or line (behind: abi/allod.h) if it is not there yet. *top = its end
 * in the space (native address), *top_page = its last page as the kernel sees it, which stays good until the stacklet is
 * dropped. -E_NOMEM, -E_EXIST. */
int space_stacklet(struct space *space, u32 thread, u64 *top, void **top_page);
/* Frees it, if there is one. */
void space_stacklet_drop(struct space *space, u32 thread);

#endif

/* Spaces: protection domains. A space has a number, a map of its own, the grants it holds, a page-table root and
 * portals.
 *
 * A space is created by its manager. When it ends, its memory, portals and grants are freed; the structure and the number stay
 * until the last reference is dropped. All functions: under the kernel lock. Letters: [I] immutable, all else [K]. */
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
	u64 born; /* [I] a number that no other space ever has: it is the born-th space made */
	enum space_end end;
	u64 end_address;
	u32 stage, untold; /* while it ends: how far that has come; threads in `homes` that have not been told yet */
	bool is_off;       /* while it ends: no processor is on its root any more */

	struct account *account;              /* [I] referenced; NULL: no limits */
	struct space *manager;                /* [I] referenced; NULL: this is the first space */
	u32 manager_number;                   /* [I] 0: none */
	struct list_node managed, of_manager; /* living spaces only; of_manager of one that ends is in thread.c's list of ends */
	struct space *system; /* [I] referenced; its system, NULL: none. It may have ended. */
	u64 system_entry;     /* entry of this space's system portal, for spaces that it is the system of; 0: none yet */
	struct landing landing;
	u32 short_depth;      /* system calls at a depth below this have the short way; 0: none has (space_keep_vector()) */

	struct map map;
	struct view view;
	void *tops[PT_LINKS_MAX];  /* tables of the map's window, linked into roots; NULL: not made yet */
	struct frame_chain tables; /* the tables it keeps until it ends: all but the root and edge tables */
	u64 table_count;
	struct {
		u64 page;           /* offset + 1, 0: none */
		const pte_t *entry; /* in the map's tables */
	} touched[PAGES_REMEMBERED]; /* pages that the kernel accessed lately */

	struct list_node granted;  /* grants of this space's memory */
	struct list_node viewers;  /* grant_pairs of this space's memory */
	struct grant_pair *called; /* the one of these whose `last` was kept last, for grant_repeat(); NULL: none */
	struct list_node received; /* grant_pairs to this space */
	struct list_node made;     /* grants by this space of others' memory */
	struct list_node portals;
	struct portal_memory {
		u64 address, generation;
		struct portal *portal;
	} portals_called[PORTALS_REMEMBERED]; /* recently, see portal.c */
	struct list_node segments;            /* that it owns */
	struct list_node attachments;         /* of VASes to this space, detached ones too (vas.h) */
	struct list_node attached;            /* of this VAS to spaces */

	struct list_node waiters; /* of space_wait(): kept by thread code */
	/* Kept by thread code: the threads whose first space it is, and stacklets in it. */
	u32 threads;
	struct list_node homes, stacklets;
	u64 round, ran; /* kept by sched.c: the last round in which its threads ran while others waited, and for how many ticks */
};

/* Is the space shielded when the shield is on? One that has a system always is, trusted or not, because the short way of system
 * calls loads roots as for a shielded one. */
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
/* The end of a space has three parts, which space_kill() of thread.h calls. This makes it dead: threads may still be in it, on any
 * processor, but space_fault() resolves none of their faults; nobody finds it or calls its portals, and its grants give no rights.
 * Spaces that it manages live on until the caller ends them. */
void space_begin_end(struct space *space, enum space_end why, u64 address);
/* Frees its memory, portals and segments, and the grants of it, to it and by it. -> false: it was time to stop. */
bool space_end_some(struct space *space);
/* Drops the reference that a living space has to itself. */
void space_finish_end(struct space *space);
/* The space with this number and this `born` that has ended and is not freed yet; else NULL. */
struct space *space_ending(u32 number, u64 born);
/* Was the last space of that number managed by `manager`, and has it ended not long ago? Then why and where. */
bool space_ended(const struct space *manager, u32 number, enum space_end *why, u64 *address);
void space_info(const struct space *space, struct space_info *info);
/* Living spaces; spaces ever made. */
u64 space_count(void);
u64 space_made(void);

/* Resolves a fault of code running under a view of a space (access: FAULT_WRITE or FAULT_EXEC or 0). -> 0, or enum
 * fault_code (never 0, thanks to FAULT_READ) with *info, which may be NULL. Enters neighbouring pages that are present too. */
u32 view_fault(struct view *view, u64 va, u32 access, struct fault *info);
static inline u32 space_fault(struct space *running, u64 va, u32 access, struct fault *info)
{
	return view_fault(&running->view, va, access, info);
}

/* Accesses by the kernel with exactly the rights of the space, and under the current thread's view if it is in that space. Faults
 * are resolved; -E_FAULT if one cannot be, then a part may be done. */
int space_read(struct space *space, u64 va, void *to, u64 bytes);
int space_write(struct space *space, u64 va, const void *from, u64 bytes);
int space_read_u32(struct space *space, u64 va, u32 *value);
/* The byte at va as the kernel sees it, NULL if it is not accessible. The pointer is good to the end of its page, until the kernel
 * is left or anything is unmapped. */
void *space_touch(struct space *space, u64 va, u32 access);

/* Makes the stacklet of a thread (its number) or of an interrupt line (THREADS_MAX + line) if there is none yet. *top = its end in
 * the space (native address), *top_page = its last page as the kernel sees it, which stays good until the stacklet is dropped.
 * -E_NOMEM, -E_EXIST. */
int space_stacklet(struct space *space, u32 thread, u64 *top, void **top_page);
/* Frees it, if there is one. */
void space_stacklet_drop(struct space *space, u32 thread);

#endif

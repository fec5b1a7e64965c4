/* The state of the flat model, and what its parts share: model.c (choices, programs, running), model_memory.c (maps and
 * segments), model_grants.c (spaces, grants, portals). */
#ifndef TESTS_MODEL_STATE_H
#define TESTS_MODEL_STATE_H

#include "model.h"

enum {
	SPACES = 6,
	SEGMENTS = 8,
	GRANTS = 20,
	CLUSTERS = 4,
	SMALL = 24,
	LARGE = 544,
	PAGES = 3 * SMALL + LARGE,
	STACKLETS = 3
};
enum { SEGMENT_PAGES = 800 }; /* blocks of 2 MiB fit at several offsets */

struct page {
	bool mapped, private, share;
	u32 rights, most;
	int segment; /* in model.segments, -1: none */
	u32 index;   /* page of the segment */
	u64 value;   /* of a private page */
};

struct model_space {
	struct space *core; /* NULL: does not exist */
	int manager;
	struct page pages[PAGES];
	bool stacklet[STACKLETS];
};

struct model_segment {
	u32 number;     /* 0: does not exist */
	int owner;      /* -1: has ended */
	u64 pages, end; /* end: what others see of it */
	bool paged, fixed, device, destroyed;
	bool present[SEGMENT_PAGES];
	u64 value[SEGMENT_PAGES];
};

struct model_grant {
	u32 number; /* 0: does not exist */
	int owner, from, to, parent;
	u64 start, end;
	u32 flags;
};

extern struct model {
	struct model_space spaces[SPACES];
	struct model_segment segments[SEGMENTS];
	struct model_grant grants[GRANTS];
	u64 next_value;
} model;

extern u64 model_step; /* number of operations done, for messages */

/* --- choices: a number below `below`; one space, a page, a range of pages, or the whole half window --- */

u32 model_choose(u32 below);
/* -1: one that does not exist. */
int model_choose_space(void);
/* Most often one that is mapped. */
unsigned model_choose_page(int s);
void model_choose_range(u64 *start, u64 *bytes);

/* --- addresses --- */

u64 model_cluster_base(unsigned cluster);
u64 model_page_address(unsigned page);
/* Loops over the pages that the model has in a range. */
#define for_pages(i, start, bytes) \
	for (unsigned i = 0; i < PAGES; i++) \
		if (model_page_address(i) >= (start) && model_page_address(i) - (start) < (bytes))

/* --- rules --- */

bool model_has_stacklet(const struct model_space *s, u64 start, u64 bytes);
bool model_manages(int manager, int s);
/* Has the operation failed because an allocation was made to? Then the model stays as it is. */
bool model_was_injected(int result);
void model_expect(int got, int want, const char *what);
/* The code a fault must end with, 0 if the access is right. Changes the model as the access does. */
u32 model_access(int s, int owner, unsigned index, u32 access, u64 *word);
/* A segment that was destroyed goes with its last page. */
void model_forget_unmapped(void);
void model_end_space(int s);

/* --- operations --- */

void step_map(void);
void step_unmap(void);
void step_protect(void);
void step_move(void);
void step_fork(void);
void step_stacklet(void);
void step_segment(void);
void step_destroy(void);
void step_supply(void);
void step_evict(void);
void step_shorten(void);
void step_create(void);
void step_end(void);
void step_grant(void);
void step_revoke(void);
void step_portal(void);

#endif

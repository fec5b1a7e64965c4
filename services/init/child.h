/* The programs that init starts: the drivers and the Linux service. Each runs in a space of its own, and is granted what is listed
 * here and nothing else. A child has many lives: each start is in a new space.
 *
 * The thread of init that supervises a child (supervisor.c) changes the members that belong to a life; the registry, on the threads
 * of other children, reads them. child_lock protects what both use. */
#ifndef INIT_CHILD_H
#define INIT_CHILD_H

#include "abi/services.h"
#include "archive.h"
#include "services/runtime/service.h"

enum { CHILD_DEVICES = 8, CHILD_GRANTS = 16 };

/* That a child has found another child's portal, and which arena it granted the other for that. */
struct connection {
	u32 space; /* of the other child's life */
	u64 arena, bytes;
};

struct child {
	const char *name; /* [I] also of its file in the archive */
	enum service service;
	u32 flags;                 /* [I] SPACE_* */
	struct file file;          /* [I] */
	portal_function *registry; /* [I] serves its calls of the registry */
	u64 registry_portal;       /* [I] */

	/* What it is started with. [I] */
	struct start_info start;
	struct {
		u64 address, bytes; /* init's memory, granted to it */
		u32 rights;
	} memory[CHILD_DEVICES + 1];
	unsigned memories;
	u32 lines[CHILD_DEVICES];
	unsigned line_count;

	/* This life. [child_lock] */
	u32 space;  /* 0: none */
	u64 portal; /* offered, 0: none */
	u32 grants[CHILD_GRANTS];
	unsigned grant_count;
	struct connection connections[SERVICES];
	u32 lives;    /* begun so far */
	u32 failures; /* lives in a row that ended before they offered a portal */
};

extern struct child children[SERVICES];
extern struct lock child_lock;
extern struct condition child_offered; /* a child offered a portal */

/* Adds memory of init's (a global address) to what the child is granted in each life. */
void child_add_memory(struct child *child, u64 address, u64 bytes, u32 rights);
/* Begins a life: makes the space, loads the program, hands over the grants, starts the first thread. -> 0 or -E_*. */
i64 child_begin(struct child *child);
/* Revokes what the life that has ended was granted. */
void child_clear(struct child *child);
/* Makes a grant that ends with the child's life. -> 0 or -E_*. With child_lock held or before the life is known. */
i64 child_grant(struct child *child, u64 address, u64 bytes, u32 to, u32 rights);

#endif

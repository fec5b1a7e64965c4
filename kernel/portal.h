/* Portals: entry points into spaces, named by global addresses.
 *
 * Each space remembers a few portals that it called, so that finding one of these takes a comparison or two. All functions: under
 * the kernel lock. */
#ifndef KERNEL_PORTAL_H
#define KERNEL_PORTAL_H

#include "hash.h"
#include "lib/list.h"
#include "types.h"

struct space;

struct portal {
	struct space *space;
	u64 entry, cookie;   /* entry: offset in the space's window */
	struct hash_node by_address; /* its key: the global address */
	struct list_node of_space;
};

/* Offers a portal of `space` at an entry. Its address is globalize(space->number, entry). 0, -E_EXIST, -E_INVAL,
 * -E_NOMEM. */
int portal_create(struct space *space, u64 entry, u64 cookie);
/* -E_NOENT. */
int portal_destroy(struct space *space, u64 entry);
/* The portal at an address (global, or native for the caller's own). 0, -E_NOENT, -E_PERM. */
int portal_find(struct space *caller, u64 address, struct portal **portal);
/* The portal at a global address, NULL if there is none; does not check rights. */
struct portal *portal_at(u64 address);
/* Destroys those of a space. -> false: it was time to stop. */
bool portal_end_space(struct space *space);
/* Rights have shrunk somewhere: makes all spaces and processors forget the portals that they remember. */
void portal_forget(void);

#endif

/* Fixed-size objects of the kernel, packed into frames. A frame goes back as soon as its last object is freed.
 *
 * All functions: under the kernel lock. */
#ifndef KERNEL_POOL_H
#define KERNEL_POOL_H

#include "lib/list.h"
#include "types.h"

struct pool {
	u32 bytes;               /* [I] of an object, at most POOL_OBJECT_MAX */
	struct list_node usable; /* [K] pages with at least one free object */
	u64 objects, pages;      /* [K] in use */
};

enum { POOL_OBJECT_MAX = 4032 };

/* Initialiser of `struct pool name`, for objects of a type. Objects are aligned to 16 bytes. */
#define POOL_INIT(name, type) \
	{ \
		.bytes = (sizeof(type) + 15) & ~15u, .usable = LIST_INIT((name).usable) \
	}

/* An object with any content, NULL if no frame is free. */
void *pool_alloc(struct pool *pool);
/* The same filled with zeros. */
void *pool_alloc_zeroed(struct pool *pool);
void pool_free(struct pool *pool, void *object);

/* From now on each object gets a frame of its own: see fail.h. */
void pool_keep_apart(void);

#endif

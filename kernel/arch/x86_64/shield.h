/* The shield: whether it is on, and for which spaces. */
#ifndef X86_64_SHIELD_H
#define X86_64_SHIELD_H

#include "main.h"
#include "space.h"

extern bool shield_active;

static inline bool shield_is_on(void)
{
	return shield_active;
}

/* Does the space run without the kernel in its tables? */
static inline bool shield_covers(const struct space *space)
{
	return shield_active && space_is_peer(space);
}

#endif

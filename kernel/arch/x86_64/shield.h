/* The shield: whether it is on, and for which spaces. */
#ifndef X86_64_SHIELD_H
#define X86_64_SHIELD_H

#include "main.h"
#include "space.h"

#pragma GCC visibility push(hidden)
extern bool shield_active;
#pragma GCC visibility pop

static inline bool shield_is_on(void)
{
	return shield_active;
}

/* Does the space run without the kernel in its tables? A process always does, trusted or not: the short way of its system
 * calls is made for that. */
static inline bool shield_covers(const struct space *space)
{
	return shield_active && (!(space->flags & SPACE_TRUSTED) || space->system);
}

#endif

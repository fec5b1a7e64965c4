/* The shield: whether it is on, and for which spaces. */
#ifndef ARM64_SHIELD_H
#define ARM64_SHIELD_H

#include "early.h"
#include "main.h"
#include "space.h"

/* Decides: "on", "off", or "auto" by processor. Works early, too. */
bool shield_is_wanted(const char *wish);

static inline bool shield_is_on(void)
{
	return machine.shield;
}

/* Does the space run without the kernel in its tables? A process always does, trusted or not: the short way of its system
 * calls is made for that. */
static inline bool shield_covers(const struct space *space)
{
	return machine.shield && (!(space->flags & SPACE_TRUSTED) || space->system);
}

#endif

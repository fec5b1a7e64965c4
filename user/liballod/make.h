/* Making spaces, for the parts of liballod that fill them (space.c has the functions). */
#ifndef LIBALLOD_MAKE_H
#define LIBALLOD_MAKE_H

#include "liballod.h"

#pragma GCC visibility push(hidden)

/* An empty space; system: as in struct space_spec. NULL and errno. */
struct allod_space *space_make(const struct allod_options *options, u32 system);
/* Whether the space has ended; if so its report is right. */
bool space_is_gone(struct allod_space *space);
/* The space has ended, for this reason; only the first one counts. */
void space_has_ended(struct allod_space *space, struct allod_report report);

#pragma GCC visibility pop

#endif

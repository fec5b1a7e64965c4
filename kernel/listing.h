/* The native call list(): tells what a space has.
 *
 * Each kind of thing hangs in one list of its space, and each thing has a number. A caller names the last number that it was told
 * of; the next call goes on behind that, whatever has come and gone meanwhile. */
#ifndef KERNEL_LISTING_H
#define KERNEL_LISTING_H

#include "types.h"

struct space;

/* Writes records of that kind (enum list_kind), of what `space` has behind the one known as `after` (0: from the first), into
 * the caller's memory. -> their number, at most `count` and LIST_MAX. -E_INVAL for the kind, -E_NOENT if there is nothing
 * known as `after` in that list, -E_FAULT. Kernel lock. */
i64 listing_write(struct space *caller, u32 kind, const struct space *space, u64 after, u64 buffer, u64 count);

#endif

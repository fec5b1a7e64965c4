/* The native call list(): lists what a space has.
 *
 * Each kind of object is in one list of its space, and each object has a number. The caller passes the last number that it got; the
 * next call goes on behind that object, whatever else has come and gone meanwhile. */
#ifndef KERNEL_LISTING_H
#define KERNEL_LISTING_H

#include "types.h"

struct space;

/* Writes records of a kind (enum list_kind) into the caller's memory: of the objects of `space` behind the one whose number is
 * `after` (0: from the first on). -> number of records, at most `count` and LIST_MAX. -E_INVAL for the kind, -E_NOENT if no object
 * of the list has the number `after`, -E_FAULT. Under the kernel lock. */
i64 listing_write(struct space *caller, u32 kind, const struct space *space, u64 after, u64 buffer, u64 count);

#endif

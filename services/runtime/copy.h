/* Copies between a service and the buffers that its callers name. A caller can name any address; if it has not granted that
 * memory, the copy returns an error.
 *
 * Only for services without a landing of their own (space_set_landing). */
#ifndef RUNTIME_COPY_H
#define RUNTIME_COPY_H

#include "types.h"

/* Once, before the first portal is offered. */
void copy_init(void);
/* -> 0 or -E_FAULT; also for an address without a space's number, which would mean the service itself. */
i64 copy_in(void *to, u64 from, u64 bytes);
i64 copy_out(u64 to, const void *from, u64 bytes);

#endif

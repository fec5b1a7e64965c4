/* `allod map`: who may touch what, as JSON. */
#ifndef INIT_MAP_H
#define INIT_MAP_H

#include "services/runtime/service.h"

/* Writes a JSON object of all spaces, their grants and portals and the calls between them to a buffer of another space, but for
 * the brace that ends it, so that the caller can add members. -> bytes of the whole text: if it is more than the buffer has,
 * nothing useful was written. -E_FAULT, -E_NOMEM. */
i64 map_write(u64 buffer, u64 bytes);

#endif

/* Mistakes that a test has a driver make, to see that they harm nothing but the driver. Refused unless `plant=1` is on the command
 * line. */
#ifndef RUNTIME_PLANT_H
#define RUNTIME_PLANT_H

#include "types.h"

enum plant_kind { PLANT_NULL = 1, PLANT_WILD_WRITE = 2, PLANT_LOOP = 3 };

/* Makes the mistake, and does not return; or -E_NOSYS: not in such a test, -E_INVAL: no such kind. */
i64 plant(u64 kind);

#endif

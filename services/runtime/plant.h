/* Mistakes that tests plant in a driver, to see that nothing but the driver is harmed. Refused unless init has started the
 * driver for such a test. */
#ifndef RUNTIME_PLANT_H
#define RUNTIME_PLANT_H

#include "types.h"

enum plant_kind { PLANT_NULL = 1, PLANT_WILD_WRITE = 2, PLANT_LOOP = 3 };

/* Makes the mistake. -> only an error: -E_NOSYS, -E_INVAL. */
i64 plant(u64 kind);

#endif

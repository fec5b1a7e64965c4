/* Finds the machine's devices, and what their drivers need. */
#ifndef INIT_DEVICES_H
#define INIT_DEVICES_H

#include "child.h"

/* Looks at every place where a device may be, and lists registers, interrupt lines and queue memory for the children that drive the
 * devices it finds: fs and console. */
void devices_find(void);

#endif

/* Finding the machine's devices and setting aside what their drivers need. */
#ifndef INIT_DEVICES_H
#define INIT_DEVICES_H

#include "child.h"

/* Looks at every place where a device may be; gives what belongs to the fs and console drivers to those children. */
void devices_find(void);

#endif

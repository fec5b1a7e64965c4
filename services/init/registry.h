/* The registry: where children offer their portals and find those of others. */
#ifndef INIT_REGISTRY_H
#define INIT_REGISTRY_H

#include "child.h"

/* Makes the registry's portals, one for each child, so that it knows who calls. */
void registry_init(void);

#endif

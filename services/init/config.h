/* The configuration that the host tool hands in (abi/services.h): what init itself wants to know of it. */
#ifndef INIT_CONFIG_H
#define INIT_CONFIG_H

#include "archive.h"

/* The value of the first string "key=value" behind `after` (NULL: of all), or NULL. */
const char *config_get(struct file config, const char *key, const char *after);

#endif

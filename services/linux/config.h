/* The configuration: strings KEY=VALUE from `allod run` (abi/services.h), which init hands over at the start. It never changes. */
#ifndef LINUX_CONFIG_H
#define LINUX_CONFIG_H

#include "services/linux/base.h"

/* Copies the configuration; before all else. */
void config_init(void);
/* The next value of a key ("cwd") from *at on, or NULL. *at NULL: from the first string on; it is moved behind the string returned,
 * for keys that occur several times. */
const char *config_get(const char *key, const char **at);
u64 config_number(const char *key, u64 otherwise);

#endif

/* What the host's command tells the service: lines KEY=VALUE, which init hands over at the start. It never changes. */
#ifndef LINUX_CONFIG_H
#define LINUX_CONFIG_H

#include "services/linux/base.h"

/* Copies it; before all else. */
void config_init(void);
/* The value of a key ("cwd"), or NULL; *at is the position for keys that occur often: start with NULL, each call moves it behind
 * the string returned. */
const char *config_get(const char *key, const char **at);
u64 config_number(const char *key, u64 otherwise);

#endif

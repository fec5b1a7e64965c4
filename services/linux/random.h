/* Random numbers that nobody can predict. */
#ifndef LINUX_RANDOM_H
#define LINUX_RANDOM_H

#include "services/linux/base.h"

void random_fill(void *to, u64 bytes);
u64 random_u64(void);

#endif

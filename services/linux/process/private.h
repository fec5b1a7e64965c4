/* What the files of the process room have of each other. */
#ifndef LINUX_PROCESS_PRIVATE_H
#define LINUX_PROCESS_PRIVATE_H

#include "services/linux/process/process.h"

extern const struct process_hooks *process_hooks; /* [I] */

#endif

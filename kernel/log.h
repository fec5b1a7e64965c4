/* The kernel's log: lines of text on the machine's debug port, never on a program's output. Any processor may write at any
 * time; a line stays in one piece. */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include <stdarg.h>

#include "types.h"

/* One line; the newline is added. */
void log_line(const char *text, ...) __attribute__((format(printf, 1, 2)));
/* One line given as bytes (a service's): control characters are replaced. */
void log_bytes(const char *prefix, const char *text, u64 bytes);

#endif

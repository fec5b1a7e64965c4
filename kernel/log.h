/* The kernel's log: lines of text on the machine's debug port, never on a program's output. Any processor may write at any
 * time; a line stays in one piece. */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include <stdarg.h>

#include "types.h"

/* One line; the newline is added. */
void log_line(const char *text, ...) __attribute__((format(printf, 1, 2)));

/* --- lines by and about spaces (log_space.c), with the kernel lock ---
 *
 * The kernel's own lines, and those of unshielded services, are always written. For all other spaces there is a limit: a line every
 * 100 ms, 20 lines at once. Those that init manages, the drivers, have one limit together, all others, programs and what they
 * make, have another. How many lines were dropped is said in front of the next one, or at the end. */

struct space;

enum { LOG_TEXT_MAX = 200 };

/* A line that a space writes, of at most LOG_TEXT_MAX bytes. With the space's number and name in front, unless it is an unshielded
 * service; what is not a printable character of ASCII becomes a question mark. */
void log_of(const struct space *space, const char *text, u64 bytes);
/* May a line about what a space did be written? If not, it is counted. */
bool log_admits(const struct space *space);
/* The machine ends. */
void log_end(void);

#endif

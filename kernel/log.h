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
 * The kernel's own lines, and those of unshielded services, are always written. Lines by and about other spaces are limited to one
 * each 100 ms, after 20 at once. The spaces that init manages (drivers) share one limit, all others (programs and the spaces that
 * they make) share another. The log says how many lines were dropped before the next line of the same limit, or at the end. */

struct space;

enum { LOG_TEXT_MAX = 200 };

/* Writes a line for a space, of at most LOG_TEXT_MAX bytes, with the space's number and name in front unless it is an unshielded
 * service. Characters other than printable ASCII become question marks. */
void log_of(const struct space *space, const char *text, u64 bytes);
/* May the kernel write a line about a space now? If not, counts the line as dropped. */
bool log_admits(const struct space *space);
/* The machine ends: says what was dropped. */
void log_end(void);

#endif

/* Text formatting: a small printf. Conversions: %d %i %u %x %X %o %c %s %p %%, flags 0 and -, width and precision (also *),
 * length l, ll, z, h, hh. */
#ifndef LIB_FORMAT_H
#define LIB_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* As snprintf: writes at most size bytes with the terminating NUL. -> length the whole text has. */
int format(char *to, size_t size, const char *text, ...) __attribute__((format(printf, 3, 4)));
int format_v(char *to, size_t size, const char *text, va_list arguments) __attribute__((format(printf, 3, 0)));

/* Number at *text in base 10 or, after 0x, 16; moves *text behind it. 0 if there is none. */
unsigned long parse_number(const char **text);

#endif

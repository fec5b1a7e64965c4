/* The C library's memory and string functions that freestanding code needs, with their standard meaning. Hosted programs
 * (tool, host tests) use their own C library's <string.h> instead. */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
void *memchr(const void *s, int c, size_t bytes);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
/* Copies with truncation, always terminates if size > 0. -> length of `from`. */
size_t strlcpy(char *to, const char *from, size_t size);

#endif

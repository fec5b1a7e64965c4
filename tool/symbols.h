/* Names for the portals of a map, which has only addresses. */
#ifndef TOOL_SYMBOLS_H
#define TOOL_SYMBOLS_H

#include <stddef.h>

struct options;

/* Adds the members "symbol" and "file" to those portals of a map, as a guest sent it, whose entries are in files that the guest
 * runs. If the cookie of a portal is the address of a function, as in services, that function is named. -> text to be freed; NULL
 * if the map is no JSON. */
char *symbols_add(const char *text, size_t bytes, const struct options *options);

#endif

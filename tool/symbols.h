/* Names for what a map only has addresses of. */
#ifndef TOOL_SYMBOLS_H
#define TOOL_SYMBOLS_H

#include <stddef.h>

struct options;

/* The map that a guest sent, a JSON text, with the members "symbol" and "file" added to those portals whose entries are in files
 * that the guest runs; of a portal with the address of a function for a cookie, as services have it, the name of that
 * function. -> text to be freed; NULL if it is no JSON. */
char *symbols_add(const char *text, size_t bytes, const struct options *options);

#endif

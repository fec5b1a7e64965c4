/* Writes JSON, for the host tool, into a buffer. Text that does not fit is counted but not written, as by snprintf, so that the
 * caller can try again with a larger buffer. */
#ifndef RUNTIME_JSON_H
#define RUNTIME_JSON_H

#include "types.h"

struct json {
	char *to;
	u64 size;  /* of the buffer */
	u64 bytes; /* of the text so far, without the NUL that ends it; may be more than fits */
};

/* Adds formatted text as it is. */
void json_put(struct json *json, const char *text, ...) __attribute__((format(printf, 2, 3)));
/* Adds a string in quotes, at most `max` bytes of it. Quotes, backslashes and characters other than printable ASCII become question
 * marks. */
void json_string(struct json *json, const char *text, u64 max);

/* A list of values: json_open() writes the name and '[' -> what json_next(), called before each value, needs to put the comma. The
 * caller writes ']'. */
u64 json_open(struct json *json, const char *name);
void json_next(struct json *json, u64 opened);

#endif

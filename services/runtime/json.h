/* Writing JSON for the host tool into a buffer. What does not fit is counted but not written, as snprintf does, so that the
 * caller can come again with a larger buffer. */
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
/* Adds a string in quotes, at most `max` bytes of it. What a string of plain ASCII cannot hold becomes a question mark. */
void json_string(struct json *json, const char *text, u64 max);

/* A list of values, between json_open() and ']': each is announced by json_next(), which puts the comma. */
u64 json_open(struct json *json, const char *name);
void json_next(struct json *json, u64 opened);

#endif

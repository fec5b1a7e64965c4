/* Writing JSON: json.h. */
#include "json.h"

#include <stdarg.h>

#include "lib/format.h"

void json_put(struct json *json, const char *text, ...)
{
	const bool fits = json->bytes < json->size;
	va_list arguments;

	va_start(arguments, text);
	json->bytes += (u64)format_v(fits ? json->to + json->bytes : NULL, fits ? json->size - json->bytes : 0, text,
		arguments);
	va_end(arguments);
}

void json_string(struct json *json, const char *text, u64 max)
{
	json_put(json, "\"");
	for (u64 i = 0; i < max && text[i]; i++)
		json_put(json, "%c",
			text[i] < ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\' ? '?' : text[i]);
	json_put(json, "\"");
}

u64 json_open(struct json *json, const char *name)
{
	json_put(json, "\"%s\": [", name);
	return json->bytes;
}

void json_next(struct json *json, u64 opened)
{
	json_put(json, json->bytes == opened ? "\n  " : ",\n  ");
}

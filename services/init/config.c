/* The host tool's configuration: config.h. */
#include "config.h"

#include "lib/string.h"

const char *config_get(struct file config, const char *key, const char *after)
{
	const size_t key_bytes = strlen(key);
	const char *end = config.at + config.bytes;
	const char *at = after ? after + strnlen(after, (size_t)(end - after)) + 1 : config.at;

	while (at < end) {
		const size_t bytes = strnlen(at, (size_t)(end - at));

		if (at + bytes == end)
			return NULL; /* not terminated: no string */
		if (bytes > key_bytes && !memcmp(at, key, key_bytes) && at[key_bytes] == '=')
			return at + key_bytes + 1;
		at += bytes + 1;
	}
	return NULL;
}

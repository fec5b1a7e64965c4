/* The configuration: see config.h. */
#include "lib/string.h"
#include "services/runtime/heap.h"
#include "services/runtime/service.h"

#include "services/linux/config.h"

/* The configuration, copied: one string after another. */
static char *config;
static size_t config_bytes;

const char *config_get(const char *key, const char **at)
{
	size_t length = strlen(key);
	const char *line = *at ? *at : config;

	while (line && line < config + config_bytes) {
		const char *next = line + strlen(line) + 1;

		if (strncmp(line, key, length) == 0 && line[length] == '=') {
			*at = next;
			return line + length + 1;
		}
		line = next;
	}
	*at = config + config_bytes;
	return NULL;
}

u64 config_number(const char *key, u64 otherwise)
{
	const char *at = NULL;
	const char *text = config_get(key, &at);

	return text ? parse_number(&text) : otherwise;
}

void config_init(void)
{
	config_bytes = service_start->words[0];
	config = heap_zalloc(config_bytes + 1);
	if (!config)
		service_panic("no memory for the configuration");
	memcpy(config, (const char *)service_start->arena, config_bytes);
}

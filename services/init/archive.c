/* The boot archive: archive.h. */
#include "archive.h"

#include <stdint.h>

#include "lib/string.h"

/* A header is 6 characters and 13 numbers of 8 hexadecimal digits; the name follows, then the file, each padded to 4. */
enum { HEADER_BYTES = 110, NUMBER_FILE_BYTES = 6, NUMBER_NAME_BYTES = 11 };

static const char magic[] = "070701";

static bool header_number(const char *header, unsigned index, size_t *value)
{
	const char *digits = header + 6 + 8 * index;

	*value = 0;
	for (unsigned i = 0; i < 8; i++) {
		const char c = digits[i];
		const unsigned letter = (unsigned)((c | 0x20) - 'a');

		if (c >= '0' && c <= '9')
			*value = *value << 4 | (unsigned)(c - '0');
		else if (letter < 6)
			*value = *value << 4 | (letter + 10);
		else
			return false;
	}
	return true;
}

static size_t padded(size_t bytes)
{
	return (bytes + 3) & ~(size_t)3;
}

/* Reads the entry at `offset`: its name and content. -> the offset of the next one, 0 if it is damaged. */
static size_t read_entry(struct file archive, size_t offset, struct file *name, struct file *content)
{
	const char *header = archive.at + offset;
	size_t at;

	if (archive.bytes - offset < HEADER_BYTES || memcmp(header, magic, 6))
		return 0;
	if (!header_number(header, NUMBER_FILE_BYTES, &content->bytes) ||
		!header_number(header, NUMBER_NAME_BYTES, &name->bytes))
		return 0;
	/* Sizes have 32 bits, so these sums cannot overflow. */
	name->at = header + HEADER_BYTES;
	at = padded(offset + HEADER_BYTES + name->bytes);
	content->at = archive.at + at;
	at += content->bytes;
	if (!name->bytes || at > archive.bytes || name->at[name->bytes - 1])
		return 0;
	return padded(at);
}

bool archive_find(struct file archive, const char *wanted, struct file *found)
{
	struct file name;
	size_t offset = 0;

	while (offset < archive.bytes) {
		offset = read_entry(archive, offset, &name, found);
		if (!offset)
			return false;
		if (!strncmp(name.at, "./", 2))
			name.at += 2;
		if (!strcmp(name.at, wanted))
			return true;
	}
	return false;
}

/* The boot archive: a cpio archive in "newc" format, as the host tool makes it. */
#ifndef INIT_ARCHIVE_H
#define INIT_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>

/* A piece of memory that holds a file. */
struct file {
	const char *at;
	size_t bytes;
};

/* The file of that name in the archive. -> false: it has none, or is damaged before it. */
bool archive_find(struct file archive, const char *name, struct file *found);

#endif

/* Making spaces, for the parts of liballod that fill them (space.c has the functions). */
#ifndef LIBALLOD_MAKE_H
#define LIBALLOD_MAKE_H

#include <elf.h>

#include "liballod.h"

#pragma GCC visibility push(hidden)

/* An empty space; system: as in struct space_spec. NULL and errno. */
struct allod_space *space_make(const struct allod_options *options, u32 system);
/* An ELF image in memory, checked: all segments lie inside of it, and their memory in the lower half of a window. */
struct image {
	const char *bytes;
	const Elf64_Phdr *segments;
	unsigned count;
	u64 base;  /* added to all addresses */
	u64 entry; /* with the base */
	u64 end;   /* of its memory */
};
/* A space with an image in it, of which nothing runs yet; *image tells what it is. NULL and errno. */
struct allod_space *image_make(const void *bytes, size_t count, const struct allod_options *options, struct image *image);
/* Has the space ended? If so, sets its report. */
bool space_is_gone(struct allod_space *space);
/* Notes that the space has ended, and why; only the first report counts. */
void space_has_ended(struct allod_space *space, struct allod_report report);

#pragma GCC visibility pop

#endif

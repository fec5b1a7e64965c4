/* Libraries in spaces of their own: library.h. */
#include <allod/library.h>

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "make.h"

/* A note of the image; the function's name follows, with its NUL. */
struct export_note {
	Elf64_Nhdr header;
	char owner[8]; /* "Allod", padded */
	u64 entry;
} __attribute__((packed, aligned(4)));

_Static_assert(sizeof(struct export_note) == 28 && CALL_portal_return == 0x1002, "ALLOD_EXPORT");

/* The note at an offset in notes, and how far the next one is; NULL if it is none of ours, with *step 0 if it is malformed. */
static const struct export_note *note_at(const char *notes, size_t bytes, size_t at, size_t *step)
{
	const struct export_note *note = (const struct export_note *)(notes + at);
	size_t left = bytes - at, name, needed;

	*step = 0;
	if (left < sizeof(note->header))
		return NULL;
	needed = sizeof(note->header) + round_up((u64)note->header.n_namesz, 4) +
		round_up((u64)note->header.n_descsz, 4);
	if (needed > round_up(left, 4))
		return NULL;
	*step = needed;
	if (note->header.n_type != ALLOD_EXPORT_NOTE || note->header.n_namesz != 6 || left < sizeof(*note) ||
		memcmp(note->owner, "Allod", 6))
		return NULL;
	name = note->header.n_descsz - sizeof(note->entry);
	if (note->header.n_descsz <= sizeof(note->entry) || name > ALLOD_EXPORT_MAX || name > left - sizeof(*note) ||
		((const char *)(note + 1))[name - 1])
		*step = 0;
	return *step ? note : NULL;
}

/* Makes the portal of one export, for this program. -> 0, -E_*. */
static i64 add_export(struct allod_space *space, const struct export_note *note)
{
	struct library_export *more = realloc(space->exports, (space->export_count + 1) * sizeof(*more));
	i64 portal, grant;

	if (!more)
		return -E_NOMEM;
	space->exports = more;
	portal = call_portal_create_in(space->number, note->entry, 0);
	if (portal < 0)
		return portal;
	grant = call_grant((u64)portal, 1, allod_self(), RIGHT_P | GRANT_PASS);
	if (grant < 0)
		return grant;
	more += space->export_count++;
	more->portal = (u64)portal;
	memcpy(more->name, note + 1, strlen((const char *)(note + 1)) + 1);
	return 0;
}

static i64 add_exports(struct allod_space *space, const struct image *image)
{
	i64 error = 0;
	size_t step;

	for (unsigned i = 0; i < image->count; i++) {
		const Elf64_Phdr *segment = &image->segments[i];

		for (size_t at = 0; segment->p_type == PT_NOTE && at < segment->p_filesz; at += step) {
			const struct export_note *note =
				note_at(image->bytes + segment->p_offset, segment->p_filesz, at, &step);

			if (note)
				error = add_export(space, note);
			if (error < 0 || !step)
				return error < 0 ? error : -E_INVAL;
		}
	}
	return space->export_count ? 0 : -E_INVAL;
}

/* Gives up the creator's grant of the space's whole window. -> 0, -E_*. */
static i64 give_up_view(const struct allod_space *space)
{
	struct grant_info grants[LIST_MAX];
	i64 count = call_list(LIST_GRANTS, space->number, 0, grants, LIST_MAX);

	for (i64 i = 0; i < count; i++)
		if (grants[i].to == allod_self() && grants[i].bytes == allod_layout.window)
			return call_revoke(grants[i].number);
	return count < 0 ? count : -E_NOENT;
}

struct allod_space *allod_library(const void *image, size_t bytes, const struct allod_options *options)
{
	struct allod_space *space;
	struct image made;
	i64 error;

	space = image_make(image, bytes, options, &made);
	if (!space)
		return NULL;
	error = give_up_view(space);
	if (error >= 0)
		error = add_exports(space, &made);
	if (error < 0) {
		allod_space_close(space);
		return errno = allod_errno(error), NULL;
	}
	return space;
}

allod_portal allod_library_find(const struct allod_space *library, const char *name)
{
	for (u32 i = 0; i < library->export_count; i++)
		if (!strcmp(library->exports[i].name, name))
			return library->exports[i].portal;
	return errno = ENOENT, 0;
}

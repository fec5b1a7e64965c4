/* Spaces made from ELF images: space.h. */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "make.h"

enum { IMAGE_BASE = 0x400000, HEADERS_MAX = 64 };

/* Checks that everything lies inside of the image, and its memory in the lower half of a window. -> the program headers. */
static const Elf64_Phdr *check_image(const Elf64_Ehdr *header, size_t bytes, u64 base)
{
	const Elf64_Phdr *segments = (const Elf64_Phdr *)((const char *)header + header->e_phoff);

	if (bytes < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG) ||
		header->e_ident[EI_CLASS] != ELFCLASS64 || (header->e_type != ET_EXEC && header->e_type != ET_DYN) ||
		header->e_phentsize != sizeof(*segments) || header->e_phnum > HEADERS_MAX || header->e_phoff > bytes ||
		header->e_phoff % 8 || header->e_phnum * sizeof(*segments) > bytes - header->e_phoff)
		return NULL;
	for (unsigned i = 0; i < header->e_phnum; i++) {
		const Elf64_Phdr *s = &segments[i];
		u64 half = allod_layout.window / 2 - base;
		bool in_file = !s->p_filesz || (s->p_offset <= bytes && s->p_filesz <= bytes - s->p_offset);

		if (s->p_type == PT_INTERP || (s->p_type == PT_NOTE && (!in_file || s->p_offset % 4)))
			return NULL;
		if (s->p_type == PT_LOAD &&
			(!in_file || s->p_filesz > s->p_memsz || s->p_vaddr > half || s->p_memsz > half - s->p_vaddr))
			return NULL;
	}
	return segments;
}

/* Maps the pages of one segment, those that the segment before shares with it left alone, and fills it. -> 0, -E_*. */
static i64 load_segment(struct allod_space *space, const char *image, const Elf64_Phdr *segment, u64 base, u64 *end)
{
	u64 start = base + segment->p_vaddr, stop = round_up(start + segment->p_memsz, PAGE_SIZE);
	u64 from = round_down(start, PAGE_SIZE) > *end ? round_down(start, PAGE_SIZE) : *end;
	i64 error = 0;

	if (stop > from)
		error = call_map(space->number, from, stop - from, RIGHT_R | RIGHT_W, 0, 0);
	if (error < 0)
		return error;
	*end = stop > *end ? stop : *end;
	if (segment->p_filesz)
		memcpy(allod_pointer(space->number, start), image + segment->p_offset, segment->p_filesz);
	return 0;
}

static u32 segment_rights(const Elf64_Phdr *segment)
{
	return RIGHT_R | (segment->p_flags & PF_W ? RIGHT_W : 0) | (segment->p_flags & PF_X ? RIGHT_X : 0);
}

/* A page that two segments share keeps the rights of both. */
static i64 protect_segment(struct allod_space *space, const Elf64_Phdr *segment, u64 base)
{
	struct region_info region;
	u64 at = round_down(base + segment->p_vaddr, PAGE_SIZE);
	u64 end = round_up(base + segment->p_vaddr + segment->p_memsz, PAGE_SIZE);
	u32 rights = segment_rights(segment);

	if (at == end)
		return 0;
	if (call_map_query(space->number, at, &region) >= 0 && region.start <= at && !(region.flags & RIGHT_W))
		rights |= region.flags & RIGHT_X;
	return call_protect(space->number, at, end - at, rights);
}

/* -> 0, -E_*. */
static i64 load(struct allod_space *space, struct image *image)
{
	i64 error = 0;

	for (unsigned i = 0; i < image->count && error >= 0; i++)
		if (image->segments[i].p_type == PT_LOAD)
			error = load_segment(space, image->bytes, &image->segments[i], image->base, &image->end);
	for (unsigned i = 0; i < image->count && error >= 0; i++)
		if (image->segments[i].p_type == PT_LOAD)
			error = protect_segment(space, &image->segments[i], image->base);
	return error;
}

/* The page behind the image tells the first thread who it is. -> 0, -E_*. */
static i64 start(struct allod_space *space, u64 entry, u64 page, const u64 words[4])
{
	struct allod_start info = { sizeof(info), allod_layout.shift, space->number, allod_self(), { 0 } };
	struct thread_spec thread = { .space = space->number, .ip = entry, .arg = page };
	i64 error = call_map(space->number, page, PAGE_SIZE, RIGHT_R | RIGHT_W, 0, 0);

	if (error < 0)
		return error;
	if (words)
		memcpy(info.words, words, sizeof(info.words));
	memcpy(allod_pointer(space->number, page), &info, sizeof(info));
	return call_thread_create(&thread);
}

struct allod_space *image_make(const void *bytes, size_t count, const struct allod_options *options,
	struct image *image)
{
	const Elf64_Ehdr *header = bytes;
	struct allod_space *space;
	i64 error;

	if (!allod_present())
		return errno = ENOSYS, NULL;
	*image = (struct image){ .bytes = bytes };
	image->base = count >= sizeof(*header) && header->e_type == ET_DYN ? IMAGE_BASE : 0;
	image->segments = check_image(header, count, image->base);
	if (!image->segments)
		return errno = EINVAL, NULL;
	image->count = header->e_phnum;
	image->entry = image->base + header->e_entry;
	space = space_make(options, SYSTEM_NONE);
	if (!space)
		return NULL;
	error = load(space, image);
	if (error < 0) {
		allod_space_close(space);
		return errno = allod_errno(error), NULL;
	}
	return space;
}

struct allod_space *allod_space_load(const void *image, size_t bytes, const struct allod_options *options,
	const uint64_t words[4])
{
	struct image made;
	struct allod_space *space = image_make(image, bytes, options, &made);
	i64 error;

	if (!space)
		return NULL;
	error = start(space, made.entry, made.end + PAGE_SIZE, words);
	if (error < 0) {
		allod_space_close(space);
		return errno = allod_errno(error), NULL;
	}
	return space;
}

/* An image for allod_space_load(): a page of code at 0x10000, which the machine's image.h has, and one of data at IMAGE_DATA. */
#ifndef TESTS_GUEST_ELF_IMAGE_H
#define TESTS_GUEST_ELF_IMAGE_H

#include <elf.h>
#include <stddef.h>
#include <string.h>

#include "image.h"

enum { IMAGE_PAGE = 4096 };

static struct image {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
	char code[256];
} image = {
	.header = { .e_ident = ELFMAG "\2\1\1",
		.e_type = ET_EXEC,
		.e_machine = IMAGE_MACHINE,
		.e_entry = 0x10000,
		.e_phoff = offsetof(struct image, segments),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2 },
	.segments = { { PT_LOAD, PF_R | PF_X, offsetof(struct image, code), 0x10000, 0, sizeof(image.code),
			      sizeof(image.code), IMAGE_PAGE },
		{ PT_LOAD, PF_R | PF_W, 0, IMAGE_DATA, 0, 0, IMAGE_PAGE, IMAGE_PAGE } },
};

/* Puts the code in. */
static inline void image_fill(void)
{
	memcpy(image.code, image_code, (size_t)(image_code_end - image_code));
}

#endif

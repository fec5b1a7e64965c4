/* The first space: the file `init` of the boot archive (newc cpio), loaded as a static ELF image. It has every right, and passes
 * rights on to all others. The archive is mapped into it, read-only, so that it finds the other programs.
 *
 * The archive comes from the host that starts the machine, not from a user of it: if it is malformed, the kernel says so and powers
 * off. */
#include <linux/elf.h>

#include "arch.h"
#include "layout.h"
#include "lib/format.h"
#include "lib/string.h"
#include "log.h"
#include "main.h"
#include "map.h"
#include "pt.h"
#include "regs.h"
#include "sched.h"
#include "segment.h"
#include "space.h"
#include "stats.h"
#include "thread.h"
#include "timer.h"

enum {
	CPIO_HEADER = 110, /* magic and 13 fields of 8 hexadecimal digits */
	CPIO_SIZE = 6 + 6 * 8,
	CPIO_NAME_SIZE = 6 + 11 * 8,
	SEGMENTS_MAX = 16,
	EXIT_BAD_ARCHIVE = 3,
};

static const u64 archive_address = 0x70000000; /* in init's window, above the stacklets */

static _Noreturn void fail(const char *what)
{
	log_line("allod: cannot start: %s", what);
	arch_power_off(EXIT_BAD_ARCHIVE);
}

static u64 hex_field(const char *at)
{
	u64 value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 4 | (u64)(at[i] <= '9' ? at[i] - '0' : (at[i] | 32) - 'a' + 10);
	return value;
}

/* The content of a file of the archive, NULL if it is not there. */
static const char *find_file(const char *archive, u64 bytes, const char *name, u64 *size)
{
	u64 at = 0;

	while (bytes >= CPIO_HEADER && at <= bytes - CPIO_HEADER && !memcmp(archive + at, "070701", 6)) {
		u64 file_size = hex_field(archive + at + CPIO_SIZE);
		u64 name_size = hex_field(archive + at + CPIO_NAME_SIZE);
		u64 data = (at + CPIO_HEADER + name_size + 3) & ~3ul;

		if (data > bytes || file_size > bytes - data)
			return NULL;
		if (name_size == strlen(name) + 1 && !memcmp(archive + at + CPIO_HEADER, name, name_size)) {
			*size = file_size;
			return archive + data;
		}
		at = (data + file_size + 3) & ~3ul;
	}
	return NULL;
}

static u32 rights_of(const Elf64_Phdr *header)
{
	return (header->p_flags & PF_R ? RIGHT_R : 0u) | (header->p_flags & PF_W ? RIGHT_W : 0u) |
		(header->p_flags & PF_X ? RIGHT_X : 0u);
}

static void load_piece(struct space *space, const char *image, u64 size, const Elf64_Phdr *header)
{
	u64 start = page_down(header->p_vaddr);
	u64 bytes = page_down(header->p_vaddr + header->p_memsz + PAGE_SIZE - 1) - start;

	if (header->p_offset > size || header->p_filesz > size - header->p_offset || header->p_filesz > header->p_memsz)
		fail("the file init is cut short");
	if (map_add(space, space, start, bytes, RIGHT_R | RIGHT_W, 0, 0) ||
		space_write(space, header->p_vaddr, image + header->p_offset, header->p_filesz) ||
		map_protect(space, start, bytes, rights_of(header)))
		fail("no memory for init, or its segments overlap");
}

/* -> the entry address. */
static u64 load_image(struct space *space, const char *image, u64 size)
{
	const Elf64_Ehdr *elf = (const void *)image;
	const Elf64_Phdr *headers;

	if (size < sizeof(*elf) || memcmp(elf->e_ident, ELFMAG, SELFMAG) || elf->e_type != ET_EXEC ||
		elf->e_phnum > SEGMENTS_MAX || elf->e_phoff > size ||
		elf->e_phnum * sizeof(Elf64_Phdr) > size - elf->e_phoff)
		fail("the file init is not a static program of this machine");
	headers = (const void *)(image + elf->e_phoff);
	for (unsigned i = 0; i < elf->e_phnum; i++)
		if (headers[i].p_type == PT_LOAD)
			load_piece(space, image, size, &headers[i]);
	return elf->e_entry;
}

/* The archive's frames become a segment that init can only read. */
static void map_archive(struct space *space, const struct boot_info *boot)
{
	u64 bytes = page_down(boot->archive_bytes + PAGE_SIZE - 1);
	int segment = segment_memory(space, boot->archive, bytes);

	if (segment < 0 || map_add(space, space, archive_address, bytes, RIGHT_R | MAP_SHARE, (u32)segment, 0))
		fail("no memory to map the archive");
}

static void fill_start_info(struct start_info *info, const struct space *space, const struct boot_info *boot)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	info->clock = boot_clock;
	info->archive = archive_address + (boot->archive & (PAGE_SIZE - 1));
	info->archive_bytes = boot->archive_bytes;
	info->number_shift = number_shift;
	info->number = space->number;
	info->window = window_bytes();
	info->processors = cpu_count;
	info->memory = frame_total() * PAGE_SIZE;
	info->random[0] = arch_random();
	info->random[1] = arch_random();
}

void boot_first_space(const struct boot_info *boot)
{
	const struct space_spec spec = { .flags = SPACE_DEVICES | SPACE_TRUSTED, .name = "init" };
	const char *image;
	struct space *space;
	struct thread *thread;
	struct start_info info;
	u64 size, entry, top;
	void *page;

	if (!boot->archive_bytes)
		fail("there is no boot archive");
	image = find_file(pa_ptr((pa_t){ boot->archive }), boot->archive_bytes, "init", &size);
	if (!image)
		fail("the boot archive has no file init");
	if (space_create(NULL, &spec, &space))
		fail("no memory for the first space");
	entry = load_image(space, image, size);
	map_archive(space, boot);
	if (thread_create(space, NULL, entry, 0, 0, &thread) || thread_stacklet(thread, space, &top, &page))
		fail("no memory for the first thread");
	fill_start_info(&info, space, boot);
	top -= (sizeof(info) + 15) & ~15ul;
	space_write(space, top, &info, sizeof(info));
	regs_start(&thread->regs, entry, top - 8, top);
	stats_booted();
	sched_ready(thread);
}

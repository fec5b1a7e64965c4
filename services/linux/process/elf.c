/* ELF files of programs and their interpreters: see program.h. */
#include <asm/errno.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/machine.h"
#include "services/linux/process/program.h"
#include "services/linux/user_memory.h"

int elf_read_head(struct task *self, struct elf *elf)
{
	memset(elf->head, 0, sizeof(elf->head));
	elf->head_bytes = file_read_at(self, elf->file, elf->head, sizeof(elf->head), 0);
	return elf->head_bytes < 0 ? elf->head_bytes : 0;
}

static bool header_is_good(const struct elf *elf)
{
	const Elf64_Ehdr *h = &elf->header;
	return elf->head_bytes >= (long)sizeof(*h) && !memcmp(h->e_ident, ELFMAG, SELFMAG) &&
		h->e_ident[EI_CLASS] == ELFCLASS64 && h->e_ident[EI_DATA] == ELFDATA2LSB &&
		h->e_machine == MACHINE_ELF && (h->e_type == ET_EXEC || h->e_type == ET_DYN) &&
		h->e_phentsize == sizeof(Elf64_Phdr) && h->e_phnum && h->e_phnum <= SEGMENTS_MAX;
}

/* A loadable segment must lie in the image's half of the window and its file part must be where its memory is. */
static bool segment_is_good(const Elf64_Phdr *p)
{
	u64 limit = machine_window / 2;
	return p->p_memsz >= p->p_filesz && p->p_vaddr < limit && p->p_memsz < limit - p->p_vaddr &&
		p->p_offset + p->p_filesz >= p->p_offset && !((p->p_vaddr ^ p->p_offset) & (PAGE_SIZE - 1));
}

static int elf_scan(struct task *self, struct elf *elf, const Elf64_Phdr *p)
{
	switch (p->p_type) {
	case PT_LOAD:
		if (!segment_is_good(p))
			return -ENOEXEC;
		elf->low = min_u64(elf->low, page_down(p->p_vaddr));
		elf->high = max_u64(elf->high, page_up(p->p_vaddr + p->p_memsz));
		if (p->p_align && !(p->p_align & (p->p_align - 1)))
			elf->align = max_u64(elf->align, p->p_align);
		break;
	case PT_INTERP:
		if (p->p_filesz < 2 || p->p_filesz > sizeof(elf->interpreter))
			return -ENOEXEC;
		if (file_read_at(self, elf->file, elf->interpreter, p->p_filesz, p->p_offset) != (long)p->p_filesz)
			return -ENOEXEC;
		elf->interpreter[p->p_filesz - 1] = 0;
		break;
	case PT_GNU_STACK:
		elf->stack_executable = p->p_flags & PF_X;
		break;
	}
	return 0;
}

int elf_read(struct task *self, struct elf *elf)
{
	if (!header_is_good(elf))
		return -ENOEXEC;
	u64 bytes = elf->header.e_phnum * sizeof(Elf64_Phdr);
	if (file_read_at(self, elf->file, elf->segments, bytes, elf->header.e_phoff) != (long)bytes)
		return -ENOEXEC;
	elf->low = ~0ull;
	elf->high = 0;
	elf->align = PAGE_SIZE;
	elf->bias = 0;
	elf->interpreter[0] = 0;
	elf->stack_executable = false;
	for (unsigned i = 0; i < elf->header.e_phnum; i++) {
		int error = elf_scan(self, elf, &elf->segments[i]);
		if (error)
			return error;
	}
	return elf->high > elf->low ? 0 : -ENOEXEC;
}

/* The memory of a segment behind its part of the file: zeroes the rest of the last page, and maps whole pages. */
static int segment_map_rest(struct mm *mm, const Elf64_Phdr *p, u64 start, u32 rights)
{
	u64 file_end = start + p->p_filesz, end = page_up(start + p->p_memsz), page_end = page_up(file_end);
	if (p->p_filesz && page_end > file_end && (rights & RIGHT_W) && mm_zero(mm, file_end, page_end - file_end))
		return -EFAULT;
	if (!p->p_filesz)
		page_end = page_down(start);
	if (end <= page_end)
		return 0;
	return native_errno(call_map(mm->space, page_end, end - page_end, rights, 0, 0));
}

static int segment_map(struct mm *mm, struct elf *elf, const Elf64_Phdr *p)
{
	u64 start = elf->bias + p->p_vaddr;
	u32 segment, rights = RIGHT_R;
	rights |= p->p_flags & PF_W ? RIGHT_W : 0;
	rights |= p->p_flags & PF_X ? RIGHT_X : 0;
	if (p->p_filesz) {
		u64 at = page_down(start), bytes = page_up(start + p->p_filesz) - at;
		int error = file_segment(elf->file, rights, false, bytes, &segment);
		if (!error)
			error = native_errno(call_map(mm->space, at, bytes, rights, segment, page_down(p->p_offset)));
		if (error)
			return error;
	}
	return p->p_memsz > p->p_filesz ? segment_map_rest(mm, p, start, rights) : 0;
}

int elf_map(struct mm *mm, struct elf *elf)
{
	for (unsigned i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *p = &elf->segments[i];
		int error = p->p_type == PT_LOAD && p->p_memsz ? segment_map(mm, elf, p) : 0;
		if (error)
			return error;
	}
	return 0;
}

u64 elf_headers_address(const struct elf *elf)
{
	u64 offset = elf->header.e_phoff;
	for (unsigned i = 0; i < elf->header.e_phnum; i++) {
		const Elf64_Phdr *p = &elf->segments[i];
		if (p->p_type == PT_LOAD && offset >= p->p_offset && offset < p->p_offset + p->p_filesz)
			return elf->bias + p->p_vaddr + (offset - p->p_offset);
	}
	return 0;
}

/* Static ELF programs: elf.h. */
#include "elf.h"

#include "native_machine.h"
#include "lib/string.h"

struct elf_header {
	u8 ident[16];
	u16 type, machine;
	u32 version;
	u64 entry, program_offset, section_offset;
	u32 flags;
	u16 bytes, program_bytes, programs, section_bytes, sections, names;
};

struct elf_program {
	u32 type, flags;
	u64 offset, address, physical, file_bytes, memory_bytes, align;
};

enum { TYPE_EXECUTABLE = 2, PROGRAM_LOAD = 1, PROGRAM_X = 1, PROGRAM_W = 2, PROGRAM_R = 4 };

static const u8 ident[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

static u32 rights_of(u32 flags)
{
	return (flags & PROGRAM_R ? RIGHT_R : 0) | (flags & PROGRAM_W ? RIGHT_W : 0) |
		(flags & PROGRAM_X ? RIGHT_X : 0);
}

/* Adds what a program header asks to be loaded. */
static bool add_piece(struct file file, const struct elf_program *program, u64 limit, struct elf *elf)
{
	if (elf->pieces == ELF_PIECES_MAX || program->file_bytes > program->memory_bytes)
		return false;
	if (program->offset > file.bytes || program->file_bytes > file.bytes - program->offset)
		return false;
	if (program->address > limit || program->memory_bytes > limit - program->address)
		return false;
	elf->piece[elf->pieces++] = (struct elf_piece){
		.start = round_down(program->address, PAGE_SIZE),
		.end = round_up(program->address + program->memory_bytes, PAGE_SIZE),
		.address = program->address,
		.file = { file.at + program->offset, program->file_bytes },
		.rights = rights_of(program->flags),
	};
	return true;
}

bool elf_read(struct file file, u64 limit, struct elf *elf)
{
	struct elf_header header;

	if (file.bytes < sizeof(header))
		return false;
	memcpy(&header, file.at, sizeof(header));
	if (memcmp(header.ident, ident, sizeof(ident)) || header.type != TYPE_EXECUTABLE ||
		header.machine != ELF_MACHINE)
		return false;
	if (header.program_bytes != sizeof(struct elf_program) || header.program_offset > file.bytes ||
		header.programs > (file.bytes - header.program_offset) / sizeof(struct elf_program))
		return false;
	*elf = (struct elf){ .entry = header.entry };
	for (unsigned i = 0; i < header.programs; i++) {
		struct elf_program program;

		memcpy(&program, file.at + header.program_offset + i * sizeof(program), sizeof(program));
		if (program.type != PROGRAM_LOAD || !program.memory_bytes)
			continue;
		if (!add_piece(file, &program, limit, elf))
			return false;
	}
	return elf->pieces && elf->entry < limit;
}

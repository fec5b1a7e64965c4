/* Static ELF programs: what has to be mapped where. */
#ifndef INIT_ELF_H
#define INIT_ELF_H

#include "archive.h"
#include "services/runtime/types.h"

enum { ELF_PIECES_MAX = 8 };

/* Pages [start, end) with those rights; `file` goes to `address`, the rest is zero. */
struct elf_piece {
	u64 start, end, address;
	struct file file;
	u32 rights;
};

struct elf {
	u64 entry;
	unsigned pieces;
	struct elf_piece piece[ELF_PIECES_MAX];
};

/* Reads an ELF file for this machine that is to lie below `limit`. -> false: it is damaged or not a static program. */
bool elf_read(struct file file, u64 limit, struct elf *elf);

#endif

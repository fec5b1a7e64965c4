/* Programs: reads an ELF file and builds the memory and the initial stack of a process from it. For exec.c, elf.c and
 * initial_stack.c only. */
#ifndef LINUX_PROCESS_PROGRAM_H
#define LINUX_PROCESS_PROGRAM_H

#include <linux/elf.h>

#include "services/linux/fs/fs.h"
#include "services/linux/process/process.h"

enum { HEAD_BYTES = 256, SEGMENTS_MAX = 64 };

/* An ELF file that is about to be mapped. */
struct elf {
	struct file *file;
	struct exec_attributes about;
	union {
		Elf64_Ehdr header;
		char head[HEAD_BYTES]; /* first bytes, also of a script; zero-filled */
	};
	long head_bytes;
	Elf64_Phdr segments[SEGMENTS_MAX];
	u64 low, high; /* the range of the loadable segments, before the bias */
	u64 align;
	u64 bias;
	char interpreter[256]; /* empty: none */
	bool stack_executable;
};

/* --- elf.c --- */

/* Reads the first bytes of elf->file. */
int elf_read_head(struct task *self, struct elf *elf);
/* Checks that the file is a program for this machine and reads its segments. -> 0, -ENOEXEC, ... */
int elf_read(struct task *self, struct elf *elf);
/* Maps the segments at elf->bias. */
int elf_map(struct mm *mm, struct elf *elf);
/* Address of the program headers in memory, 0 if they are not mapped. */
u64 elf_headers_address(const struct elf *elf);

/* --- initial_stack.c --- */

/* The strings that a new program gets: argc arguments, then the environment, each with its NUL. */
struct strings {
	char *text;
	u64 bytes, room;
	u32 argc, envc;
	u64 argv_bytes; /* of all arguments */
};

int strings_add(struct strings *strings, const char *text, u64 bytes);
/* Appends the strings of a user's array of pointers; counts them into *count. */
int strings_from_user(struct task *self, struct strings *strings, u64 array, u32 *count, u64 limit);
/* Replaces argument 0 by some strings in front (an interpreter and its arguments). */
int strings_replace_first(struct strings *strings, const char *front, u64 bytes, u32 count);
void strings_free(struct strings *strings);

/* Values of the auxiliary vector. */
struct start {
	u64 headers, header_count, entry, base;
	u64 ip;
	bool secure;
};

/* Chooses the places of the stack and of mappings; before anything else is mapped. */
int stack_place(struct mm *mm, u64 bytes, bool executable);
/* Writes strings, vectors and the rest to the stack. -> 0 and the stack pointer, -E2BIG, -EFAULT. */
int stack_build(struct task *self, struct mm *mm, const struct strings *strings, const char *file_name,
	const struct start *start, const struct credentials *cred);

#endif

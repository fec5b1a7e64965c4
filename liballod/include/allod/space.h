/* Spaces: protection domains of their own.
 *
 * A program runs in a space and can make others. The space that makes another manages it: it may map memory there, offer its
 * portals and end it. A space ends with its manager. A space has no thread of its own unless one is started; the threads of other
 * spaces come in through portals (allod/portal.h).
 *
 * The quickest way to one is allod_sandbox(): a copy-on-write copy of the running program, in which any function can be
 * called at its ordinary address, and may crash there without harm:
 *
 *   ALLOD_PORTAL(int, parse, (const char *, text))          // makes parse_in()
 *
 *   struct allod_space *box = allod_sandbox(NULL);
 *   int fields = parse_in(box, text);                      // parse(text), over there
 *   if (errno)
 *           perror("parse");                               // it crashed; we go on
 *   allod_space_close(box);
 *
 * A sandbox has the memory of the program as it was when the sandbox was made, and its own from then on. It may ask Linux for
 * memory (malloc works) and for the time, and sleep on a futex; every other system call fails with EPERM there. A fault ends
 * the sandbox, exit() and _exit() end the call. Locks that other threads held when it was made (malloc's too) stay
 * locked in it: make sandboxes before other threads, or while these are quiet.
 *
 * The functions may be called by several threads at once, with one exception: nobody may use a space that is being closed. */
#ifndef ALLOD_SPACE_H
#define ALLOD_SPACE_H

#include <stddef.h>
#include <stdint.h>

#include <allod/errors.h>
#include <allod/pointer.h>

#ifdef __cplusplus
extern "C" {
#endif

struct allod_space;

/* How a space is made; every member may be 0. */
struct allod_options {
	char name[16];            /* for people; 15 characters count. Empty: the program's name */
	/* How much the space and all that it makes may use together; 0: as much as the caller. */
	uint64_t frames;          /* pages of memory and page tables; beyond, malloc fails and touching new pages is a fault */
	uint64_t spaces, threads; /* a space counts itself; threads: of its own, not those that call */
	uint64_t grants;          /* and portals and segments */
	unsigned contexts;        /* sandboxes: threads that can be in it at once; others wait. 0: one */
	size_t stack;             /* sandboxes: bytes of stack of each; 0: 256 KiB */
};

/* Why a space ended. */
enum allod_end {
	ALLOD_ALIVE = 0,
	ALLOD_EXITED = 1,  /* its last thread ended, or it ended itself */
	ALLOD_FAULTED = 2, /* an access or instruction in it could not be carried out */
	ALLOD_KILLED = 3,  /* by its manager, or with it */
};

/* Why, where and how. */
struct allod_report {
	enum allod_end end;
	int signal;           /* ALLOD_FAULTED: the signal a process would have got (SIGSEGV, SIGFPE...); 0: not known */
	uint64_t address;     /* of the access that failed */
	uint64_t instruction; /* offset in the space; 0: not known */
};

/* A space without any memory. */
struct allod_space *allod_space_create(const struct allod_options *options);

/* A space made from an ELF image in memory: static, or static PIE that relocates itself, linked for addresses in the lower
 * half of a window. Its first thread starts at the entry point with a pointer to struct allod_start in the first argument
 * register and a stack of 28 KiB; there are no Linux system calls. EINVAL: not such an image. The thread runs before the creator
 * can grant the space anything: it should first wait for a word in its memory, which the creator sets by allod_space_view(). */
struct allod_space *allod_space_load(const void *image, size_t bytes, const struct allod_options *options,
	const uint64_t words[4]);

/* What the first thread of an image gets a pointer to. */
struct allod_start {
	uint64_t size;         /* of this structure */
	uint64_t number_shift; /* a global pointer is number << number_shift | offset */
	uint64_t number;       /* of this space */
	uint64_t creator;      /* number of the space that made it */
	uint64_t words[4];     /* from allod_space_load() */
};

/* A copy of this program in a space of its own; see above. */
struct allod_space *allod_sandbox(const struct allod_options *options);

/* The number of a space, for allod_grant() and others. */
uint32_t allod_space_number(const struct allod_space *space);

/* Map zeroed memory into a space, unmap it, change its rights. The range is whole pages in the lower half of its window; rights are
 * out of ALLOD_R, W, X. EEXIST: something is mapped there; ENOMEM too if a part of the range to protect is not mapped. */
int allod_space_map(struct allod_space *space, uint64_t offset, size_t bytes, unsigned rights);
int allod_space_unmap(struct allod_space *space, uint64_t offset, size_t bytes);
int allod_space_protect(struct allod_space *space, uint64_t offset, size_t bytes, unsigned rights);

/* The creator's view of an offset in a space that it made: readable and writable as long as the space lives. */
void *allod_space_view(const struct allod_space *space, uint64_t offset);

/* Starts a thread of the space's own at `entry`, with an argument, on a stack of 28 KiB. -> its number. For spaces without
 * Linux only. */
int allod_space_start(struct allod_space *space, uint64_t entry, uint64_t argument);

struct allod_info {
	uint32_t number, manager; /* manager 0: none */
	uint64_t frames;          /* pages of memory of its own, page tables among them */
	char name[16];
};

/* What a living space is, by its number (0: the caller's own). ENOENT. */
int allod_space_info(uint32_t number, struct allod_info *info);

/* Ends the space and all that it manages: calls into it return with EOWNERDEAD. ENOENT: it has ended already. */
int allod_space_kill(struct allod_space *space);

/* Sleeps until the space ends, and reports why. If it has ended already, reports at once, any number of times. The kernel remembers
 * the last 128 spaces that ended; for one that ended before those, the report is ALLOD_KILLED. */
int allod_space_wait(struct allod_space *space, struct allod_report *report);

/* Ends the space if it lives and frees what this program keeps about it. NULL is allowed. */
void allod_space_close(struct allod_space *space);

/* From now on every call of its functions by name_in() ends after so many nanoseconds with ETIMEDOUT; 0: no limit. */
void allod_space_deadline(struct allod_space *space, uint64_t nanoseconds);

#ifdef __cplusplus
}
#endif

#endif

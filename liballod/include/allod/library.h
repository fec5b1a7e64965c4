/* Libraries in spaces of their own.
 *
 * A library is made into an image that is not linked with the program but loaded into a space of its own. The program gets portals
 * to the functions that the library exports, and nothing else of it: it can neither read the library's code and data nor jump to
 * anywhere in it, and an attacker who takes the program over finds none of its code there. The library sees only memory that it is
 * lent.
 *
 * The library, freestanding C:
 *
 *   #include <allod/library.h>
 *   long count(const char *text, long bytes) { ... }
 *   ALLOD_EXPORT(count)
 *
 *   cc -O2 -ffreestanding -fno-stack-protector -fno-pie -nostdlib -static -Wl,-e,0 -o text.image text.c
 *
 * The program, with the functions' types from a header that both include:
 *
 *   long count(const char *text, long bytes);
 *   ALLOD_PORTAL(long, count, (const char *, text), (long, bytes))     // allod/portal.h; makes count_at()
 *
 *   struct allod_space *library = allod_library(image, image_bytes, NULL);
 *   allod_portal portal = allod_library_find(library, "count");
 *   long n = count_at(portal, allod_lend(text, 1000, ALLOD_R), 1000);
 *
 * Every load is an instance with data of its own, which lasts until allod_space_close(). Calls come in on the callers' threads,
 * several at once if several call, on stacks of 28 KiB. There is no Linux in the space, no C library and no thread-local memory.
 * A fault there ends the call and the space (EOWNERDEAD); the program goes on. */
#ifndef ALLOD_LIBRARY_H
#define ALLOD_LIBRARY_H

#include <allod/portal.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- in a program --- */

/* Makes an instance of the library in an ELF image in memory (as for allod_space_load(), but starts no thread), with portals at all
 * functions that it exports, and gives up the program's right to the memory of the space. Of the options the name and the quotas
 * are used. EINVAL: it is not such an image, or exports nothing. */
struct allod_space *allod_library(const void *image, size_t bytes, const struct allod_options *options);

/* The portal at a function that the library exports; it may be granted on to others with ALLOD_P for one byte. 0 and ENOENT if
 * there is none. */
allod_portal allod_library_find(const struct allod_space *library, const char *name);

/* --- in a library --- */

/* Names of exported functions have at most 47 characters. */
enum { ALLOD_EXPORT_MAX = 48, ALLOD_EXPORT_NOTE = 0x616c };

/* Exports a function of up to six integers and pointers, whose result is an integer, a pointer or nothing: makes the entry stub of
 * its portal, which calls it and then portal_return, and an ELF note that says where the stub is. */
#if defined(__x86_64__)
#define ALLOD_EXPORT_STUB(name) \
	"subq $8, %rsp; movq %r10, %rcx; call " #name "; movq %rax, %rsi; xorl %edi, %edi; movl $0x1002, %eax; syscall; ud2;"
#elif defined(__aarch64__)
#define ALLOD_EXPORT_STUB(name) "bl " #name "; mov x1, x0; mov x0, xzr; mov x8, #0x1002; svc #0; brk #0;"
#endif
#define ALLOD_EXPORT(name) \
	__asm__(".pushsection .text; .balign 16; allod_export_" #name ":" ALLOD_EXPORT_STUB(name) ".popsection;" \
		".pushsection .note.allod." #name ", \"a\"; .balign 4; .long 6, 2f - 1f, 0x616c; .asciz \"Allod\"; .balign 4;" \
		"1: .quad allod_export_" #name "; .asciz \"" #name "\"; 2: .balign 4; .popsection");

#ifdef __cplusplus
}
#endif

#endif

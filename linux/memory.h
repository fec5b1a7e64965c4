/* Heap memory for the Linux service. All zeroed; NULL if there is none. memory_free(NULL) does nothing. */
#ifndef LINUX_MEMORY_H
#define LINUX_MEMORY_H

#include <stddef.h>

#include "heap.h"

static inline void *memory_zeroed(size_t bytes)
{
	return heap_zalloc(bytes);
}

static inline void memory_free(void *memory)
{
	heap_free(memory);
}

/* A NUL-terminated copy of a string of known length. */
char *memory_string(const char *text, size_t length);

/* Large, zeroed and touched only as far as used: bytes is a multiple of PAGE_SIZE. */
static inline void *memory_pages(size_t bytes)
{
	return pages_alloc(bytes);
}

static inline void memory_pages_free(void *memory, size_t bytes)
{
	pages_free(memory, bytes);
}

#endif

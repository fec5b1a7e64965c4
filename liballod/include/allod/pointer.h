/* Pointers that mean the same in every space: [ number of a space | offset in its window ].
 *
 * Number 0 stands for the space that uses the pointer: an ordinary pointer of a program is a native one. The global form of
 * the same address can be handed to any other space; whether that may use it is a matter of grants (allod/grant.h). A space
 * can use global pointers into itself as well.
 *
 *   char *text = strdup("hello");
 *   char *global = allod_global(text);     // other spaces mean our text by it, and so do we
 *   assert(allod_local(global) == text && allod_space_of(global) == allod_self());
 */
#ifndef ALLOD_POINTER_H
#define ALLOD_POINTER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where the number is in an address, and which is this space's. Set before main() runs; shift 0: this is not Allod. */
extern struct allod_layout {
	unsigned shift;
	uint32_t number;
	uint64_t window; /* bytes of a window: 1 << shift */
} allod_layout;

/* 1 if the program runs on Allod, 0 if not. Elsewhere the other functions fail with ENOSYS, and pointers stay what they are. */
static inline int allod_present(void)
{
	return allod_layout.shift != 0;
}

/* The number of the space that runs. */
static inline uint32_t allod_self(void)
{
	return allod_layout.number;
}

/* The global form of a pointer; what is global already stays so. */
static inline void *allod_global(const volatile void *pointer)
{
	uint64_t address = (uint64_t)pointer;

	if (!allod_layout.shift || address >> allod_layout.shift)
		return (void *)address;
	return (void *)(address | (uint64_t)allod_layout.number << allod_layout.shift);
}

/* The native form of a global pointer into the space that runs; any other pointer stays as it is. */
static inline void *allod_local(const volatile void *pointer)
{
	uint64_t address = (uint64_t)pointer;

	if (!allod_layout.shift || address >> allod_layout.shift != allod_layout.number)
		return (void *)address;
	return (void *)(address & (allod_layout.window - 1));
}

/* The number of the space that a pointer points into. */
static inline uint32_t allod_space_of(const volatile void *pointer)
{
	uint32_t number = allod_layout.shift ? (uint32_t)((uint64_t)pointer >> allod_layout.shift) : 0;

	return number ? number : allod_layout.number;
}

/* The global pointer to an offset in the window of a space: what a native pointer of that space means. */
static inline void *allod_pointer(uint32_t space, uint64_t offset)
{
	return (void *)((uint64_t)space << allod_layout.shift | offset);
}

#ifdef __cplusplus
}
#endif

#endif

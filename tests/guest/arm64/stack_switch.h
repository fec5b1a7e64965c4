/* Code with the stack pointer where no C function would put it, on arm64. */
#ifndef TESTS_GUEST_ARM64_STACK_SWITCH_H
#define TESTS_GUEST_ARM64_STACK_SWITCH_H

#include <stdint.h>

/* Pushes two words there. */
static inline int64_t push_at(uint64_t stack)
{
	__asm__ volatile("mov x19, sp\n\tmov sp, %0\n\tstp xzr, xzr, [sp, #-16]!\n\tmov sp, x19"
			 :
			 : "r"(stack & ~15ul)
			 : "x19", "memory");
	return 0;
}

/* Calls the portal from there; never comes back, as everything is lost. */
static inline int64_t call_at(uint64_t stack, uint64_t portal)
{
	__asm__ volatile("mov sp, %0\n\tmov x9, %1\n\tmov x8, #0x1000\n\tsvc #0\n\tbrk #0"
			 :
			 : "r"(stack), "r"(portal)
			 : "x8", "x9", "memory");
	__builtin_unreachable();
}

#endif

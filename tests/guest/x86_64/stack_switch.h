/* Code with the stack pointer where no C function would put it, on x86-64. */
#ifndef TESTS_GUEST_X86_64_STACK_SWITCH_H
#define TESTS_GUEST_X86_64_STACK_SWITCH_H

#include <stdint.h>

/* Pushes a word there. */
static inline int64_t push_at(uint64_t stack)
{
	__asm__ volatile("mov %%rsp, %%rbx\n\tmov %0, %%rsp\n\tpush $0\n\tmov %%rbx, %%rsp" : : "r"(stack) : "rbx", "memory");
	return 0;
}

/* Calls the portal from there; never comes back, as everything is lost. */
static inline int64_t call_at(uint64_t stack, uint64_t portal)
{
	__asm__ volatile("mov %0, %%rsp\n\tmov %1, %%rbx\n\tmov $0x1000, %%eax\n\tsyscall\n\tud2"
			 :
			 : "r"(stack), "r"(portal)
			 : "rax", "rbx", "rcx", "r11", "memory");
	__builtin_unreachable();
}

#endif

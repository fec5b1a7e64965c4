/* What guest tests must know of x86-64: the call instruction in all its forms, and pieces of code that C cannot say. */
#ifndef TESTS_GUEST_X86_64_CALLS_H
#define TESTS_GUEST_X86_64_CALLS_H

#include <stdint.h>

#include "abi/allod.h"

/* The two words that a call returns. */
struct words {
	int64_t w0;
	uint64_t w1;
};

static inline struct words native6(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	struct words result;

	__asm__ volatile("syscall"
			 : "=a"(result.w0), "=d"(result.w1), "+r"(r10), "+r"(r8), "+r"(r9), "+D"(a), "+S"(b)
			 : "a"(nr), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

/* A call after which all registers but rsp are lost: the compiler is told so, except for rbp, which is kept on the stack, below
 * the red zone. */
static inline struct words lossy_call6(uint64_t nr, uint64_t portal, const uint64_t in[6])
{
	register uint64_t r10 __asm__("r10") = in[3];
	register uint64_t r8 __asm__("r8") = in[4];
	register uint64_t r9 __asm__("r9") = in[5];
	uint64_t a = in[0], b = in[1], rbx = portal;
	struct words result;

	__asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
			 "push %%rbp\n\t"
			 "syscall\n\t"
			 "pop %%rbp\n\t"
			 "lea 128(%%rsp), %%rsp\n\t"
			 : "=a"(result.w0), "=d"(result.w1), "+r"(r10), "+r"(r8), "+r"(r9), "+D"(a), "+S"(b), "+b"(rbx)
			 : "a"(nr), "d"(in[2])
			 : "rcx", "r11", "r12", "r13", "r14", "r15", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3",
			 "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
			 "xmm15");
	return result;
}

/* The portal's address used like a function pointer. */
static inline int64_t pointer_call(uint64_t portal, uint64_t a, uint64_t b, uint64_t c)
{
	int64_t result;

	__asm__ volatile(
		"lea -128(%%rsp), %%rsp\n\tpush %%rbp\n\txor %%ecx, %%ecx\n\txor %%r8d, %%r8d\n\txor %%r9d, %%r9d\n\t"
		"call *%%rbx\n\t"
		"pop %%rbp\n\tlea 128(%%rsp), %%rsp"
		: "=a"(result), "+b"(portal), "+D"(a), "+S"(b), "+d"(c)
		:
		: "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc", "xmm0", "xmm1", "xmm2",
		"xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
		"xmm15");
	return result;
}

/* --- registers that no call names: the thread pointer, and the second segment base --- */

static inline uint64_t thread_pointer(void)
{
	uint64_t value;

	__asm__ volatile("rdfsbase %0" : "=r"(value));
	return value;
}

static inline uint64_t second_base(void)
{
	uint64_t value;

	__asm__ volatile("rdgsbase %0" : "=r"(value));
	return value;
}

static inline void set_second_base(uint64_t value)
{
	__asm__ volatile("wrgsbase %0" : : "r"(value));
}

/* --- code for servers (server.h) --- */

/* Where portals of C functions start: the function is the cookie. */
void portal_stub(void);
__asm__(".pushsection .text\n"
	"portal_stub:\n\t"
	"sub $8, %rsp\n\t"
	"mov %r10, %rcx\n\t"
	"call *%rax\n\t"
	"mov %rax, %rdi\n\t"
	"mov %rdx, %rsi\n\t"
	"mov $0x1002, %eax\n\t"
	"syscall\n\t"
	"ud2\n"
	".popsection\n");

/* The first instruction of a thread finds the stack pointer as no C function expects it. */
void server_start(void);
__asm__(".pushsection .text\n"
	"server_start:\n\t"
	"and $-16, %rsp\n\t"
	".weak server_main_entry\n\tcall server_main_entry\n\t"
	"ud2\n"
	".popsection\n");
/* --- all registers --- */

/* Fills every register with a pattern that is not an argument, calls the portal and stores what comes back. */
static inline void call_with_registers(uint64_t portal, uint64_t *back, unsigned char *vectors)
{
	register uint64_t at __asm__("rdi") = portal;

	__asm__ volatile("lea -128(%%rsp), %%rsp\n\tpush %%rbp\n\tpush %[vectors]\n\tpush %[back]\n\t"
			 "mov %%rdi, %%rbx\n\t"
			 "mov $0x5ec2e75ec2e75ec2, %%rax\n\t"
			 "mov %%rax, %%rbp\n\tmov %%rax, %%r11\n\tmov %%rax, %%r12\n\tmov %%rax, %%r13\n\t"
			 "mov %%rax, %%r14\n\tmov %%rax, %%r15\n\t"
			 "movq %%rax, %%xmm0\n\tpunpcklqdq %%xmm0, %%xmm0\n\t"
			 "movdqa %%xmm0, %%xmm1\n\tmovdqa %%xmm0, %%xmm2\n\tmovdqa %%xmm0, %%xmm7\n\t"
			 "movdqa %%xmm0, %%xmm8\n\tmovdqa %%xmm0, %%xmm15\n\t"
			 "xor %%edi, %%edi\n\txor %%esi, %%esi\n\txor %%edx, %%edx\n\txor %%r10d, %%r10d\n\t"
			 "xor %%r8d, %%r8d\n\txor %%r9d, %%r9d\n\t"
			 "mov $0x1000, %%eax\n\t"
			 "syscall\n\t"
			 "pop %%rcx\n\t"
			 "mov %%rbx, (%%rcx)\n\tmov %%rbp, 8(%%rcx)\n\tmov %%r12, 16(%%rcx)\n\tmov %%r13, 24(%%rcx)\n\t"
			 "mov %%r14, 32(%%rcx)\n\t"
			 "mov %%r15, 40(%%rcx)\n\tmov %%rdi, 48(%%rcx)\n\tmov %%rsi, 56(%%rcx)\n\t"
			 "mov %%r8, 64(%%rcx)\n\tmov %%r9, 72(%%rcx)\n\t"
			 "mov %%r10, 80(%%rcx)\n\tmov %%rax, 88(%%rcx)\n\t"
			 "pop %%rcx\n\t"
			 "movdqu %%xmm0, (%%rcx)\n\tmovdqu %%xmm1, 16(%%rcx)\n\tmovdqu %%xmm2, 32(%%rcx)\n\t"
			 "movdqu %%xmm7, 48(%%rcx)\n\t"
			 "movdqu %%xmm8, 64(%%rcx)\n\tmovdqu %%xmm15, 80(%%rcx)\n\t"
			 "pop %%rbp\n\tlea 128(%%rsp), %%rsp"
			 : "+r"(at)
			 : [vectors] "S"(vectors), [back] "d"(back)
			 : "rax", "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc",
			 "xmm0", "xmm1", "xmm2", "xmm7", "xmm8", "xmm15");
}

/* A portal whose entry stores what it finds in the registers and returns with all of them full. */
void register_entry(void);
__asm__(".pushsection .text\n"
	"register_entry:\n\t"
	"mov $0x20001000, %eax\n\t"
	"mov %rbx, (%rax)\n\tmov %rbp, 8(%rax)\n\tmov %r10, 16(%rax)\n\tmov %r11, 24(%rax)\n\t"
	"mov %r12, 32(%rax)\n\tmov %r13, 40(%rax)\n\tmov %r14, 48(%rax)\n\tmov %r15, 56(%rax)\n\t"
	"movdqu %xmm0, 64(%rax)\n\tmovdqu %xmm1, 80(%rax)\n\tmovdqu %xmm2, 96(%rax)\n\tmovdqu %xmm7, 112(%rax)\n\t"
	"movdqu %xmm8, 128(%rax)\n\tmovdqu %xmm15, 144(%rax)\n\t"
	"mov $0x0bad0bad0bad0bad, %rbx\n\t"
	"mov %rbx, %rbp\n\tmov %rbx, %r8\n\tmov %rbx, %r9\n\tmov %rbx, %r10\n\tmov %rbx, %r12\n\t"
	"mov %rbx, %r13\n\tmov %rbx, %r14\n\tmov %rbx, %r15\n\t"
	"movq %rbx, %xmm0\n\tmovdqa %xmm0, %xmm1\n\tmovdqa %xmm0, %xmm2\n\tmovdqa %xmm0, %xmm7\n\t"
	"movdqa %xmm0, %xmm8\n\tmovdqa %xmm0, %xmm15\n\t"
	"mov $1, %edi\n\txor %esi, %esi\n\t"
	"mov $0x1002, %eax\n\t"
	"syscall\n\t"
	"ud2\n"
	".popsection\n");

#endif

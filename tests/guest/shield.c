/* What a shielded space can see of the kernel: exactly the pages that kernel/arch/x86_64/entry.h names, and no address of the
 * kernel in any byte. Runs on Allod only, with the shield on. */
#include "shield.h"

/* kernel/arch/x86_64/layout.h and entry.h, written down a second time on purpose. */
#define ENTRY_BASE_4 0xffffff0000000000ul
#define ENTRY_BASE_5 0xfffe000000000000ul
enum { TEXT_END = 0x8000, IDT_AT = 0x8000, ENTRY_PAGES_AT = 0x100000, STRIDE = 0x10000, CPUS = 8, LIST = 32 };

static void test_list(uint64_t base)
{
	static struct shield_page list[LIST];
	struct words result = native6(CALL_shield_list, (uintptr_t)list, LIST, 0, 0, 0, 0);
	unsigned text = 0, idt = 0, own = 0, others = 0;

	for (int64_t i = 0; i < result.w0 && i < LIST; i++) {
		const struct shield_page *p = &list[i];
		uint64_t at = p->va - base;

		if (p->bytes == PAGE_SIZE && at < TEXT_END && p->executable && !p->writable)
			text++;
		else if (p->bytes == PAGE_SIZE && at == IDT_AT && !p->executable && !p->writable)
			idt++;
		else if (p->bytes == PAGE_SIZE && at >= ENTRY_PAGES_AT && at < ENTRY_PAGES_AT + CPUS * STRIDE &&
			at % STRIDE == 0 && !p->executable)
			own++;
		else
			dprintf(2, "# page %u: %lx, %lu bytes%s%s\n", ++others, (unsigned long)p->va,
				(unsigned long)p->bytes, p->writable ? ", writable" : "",
				p->executable ? ", executable" : "");
	}
	check(result.w0 > 0 && result.w0 <= LIST && others == 0, "only documented pages of the kernel are visible");
	check(text >= 1 && text <= TEXT_END / PAGE_SIZE && idt == 1 && own == 1,
		"entry text, IDT, one page of the processor");
	memset(list, 0, sizeof(list)); /* these addresses are in our memory rightly */
	check(result.w1 == 0, "no byte of them holds an address of the kernel");
}

/* An address in the direct map, the entry area or the image. Small negative numbers, halves of them and sets of
 * signals are none. */
static bool looks_like_kernel(uint64_t word)
{
	if (word >= 0xffffffff00000000 || (uint32_t)word == 0 || __builtin_popcountll(~word) < 4)
		return false;
	return (word >= 0xff00000000000000 && word < 0xff80000000000000) ||
		(word >= 0xffff800000000000 && word < 0xffffff0000000000) ||
		(word >= 0xfffe000000000000 && word < 0xfffe000010000000) ||
		(word >= 0xffffff8000000000 && word < 0xffffffff80000000);
}

/* After a call every register but rax, rcx and r11 is as before, and those hold what the processor puts there. */
static void test_registers(void)
{
	uint64_t r[16];
	bool wrong = false;

	__asm__ volatile(
		"lea -128(%%rsp), %%rsp\n\tpush %%rbp\n\tpush %[out]\n\t"
		"mov $0x1111, %%ebx\n\tmov $0x2222, %%edx\n\tmov $0x3333, %%esi\n\tmov $0x4444, %%edi\n\t"
		"mov $0x5555, %%ebp\n\t"
		"mov $0x8888, %%r8d\n\tmov $0x9999, %%r9d\n\tmov $0xaaaa, %%r10d\n\tmov $0xcccc, %%r12d\n\t"
		"mov $0xdddd, %%r13d\n\t"
		"mov $0xeeee, %%r14d\n\tmov $0xffff, %%r15d\n\tmov $110, %%eax\n\t"
		"syscall\n"
		"1:\tpop %%rax\n\t"
		"mov %%rbx, (%%rax)\n\tmov %%rdx, 8(%%rax)\n\tmov %%rsi, 16(%%rax)\n\tmov %%rdi, 24(%%rax)\n\t"
		"mov %%rbp, 32(%%rax)\n\t"
		"mov %%r8, 40(%%rax)\n\tmov %%r9, 48(%%rax)\n\tmov %%r10, 56(%%rax)\n\t"
		"mov %%r12, 64(%%rax)\n\tmov %%r13, 72(%%rax)\n\t"
		"mov %%r14, 80(%%rax)\n\tmov %%r15, 88(%%rax)\n\tmov %%rcx, 96(%%rax)\n\tmov %%r11, 104(%%rax)\n\t"
		"lea 1b(%%rip), %%rcx\n\tmov %%rcx, 112(%%rax)\n\t"
		"pop %%rbp\n\tlea 128(%%rsp), %%rsp"
		:
		: [out] "a"(r)
		: "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory",
		"cc");
	for (int i = 0; i < 12; i++) {
		static const uint64_t before[] = { 0x1111, 0x2222, 0x3333, 0x4444, 0x5555, 0x8888, 0x9999, 0xaaaa,
			0xcccc, 0xdddd, 0xeeee, 0xffff };

		wrong |= r[i] != before[i];
	}
	check(!wrong, "a system call keeps the registers");
	check(r[12] == r[14] && (r[13] & 0x200) && (r[13] & ~0x200ed7ul) == 0, "rcx and r11 hold address and flags");
}

int main(int argc, char **argv)
{
	uint64_t base;
	unsigned shift;

	(void)argv;
	if (!check(native_present(), "this is Allod"))
		return tap_end();
	tap_catch_faults();
	shift = number_shift();
	check(shift == 40 || shift == 33, "five or four levels of tables");
	base = shift == 40 ? ENTRY_BASE_5 : ENTRY_BASE_4;
	test_list(base);
	work();
	test_list(base);
	test_own_memory(argc > 1);
	test_registers();
	return tap_end();
}

/* What a shielded space can see of the kernel: exactly the trampoline page and the gate pages that kernel/arch/arm64/entry.h
 * names, and no address of the kernel in any byte or register. Runs on Allod only, with the shield on. */
#include <sched.h>
#include <sys/syscall.h>

#include "shield.h"

/* kernel/arch/arm64/layout.h and entry.h, written down a second time on purpose. */
#define ENTRY_BASE 0xffffff0000000000ul
enum { GATE_AT = 0x12000, STRIDE = 0x4000, LIST = 16 };

static void test_list(void)
{
	static struct shield_page list[LIST];
	struct words result = native6(CALL_shield_list, (uintptr_t)list, LIST, 0, 0, 0, 0);
	bool gates = true;

	check(list[0].va == ENTRY_BASE && list[0].bytes == PAGE_SIZE && list[0].executable && !list[0].writable,
		"the trampoline page is visible, can be executed and not be written");
	for (int64_t i = 1; i < result.w0 && i < LIST; i++)
		gates &= list[i].va == ENTRY_BASE + GATE_AT + (uint64_t)(i - 1) * STRIDE &&
			list[i].bytes == PAGE_SIZE && !list[i].executable;
	check(gates && result.w0 == 1 + sysconf(_SC_NPROCESSORS_ONLN),
		"beside it only one gate page of each processor");
	check(result.w1 == 0, "no byte of them holds an address of the kernel");
	check(tap_read(tap_pointer(ENTRY_BASE)) == SIGSEGV &&
			tap_read(tap_pointer(ENTRY_BASE + PAGE_SIZE)) == SIGSEGV &&
			tap_read(tap_pointer(ENTRY_BASE + GATE_AT)) == SIGSEGV,
		"the program can read neither it, nor its data page, nor the gate");
}

/* An address in the direct map or the image, which are at random places. Small negative numbers and pairs of them are none,
 * nor are masks. */
static bool looks_like_kernel(uint64_t word)
{
	if ((uint32_t)word == 0 || (uint32_t)word >= 0xffffff00 || __builtin_popcountll(~word) < 4)
		return false;
	return (word >= 0xffff000100000000 && word < 0xffff500000000000) ||
		(word >= 0xffffff8000000000 && word < 0xffffffff00000000);
}

/* Registers around an entry: all but x0 are as before, and so are those that EL0 can read of the kernel's scratch. */
static void test_registers(long nr, const char *what)
{
	register uint64_t *x0 __asm__("x0");
	register long x8 __asm__("x8") = nr;
	uint64_t r[31], readable;
	bool wrong = false;

	x0 = r;
	__asm__ volatile(
		"stp x18, x29, [sp, #-32]!\n\tstr x0, [sp, #16]\n\tmov x0, xzr\n\t"
		".irp n, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, "
		"27, 28, 29, 30\n\tmov x\\n, #0x1000 + \\n\n\t.endr\n\t"
		"svc #0\n\t"
		"ldr x0, [sp, #16]\n\t"
		".irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, "
		"27, 28, 29, 30\n\tstr x\\n, [x0, #8 * \\n]\n\t.endr\n\t"
		"ldp x18, x29, [sp], #32"
		: "+r"(x0), "+r"(x8)
		:
		: "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
		"x17", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30", "memory", "cc");
	for (unsigned i = 1; i < 31; i++)
		wrong |= r[i] != (i == 8 ? (uint64_t)nr : 0x1000 + i);
	__asm__ volatile("mrs %0, tpidrro_el0" : "=r"(readable));
	check(!wrong && !readable, what);
}

/* Instructions that sign and check an address in x17 with x16, as they are on every processor; other keys are NOPs too. */
#define SIGN_WITH(name, instruction) \
	static uint64_t name(uint64_t address) \
	{ \
		register uint64_t x17 __asm__("x17") = address; \
		register uint64_t x16 __asm__("x16") = 0x5a5a5a5a; \
		__asm__ volatile("hint #" instruction : "+r"(x17) : "r"(x16)); \
		return x17; \
	}
SIGN_WITH(sign_a, "8")
SIGN_WITH(sign_b, "10")
SIGN_WITH(check_b, "14")

/* What the address of this file's own choice becomes with key B where that is all zeros (and the algorithm Arm's own). */
enum { ADDRESS = 0x12345678 };
#define SIGNED_WITH_ZEROS 0xf84b000012345678ul

/* The kernel's key is not here, on no processor and after no kind of entry: what is signed is signed with zeros, if at all. */
static void test_keys(void)
{
	unsigned wrong = 0;

	for (int i = 0; i < 100; i++) {
		uint64_t word = sign_b(ADDRESS);
		wrong += word != ADDRESS && word != SIGNED_WITH_ZEROS;
		wrong += check_b(word) != ADDRESS || sign_a(ADDRESS) != ADDRESS;
		if (i % 4 == 0)
			usleep(100);
		else if (i % 4 == 1)
			tap_read(tap_pointer(8));
		else
			sched_yield();
	}
	check(!wrong, "nothing is signed with a key of the kernel's");
}

int main(int argc, char **argv)
{
	(void)argv;
	if (!check(native_present(), "this is Allod"))
		return tap_end();
	tap_catch_faults();
	test_list();
	work();
	test_list();
	test_own_memory(argc > 1);
	test_keys();
	test_registers(SYS_getppid, "a system call keeps the registers");
	test_registers(SYS_sched_yield, "sched_yield keeps the registers");
	test_registers(CALL_system_return, "system_return by a process keeps the registers");
	return tap_end();
}

/* Broken invariants: panic.h. */
#include "panic.h"

#include <stdarg.h>

#include "arch.h"
#include "layout.h"
#include "lib/format.h"
#include "lock.h"
#include "log.h"
#include "regs.h"
#include "space.h"
#include "thread.h"

enum { EXIT_PANIC = 2, DEPTH_MAX = 24 };

/* The table of names that scripts/symbols has linked in. */
extern const u32 symbol_count, symbol_offsets[], symbol_names[];
extern const char symbol_text[];

static void print_place(u64 at)
{
	u64 address = arch_code_address(at), offset = address - (u64)kernel_start;
	u32 low = 0, high = symbol_count;

	if (address < (u64)kernel_text || address >= (u64)kernel_rodata || !high) {
		log_line("  %p", (void *)at);
		return;
	}
	while (high - low > 1) {
		u32 middle = (low + high) / 2;

		if (symbol_offsets[middle] <= offset)
			low = middle;
		else
			high = middle;
	}
	log_line("  %p %s + 0x%lx", (void *)address, symbol_text + symbol_names[low], offset - symbol_offsets[low]);
}

/* Only addresses in this processor's kernel stack are followed: a broken chain just ends. */
void backtrace(u64 ip, u64 frame)
{
	u64 end = cpu_self()->stack, start = end - KERNEL_STACK_SIZE;

	log_line("backtrace:");
	if (ip)
		print_place(ip);
	for (unsigned i = 0; i < DEPTH_MAX && frame >= start && frame + 16 <= end && frame % 8 == 0; i++) {
		const u64 *words = (const u64 *)frame;

		print_place(words[1]);
		if (words[0] <= frame)
			break;
		frame = words[0];
	}
}

static void print_calls(const struct thread *thread)
{
	log_line("thread %u in space %u %s, inside of %u calls:", thread->number, thread->space->number,
		thread->space->name, thread->depth);
	for (u32 i = thread->depth; i-- > 0;) {
		const struct call *call = &thread->calls[i];

		log_line("  %s from space %u %s%s%p", call->system ? "system call" : "portal call", call->space->number,
			call->space->name, call->system ? " " : ", back to ",
			(void *)(call->system ? regs_ip(call->frame) : call->ip));
	}
}

_Noreturn void panic(const char *text, ...)
{
	static bool panicking;
	char line[200];
	va_list arguments;

	kernel_lock_break();
	va_start(arguments, text);
	format_v(line, sizeof(line), text, arguments);
	va_end(arguments);
	log_line("panic on processor %u: %s", cpu_self()->number, line);
	if (!panicking) {
		panicking = true;
		backtrace(0, (u64)__builtin_frame_address(0));
		if (cpu_self()->current)
			print_calls(cpu_self()->current);
	}
	arch_power_off(EXIT_PANIC);
}

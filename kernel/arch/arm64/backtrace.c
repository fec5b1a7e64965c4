/* Backtraces: along the frame pointers, with names from the table that scripts/symbols has linked in. */
#include "arch.h"
#include "early.h"
#include "layout.h"
#include "log.h"
#include "machine.h"

extern const u32 symbol_count, symbol_offsets[], symbol_names[];
extern const char symbol_text[];

enum { DEPTH_MAX = 24 };

/* Return addresses on the stack are signed in their upper bits, which are all ones without. */
#define SIGNED_BITS 0xffff000000000000ul

static void print_place(u64 address)
{
	u64 offset = address - (u64)kernel_start;
	u32 low = 0, high = symbol_count;

	if (address < (u64)kernel_text || address >= (u64)kernel_rodata || !high) {
		log_line("  %p", (void *)address);
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
void backtrace_from(u64 ip, u64 frame)
{
	u64 end = cpu_self()->stack, start = end - KERNEL_STACK_SIZE;

	log_line("backtrace:");
	if (ip)
		print_place(ip);
	for (unsigned i = 0; i < DEPTH_MAX && frame >= start && frame + 16 <= end && frame % 8 == 0; i++) {
		const u64 *words = (const u64 *)frame;

		print_place(words[1] | SIGNED_BITS);
		if (words[0] <= frame)
			break;
		frame = words[0];
	}
}

void arch_backtrace(void)
{
	/* From the caller on: the frame of this function may be gone by then (a tail call). */
	backtrace_from((u64)__builtin_return_address(0), *(const u64 *)__builtin_frame_address(0));
}

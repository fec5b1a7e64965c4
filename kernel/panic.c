/* Broken invariants: panic.h. */
#include "panic.h"

#include <stdarg.h>

#include "arch.h"
#include "lib/format.h"
#include "lock.h"
#include "log.h"
#include "regs.h"
#include "space.h"
#include "thread.h"

enum { EXIT_PANIC = 2 };

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
		arch_backtrace();
		if (cpu_self()->current)
			print_calls(cpu_self()->current);
	}
	arch_power_off(EXIT_PANIC);
}

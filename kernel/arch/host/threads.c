/* The rest of arch.h on the host, for tests of threads and calls: one processor, whose threads are played by the test. The test
 * enters the kernel by an upcall and finds in host_cpu what would run next. Where the kernel would wait for an interrupt, it goes
 * back to the test (host_idle_return). */
#include "host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch.h"
#include "lock.h"
#include "log.h"
#include "main.h"
#include "panic.h"
#include "space.h"
#include "thread.h"

struct cpu *cpus[CPUS_MAX] = { &host_cpu };
unsigned cpu_count = 1;
bool shield_on = true;
void *host_idle_return;
u64 host_ticks = 1, host_tick_step;
enum irq_state host_lines[HOST_LINES];

_Noreturn void arch_idle(void)
{
	longjmp(host_idle_return, 1);
}

_Noreturn void arch_power_off(unsigned status)
{
	panic("power off with status %u", status);
	abort();
}

char host_log[300];
u64 host_logged;

void log_line(const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	vsnprintf(host_log, sizeof(host_log), text, arguments);
	va_end(arguments);
	host_logged++;
}

void arch_poke(unsigned number)
{
	panic("processor %u is poked, but there is only one", number);
}

void arch_relax(void)
{
	panic("the only processor waits for another");
}

void arch_relax_end(void)
{
}

u64 arch_ticks(void)
{
	host_ticks += host_tick_step;
	return host_ticks;
}

void arch_clock_init(struct clock_info *clock)
{
	*clock = (struct clock_info){ .mult = 1ul << 32 };
}

void arch_alarm(u64 ticks)
{
	(void)ticks;
}

void arch_irq_set(unsigned line, enum irq_state state)
{
	ASSERT(state != IRQ_TAKEN || kernel_lock_word);
	host_lines[line] = state;
}

unsigned arch_vector_bytes(void)
{
	return 64;
}

void arch_vector_save(void *area)
{
	memset(area, 0x5a, arch_vector_bytes());
}

void arch_vector_load(const void *area)
{
	(void)area;
}

void arch_vector_clear(void)
{
}

void arch_thread_save(struct thread *thread)
{
	arch_vector_save(thread->vector);
}

void arch_thread_load(struct thread *thread)
{
	arch_vector_load(thread->vector);
}

void arch_space_prepare(struct view *run, struct space *entry)
{
	host_cpu.loaded = run;
	host_cpu.user_root[0] = run ? (u64)run->root : 0;
	host_cpu.entry = entry;
}

bool host_has_gate;

bool arch_gate_root(struct view *view, u64 root[2])
{
	root[0] = (u64)view->root;
	root[1] = 0;
	return host_has_gate;
}

unsigned arch_shield_list(struct shield_page *list, unsigned entries, unsigned *leaks)
{
	(void)list;
	(void)entries;
	*leaks = 0;
	return 0;
}

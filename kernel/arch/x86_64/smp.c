/* Starts the other processors, one after the other, with INIT and start-up interrupts; they come through boot.S. At the end, the
 * test `test=nmi`. */
#include "arch.h"
#include "early.h"
#include "layout.h"
#include "lib/string.h"
#include "machine.h"
#include "main.h"

/* The physical address of something in the kernel image. */
static u32 image_pa(const void *address)
{
	return (u32)(machine.image + (u64)((const char *)address - kernel_start));
}

/* Puts the real-mode code where a processor can start, with the addresses it needs. */
static void place_real_mode_code(void)
{
	char *page = pa_ptr((pa_t){ REAL_MODE_PAGE });
	const u32 base[2] = { image_pa(boot_start), image_pa(boot_other) }, gdt = image_pa(boot_gdt);

	memcpy(page, boot_real_mode, (size_t)(boot_real_mode_end - boot_real_mode));
	memcpy(page + (boot_real_base - boot_real_mode), base, sizeof(base));
	memcpy(page + (boot_real_gdt - boot_real_mode), &gdt, sizeof(gdt));
}

void arch_cpus_start(unsigned count)
{
	place_real_mode_code();
	for (unsigned i = 1; i < count; i++) {
		boot_other_start[0] = (u64)smp_start;
		boot_other_start[1] = machine.stacks[i];
		boot_other_start[2] = i;
		lapic_send(i, LAPIC_INIT | LAPIC_ASSERT);
		lapic_send(i, LAPIC_STARTUP | LAPIC_ASSERT | REAL_MODE_PAGE >> PAGE_SHIFT);
		while (__atomic_load_n(&cpu_count, __ATOMIC_ACQUIRE) == i)
			arch_relax();
		arch_relax_end();
	}
	if (boot_has_option(machine.command_line, "test=nmi"))
		arch_test_nmi(true);
}

_Noreturn void smp_start(unsigned number)
{
	cpu_init(number);
	__atomic_store_n(&cpu_count, number + 1, __ATOMIC_RELEASE);
	cpu_main();
}

/* --- a storm of NMIs (`test=nmi` on the command line), for the test that they are harmless at any instruction: each
 * processor that takes one sends one to the next, so that one is always on its way. A single processor sends itself one
 * with every timer interrupt. --- */

static bool storm;

void arch_test_nmi(bool on)
{
	storm = on;
	if (on)
		lapic_send((cpu_self()->number + 1) % cpu_count, LAPIC_NMI | LAPIC_ASSERT);
}

/* The NMI may have come between the two writes of a command: the first one is put back. */
void test_nmi_taken(void)
{
	u32 target;

	if (!__atomic_load_n(&storm, __ATOMIC_RELAXED) || cpu_count == 1)
		return;
	target = lapic_target();
	lapic_send((cpu_self()->number + 1) % cpu_count, LAPIC_NMI | LAPIC_ASSERT);
	lapic_set_target(target);
}

void test_timer_taken(void)
{
	if (storm && cpu_count == 1)
		lapic_send(0, LAPIC_NMI | LAPIC_ASSERT);
}

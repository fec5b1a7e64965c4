/* The other processors: switched on one after the other by PSCI; they come through boot.S. */
#include "arch.h"
#include "early.h"
#include "layout.h"
#include "machine.h"
#include "panic.h"

enum { PSCI_CPU_ON = 0xc4000003u };

/* They read this with the MMU off: it must be in memory, not only in a cache. */
static void clean_line(const void *address)
{
	__asm__ volatile("dc cvac, %0; dsb sy" : : "r"(address) : "memory");
}

void arch_cpus_start(unsigned count)
{
	u64 entry = machine.image + (u64)(boot_other - kernel_start);

	for (unsigned i = 1; i < count; i++) {
		boot_other_start[0] = (u64)smp_start;
		boot_other_start[1] = machine.stacks[i];
		boot_other_start[2] = machine.kernel_root;
		clean_line(boot_other_start);
		if (firmware(PSCI_CPU_ON, machine.affinity[i], entry, i))
			panic("processor %u cannot be switched on", i);
		while (__atomic_load_n(&cpu_count, __ATOMIC_ACQUIRE) == i)
			arch_relax();
	}
}

_Noreturn void smp_start(u64 number)
{
	cpu_init((unsigned)number);
	cpu_sign();
	__atomic_store_n(&cpu_count, (unsigned)number + 1, __ATOMIC_RELEASE);
	cpu_main();
}

/* The kernel lock: lock.h. */
#include "lock.h"

#include "arch.h"

u32 kernel_lock_word;
static bool broken;

void kernel_lock_contended(void)
{
	u64 since = arch_ticks();

	do {
		while (__atomic_load_n(&kernel_lock_word, __ATOMIC_RELAXED) && !broken)
			arch_relax();
	} while (__atomic_exchange_n(&kernel_lock_word, 1, __ATOMIC_ACQUIRE) && !broken);
	arch_relax_end();
	stretch_waited(since);
}

void kernel_lock_break(void)
{
	broken = true;
}

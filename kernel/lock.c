/* The kernel lock: lock.h. */
#include "lock.h"

#include "arch.h"

u32 kernel_lock_word;
static bool broken;

void kernel_lock(void)
{
	while (__atomic_exchange_n(&kernel_lock_word, 1, __ATOMIC_ACQUIRE) && !broken)
		while (__atomic_load_n(&kernel_lock_word, __ATOMIC_RELAXED) && !broken)
			arch_relax();
}

void kernel_lock_break(void)
{
	broken = true;
}

/* The kernel lock: lock.h. A ticket lock, so that processors get it in the order they asked. */
#include "lock.h"

#include "arch.h"
#include "panic.h"

static u32 next_ticket, serving;
static bool broken;

void kernel_lock(void)
{
	u32 ticket = __atomic_fetch_add(&next_ticket, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&serving, __ATOMIC_ACQUIRE) != ticket && !broken)
		arch_relax();
}

void kernel_unlock(void)
{
	__atomic_store_n(&serving, serving + 1, __ATOMIC_RELEASE);
}

void kernel_lock_break(void)
{
	broken = true;
}

/* The kernel lock: lock.h. Whoever comes when it is free takes it. A queue in the order of asking would be fairer, but then a
 * lock that is free has to wait for the next in the queue, which on an emulator may be a processor that the host is not running. */
#include "lock.h"

#include "arch.h"
#include "panic.h"

static u32 held;
static bool broken;

void kernel_lock(void)
{
	while (__atomic_exchange_n(&held, 1, __ATOMIC_ACQUIRE) && !broken)
		while (__atomic_load_n(&held, __ATOMIC_RELAXED) && !broken)
			arch_relax();
}

void kernel_unlock(void)
{
	__atomic_store_n(&held, 0, __ATOMIC_RELEASE);
}

void kernel_lock_break(void)
{
	broken = true;
}

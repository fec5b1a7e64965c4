/* The kernel lock: the only lock of the kernel, but for the log's own.
 *
 * Every upcall takes it first, and sched_leave() releases it last; it protects all state of the portable kernel that is marked [K].
 * The kernel never sleeps, and interrupts are off while it runs. A processor that waits for the lock answers invalidation requests
 * (arch_relax), so the holder can wait for the answers.
 *
 * It is a spinlock without a queue: under an emulator the processor whose turn it is often does not run. */
#ifndef KERNEL_LOCK_H
#define KERNEL_LOCK_H

#include "types.h"

extern u32 kernel_lock_word; /* [a] 1: taken */

/* Waits until it is free, and takes it. */
void kernel_lock_contended(void);

static inline void kernel_lock(void)
{
	if (__atomic_exchange_n(&kernel_lock_word, 1, __ATOMIC_ACQUIRE))
		kernel_lock_contended();
}

static inline void kernel_unlock(void)
{
	__atomic_store_n(&kernel_lock_word, 0, __ATOMIC_RELEASE);
}

/* For a panic only: goes on without the lock, whoever holds it. */
void kernel_lock_break(void);

#endif

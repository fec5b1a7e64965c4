/* The kernel lock: the only lock of the kernel, but for the log's own.
 *
 * Every upcall from the entry code takes it first and the way out releases it last; all state of the portable kernel that
 * is marked [K] belongs to whoever holds it. The kernel never sleeps with it: it is event-driven. Interrupts are off all the
 * time. While a processor waits for the lock it answers invalidation requests (arch_relax), so the holder can wait for those. */
#ifndef KERNEL_LOCK_H
#define KERNEL_LOCK_H

#include "types.h"

void kernel_lock(void);
void kernel_unlock(void);
/* For a panic only: goes on without the lock, whoever holds it. */
void kernel_lock_break(void);

#endif

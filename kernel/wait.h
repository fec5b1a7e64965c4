/* Waiting for words of memory and for the end of spaces. A waiter is found by the word's owner and offset, so that spaces
 * that share a word by grant can wait for and wake each other. All with the kernel lock. */
#ifndef KERNEL_WAIT_H
#define KERNEL_WAIT_H

#include "types.h"

struct space;
struct thread;

/* Once. */
void wait_init(void);

/* The current thread sleeps on the word at va of its space if that still has the expected value, until wait_wake or the
 * deadline (ns of the monotonic clock, 0 = none). The result of its native call is set when it wakes. -E_FAULT, -E_INVAL
 * (misaligned), -E_AGAIN, -E_TIMEDOUT (already past), -E_INTR (already pending). */
int wait_word(u64 va, u32 expected, u64 deadline, u32 flags);

/* Wakes up to count waiters of the word at va of the space. -> how many. -E_INVAL. */
int wait_wake(struct space *space, u64 va, u32 count);

/* These make a waiting thread ready: it was interrupted; its wait fails with that error; it leaves its space. */
void wait_interrupt(struct thread *thread);
void wait_fail(struct thread *thread, int error);
void wait_cancel(struct thread *thread);

/* The current thread sleeps until the space ends; its native call then returns why and the address. -E_INTR (already pending). */
int wait_for_end(struct space *space);
/* Wakes the threads that wait for the end of the space. -> false: it was time to stop. */
bool wait_tell_end(struct space *space);

#endif

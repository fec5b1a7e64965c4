/* Locks and conditions between the threads of one space.
 *
 * A thread that has to wait sleeps in the kernel on a word of the lock; taking and releasing a free lock makes no call. A thread
 * must not take a lock that it holds. */
#ifndef RUNTIME_LOCK_H
#define RUNTIME_LOCK_H

#include "calls.h"

/* Zero-initialised memory is a free lock. */
struct lock {
	u32 word;  /* 0: free; 1: held; 2: held, and somebody may be asleep on it */
	u32 turns; /* counts the threads that have got the lock after they had to wait for it */
};

/* A place to sleep until something that the lock protects changes. Zero-initialised memory is a ready condition. */
struct condition {
	u32 sequence; /* counts wakings */
	u32 waiters;  /* protected by the lock */
};

void lock_acquire_slow(struct lock *lock);
void lock_release_slow(struct lock *lock);

static inline void lock_acquire(struct lock *lock)
{
	u32 expected = 0;

	if (!__atomic_compare_exchange_n(&lock->word, &expected, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		lock_acquire_slow(lock);
}

/* Takes the lock, unless another thread that waits for it gets it first, for which it looks at least every `every` ns. -> has the
 * calling thread got it? */
bool lock_acquire_or_see(struct lock *lock, u64 every);

/* Takes the lock if it is free. */
static inline bool lock_try(struct lock *lock)
{
	u32 expected = 0;

	return __atomic_compare_exchange_n(&lock->word, &expected, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void lock_release(struct lock *lock)
{
	if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2)
		lock_release_slow(lock);
}

static inline bool lock_is_held(const struct lock *lock)
{
	return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) != 0;
}

/* May a thread be asleep on it? */
static inline bool lock_is_contended(const struct lock *lock)
{
	return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) == 2;
}

/* Releases the lock, sleeps until condition_wake(), takes the lock again. May return without that: call it in a loop. -> 0;
 * -E_TIMEDOUT at the deadline (ns, 0 = none); -E_INTR if flags has WAIT_INTERRUPTIBLE. */
i64 condition_wait(struct condition *condition, struct lock *lock, u64 deadline, u32 flags);
/* Wakes up to `count` sleepers. The caller holds the lock. */
void condition_wake(struct condition *condition, u32 count);

static inline void condition_wake_all(struct condition *condition)
{
	condition_wake(condition, ~0u);
}

#endif

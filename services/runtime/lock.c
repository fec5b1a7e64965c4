/* Locks and conditions: lock.h. */
#include "lock.h"

#include "service.h"

void lock_acquire_slow(struct lock *lock)
{
	/* From now on the lock counts as contended: the thread that releases it wakes a sleeper. */
	while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0)
		call_wait(&lock->word, 2, 0, 0);
	lock->turns++;
}

bool lock_acquire_or_see(struct lock *lock, u64 every)
{
	const u32 turns = __atomic_load_n(&lock->turns, __ATOMIC_RELAXED);

	while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0) {
		if (__atomic_load_n(&lock->turns, __ATOMIC_RELAXED) != turns)
			return false;
		call_wait(&lock->word, 2, clock_now() + every, 0);
	}
	return true;
}

void lock_release_slow(struct lock *lock)
{
	call_wake(&lock->word, 1);
}

i64 condition_wait(struct condition *condition, struct lock *lock, u64 deadline, u32 flags)
{
	u32 sequence = __atomic_load_n(&condition->sequence, __ATOMIC_RELAXED);
	i64 result;

	condition->waiters++;
	lock_release(lock);
	result = call_wait(&condition->sequence, sequence, deadline, flags);
	lock_acquire(lock);
	condition->waiters--;
	return result == -E_AGAIN ? 0 : result;
}

void condition_wake(struct condition *condition, u32 count)
{
	if (!condition->waiters)
		return;
	__atomic_fetch_add(&condition->sequence, 1, __ATOMIC_RELEASE);
	call_wake(&condition->sequence, count);
}

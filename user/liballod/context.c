/* Stacks and thread pointers for threads of other spaces: liballod.h. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "liballod.h"

_Static_assert(offsetof(struct context_pool, contexts) == 16 && offsetof(struct context, thread_pointer) == 8 &&
		offsetof(struct context, stack_top) == 16 && sizeof(struct context) == 24,
	"entry.S");

struct context_pool allod_pool;

static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

/* --- taking and giving back, without any context --- */

static struct context *take(u32 tag)
{
	for (u32 i = 0; i < __atomic_load_n(&allod_pool.count, __ATOMIC_ACQUIRE); i++) {
		struct context *context = &allod_pool.contexts[i];
		u32 free = 0;

		/* One that this thread has already: its last call was ended from outside, by a deadline. */
		if (context->owner == tag ||
			__atomic_compare_exchange_n(&context->owner, &free, tag, false, __ATOMIC_ACQUIRE,
				__ATOMIC_RELAXED))
			return context;
	}
	return NULL;
}

/* Takes contexts from threads that have left for good: the kernel has taken their stacklets away. */
static void reclaim(void)
{
	struct region_info region;

	for (u32 i = 0; i < allod_pool.count; i++) {
		struct context *context = &allod_pool.contexts[i];
		u32 owner = context->owner;
		u64 page = owner * STACKLET_SIZE - PAGE_SIZE;

		if (owner && (call_map_query(0, page, &region) < 0 || region.start > page))
			__atomic_compare_exchange_n(&context->owner, &owner, 0, false, __ATOMIC_RELAXED,
				__ATOMIC_RELAXED);
	}
}

struct context *allod_context_wait(u32 tag)
{
	struct context *context;

	__atomic_add_fetch(&allod_pool.waiting, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		u32 released = __atomic_load_n(&allod_pool.released, __ATOMIC_SEQ_CST);

		context = take(tag);
		if (context)
			break;
		reclaim();
		context = take(tag);
		if (context)
			break;
		call_wait(&allod_pool.released, released, 0, 0);
	}
	__atomic_sub_fetch(&allod_pool.waiting, 1, __ATOMIC_SEQ_CST);
	return context;
}

void allod_context_wake(void)
{
	__atomic_add_fetch(&allod_pool.released, 1, __ATOMIC_SEQ_CST);
	call_wake(&allod_pool.released, 1);
}

/* --- making them --- */

/* Sleeps for ever; until then its stack below here, and its thread pointer, are for others. */
static void *sleep_for_others(void *unused)
{
	struct context *context = &allod_pool.contexts[allod_pool.count];
	char here;

	(void)unused;
	context->owner = 0;
	context->thread_pointer = allod_thread_pointer();
	context->stack_top = ((u64)&here - CONTEXT_RESERVE) & ~15ul;
	__atomic_add_fetch(&allod_pool.count, 1, __ATOMIC_RELEASE);
	for (;;)
		pause();
	return NULL;
}

static int make_one(const pthread_attr_t *attributes)
{
	u32 count = allod_pool.count;
	pthread_t thread;
	int error = pthread_create(&thread, attributes, sleep_for_others, NULL);

	if (error)
		return error;
	while (__atomic_load_n(&allod_pool.count, __ATOMIC_ACQUIRE) == count)
		call_yield();
	return 0;
}

int allod_contexts_make(unsigned count, size_t stack)
{
	pthread_attr_t attributes;
	sigset_t all, old;
	int error = 0;

	if (count > CONTEXTS_MAX)
		return errno = EINVAL, -1;
	if (allod_pool.count >= count)
		return 0;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes,
		round_up((stack ? stack : STACK_DEFAULT) + 2 * CONTEXT_RESERVE, PAGE_SIZE));
	/* No signal is to be handled on such a thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_mutex_lock(&making);
	while (!error && allod_pool.count < count)
		error = make_one(&attributes);
	pthread_mutex_unlock(&making);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attributes);
	return error ? errno = error, -1 : 0;
}

void *allod_spare_stack(size_t bytes)
{
	static char *stack;
	static size_t size;
	void *end;

	bytes = round_up(bytes ? bytes : STACK_DEFAULT, PAGE_SIZE);
	pthread_mutex_lock(&making);
	if (bytes > size) {
		char *larger = mmap(NULL, bytes + PAGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (larger != MAP_FAILED) {
			mprotect(larger, PAGE_SIZE, PROT_NONE);
			if (stack)
				munmap(stack, size + PAGE_SIZE);
			stack = larger;
			size = bytes;
		}
	}
	end = bytes <= size ? stack + PAGE_SIZE + size : NULL;
	pthread_mutex_unlock(&making);
	return end;
}

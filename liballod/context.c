/* Stacks and thread pointers for threads of other spaces: liballod.h. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "liballod.h"

_Static_assert(offsetof(struct context_pool, contexts) == 16 && offsetof(struct context, thread_pointer) == 8 &&
		offsetof(struct context, stack_top) == 16 && sizeof(struct context) == 24,
	"entry.S");

struct context_pool allod_pool;

static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

/* --- taking and giving back, without any context ---
 *
 * A deadline or a fault can end a thread's call anywhere in here, and while the thread has a context; then the kernel drops its
 * stacklet. Another thread that sees this takes the context from it. Meanwhile the first thread may be back, with a new stacklet,
 * and have its context again. So the other thread first puts a mark into the upper half of `owner`, then looks for the stacklet,
 * and gets the context only if the mark is still there. */

enum { OWNER = 0xffff, MARK_SHIFT = 16, LOOK_AGAIN_NS = 10000000 };

_Static_assert((STACKLET_BASE / STACKLET_SIZE + THREADS_MAX) <= OWNER, "a tag has 16 bits");

static bool replace(struct context *context, u32 from, u32 to)
{
	return __atomic_compare_exchange_n(&context->owner, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static struct context *take(u32 tag)
{
	for (u32 i = 0; i < __atomic_load_n(&allod_pool.count, __ATOMIC_ACQUIRE); i++) {
		struct context *context = &allod_pool.contexts[i];
		u32 owner = __atomic_load_n(&context->owner, __ATOMIC_RELAXED);

		/* A context that this thread has already, because its last call was ended from outside. */
		while ((owner & OWNER) == tag) {
			if (replace(context, owner, tag))
				return context;
			owner = __atomic_load_n(&context->owner, __ATOMIC_RELAXED);
		}
		if (!owner && replace(context, 0, tag))
			return context;
	}
	return NULL;
}

static bool has_left(u32 owner)
{
	struct region_info region;
	u64 page = owner * STACKLET_SIZE - PAGE_SIZE;

	return call_map_query(0, page, &region) < 0 || region.start > page;
}

/* Takes contexts away from threads whose call was ended before they gave them back. */
static void reclaim(u32 tag)
{
	for (u32 i = 0; i < allod_pool.count; i++) {
		struct context *context = &allod_pool.contexts[i];
		u32 owner = __atomic_load_n(&context->owner, __ATOMIC_RELAXED);
		u32 marked = (owner & OWNER) | tag << MARK_SHIFT;

		if (owner && replace(context, owner, marked) && has_left(owner & OWNER))
			replace(context, marked, 0);
	}
}

/* The time a moment from now, or 0. Calls Linux without the C library, which needs a context. */
static u64 a_moment_later(void)
{
	struct timespec now;

	if (native_call3(SYS_clock_gettime, CLOCK_MONOTONIC, (u64)&now, 0))
		return 0;
	return (u64)now.tv_sec * 1000000000ul + (u64)now.tv_nsec + LOOK_AGAIN_NS;
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
		reclaim(tag);
		context = take(tag);
		if (context)
			break;
		call_wait(&allod_pool.released, released, a_moment_later(), 0);
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

/* Sleeps for ever. Meanwhile other threads use its stack below here, and its thread pointer. */
static void *sleep_for_others(void *unused)
{
	struct context *context = &allod_pool.contexts[allod_pool.count];
	char here;

	(void)unused;
	/* Leaves the VAS that its maker is in, which could never be detached otherwise. */
	call_vas_switch(0);
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

	if (count > CONTEXTS_MAX || stack > STACK_MAX)
		return errno = EINVAL, -1;
	if (allod_pool.count >= count)
		return 0;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes,
		round_up((stack ? stack : STACK_DEFAULT) + 2 * CONTEXT_RESERVE, PAGE_SIZE));
	/* Such a thread shall handle no signal. */
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

		/* A stack without its guard page is not used. */
		if (larger != MAP_FAILED && mprotect(larger, PAGE_SIZE, PROT_NONE)) {
			munmap(larger, bytes + PAGE_SIZE);
		} else if (larger != MAP_FAILED) {
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

/* Copies of the running program: space.h. */
#include <allod/space.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "abi/peer.h"
#include "make.h"

/* The copy of a variable of this program in a space. */
#define THERE(space, variable) ((__typeof__(variable) *)allod_pointer((space)->number, (u64) & (variable)))

/* Contexts of the copy: first the thread that makes it, on the spare stack, then those that slept meanwhile. */
static void fill_pool(const struct allod_space *space, unsigned count, void *stack)
{
	struct context_pool *pool = THERE(space, allod_pool);

	for (unsigned i = count - 1; i > 0; i--) {
		pool->contexts[i] = allod_pool.contexts[i - 1];
		pool->contexts[i].owner = 0;
	}
	pool->contexts[0] = (struct context){ 0, 0, allod_thread_pointer(), (u64)stack };
	pool->waiting = 0;
	pool->count = count;
}

struct allod_space *allod_sandbox(const struct allod_options *options)
{
	unsigned count = options && options->contexts ? options->contexts : 1;
	size_t bytes = options ? options->stack : 0;
	struct allod_space *space;
	void *stack;
	i64 error;

	if (!allod_present())
		return errno = ENOSYS, NULL;
	if (count > CONTEXTS_MAX || bytes > STACK_MAX)
		return errno = EINVAL, NULL;
	stack = allod_spare_stack(bytes);
	if (!stack || (count > 1 && allod_contexts_make(count - 1, bytes)))
		return NULL;
	space = space_make(options, SYSTEM_SHARED);
	if (!space)
		return NULL;
	error = call_space_fork(0, space->number);
	if (error < 0) {
		allod_space_close(space);
		return errno = allod_errno(error), NULL;
	}
	if (syscall(PEER_OPEN, space->number) < 0) {
		int why = errno;

		allod_space_close(space);
		return errno = why, NULL;
	}
	fill_pool(space, count, stack);
	THERE(space, allod_layout)->number = space->number;
	return space;
}

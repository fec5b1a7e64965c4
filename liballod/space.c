/* Spaces that a program makes: space.h. */
#include <allod/space.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/peer.h"
#include "make.h"

_Static_assert((int)ALLOD_EXITED == (int)SPACE_EXITED && (int)ALLOD_FAULTED == (int)SPACE_FAULTED &&
		(int)ALLOD_KILLED == (int)SPACE_KILLED,
	"the kernel's reasons");

struct allod_space *space_make(const struct allod_options *options, u32 system)
{
	struct space_spec spec = { .flags = SPACE_GRANT_CREATOR, .system = system };
	struct allod_space *space;
	long number;

	if (!allod_present())
		return errno = ENOSYS, NULL;
	if (options) {
		memcpy(spec.name, options->name, sizeof(spec.name) - 1);
		spec.quota = (struct quota){ options->frames, options->spaces, options->threads, options->grants };
	}
	if (!spec.name[0])
		memcpy(spec.name, program_invocation_short_name,
			strnlen(program_invocation_short_name, sizeof(spec.name) - 1));
	space = calloc(1, sizeof(*space));
	if (!space)
		return NULL;
	number = allod_result(call_space_create(&spec));
	if (number < 0) {
		free(space);
		return NULL;
	}
	space->number = (u32)number;
	return space;
}

struct allod_space *allod_space_create(const struct allod_options *options)
{
	return space_make(options, 0);
}

uint32_t allod_space_number(const struct allod_space *space)
{
	return space->number;
}

int allod_space_map(struct allod_space *space, uint64_t offset, size_t bytes, unsigned rights)
{
	return (int)allod_result(call_map(space->number, offset, bytes, rights & (RIGHT_R | RIGHT_W | RIGHT_X), 0, 0));
}

int allod_space_unmap(struct allod_space *space, uint64_t offset, size_t bytes)
{
	return (int)allod_result(call_unmap(space->number, offset, bytes));
}

int allod_space_protect(struct allod_space *space, uint64_t offset, size_t bytes, unsigned rights)
{
	return (int)allod_result(call_protect(space->number, offset, bytes, rights & (RIGHT_R | RIGHT_W | RIGHT_X)));
}

void *allod_space_view(const struct allod_space *space, uint64_t offset)
{
	return allod_pointer(space->number, offset);
}

int allod_space_start(struct allod_space *space, uint64_t entry, uint64_t argument)
{
	struct thread_spec thread = { .space = space->number, .ip = entry, .arg = argument };

	return (int)allod_result(call_thread_create(&thread));
}

int allod_space_info(uint32_t number, struct allod_info *info)
{
	struct space_info found;
	long result = allod_result(call_space_info(number, &found));

	if (result < 0)
		return -1;
	*info = (struct allod_info){ found.number, found.manager, found.frames, "" };
	memcpy(info->name, found.name, sizeof(info->name));
	return 0;
}

int allod_space_kill(struct allod_space *space)
{
	long result;

	if (space->ended)
		return errno = ENOENT, -1;
	result = allod_result(call_space_destroy(space->number));
	if (!result)
		space_has_ended(space, (struct allod_report){ .end = ALLOD_KILLED });
	return (int)result;
}

void space_has_ended(struct allod_space *space, struct allod_report report)
{
	while (__atomic_exchange_n(&space->lock, 1, __ATOMIC_ACQUIRE))
		call_yield();
	if (!space->ended) {
		space->report = report;
		space->ended = true;
	}
	__atomic_store_n(&space->lock, 0, __ATOMIC_RELEASE);
}

bool space_is_gone(struct allod_space *space)
{
	struct allod_report report = { .end = ALLOD_KILLED };
	struct peer_report fault;
	struct space_info info;
	u64 address = 0;
	i64 why;

	if (space->ended)
		return true;
	if (call_space_info(space->number, &info) >= 0)
		return false;
	if (!syscall(PEER_REPORT, space->number, &fault)) {
		report = (struct allod_report){ ALLOD_FAULTED, (int)fault.signal, fault.address, fault.ip };
	} else {
		why = call_space_wait(space->number, &address);
		if (why == SPACE_EXITED || why == SPACE_FAULTED)
			report = (struct allod_report){ .end = (enum allod_end)why, .address = address };
	}
	space_has_ended(space, report);
	return true;
}

int allod_space_wait(struct allod_space *space, struct allod_report *report)
{
	u64 address = 0;
	i64 why;

	while (!space_is_gone(space)) {
		why = call_space_wait(space->number, &address);
		if (why < 0 && why != -E_NOENT)
			return (int)allod_result(why);
		if (why == SPACE_EXITED || why == SPACE_FAULTED)
			space_has_ended(space, (struct allod_report){ .end = (enum allod_end)why, .address = address });
	}
	*report = space->report;
	return 0;
}

void allod_space_close(struct allod_space *space)
{
	if (!space)
		return;
	if (!space->ended)
		call_space_destroy(space->number);
	free(space->exports);
	free(space);
}

void allod_space_deadline(struct allod_space *space, uint64_t nanoseconds)
{
	space->deadline = nanoseconds;
}

/* What failed, for programs: errors.h. The only place that knows the kernel's numbers of errors. */
#include <allod/errors.h>

#include <errno.h>

#include "abi/allod.h"

int allod_errno(long result)
{
	static const int numbers[] = {
		[E_NOMEM] = ENOMEM,
		[E_INVAL] = EINVAL,
		[E_FAULT] = EFAULT,
		[E_PERM] = EPERM,
		[E_NOENT] = ENOENT,
		[E_EXIST] = EEXIST,
		[E_AGAIN] = EAGAIN,
		[E_TIMEDOUT] = ETIMEDOUT,
		[E_INTR] = EINTR,
		[E_DEAD] = EOWNERDEAD,
		[E_DEPTH] = ELOOP,
		[E_NOSYS] = ENOSYS,
		[E_BUSY] = EBUSY,
		[E_LIMIT] = EDQUOT,
	};

	if (result >= 0)
		return 0;
	/* A Linux kernel answers -ENOSYS in its own numbers. */
	if (result < -(long)(sizeof(numbers) / sizeof(numbers[0])) + 1)
		return ENOSYS;
	return numbers[-result];
}

const char *allod_error_text(int error)
{
	switch (error) {
	case 0:
		return "the call was made";
	case ENOSYS:
		return "this is not Allod";
	case EINVAL:
		return "an argument is malformed";
	case EPERM:
		return "no grant allows it";
	case ENOENT:
		return "there is no such space, grant or portal";
	case ENOMEM:
		return "no memory is left";
	case EDQUOT:
		return "a quota is full";
	case EOWNERDEAD:
		return "the called space ended during the call";
	case ETIMEDOUT:
		return "the deadline of the call passed";
	case EINTR:
		return "the call was recalled";
	case ELOOP:
		return "the thread is inside of too many calls";
	default:
		return "the call failed";
	}
}

/* Errors of native calls as Linux has them. */
#include <asm/errno.h>

#include "services/runtime/service.h"

#include "services/linux/base.h"

int native_errno(i64 error)
{
	switch (-error) {
	case 0:
		return 0;
	case E_NOMEM:
	case E_LIMIT:
		return -ENOMEM;
	case E_FAULT:
		return -EFAULT;
	case E_PERM:
		return -EPERM;
	case E_NOENT:
		return -ENOMEM;
	case E_EXIST:
		return -EEXIST;
	case E_AGAIN:
	case E_BUSY:
		return -EAGAIN;
	case E_TIMEDOUT:
		return -ETIMEDOUT;
	case E_INTR:
		return -EINTR;
	case E_DEAD:
		return -EIO;
	case E_NOSYS:
		return -ENOSYS;
	default:
		return -EINVAL;
	}
}

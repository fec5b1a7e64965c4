/* Extended attributes are not kept: there are none to list, and none can be read or set. */
#include <asm/errno.h>

#include "services/linux/fs/private.h"
#include "services/linux/syscall.h"

#define NO_ATTRIBUTES(name, result) \
	long sys_##name(struct task *self, struct user_frame *f) \
	{ \
		(void)self, (void)f; \
		return result; \
	}

NO_ATTRIBUTES(getxattr, -EOPNOTSUPP)
NO_ATTRIBUTES(lgetxattr, -EOPNOTSUPP)
NO_ATTRIBUTES(fgetxattr, -EOPNOTSUPP)
NO_ATTRIBUTES(setxattr, -EOPNOTSUPP)
NO_ATTRIBUTES(lsetxattr, -EOPNOTSUPP)
NO_ATTRIBUTES(fsetxattr, -EOPNOTSUPP)
NO_ATTRIBUTES(listxattr, 0)
NO_ATTRIBUTES(llistxattr, 0)
NO_ATTRIBUTES(flistxattr, 0)

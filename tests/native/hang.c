/* A Linux service with a planted mistake, for tests/guest/hang.sh: linked with --wrap=sys_personality, so that personality(WISH_*)
 * hangs with the service's lock held. */
#include "services/linux/sleep.h"
#include "services/linux/syscall.h"
#include "services/linux/task.h"

enum { WISH_COMPUTE = 0xbad0001, WISH_WAIT = 0xbad0002 };

long __real_sys_personality(struct task *self, struct user_frame *frame);
long __wrap_sys_personality(struct task *self, struct user_frame *frame);

long __wrap_sys_personality(struct task *self, struct user_frame *frame)
{
	static const u32 never;
	const u64 wish = arg(frame, 0);

	while (wish == WISH_COMPUTE)
		native_relax();
	while (wish == WISH_WAIT)
		call_wait(&never, 0, 0, 0);
	return __real_sys_personality(self, frame);
}

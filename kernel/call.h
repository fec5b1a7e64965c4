/* Calls into other spaces: portal calls, and calls of the system portal (system calls, faults, exceptions, interrupts of a
 * process). The calling thread itself goes on in the other space. Every call is decoded first; what follows cannot fail. */
#ifndef KERNEL_CALL_H
#define KERNEL_CALL_H

#include "types.h"

struct thread;

/* With `test=panic` on the command line, the first portal call from within another call panics, so that a test sees what that
 * prints. */
extern bool call_test_panic; /* [I] */

/* The current thread calls the portal at the address with six words; the caller goes on at ip with sp. On failure nothing
 * has changed. -E_NOENT, -E_PERM (no right p), -E_DEAD, -E_DEPTH, -E_NOMEM, -E_LIMIT. */
int call_portal(u64 address, const u64 words[6], u64 ip, u64 sp);

/* The current thread returns from a portal call. -E_INVAL if it is not inside of one. */
int call_return(u64 word0, u64 word1);

/* Leaves the innermost call of any kind. A portal call gets the two result words; the registers of a caller by system call or by
 * interrupt stay as they were saved. The thread is the current one of this processor, or on none. */
void call_leave(struct thread *thread, u64 word0, u64 word1);

/* The current thread, in a space with a system, calls the system portal; cause, code and addr are in its user frame. */
void call_system(void);

/* The current thread returns from a call of the system portal; the user frame is loaded as it stands. -E_INVAL if it is not
 * inside of one. */
int call_system_return(void);

#endif

/* How the functions of liballod fail.
 *
 * A function that returns int gives 0 (or what its line says) if it succeeds, and -1 with errno set if it fails; one that
 * returns a pointer gives NULL. What errno then says, wherever a line does not say more:
 *
 *   ENOSYS      this is not Allod: the program runs on another kernel
 *   EINVAL      an argument is malformed or out of range
 *   EFAULT      an address is not accessible
 *   EPERM       no grant allows this, or the object is not the caller's
 *   ENOENT      there is no such space, grant or portal (any more)
 *   EEXIST      something is there already
 *   EBUSY       the object is in use
 *   ENOMEM      no memory
 *   EDQUOT      a quota of the space, or a table of the kernel, is full
 *
 * A portal call fails with one of these too, and with
 *
 *   EOWNERDEAD  the callee faulted, exited or was killed during the call; allod_space_wait() tells which
 *   ETIMEDOUT   the deadline of the call passed
 *   EINTR       the call was recalled, because a signal ends this process
 *   ELOOP       the thread is inside of too many calls (ALLOD_DEPTH_MAX)
 */
#ifndef ALLOD_ERRORS_H
#define ALLOD_ERRORS_H

#ifdef __cplusplus
extern "C" {
#endif

/* The errno value for a result of the kernel (a negative number, -E_* of its own list); 0 for any other. */
int allod_errno(long result);

/* What an errno value means for a portal call, as a sentence without a full stop: "the called space ended during the call". */
const char *allod_error_text(int error);

#ifdef __cplusplus
}
#endif

#endif

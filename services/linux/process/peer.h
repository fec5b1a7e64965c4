/* Peers: spaces that a process made and that this service serves too (SYSTEM_SHARED), and threads that some space sent into a
 * process by a portal call.
 *
 * Their user frames have the cookie 0. What they may ask for concerns their own memory, the time, and sleeping; the rest fails with
 * EPERM. A fault ends a peer, and only the call if it happens in a process. A task that is called back into its own process
 * is served as ever. */
#ifndef LINUX_PROCESS_PEER_H
#define LINUX_PROCESS_PEER_H

#include "user_frame.h"

struct syscall;
struct task;

/* The upcall of a frame without a cookie; entry: of the table of system calls for frame->nr, or NULL. -> the task, if it is in its
 * own process; otherwise it serves the frame and does not return. */
struct task *peer_entry(struct user_frame *frame, const struct syscall *entry);
/* The task is to end but is inside of calls from space to space: leaves those first. */
_Noreturn void peer_leave(struct task *self);
/* Calls of abi/peer.h. -> result, -ENOSYS if the number is none of them. Service lock held. */
long peer_call(struct task *self, const struct user_frame *frame);

#endif

/* The signal room: what becomes of signals when they are delivered, and the calls about them. Signals are raised on the ground
 * floor (send_signal.h).
 *
 *   delivery.c   before a task goes on in its process: handlers run, the process stops or ends
 *   signal.c     sigaction, sigprocmask, kill, sigsuspend...
 *
 * Everything here needs the service lock. */
#ifndef LINUX_SIGNAL_SIGNAL_H
#define LINUX_SIGNAL_SIGNAL_H

#include "services/linux/send_signal.h"

/* Once, at the start; first_stopped: the first process was stopped by a signal. */
void signal_init(void (*first_stopped)(void));

/* --- masks for a call that swaps the mask while it waits (ppoll, pselect, epoll_pwait, sigsuspend) --- */

/* Reads the mask at `addr` (0: none) and puts it in force until the call ends. -> 0, -EFAULT, -EINVAL (bytes != 8). */
int signal_mask_swap(struct task *self, u64 addr, u64 bytes);

/* --- sending with all checks --- */

/* As kill() does, or rt_sigqueueinfo() if there is a siginfo in user memory at info_addr. */
int signal_to_process(struct task *self, struct process *target, unsigned signal, u64 info_addr);

/* --- the end of every upcall --- */

/* Handles what is in self->work: runs a handler, stops, ends. call_result says whether the frame holds the result of a
 * system call (then restarting applies). Lock held; may sleep; does not return if the task ends. */
void signal_deliver(struct task *self, struct user_frame *frame, bool call_result);

/* --- between the files of this room --- */

/* Whether self runs on its alternative stack. */
bool signal_on_alt_stack(const struct task *self, u64 sp);

#endif

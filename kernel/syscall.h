/* The native calls: decoding and dispatch. The manual of each is its line in abi/calls.def. */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

struct user_frame;

/* Does the native call whose registers are in the frame, for the current thread. With the kernel lock. */
void native_call(struct user_frame *frame);

#endif

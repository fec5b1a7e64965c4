/* Upcalls that are not system calls: faults, exceptions, interrupts. */
#ifndef LINUX_FAULT_H
#define LINUX_FAULT_H

#include "user_frame.h"

struct task;

/* Supplies a page of a file, or turns the cause into a signal for self. Lock held. */
void fault_handle(struct task *self, struct user_frame *frame);
/* Called by copy.S: the service itself faulted. Reports it; ends the process that was being served. */
_Noreturn void crash_report(unsigned long code, unsigned long address, unsigned long ip, unsigned long sp);

#endif

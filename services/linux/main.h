/* The roof: the files that know all rooms and hold them together. For them alone.
 *
 *   main.c    starts the rooms and the first program, and names the functions that rooms call in rooms behind them
 *   syscall.c leads system calls to their handlers: syscall.h
 *   fault.c   leads faults and exceptions to the rooms that repair them, or to a signal
 *   stats.c   --stats
 *   map.c     `allod map` */
#ifndef LINUX_MAIN_H
#define LINUX_MAIN_H

#include "services/linux/syscall.h"

/* --- syscall.c --- */

extern struct syscall syscall_table[SYSCALLS];

/* The system portal: every call, fault, exception and interrupt of every process enters here. */
_Noreturn void upcall_entry(struct user_frame *frame);
/* Ends the upcall of the thread that runs: does what is left to do for it (signals, exit), lets the lock go if it is held, and
 * goes on in the process. call_result: the frame holds the result of a system call, which may have to be restarted. */
_Noreturn void upcall_finish(struct task *self, struct user_frame *frame, bool call_result);
/* Once, at start-up. */
void syscall_init(void);

/* The name of a call; "unknown" for a number that is no call's. */
const char *syscall_name(u64 nr);
/* Writes the counts as two JSON members, "calls" and "unsupported", into a text buffer. -> bytes. */
u64 syscalls_report(char *to, u64 size);

/* --- fault.c --- */

/* Supplies a page of a file, or turns the cause into a signal for self. Lock held. */
void fault_handle(struct task *self, struct user_frame *frame);
/* Called by copy.S: the service itself faulted. Reports it; ends the process that was being served. */
_Noreturn void crash_report(unsigned long code, unsigned long address, unsigned long ip, unsigned long sp);

/* --- stats.c, map.c --- */

/* Sends the JSON text of --stats. */
void stats_send(void);
/* Sends who may touch what, as JSON. Service lock. */
void map_send(void);

#endif

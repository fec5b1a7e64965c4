/* The roof: the files that know all rooms. This header is for them alone.
 *
 *   main.c    starts the rooms and the first program, and fills in the tables by which rooms call rooms behind them
 *   syscall.c calls the handlers of system calls: syscall.h
 *   fault.c   has rooms resolve faults and exceptions, or turns them into signals
 *   stats.c   --stats
 *   map.c     `allod map` */
#ifndef LINUX_MAIN_H
#define LINUX_MAIN_H

#include "services/linux/syscall.h"

/* --- syscall.c --- */

extern struct syscall syscall_table[SYSCALLS];

/* The system portal: every call, fault, exception and interrupt of every process enters here. */
_Noreturn void upcall_entry(struct user_frame *frame);
/* Ends the upcall of the thread that runs: does the work that is pending for it (signals, exit), lets the lock go if it is held,
 * and goes on in the process. call_result: the frame holds the result of a system call, which may have to be restarted. */
_Noreturn void upcall_finish(struct task *self, struct user_frame *frame, bool call_result);
/* Once, at start-up. */
void syscall_init(void);

/* The name of a call; "unknown" if no call has the number. */
const char *syscall_name(u64 nr);
/* Writes the counts as two JSON members, "calls" and "unsupported", into a text buffer. -> bytes. */
u64 syscalls_report(char *to, u64 size);

/* --- fault.c --- */

/* Supplies a page of a file, or turns the cause into a signal for self. Lock held. */
void fault_handle(struct task *self, struct user_frame *frame);
/* Called by copy.S: the service itself faulted. Logs that, and ends the process that it was serving. */
_Noreturn void crash_report(unsigned long code, unsigned long address, unsigned long ip, unsigned long sp);

/* --- stats.c, map.c --- */

/* Sends the JSON text of --stats to the tool. */
void stats_send(void);
/* Sends the JSON text of `allod map` to the tool. Service lock. */
void map_send(void);

#endif

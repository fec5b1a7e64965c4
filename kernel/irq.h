/* Interrupt lines: which space holds one, the word that counts its interrupts, and interrupts as calls.
 *
 * A line with a portal has its interrupts served by whoever runs: the current thread, wherever it is in user mode, is made to call
 * that portal. The call is a frame in its chain like any other, and more: a page of the line's keeps every register, vector
 * state included, and a stacklet of the line's is the stack, both reserved and charged to the holder by irq_call(). So a call
 * needs no memory when the interrupt comes, nothing about it tells whom it interrupted, and calls of other lines nest on top. One
 * at a time of each line: an interrupt that comes while its call is under way, that finds no thread, or a chain that is full, or
 * that comes before as much time has passed without a call as the last one took, is counted by the word; so is one whose call was
 * not left by portal_return. Those lines stay masked until irq_done().
 *
 * All functions: with the kernel lock. */
#ifndef KERNEL_IRQ_H
#define KERNEL_IRQ_H

#include "types.h"

struct call;
struct interrupted;
struct space;
struct thread;

/* Their number, as struct boot_info says. */
extern unsigned irq_lines;

/* As the native calls; `caller` is the calling space. */
int irq_grant(struct space *caller, u64 line, struct space *to);
int irq_attach(struct space *caller, u64 line, u64 word);
int irq_call(struct space *caller, u64 line, u64 portal, u64 ns);
int irq_done(struct space *caller, u64 line);
/* An interrupt came in on a line; the machine has masked it. */
void irq_deliver(unsigned line);
/* The space ends: its lines are masked and held by nobody but the boot space. */
void irq_release(struct space *space);

/* The call that the current thread is about to leave ends as it should. */
void irq_returned(struct interrupted *interrupted);
/* The call is left, and in thread->space again: registers are what they were. Drops the reference of the space called. */
void irq_leave(struct thread *thread, struct call *call);

#endif

/* Interrupt lines: which space holds one, the word that counts its interrupts, and interrupts as calls.
 *
 * If a line has a portal, an interrupt makes the processor's current thread, wherever it is in user mode, call that portal. The
 * call is a frame in the thread's chain like any other. A page of the line keeps all registers, the vector state too, and a
 * stacklet of the line is the stack; irq_call() reserves both and charges the holder. So the interrupt itself needs no memory, the
 * callee learns nothing of the thread that it interrupts, and calls of other lines nest on top.
 *
 * The word counts an interrupt, and the line stays masked until irq_done(), if no call can be made: a call of the line is under
 * way, no thread is running, its chain is full, or less time has passed since the line's last call than that call took. The same is
 * done when a call ends in another way than by portal_return.
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
/* The space ends: masks its lines, which only SPACE_DEVICES spaces may use then. */
void irq_release(struct space *space);

/* The current thread is about to leave a call of an interrupt by portal_return. */
void irq_returned(struct interrupted *interrupted);
/* The thread has left a call of an interrupt and is in the interrupted space again: restores its registers, and drops the reference
 * of the space called. */
void irq_leave(struct thread *thread, struct call *call);

#endif

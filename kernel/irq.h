/* Interrupt lines: which space holds one, and the word that counts its interrupts. All with the kernel lock. */
#ifndef KERNEL_IRQ_H
#define KERNEL_IRQ_H

#include "types.h"

struct space;

/* As the native calls; `caller` is the calling space. */
int irq_grant(struct space *caller, u64 line, struct space *to);
int irq_attach(struct space *caller, u64 line, u64 word);
int irq_done(struct space *caller, u64 line);
/* An interrupt came in on a line; the machine has masked it. */
void irq_deliver(unsigned line);
/* The space ends: its lines are masked and held by nobody but the boot space. */
void irq_release(struct space *space);

#endif

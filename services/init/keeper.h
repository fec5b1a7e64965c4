/* The keeper: starts the children, and starts those that end again. */
#ifndef INIT_KEEPER_H
#define INIT_KEEPER_H

#include "child.h"

/* Exit status of a machine whose Linux service or drivers cannot be kept running. */
enum { STATUS_BROKEN = 124, STATUS_HUNG = 123 /* or at the end of its time */ };

/* Begins the child's lives one after another; of the Linux service there is only one. Returns never. */
_Noreturn void keeper_run(struct child *child);
/* Does that on a thread of its own. */
void keeper_start(struct child *child);
/* Ends the machine with a line in the log. */
_Noreturn void keeper_give_up(const char *why);

#endif

/* The supervisor: starts the children, and starts a driver again when its space ends. */
#ifndef INIT_SUPERVISOR_H
#define INIT_SUPERVISOR_H

#include "child.h"

/* Exit status of a machine whose Linux service or drivers cannot be kept running. */
enum { STATUS_BROKEN = 124, STATUS_HUNG = 123 /* or the time of --timeout is over */ };

/* Begins one life of the child after another. The Linux service has only one life: its end is the end of the machine. */
_Noreturn void supervisor_run(struct child *child);
/* Does that on a thread of its own. */
void supervisor_start(struct child *child);
/* Ends the machine with a line in the log. */
_Noreturn void supervisor_give_up(const char *why);

#endif

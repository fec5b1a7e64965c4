/* When frames run out.
 *
 * First the page cache and unused names go (fs_reclaim()); after that, the process with the most memory is killed, and
 * what it had is free at once. Frames the kernel keeps back (kernel/fault.c) let the service itself go on meanwhile.
 * All with the service lock held. */
#ifndef LINUX_MEMORY_SHORTAGE_H
#define LINUX_MEMORY_SHORTAGE_H

#include <stdbool.h>

/* An access found no frame. -> whether it is worth another try; the process that tries may have been killed. */
bool shortage_relieve(void);
/* An access found no frame for a page of a VAS. -> whether it is worth another try. Nobody is killed for it: what is in VASes
 * stays when processes end. */
bool shortage_relieve_vas(void);
/* Whether there is room for one more process or thread. */
bool shortage_room(void);

#endif

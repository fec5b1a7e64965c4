/* Start and end of the Linux service, and what it knows about the machine. */
#ifndef LINUX_MAIN_H
#define LINUX_MAIN_H

#include "services/linux/base.h"

/* The first process has ended with this wait status: reports it to the host and powers off. Does not return. */
_Noreturn void service_end(int wait_status);
/* The first process was stopped by the terminal: the host's command stops too. */
void service_stopped(void);

/* limits.c: takes the host name from the configuration. */
void limits_init(void);
/* --stats: the JSON text. */
void stats_send(void);
/* `allod map`: sends who may touch what, as JSON. Service lock. */
void map_send(void);
/* The last task of the first process is about to let its memory go: the host may have asked for a map of that moment. */
void map_at_end(void);

#endif

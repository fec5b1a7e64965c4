/* Limits of processes and what the system says about itself: calls only, but for the start. */
#ifndef LINUX_LIMITS_H
#define LINUX_LIMITS_H

/* Takes the host name from the configuration. */
void limits_init(void);

#endif

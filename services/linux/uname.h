/* The name of the system. */
#ifndef LINUX_UNAME_H
#define LINUX_UNAME_H

/* Takes the host name from the configuration. */
void uname_init(void);

#endif

/* The terminal: /dev/tty, /dev/console, /dev/pts/0, over the line discipline of linux/terminal.h.
 * Everything with the service lock held. */
#ifndef LINUX_TTY_H
#define LINUX_TTY_H

#include "linux/file.h"

void tty_init(unsigned rows, unsigned columns);
/* Bytes from the keyboard; the other end has gone. */
void tty_input(const char *bytes, size_t count);
void tty_hangup(void);
/* Messages of the control port. */
void tty_resize(unsigned rows, unsigned columns);
void tty_continue(void);
/* Makes the file one of the terminal's. own: /dev/tty, which needs a controlling terminal (-ENXIO). */
int tty_open(struct task *self, struct file *file, bool own);
/* Makes the terminal that of a session, with the group in the foreground. */
void tty_take(u32 session, u32 group);

#endif

/* The tty room: terminals, and the bytes that come from and go to the host.
 *
 *   file (slave side) --> struct tty --> struct tty_driver: the host's terminal (tty.c), or a master (pty.c)
 *
 *   host.c              the start; the first process's terminal or byte streams
 *   tty.c               terminals as files: reading with job control, writing, settings
 *   line_discipline.c   what happens between a keyboard and a program, and between a program and a screen
 *   pty.c               pseudo-terminals
 *   console.c           the console driver's ports
 *
 * Everything here needs the service lock. */
#ifndef LINUX_TTY_TTY_H
#define LINUX_TTY_TTY_H

#include "services/linux/fs/fs.h"

/* --- the start and the end --- */

/* Starts it and the threads of the console, and registers the devices. map: the host asks for a map; time_out: the
 * time that it gave the guest is over. */
void tty_init(void (*map)(void), void (*time_out)(void));
/* Descriptors 0, 1 and 2 of the first process: the terminal or the streams of the host. NULL: no memory. */
struct descriptor_table *tty_first_descriptors(struct task *self);
void tty_size(unsigned rows, unsigned columns);
/* Waits until all output has been taken by the host. */
void console_drain(void);
/* Sends bytes to the host over the control port: lines "exit 0", "stop"... Waits until taken. */
void control_send(const char *text, size_t bytes);

/* --- sessions --- */

/* A session's leader ended: its terminal is free again; the foreground group gets SIGHUP and SIGCONT. */
void tty_session_ended(uint32_t session);
/* Fields of /proc/PID/stat: device number of the session's terminal (0: none), its foreground group (-1: none). */
uint64_t tty_of_session(uint32_t session, int *foreground);

#endif

/* The console driver's ports: where bytes of the host come from and go to (abi/services.h).
 *
 * Output goes into a ring per port, which a thread of the service hands to the driver; programs wait only when the ring is
 * full. A write to one output port waits for the other one to be empty, so that the host gets both in the order in which
 * they were written. Input is read by a thread too: on demand, so that what no program asks for stays with the host, or
 * all the time for a terminal. */
#ifndef LINUX_TTY_CONSOLE_H
#define LINUX_TTY_CONSOLE_H

#include "abi/services.h"

#include "services/linux/base.h"
#include "services/linux/sleep.h"

/* Finds the driver and starts the threads. tty: stdin is read all the time and each piece given to tty_console_input(). map and
 * time_out: as of tty_init(). */
void console_init(bool tty, void (*map)(void), void (*time_out)(void));
/* Bytes of standard input that are here; asks for more if there are none. Sleeps if wait. 0: end of the stream. */
long console_read(struct task *self, void *to, size_t bytes, bool wait);
/* Is there input, or its end? If not, asks for some. */
bool console_readable(void);
extern struct wait_queue console_input;
/* Writes to PORT_STDOUT or PORT_STDERR. -> bytes written. */
long console_write(struct task *self, unsigned port, const void *from, size_t bytes, bool wait);
bool console_writable(unsigned port);
struct wait_queue *console_output(unsigned port);
/* Puts bytes of an echo into the ring; what does not fit is lost. From service memory. */
void console_echo(unsigned port, const char *from, size_t bytes);
/* Holds output back, or lets it go on (terminal). */
void console_hold(bool hold);

#endif

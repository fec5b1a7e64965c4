/* Terminals: /dev/tty, /dev/console, /dev/pts/0, and pseudo-terminals, over the line discipline of services/linux/tty/line_discipline.h.
 * Everything with the service lock held.
 *
 *   file (slave side) --> struct tty --> struct tty_driver: the host's terminal (tty.c), or a master (pty.c) */
#ifndef LINUX_TTY_TTY_H
#define LINUX_TTY_TTY_H

#include <asm/termios.h>

#include "services/linux/fs/file.h"
#include "services/linux/tty/line_discipline.h"

struct tty;

/* Where a terminal shows what is written to it. */
struct tty_driver {
	/* Shows an echo; what there is no room for is lost. */
	void (*echo)(struct ldisc *ldisc, const char *text, size_t bytes);
	/* Shows some of a program's output. -> bytes, or an error. */
	long (*write)(struct task *self, struct tty *tty, const char *text, size_t bytes, bool wait);
	/* Is there room, and the list that is woken when there is. */
	bool (*writable)(const struct tty *tty);
	struct wait_queue *(*output)(struct tty *tty);
	/* terminal.stopped may have changed. */
	void (*stopped)(struct tty *tty);
	/* A program opens or closes it; may be NULL. */
	int (*opened)(struct tty *tty);
	void (*closed)(struct tty *tty);
};

struct tty {
	struct ldisc ldisc;
	struct winsize size;
	const struct tty_driver *screen;
	u32 number;              /* its name is /dev/pts/NUMBER */
	u32 session, foreground; /* whose it is, and the group in the foreground; 0: none */
	bool hung_up;
	struct wait_queue readers, room; /* woken when there is input; when some was taken */
	struct list_node all;
};

/* --- the host's terminal --- */

/* Starts it and the threads of the console, and registers the devices. map: the host asks for a map. */
void tty_init(void (*map)(void));
/* Descriptors 0, 1 and 2 of the first process: the terminal or the streams of the host. NULL: no memory. */
struct descriptor_table *tty_first_descriptors(struct task *self);
void tty_size(unsigned rows, unsigned columns);
/* Bytes from the keyboard; the other end has gone. */
void tty_console_input(const char *bytes, size_t count);
void tty_console_hangup(void);
/* Messages of the control port. */
void tty_console_resize(unsigned rows, unsigned columns);
void tty_console_continue(void);
int tty_open_console(struct task *self, struct file *file);
/* Makes it the terminal of a session, with the group in the foreground. */
void tty_set_controlling(u32 session, u32 group);

/* --- any terminal --- */

/* Fills in a terminal with the settings of a new one; tty_end() when nobody uses it any more. */
void tty_setup(struct tty *tty, const struct tty_driver *screen);
void tty_end(struct tty *tty);
/* Makes the file one of the terminal's. */
int tty_open(struct task *self, struct file *file, struct tty *tty);
/* The same for /dev/tty: -ENXIO if the session has none. */
int tty_open_own(struct task *self, struct file *file);
/* Bytes from the keyboard. */
void tty_receive(struct tty *tty, const char *bytes, size_t count);
/* The keyboard is gone: SIGHUP; no more input, no more output. */
void tty_hangup(struct tty *tty);
/* It belongs to no session any more. */
void tty_disassociate(struct tty *tty);
/* ioctl. master: of the other side, which need not be in the terminal's session. */
long tty_ioctl(struct task *self, struct tty *tty, unsigned command, u64 argument, bool master);

/* --- sessions --- */

/* A session's leader ended: its terminal is free again; the foreground group gets SIGHUP and SIGCONT. */
void tty_session_ended(uint32_t session);
/* Fields of /proc/PID/stat: device number of the session's terminal (0: none), its foreground group (-1: none). */
uint64_t tty_of_session(uint32_t session, int *foreground);

/* --- pty.c --- */

/* Pseudo-terminals have their names in this directory. */
void pty_init(struct dentry *directory);
/* /dev/ptmx: a new one; the file is its master. */
int pty_open(struct task *self, struct file *file);
/* /dev/pts/NUMBER. */
int pty_open_slave(struct task *self, struct file *file, u32 number);

#endif

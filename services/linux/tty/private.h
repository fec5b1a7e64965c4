/* What the files of the tty room have of each other. Besides: console.h, line_discipline.h. */
#ifndef LINUX_TTY_PRIVATE_H
#define LINUX_TTY_PRIVATE_H

#include <asm/termios.h>

#include "services/linux/tty/line_discipline.h"
#include "services/linux/tty/tty.h"

struct tty;

/* The other side of a terminal: the host, or the master of a pty. */
struct tty_driver {
	/* Takes the bytes of an echo; drops what it has no room for. */
	void (*echo)(struct ldisc *ldisc, const char *text, size_t bytes);
	/* Takes some of what a program writes. -> bytes, or an error. */
	long (*write)(struct task *self, struct tty *tty, const char *text, size_t bytes, bool wait);
	/* Whether it has room; and the queue that it wakes when it has room again. */
	bool (*writable)(const struct tty *tty);
	struct wait_queue *(*output)(struct tty *tty);
	/* Is told that ldisc.stopped may have changed. */
	void (*stopped)(struct tty *tty);
	/* Are told that a program opens, or closes, the terminal; may be NULL. */
	int (*opened)(struct tty *tty);
	void (*closed)(struct tty *tty);
};

struct tty {
	struct ldisc ldisc;
	struct winsize size;
	const struct tty_driver *screen;
	u32 number;              /* its name is /dev/pts/NUMBER */
	u32 session, foreground; /* the session whose controlling terminal it is, and its foreground group; 0: none */
	bool hung_up;
	struct wait_queue readers, room; /* readers sleep until there is input; the master's writers until input was taken */
	struct list_node all;
};

/* The host's terminal: takes bytes of its keyboard; hangs up, as the host's end has gone. */
void tty_console_input(const char *bytes, size_t count);
void tty_console_hangup(void);
/* The host's terminal has another size; the host's command goes on after a stop. */
void tty_console_resize(unsigned rows, unsigned columns);
void tty_console_continue(void);
int tty_open_console(struct task *self, struct file *file);
/* Makes the host's terminal the controlling terminal of a session, with the group in the foreground. */
void tty_set_controlling(u32 session, u32 group);
/* Fills in a terminal with the settings of a new one; tty_end() when nobody uses it any more. */
void tty_setup(struct tty *tty, const struct tty_driver *screen);
void tty_end(struct tty *tty);
/* Opens the terminal: the file becomes one of its files. */
int tty_open(struct task *self, struct file *file, struct tty *tty);
/* Opens /dev/tty, the controlling terminal of the task's session; -ENXIO if it has none. */
int tty_open_own(struct task *self, struct file *file);
/* Gives the line discipline bytes of the keyboard. */
void tty_receive(struct tty *tty, const char *bytes, size_t count);
/* The keyboard is gone: sends SIGHUP; from then on reads end and writes fail. */
void tty_hangup(struct tty *tty);
/* Takes the terminal from its session. */
void tty_disassociate(struct tty *tty);
/* ioctl on a terminal. master: on the master's file, whose task need not be in the terminal's session. */
long tty_ioctl(struct task *self, struct tty *tty, unsigned command, u64 argument, bool master);
/* Names the directory in which pseudo-terminals get their names. */
void pty_init(struct dentry *directory);
/* Opens /dev/ptmx: makes a pseudo-terminal; the file is its master. */
int pty_open(struct task *self, struct file *file);
/* Opens /dev/pts/NUMBER. */
int pty_open_slave(struct task *self, struct file *file, u32 number);

#endif

/* What the files of the tty room have of each other. Besides: console.h, line_discipline.h. */
#ifndef LINUX_TTY_PRIVATE_H
#define LINUX_TTY_PRIVATE_H

#include <asm/termios.h>

#include "services/linux/tty/line_discipline.h"
#include "services/linux/tty/tty.h"

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

/* Bytes from the keyboard; the other end has gone. */
void tty_console_input(const char *bytes, size_t count);
void tty_console_hangup(void);
/* Messages of the control port. */
void tty_console_resize(unsigned rows, unsigned columns);
void tty_console_continue(void);
int tty_open_console(struct task *self, struct file *file);
/* Makes it the terminal of a session, with the group in the foreground. */
void tty_set_controlling(u32 session, u32 group);
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
/* Pseudo-terminals have their names in this directory. */
void pty_init(struct dentry *directory);
/* /dev/ptmx: a new one; the file is its master. */
int pty_open(struct task *self, struct file *file);
/* /dev/pts/NUMBER. */
int pty_open_slave(struct task *self, struct file *file, u32 number);

#endif

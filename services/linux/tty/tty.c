/* Terminals as files: reading with job control, writing, settings. The first is the host's; others are in pty.c. */
#include "services/linux/clock.h"
#include "services/linux/event/event.h"

#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/termios.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>

#include "lib/string.h"

#include "services/linux/tty/console.h"
#include "services/runtime/heap.h"
#include "services/linux/send_signal.h"
#include "services/linux/tty/line_discipline.h"
#include "services/linux/tty/private.h"

enum { PIECE_BYTES = 512, TTY_DEVICE = 136 << 8 };

static struct tty console; /* the host's */
static struct list_node ttys = LIST_INIT(ttys);

static void to_foreground(const struct tty *tty, int signal)
{
	signal_foreground(tty->session, tty->foreground, signal);
}

static void tty_signal(struct ldisc *ldisc, int signal)
{
	struct tty *tty = container_of(ldisc, struct tty, ldisc);

	to_foreground(tty, signal);
}

static void take(struct tty *tty, u32 session, u32 group)
{
	tty->session = session;
	tty->foreground = group;
}

void tty_setup(struct tty *tty, const struct tty_driver *screen)
{
	tty->screen = screen;
	tty->ldisc.output = screen->echo;
	tty->ldisc.signal = tty_signal;
	ldisc_init(&tty->ldisc);
	wait_queue_init(&tty->readers);
	wait_queue_init(&tty->room);
	list_append(&ttys, &tty->all);
}

void tty_end(struct tty *tty)
{
	list_remove(&tty->all);
}

/* --- the host's terminal --- */

static void console_show(struct ldisc *unused, const char *text, size_t bytes)
{
	(void)unused;
	console_echo(PORT_STDOUT, text, bytes);
}

static long console_put(struct task *self, struct tty *tty, const char *text, size_t bytes, bool wait)
{
	(void)tty;
	return console_write(self, PORT_STDOUT, text, bytes, wait);
}

static bool console_has_room(const struct tty *tty)
{
	(void)tty;
	return console_writable(PORT_STDOUT);
}

static struct wait_queue *console_list(struct tty *tty)
{
	(void)tty;
	return console_output(PORT_STDOUT);
}

static void console_stopped(struct tty *tty)
{
	console_hold(tty->ldisc.stopped);
}

static const struct tty_driver console_screen = {
	.echo = console_show,
	.write = console_put,
	.writable = console_has_room,
	.output = console_list,
	.stopped = console_stopped,
};

void tty_size(unsigned rows, unsigned columns)
{
	tty_setup(&console, &console_screen);
	console.size.ws_row = (unsigned short)rows;
	console.size.ws_col = (unsigned short)columns;
}

void tty_receive(struct tty *tty, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ldisc_input(&tty->ldisc, bytes[i]);
	tty->screen->stopped(tty);
	wake_up(&tty->readers);
}

void tty_console_input(const char *bytes, size_t count)
{
	tty_receive(&console, bytes, count);
}

void tty_hangup(struct tty *tty)
{
	struct process *leader = tty->session ? process_find(tty->session) : NULL;

	tty->hung_up = true;
	if (leader && leader->pgid != tty->foreground) {
		signal_send_process(leader, SIGHUP, NULL);
		signal_send_process(leader, SIGCONT, NULL);
	}
	to_foreground(tty, SIGHUP);
	to_foreground(tty, SIGCONT);
	wake_up(&tty->readers);
	wake_up(tty->screen->output(tty));
}

void tty_disassociate(struct tty *tty)
{
	take(tty, 0, 0);
}

void tty_console_hangup(void)
{
	tty_hangup(&console);
}

static void resize(struct tty *tty, const struct winsize *wanted)
{
	if (!memcmp(&tty->size, wanted, sizeof(*wanted)))
		return;
	tty->size = *wanted;
	to_foreground(tty, SIGWINCH);
}

void tty_console_resize(unsigned rows, unsigned columns)
{
	struct winsize wanted = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };

	resize(&console, &wanted);
}

void tty_console_continue(void)
{
	to_foreground(&console, SIGCONT);
}

/* --- sessions --- */

void tty_set_controlling(u32 session, u32 group)
{
	take(&console, session, group);
}

static struct tty *tty_find(u32 session)
{
	list_for_each(node, &ttys) {
		struct tty *tty = container_of(node, struct tty, all);

		if (session && tty->session == session)
			return tty;
	}
	return NULL;
}

void tty_session_ended(uint32_t ended)
{
	struct tty *tty = ended ? tty_find(ended) : NULL;

	if (!tty)
		return;
	to_foreground(tty, SIGHUP);
	to_foreground(tty, SIGCONT);
	take(tty, 0, 0);
}

uint64_t tty_of_session(uint32_t asked, int *group)
{
	const struct tty *tty = asked ? tty_find(asked) : NULL;

	*group = tty ? (int)tty->foreground : -1;
	return tty ? TTY_DEVICE + tty->number : 0;
}

/* A process uses its terminal. -> 0: it may; or the error for a background process, whose group gets the signal (SIGTTIN,
 * SIGTTOU). */
static int background(struct task *self, const struct tty *tty, int signal)
{
	struct process *process = self->process;

	if (process->sid != tty->session || process->pgid == tty->foreground || !tty->foreground)
		return 0;
	if (signal_blocked_or_ignored(self, signal))
		return signal == SIGTTIN ? -EIO : 0;
	if (group_is_orphaned(process->pgid))
		return -EIO;
	signal_send_group(process->pgid, signal);
	return -ERESTARTSYS;
}

/* --- reading --- */

/* Waits until a read of that many bytes can be served. -> 0 or -errno. */
static int wait_for_input(struct task *self, struct tty *tty, size_t bytes, bool wait)
{
	unsigned min = tty->ldisc.settings.c_cc[VMIN], tenths = tty->ldisc.settings.c_cc[VTIME];
	size_t count = ldisc_count(&tty->ldisc);
	u64 deadline = 0;
	int error;

	for (;;) {
		bool canonical = tty->ldisc.settings.c_lflag & ICANON;
		unsigned needed = min > bytes ? (unsigned)bytes : min;

		error = background(self, tty, SIGTTIN);
		if (error)
			return error;
		if (tty->hung_up || ldisc_readable(&tty->ldisc, needed ? needed : 1))
			return 0;
		if (!canonical && !min && !tenths)
			return 0;
		if (!wait)
			return !canonical && count ? 0 : -EAGAIN;
		/* The timer starts with the call if no byte is required, else with each byte. */
		if (!canonical && tenths && (!min || ldisc_count(&tty->ldisc) != count || count)) {
			if (!deadline || (min && ldisc_count(&tty->ldisc) != count))
				deadline = time_monotonic() + tenths * 100000000ull;
		}
		count = ldisc_count(&tty->ldisc);
		error = wait_on(self, &tty->readers, deadline);
		if (error == -ETIMEDOUT)
			return 0;
		if (error)
			return !canonical && count ? 0 : error;
	}
}

static long tty_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	struct tty *tty = file->data;
	char piece[PIECE_BYTES];
	size_t done = 0;
	int error;

	(void)pos;
	if (!bytes)
		return 0;
	error = wait_for_input(self, tty, bytes, !(file->flags & O_NONBLOCK));
	if (error)
		return error;
	while (done < bytes && ldisc_readable(&tty->ldisc, 1)) {
		size_t wanted = min_u64(bytes - done, sizeof(piece));
		size_t got = ldisc_read(&tty->ldisc, piece, wanted);

		if (copy_guarded((char *)to + done, piece, got) < got)
			return -EFAULT;
		done += got;
		/* A canonical read ends with its line. */
		if (got < wanted || (tty->ldisc.settings.c_lflag & ICANON && piece[got - 1] == '\n'))
			break;
	}
	wake_up(&tty->room);
	return (long)done;
}

/* --- writing --- */

static long tty_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos)
{
	struct tty *tty = file->data;
	char piece[PIECE_BYTES], processed[PIECE_BYTES * 8];
	bool wait = !(file->flags & O_NONBLOCK);
	size_t done = 0;
	int error = tty->ldisc.settings.c_lflag & TOSTOP ? background(self, tty, SIGTTOU) : 0;

	(void)pos;
	if (error)
		return error;
	if (tty->hung_up)
		return -EIO;
	while (done < bytes) {
		size_t wanted = min_u64(bytes - done, sizeof(piece));
		size_t got = copy_guarded(piece, (const char *)from + done, wanted);
		size_t length, sent = 0;

		if (!got)
			return done ? (long)done : -EFAULT;
		if (!wait && !tty->screen->writable(tty))
			return done ? (long)done : -EAGAIN;
		length = ldisc_process(&tty->ldisc, piece, got, processed);
		/* What the discipline made of the piece goes out whole, or the column would be wrong. */
		while (sent < length) {
			long more = tty->screen->write(self, tty, processed + sent, length - sent, true);

			if (more < 0)
				return done ? (long)done : more;
			sent += (size_t)more;
		}
		done += got;
		service_lock_pass();
		if (done < bytes && task_interrupted(self))
			break;
	}
	return (long)done;
}

static unsigned tty_poll(struct file *file, struct poll_table *wait)
{
	struct tty *tty = file->data;
	unsigned ready = 0;

	poll_wait(wait, &tty->readers);
	poll_wait(wait, tty->screen->output(tty));
	if (ldisc_readable(&tty->ldisc, 1))
		ready |= EPOLLIN | EPOLLRDNORM;
	if (tty->hung_up)
		ready |= EPOLLHUP | EPOLLIN;
	else if (tty->screen->writable(tty))
		ready |= EPOLLOUT | EPOLLWRNORM;
	return ready;
}

/* --- settings --- */

static long set_settings(struct task *self, struct tty *tty, unsigned command, u64 argument)
{
	struct termios settings;
	int error = background(self, tty, SIGTTOU);

	if (error)
		return error;
	if (user_read(self, argument, &settings, sizeof(settings)))
		return -EFAULT;
	ldisc_set(&tty->ldisc, &settings, command == TCSETSF);
	tty->screen->stopped(tty);
	wake_up(&tty->readers);
	wake_up(&tty->room);
	return 0;
}

static long set_size(struct task *self, struct tty *tty, u64 argument)
{
	struct winsize wanted;

	if (user_read(self, argument, &wanted, sizeof(wanted)))
		return -EFAULT;
	resize(tty, &wanted);
	return 0;
}

static long set_foreground(struct task *self, struct tty *tty, u64 argument)
{
	int error = background(self, tty, SIGTTOU);
	u32 group;

	if (error)
		return error;
	if (user_get_u32(self, argument, &group))
		return -EFAULT;
	if (self->process->sid != tty->session)
		return -ENOTTY;
	if ((i32)group < 0)
		return -EINVAL;
	if (!group_in_session(group, tty->session))
		return -EPERM;
	tty->foreground = group;
	return 0;
}

static long take_terminal(struct task *self, struct tty *tty, u64 force)
{
	struct process *process = self->process;

	if (process->sid == tty->session)
		return 0;
	if (process->pid != process->sid || (tty->session && !(force == 1 && task_is_root(self))))
		return -EPERM;
	take(tty, process->sid, process->pgid);
	return 0;
}

static long flush(struct tty *tty, u64 what)
{
	if (what > TCIOFLUSH)
		return -EINVAL;
	if (what != TCOFLUSH) {
		ldisc_flush_input(&tty->ldisc);
		wake_up(&tty->room);
	}
	return 0;
}

static long flow(struct tty *tty, u64 what)
{
	if (what > TCION)
		return -EINVAL;
	if (what == TCOOFF || what == TCOON) {
		tty->ldisc.stopped = what == TCOOFF;
		tty->screen->stopped(tty);
	}
	return 0;
}

long tty_ioctl(struct task *self, struct tty *tty, unsigned command, u64 argument, bool master)
{
	bool own = master || self->process->sid == tty->session;

	switch (command) {
	case TCGETS:
		return user_write(self, argument, &tty->ldisc.settings, sizeof(tty->ldisc.settings));
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return set_settings(self, tty, command, argument);
	case TIOCGWINSZ:
		return user_write(self, argument, &tty->size, sizeof(tty->size));
	case TIOCSWINSZ:
		return set_size(self, tty, argument);
	case TIOCGPGRP:
		return own ? user_put_u32(self, argument, tty->foreground) : -ENOTTY;
	case TIOCSPGRP:
		return set_foreground(self, tty, argument);
	case TIOCGSID:
		return own ? user_put_u32(self, argument, tty->session) : -ENOTTY;
	case TIOCSCTTY:
		return take_terminal(self, tty, argument);
	case TIOCNOTTY:
		if (self->process->sid == tty->session && self->process->pid == tty->session)
			tty_session_ended(tty->session);
		return 0;
	case FIONREAD:
		return user_put_u32(self, argument, (u32)ldisc_count(&tty->ldisc));
	case TIOCOUTQ:
		return user_put_u32(self, argument, 0);
	case TCFLSH:
		return flush(tty, argument);
	case TCXONC:
		return flow(tty, argument);
	case TCSBRK:
	case TCSBRKP:
		return 0;
	default:
		return -ENOTTY;
	}
}

static long tty_file_ioctl(struct task *self, struct file *file, unsigned command, u64 argument)
{
	return tty_ioctl(self, file->data, command, argument, false);
}

static void tty_release(struct task *self, struct file *file)
{
	struct tty *tty = file->data;

	(void)self;
	if (tty && tty->screen->closed)
		tty->screen->closed(tty);
}

static const struct file_ops tty_ops = {
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_file_ioctl,
	.release = tty_release,
};

int tty_open(struct task *self, struct file *file, struct tty *tty)
{
	struct process *process = self->process;
	int error = tty->screen->opened ? tty->screen->opened(tty) : 0;

	if (error)
		return error;
	/* A session leader without a terminal gets the first one it opens. */
	if (!tty->session && process->pid == process->sid && !tty_find(process->sid) && !(file->flags & O_NOCTTY))
		take(tty, process->sid, process->pgid);
	file->ops = &tty_ops;
	file->data = tty;
	return 0;
}

int tty_open_console(struct task *self, struct file *file)
{
	return tty_open(self, file, &console);
}

int tty_open_own(struct task *self, struct file *file)
{
	struct tty *tty = tty_find(self->process->sid);

	return tty ? tty_open(self, file, tty) : -ENXIO;
}

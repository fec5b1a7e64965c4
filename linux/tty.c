/* The terminal as a file: reading with job control, writing, settings. */
#include "linux/tty.h"

#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/termios.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>

#include "lib/string.h"

#include "linux/clock.h"
#include "linux/console.h"
#include "linux/memory.h"
#include "linux/ready.h"
#include "linux/signals.h"
#include "linux/terminal.h"

enum { PIECE_BYTES = 512, TTY_DEVICE = 136 << 8 };

static struct terminal terminal;
static struct winsize size;
static u32 session, foreground; /* 0: none */
static bool hung_up;
static struct wait_list readers;

/* --- from the keyboard --- */

static void tty_output(struct terminal *unused, const char *text, size_t bytes)
{
	(void)unused;
	console_echo(PORT_STDOUT, text, bytes);
}

static void tty_signal(struct terminal *unused, int signal)
{
	(void)unused;
	if (foreground)
		signal_group(foreground, signal);
}

void tty_init(unsigned rows, unsigned columns)
{
	terminal.output = tty_output;
	terminal.signal = tty_signal;
	terminal_init(&terminal);
	wait_list_init(&readers);
	size.ws_row = (unsigned short)rows;
	size.ws_col = (unsigned short)columns;
}

void tty_input(const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		terminal_input(&terminal, bytes[i]);
	console_hold(terminal.stopped);
	wait_wake(&readers);
}

void tty_hangup(void)
{
	hung_up = true;
	if (foreground) {
		signal_group(foreground, SIGHUP);
		signal_group(foreground, SIGCONT);
	}
	wait_wake(&readers);
}

void tty_resize(unsigned rows, unsigned columns)
{
	if (size.ws_row == rows && size.ws_col == columns)
		return;
	size.ws_row = (unsigned short)rows;
	size.ws_col = (unsigned short)columns;
	if (foreground)
		signal_group(foreground, SIGWINCH);
}

void tty_continue(void)
{
	if (foreground)
		signal_group(foreground, SIGCONT);
}

/* --- sessions --- */

void tty_take(u32 new_session, u32 group)
{
	session = new_session;
	foreground = group;
}

void tty_session_ended(uint32_t ended)
{
	if (!session || session != ended)
		return;
	if (foreground) {
		signal_group(foreground, SIGHUP);
		signal_group(foreground, SIGCONT);
	}
	session = foreground = 0;
}

uint64_t tty_of_session(uint32_t asked, int *group)
{
	bool own = session && asked == session;

	*group = own ? (int)foreground : -1;
	return own ? TTY_DEVICE : 0;
}

/* What a background process gets for touching its terminal. -> 0: it may. */
static int background(struct task *self, int signal)
{
	struct process *process = self->process;

	if (process->sid != session || process->pgid == foreground || !foreground)
		return 0;
	if (signal_blocked_or_ignored(self, signal))
		return signal == SIGTTIN ? -EIO : 0;
	if (group_is_orphaned(process->pgid))
		return -EIO;
	signal_group(process->pgid, signal);
	return -ERESTARTSYS;
}

/* --- reading --- */

/* Waits until a read of that many bytes can be served. -> 0 or -errno. */
static int wait_for_input(struct task *self, size_t bytes, bool wait)
{
	unsigned min = terminal.settings.c_cc[VMIN], tenths = terminal.settings.c_cc[VTIME];
	size_t count = terminal_count(&terminal);
	u64 deadline = 0;
	int error;

	for (;;) {
		bool canonical = terminal.settings.c_lflag & ICANON;
		unsigned needed = min > bytes ? (unsigned)bytes : min;

		error = background(self, SIGTTIN);
		if (error)
			return error;
		if (hung_up || terminal_readable(&terminal, needed ? needed : 1))
			return 0;
		if (!canonical && !min && !tenths)
			return 0;
		if (!wait)
			return !canonical && count ? 0 : -EAGAIN;
		/* The timer starts with the call if no byte is required, else with each byte. */
		if (!canonical && tenths && (!min || terminal_count(&terminal) != count || count)) {
			if (!deadline || (min && terminal_count(&terminal) != count))
				deadline = time_monotonic() + tenths * 100000000ull;
		}
		count = terminal_count(&terminal);
		error = wait_on(self, &readers, deadline);
		if (error == -ETIMEDOUT)
			return 0;
		if (error)
			return !canonical && count ? 0 : error;
	}
}

static long tty_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	char piece[PIECE_BYTES];
	size_t done = 0;
	int error;

	(void)pos;
	if (!bytes)
		return 0;
	error = wait_for_input(self, bytes, !(file->flags & O_NONBLOCK));
	if (error)
		return error;
	while (done < bytes && terminal_readable(&terminal, 1)) {
		size_t wanted = min_u64(bytes - done, sizeof(piece));
		size_t got = terminal_read(&terminal, piece, wanted);

		if (copy_guarded((char *)to + done, piece, got) < got)
			return -EFAULT;
		done += got;
		/* A canonical read ends with its line. */
		if (got < wanted || (terminal.settings.c_lflag & ICANON && piece[got - 1] == '\n'))
			break;
	}
	return (long)done;
}

/* --- writing --- */

static long tty_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos)
{
	char piece[PIECE_BYTES], processed[PIECE_BYTES * 8];
	bool wait = !(file->flags & O_NONBLOCK);
	size_t done = 0;
	int error = terminal.settings.c_lflag & TOSTOP ? background(self, SIGTTOU) : 0;

	(void)pos;
	if (error)
		return error;
	if (hung_up)
		return -EIO;
	while (done < bytes) {
		size_t wanted = min_u64(bytes - done, sizeof(piece));
		size_t got = copy_guarded(piece, (const char *)from + done, wanted);
		size_t length, sent = 0;

		if (!got)
			return done ? (long)done : -EFAULT;
		if (!wait && !console_writable(PORT_STDOUT))
			return done ? (long)done : -EAGAIN;
		length = terminal_process(&terminal, piece, got, processed);
		/* What the discipline made of the piece goes out whole, or the column would be wrong. */
		while (sent < length) {
			long more = console_write(self, PORT_STDOUT, processed + sent, length - sent, true);

			if (more < 0)
				return done ? (long)done : more;
			sent += (size_t)more;
		}
		done += got;
	}
	return (long)done;
}

static unsigned tty_poll(struct file *file, struct poll_wait *wait)
{
	unsigned ready = 0;

	(void)file;
	poll_on(wait, &readers);
	poll_on(wait, console_output(PORT_STDOUT));
	if (terminal_readable(&terminal, 1))
		ready |= EPOLLIN | EPOLLRDNORM;
	if (hung_up)
		ready |= EPOLLHUP | EPOLLIN;
	else if (console_writable(PORT_STDOUT))
		ready |= EPOLLOUT | EPOLLWRNORM;
	return ready;
}

/* --- settings --- */

static long set_settings(struct task *self, unsigned command, u64 argument)
{
	struct termios settings;
	int error = background(self, SIGTTOU);

	if (error)
		return error;
	if (user_read(self, argument, &settings, sizeof(settings)))
		return -EFAULT;
	terminal_set(&terminal, &settings, command == TCSETSF);
	console_hold(terminal.stopped);
	wait_wake(&readers);
	return 0;
}

static long set_size(struct task *self, u64 argument)
{
	struct winsize wanted;

	if (user_read(self, argument, &wanted, sizeof(wanted)))
		return -EFAULT;
	tty_resize(wanted.ws_row, wanted.ws_col);
	return 0;
}

static long set_foreground(struct task *self, u64 argument)
{
	int error = background(self, SIGTTOU);
	u32 group;

	if (error)
		return error;
	if (user_get_u32(self, argument, &group))
		return -EFAULT;
	if (self->process->sid != session)
		return -ENOTTY;
	if ((i32)group < 0)
		return -EINVAL;
	if (!group_in_session(group, session))
		return -EPERM;
	foreground = group;
	return 0;
}

static long take_terminal(struct task *self, u64 force)
{
	struct process *process = self->process;

	if (process->sid == session)
		return 0;
	if (process->pid != process->sid || (session && !(force == 1 && task_is_root(self))))
		return -EPERM;
	tty_take(process->sid, process->pgid);
	return 0;
}

static long flush(u64 what)
{
	if (what > TCIOFLUSH)
		return -EINVAL;
	if (what != TCOFLUSH)
		terminal_flush_input(&terminal);
	return 0;
}

static long flow(u64 what)
{
	if (what > TCION)
		return -EINVAL;
	if (what == TCOOFF || what == TCOON) {
		terminal.stopped = what == TCOOFF;
		console_hold(terminal.stopped);
	}
	return 0;
}

static long tty_ioctl(struct task *self, struct file *file, unsigned command, u64 argument)
{
	(void)file;
	switch (command) {
	case TCGETS:
		return user_write(self, argument, &terminal.settings, sizeof(terminal.settings));
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return set_settings(self, command, argument);
	case TIOCGWINSZ:
		return user_write(self, argument, &size, sizeof(size));
	case TIOCSWINSZ:
		return set_size(self, argument);
	case TIOCGPGRP:
		return self->process->sid == session ? user_put_u32(self, argument, foreground) : -ENOTTY;
	case TIOCSPGRP:
		return set_foreground(self, argument);
	case TIOCGSID:
		return self->process->sid == session ? user_put_u32(self, argument, session) : -ENOTTY;
	case TIOCSCTTY:
		return take_terminal(self, argument);
	case TIOCNOTTY:
		if (self->process->sid == session && self->process->pid == session)
			tty_session_ended(session);
		return 0;
	case FIONREAD:
		return user_put_u32(self, argument, (u32)terminal_count(&terminal));
	case TIOCOUTQ:
		return user_put_u32(self, argument, 0);
	case TCFLSH:
		return flush(argument);
	case TCXONC:
		return flow(argument);
	case TCSBRK:
	case TCSBRKP:
		return 0;
	default:
		return -ENOTTY;
	}
}

static const struct file_ops tty_ops = {
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
};

int tty_open(struct task *self, struct file *file, bool own)
{
	struct process *process = self->process;

	if (own && (!session || process->sid != session))
		return -ENXIO;
	/* A session leader without a terminal gets the first one it opens. */
	if (!own && !session && process->pid == process->sid && !(file->flags & O_NOCTTY))
		tty_take(process->sid, process->pgid);
	file->ops = &tty_ops;
	return 0;
}

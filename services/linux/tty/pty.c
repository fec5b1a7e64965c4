/* Pseudo-terminals. Reading the master is the screen of a terminal, writing to it the keyboard.
 *
 *   write(master) --> line discipline --> read(slave)
 *   read(master)  <-- ring <-- line discipline <-- write(slave), echo
 *
 * It lives until its master and all slaves are closed. */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "lib/format.h"
#include "lib/string.h"

#include "services/linux/event/event.h"
#include "services/linux/syscall.h"
#include "services/runtime/heap.h"
#include "services/linux/send_signal.h"
#include "services/linux/tty/private.h"

/* ROOM: a program may write when what the discipline makes of its piece fits. Number 0 is the host's terminal. */
enum { RING_BYTES = 16384, ROOM = 4096, PIECE_BYTES = 512, NUMBER_MAX = 255, TTY_GROUP = 5, DEVICE_MAJOR = 136 };

struct pty {
	struct tty tty;
	char *ring; /* RING_BYTES: output that the master has not read */
	u32 head, count;
	bool locked; /* TIOCSPTLCK: slaves cannot be opened */
	bool master_closed;
	bool slave_closed; /* there was one, and now there is none */
	u32 slaves;
	struct dentry *dentry;       /* its name, with a reference */
	struct wait_queue can_read;  /* the master */
	struct wait_queue can_write; /* slaves */
};

static struct pty *ptys[NUMBER_MAX + 1];
static struct dentry *directory;

static struct pty *pty_of(const struct tty *tty)
{
	return container_of(tty, struct pty, tty);
}

void pty_init(struct dentry *dentry)
{
	directory = dentry_get(dentry);
}

/* --- what slaves show --- */

static u32 ring_put(struct pty *pty, const char *text, size_t bytes)
{
	u32 count = (u32)min_u64(bytes, RING_BYTES - pty->count);

	for (u32 i = 0; i < count; i++)
		pty->ring[(pty->head + pty->count + i) % RING_BYTES] = text[i];
	pty->count += count;
	if (count)
		wake_up(&pty->can_read);
	return count;
}

static void pty_echo(struct ldisc *ldisc, const char *text, size_t bytes)
{
	ring_put(pty_of(container_of(ldisc, struct tty, ldisc)), text, bytes);
}

static bool pty_writable(const struct tty *tty)
{
	return RING_BYTES - pty_of(tty)->count >= ROOM && !tty->ldisc.stopped;
}

static long pty_show(struct task *self, struct tty *tty, const char *text, size_t bytes, bool wait)
{
	struct pty *pty = pty_of(tty);
	int error = 0;

	for (;;) {
		if (tty->hung_up)
			return -EIO;
		if (pty->count < RING_BYTES && !tty->ldisc.stopped)
			return ring_put(pty, text, bytes);
		if (error || !wait)
			return error ? error : -EAGAIN;
		error = wait_on(self, &pty->can_write, 0);
	}
}

static struct wait_queue *pty_output(struct tty *tty)
{
	return &pty_of(tty)->can_write;
}

static void pty_stopped(struct tty *tty)
{
	if (!tty->ldisc.stopped)
		wake_up(&pty_of(tty)->can_write);
}

static void pty_free(struct pty *pty)
{
	if (!pty->master_closed || pty->slaves)
		return;
	ptys[pty->tty.number] = NULL;
	tty_end(&pty->tty);
	pages_free(pty->ring, RING_BYTES);
	heap_free(pty);
}

static int slave_opened(struct tty *tty)
{
	struct pty *pty = pty_of(tty);

	if (pty->locked || pty->master_closed)
		return -EIO;
	pty->slaves++;
	pty->slave_closed = false;
	return 0;
}

static void slave_closed(struct tty *tty)
{
	struct pty *pty = pty_of(tty);

	if (--pty->slaves)
		return;
	pty->slave_closed = true;
	wake_up(&pty->can_read);
	pty_free(pty);
}

static const struct tty_driver pty_screen = {
	.echo = pty_echo,
	.write = pty_show,
	.writable = pty_writable,
	.output = pty_output,
	.stopped = pty_stopped,
	.opened = slave_opened,
	.closed = slave_closed,
};

int pty_open_slave(struct task *self, struct file *file, u32 number)
{
	struct pty *pty = number <= NUMBER_MAX ? ptys[number] : NULL;

	return pty ? tty_open(self, file, &pty->tty) : -EIO;
}

/* --- masters --- */

static long master_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	struct pty *pty = file->data;
	size_t done = 0;
	int error;

	(void)pos;
	while (bytes && !pty->count) {
		if (pty->slave_closed)
			return -EIO;
		error = file->flags & O_NONBLOCK ? -EAGAIN : wait_on(self, &pty->can_read, 0);
		if (error)
			return error;
	}
	while (done < bytes && pty->count) {
		size_t piece = min_u64(min_u64(bytes - done, pty->count), RING_BYTES - pty->head);
		size_t copied = copy_guarded((char *)to + done, pty->ring + pty->head, piece);

		done += copied;
		pty->count -= (u32)copied;
		pty->head = pty->count ? (pty->head + (u32)copied) % RING_BYTES : 0;
		if (copied < piece)
			break;
	}
	wake_up(&pty->can_write);
	return done || !bytes ? (long)done : -EFAULT;
}

/* Gives the line discipline as many bytes as the terminal has room for. A single one may cause the whole line to be printed
 * again. */
static size_t type(const struct task *self, struct pty *pty, const char *bytes, size_t count)
{
	size_t done = 0;

	while (done < count && ldisc_has_room(&pty->tty.ldisc) && !(done && task_interrupted(self))) {
		tty_receive(&pty->tty, bytes + done++, 1);
		service_lock_pass();
	}
	return done;
}

static long master_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos)
{
	struct pty *pty = file->data;
	char piece[PIECE_BYTES];
	size_t done = 0;
	int error;

	(void)pos;
	while (done < bytes) {
		size_t got = copy_guarded(piece, (const char *)from + done, min_u64(bytes - done, sizeof(piece)));
		size_t typed;

		if (!got)
			return done ? (long)done : -EFAULT;
		typed = type(self, pty, piece, got);
		done += typed;
		if (done == bytes || task_interrupted(self))
			break;
		if (typed == got)
			continue;
		error = file->flags & O_NONBLOCK ? -EAGAIN : wait_on(self, &pty->tty.room, 0);
		if (error)
			return done ? (long)done : error;
	}
	return (long)done;
}

static unsigned master_poll(struct file *file, struct poll_table *wait)
{
	struct pty *pty = file->data;
	unsigned ready = 0;

	poll_wait(wait, &pty->can_read);
	poll_wait(wait, &pty->tty.room);
	if (pty->count)
		ready |= EPOLLIN | EPOLLRDNORM;
	if (pty->slave_closed)
		ready |= EPOLLHUP;
	if (ldisc_has_room(&pty->tty.ldisc))
		ready |= EPOLLOUT | EPOLLWRNORM;
	return ready;
}

/* TIOCGPTPEER: opens the slave without its name. */
static long open_peer(struct task *self, struct pty *pty, u32 flags)
{
	struct file *file;
	int error = file_open(self, pty->dentry, flags & (O_ACCMODE | O_NONBLOCK | O_NOCTTY), &file);

	return error ? error : descriptor_add(self, file, 0, flags & O_CLOEXEC);
}

static long master_ioctl(struct task *self, struct file *file, unsigned command, u64 argument)
{
	struct pty *pty = file->data;
	u32 word;

	switch (command) {
	case TIOCGPTN:
		return user_put_u32(self, argument, pty->tty.number);
	case TIOCSPTLCK:
		if (user_get_u32(self, argument, &word))
			return -EFAULT;
		pty->locked = word != 0;
		return 0;
	case TIOCGPTLCK:
		return user_put_u32(self, argument, pty->locked);
	case TIOCGPTPEER:
		return open_peer(self, pty, (u32)argument);
	case FIONREAD:
		return user_put_u32(self, argument, pty->count);
	case TIOCSIG:
		/* What could be typed. */
		if (argument != SIGINT && argument != SIGQUIT && argument != SIGTSTP)
			return -EINVAL;
		signal_foreground(pty->tty.session, pty->tty.foreground, (int)argument);
		return 0;
	default:
		return tty_ioctl(self, &pty->tty, command, argument, true);
	}
}

static void master_release(struct task *self, struct file *file)
{
	struct pty *pty = file->data;

	(void)self;
	if (!pty)
		return;
	pty->master_closed = true;
	tty_hangup(&pty->tty);
	tty_disassociate(&pty->tty);
	dentry_delete(pty->dentry);
	dentry_put(pty->dentry);
	pty_free(pty);
}

static const struct file_ops master_ops = {
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.ioctl = master_ioctl,
	.release = master_release,
};

/* The name in the directory. */
static int pty_name(struct task *self, struct pty *pty)
{
	char name[12];
	int length = format(name, sizeof(name), "%u", pty->tty.number);
	struct inode *inode = inode_new(directory->inode->sb, S_IFCHR | 0620, self->process->cred.fsuid, TTY_GROUP);
	int error = inode ? dentry_lookup(self, directory, name, (size_t)length, &pty->dentry) : -ENOMEM;

	if (error) {
		inode_put(inode);
		return error;
	}
	inode->rdev = (u64)DEVICE_MAJOR << 8 | pty->tty.number;
	dentry_instantiate(pty->dentry, inode);
	return 0;
}

int pty_open(struct task *self, struct file *file)
{
	struct pty *pty;
	u32 number = 1;
	int error;

	while (number <= NUMBER_MAX && ptys[number])
		number++;
	if (number > NUMBER_MAX)
		return -ENOSPC;
	pty = heap_zalloc(sizeof(*pty));
	if (!pty)
		return -ENOMEM;
	pty->ring = pages_alloc(RING_BYTES);
	pty->tty.number = number;
	error = pty->ring ? pty_name(self, pty) : -ENOMEM;
	if (error) {
		if (pty->ring)
			pages_free(pty->ring, RING_BYTES);
		heap_free(pty);
		return error;
	}
	wait_queue_init(&pty->can_read);
	wait_queue_init(&pty->can_write);
	tty_setup(&pty->tty, &pty_screen);
	/* Only terminals of people are known to take UTF-8. */
	pty->tty.ldisc.settings.c_iflag &= ~(tcflag_t)IUTF8;
	pty->locked = true;
	ptys[number] = pty;
	file->ops = &master_ops;
	file->data = pty;
	return 0;
}

/* The start of terminals, and the first process's standard input, output and error: the host's terminal, or its byte streams. */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "lib/string.h"
#include "services/runtime/service.h"

#include "services/linux/config.h"
#include "services/linux/event/event.h"
#include "services/linux/fs/fs.h"
#include "services/linux/tty/console.h"
#include "services/linux/tty/private.h"

/* /dev/pts/0 */
static struct dentry *terminal;

/* --- byte streams --- */

static long stream_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	(void)pos;
	if (file->inode->data[0] != PORT_STDIN)
		return -EBADF;
	return console_read(self, to, bytes, !(file->flags & O_NONBLOCK));
}

static long stream_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos)
{
	(void)pos;
	if (file->inode->data[0] == PORT_STDIN)
		return -EBADF;
	return console_write(self, (unsigned)file->inode->data[0], from, bytes, !(file->flags & O_NONBLOCK));
}

static unsigned stream_poll(struct file *file, struct poll_table *wait)
{
	unsigned port = (unsigned)file->inode->data[0];

	if (port == PORT_STDIN) {
		poll_wait(wait, &console_input);
		return console_readable() ? EPOLLIN | EPOLLRDNORM : 0;
	}
	poll_wait(wait, console_output(port));
	return console_writable(port) ? EPOLLOUT | EPOLLWRNORM : 0;
}

static const struct file_ops stream_ops = { .read = stream_read, .write = stream_write, .poll = stream_poll };

/* Opened again through /proc/self/fd. */
static int stream_open(struct task *self, struct inode *inode, struct file *file)
{
	(void)self, (void)inode;
	file->ops = &stream_ops;
	return 0;
}

static const struct inode_ops stream_inode_ops = { .open = stream_open };

static struct file *stream_file(unsigned fd)
{
	struct inode *inode = anonymous_inode(S_IFIFO | 0600);

	if (!inode)
		return NULL;
	inode->ops = &stream_inode_ops;
	inode->data[0] = PORT_STDIN + fd;
	return file_new(&stream_ops, inode, NULL, fd ? O_WRONLY : O_RDONLY);
}

/* --- the first process --- */

static struct file *first_file(struct task *self, unsigned fd, const char *ttys)
{
	struct file *file;

	if (!ttys || !strchr(ttys, '0' + (int)fd))
		return stream_file(fd);
	if (file_open(self, terminal, O_RDWR | O_NOCTTY, &file))
		return NULL;
	return file;
}

struct descriptor_table *tty_first_descriptors(struct task *self)
{
	const char *at = NULL;
	const char *ttys = config_get("tty", &at);
	struct descriptor_table *files = descriptors_empty();

	if (!files)
		return NULL;
	self->files = files;
	if (ttys && *ttys) {
		tty_set_controlling(self->process->sid, self->process->pgid);
		terminal->inode->uid = self->process->cred.uid;
	}
	for (unsigned fd = 0; fd < 3; fd++) {
		struct file *file = first_file(self, fd, ttys);

		if (!file)
			return NULL;
		descriptor_set(self, file, fd, false);
	}
	return files;
}

/* --- the start --- */

static int open_own(struct task *self, struct inode *inode, struct file *file)
{
	(void)inode;
	return tty_open_own(self, file);
}

static int open_console(struct task *self, struct inode *inode, struct file *file)
{
	(void)inode;
	return tty_open_console(self, file);
}

static int open_master(struct task *self, struct inode *inode, struct file *file)
{
	(void)inode;
	return pty_open(self, file);
}

static int open_slave(struct task *self, struct inode *inode, struct file *file)
{
	return pty_open_slave(self, file, inode->rdev & 0xff);
}

static const struct device devices[] = {
	{ DEVICE(5, 0), DEVICE(5, 0), NULL, open_own },
	{ DEVICE(5, 1), DEVICE(5, 1), NULL, open_console },
	{ DEVICE(5, 2), DEVICE(5, 2), NULL, open_master },
	{ DEVICE(136, 0), DEVICE(136, 0), NULL, open_console },
	{ DEVICE(136, 1), DEVICE(136, 255), NULL, open_slave },
	{ 0, 0, NULL, NULL },
};

void tty_init(void (*map)(void), void (*time_out)(void))
{
	const char *at = NULL, *ttys = config_get("tty", &at);

	devices_register(devices);
	terminal = fs_mknod("/dev/pts", "0", S_IFCHR | 0620, DEVICE(136, 0));
	terminal->inode->gid = 5;
	pty_init(terminal->parent);
	tty_size(config_number("rows", 24), config_number("cols", 80));
	console_init(ttys && strchr(ttys, '0'), map, time_out);
}

/* Connected pairs of UNIX stream sockets: two pipes crossed. There are no other sockets yet. */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/stat.h>

#include "linux/call.h"
#include "linux/memory.h"
#include "linux/pipe.h"
#include "linux/ready.h"

/* The UAPI headers leave these to the C library. */
enum { FAMILY_UNIX = 1, TYPE_STREAM = 1, TYPE_MASK = 15, FLAG_PEEK = 2, FLAG_DONTWAIT = 0x40, FLAG_NOSIGNAL = 0x4000 };

/* One end. */
struct socket {
	struct pipe *in, *out;
	bool in_closed, out_closed;
};

static long socket_receive(struct task *self, struct file *file, void *to, size_t bytes, bool wait)
{
	struct socket *socket = file->data;

	return socket->in_closed ? 0 : pipe_read(self, socket->in, to, bytes, wait && !(file->flags & O_NONBLOCK));
}

static long socket_send(struct task *self, struct file *file, const void *from, size_t bytes, bool wait)
{
	struct socket *socket = file->data;

	if (socket->out_closed)
		return -EPIPE;
	return pipe_write(self, socket->out, from, bytes, wait && !(file->flags & O_NONBLOCK));
}

static long socket_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	(void)pos;
	return socket_receive(self, file, to, bytes, true);
}

static long socket_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos)
{
	(void)pos;
	return socket_send(self, file, from, bytes, true);
}

static unsigned socket_poll(struct file *file, struct poll_wait *wait)
{
	struct socket *socket = file->data;
	unsigned in = pipe_ready(socket->in, true, false), out = pipe_ready(socket->out, false, true);
	unsigned ready = (in & (EPOLLIN | EPOLLRDNORM)) | (out & (EPOLLOUT | EPOLLWRNORM));

	poll_on(wait, &socket->in->can_read);
	poll_on(wait, &socket->out->can_write);
	if (in & EPOLLHUP || socket->in_closed)
		ready |= EPOLLIN | EPOLLRDHUP;
	if (in & EPOLLHUP && out & EPOLLERR)
		ready |= EPOLLHUP | EPOLLOUT;
	return ready;
}

static long socket_ioctl(struct task *self, struct file *file, unsigned command, u64 argument)
{
	const struct socket *socket = file->data;

	return command == FIONREAD ? user_put_u32(self, argument, socket->in->count) : -ENOTTY;
}

static void close_half(struct pipe *pipe, bool *closed, bool reader)
{
	if (!*closed)
		pipe_end(pipe, reader);
	*closed = true;
}

static void socket_release(struct task *self, struct file *file)
{
	struct socket *socket = file->data;

	(void)self;
	if (!socket)
		return;
	close_half(socket->in, &socket->in_closed, true);
	close_half(socket->out, &socket->out_closed, false);
	pipe_put(socket->in);
	pipe_put(socket->out);
	memory_free(socket);
}

static const struct file_ops socket_ops = {
	.read = socket_read,
	.write = socket_write,
	.poll = socket_poll,
	.ioctl = socket_ioctl,
	.release = socket_release,
};

static struct file *socket_file(struct pipe *in, struct pipe *out, u32 flags)
{
	struct socket *socket = memory_zeroed(sizeof(*socket));
	struct inode *inode = socket ? anonymous_inode(S_IFSOCK | 0777) : NULL;
	struct file *file = inode ? file_new(&socket_ops, inode, NULL, O_RDWR | (flags & O_NONBLOCK)) : NULL;

	if (!file) {
		memory_free(socket);
		return NULL;
	}
	*socket = (struct socket){ in, out, false, false };
	in->refs++;
	out->refs++;
	in->readers = in->writers = in->writers_ever = 1;
	file->data = socket;
	return file;
}

long sys_socketpair(struct task *self, struct user_frame *f)
{
	u32 flags = (u32)arg(f, 1) & ~(u32)TYPE_MASK;
	struct pipe *pipes[2];
	int fds[2] = { -ENOMEM, -ENOMEM };

	if ((u32)arg(f, 0) != FAMILY_UNIX)
		return -EAFNOSUPPORT;
	if (((u32)arg(f, 1) & TYPE_MASK) != TYPE_STREAM)
		return -EPROTONOSUPPORT;
	pipes[0] = pipe_new();
	pipes[1] = pipe_new();
	for (unsigned i = 0; pipes[0] && pipes[1] && i < 2; i++) {
		struct file *file = socket_file(pipes[i], pipes[!i], flags);

		fds[i] = file ? files_add(self, file, 0, flags & O_CLOEXEC) : -ENOMEM;
		if (fds[i] < 0)
			break;
	}
	for (unsigned i = 0; i < 2; i++)
		if (pipes[i])
			pipe_put(pipes[i]);
	if (fds[0] >= 0 && fds[1] >= 0 && !user_write(self, arg(f, 3), fds, sizeof(fds)))
		return 0;
	for (unsigned i = 0; i < 2; i++)
		if (fds[i] >= 0)
			files_close(self, (unsigned)fds[i]);
	return fds[0] < 0 ? fds[0] : fds[1] < 0 ? fds[1] : -EFAULT;
}

long sys_socket(struct task *self, struct user_frame *f)
{
	(void)self, (void)f;
	return -EAFNOSUPPORT;
}

/* The file behind a descriptor if it is a socket; with a reference. */
static long socket_get(struct task *self, u64 fd, struct file **file)
{
	*file = files_peek(self->files, fd);
	if (!*file)
		return -EBADF;
	if ((*file)->ops != &socket_ops)
		return -ENOTSOCK;
	file_share(*file);
	return 0;
}

long sys_sendto(struct task *self, struct user_frame *f)
{
	const void *from = user_pointer(self, arg(f, 1), arg(f, 2));
	struct file *file;
	long result = socket_get(self, arg(f, 0), &file);

	if (result)
		return result;
	result = from ? socket_send(self, file, from, arg(f, 2), !(arg(f, 3) & FLAG_DONTWAIT)) : -EFAULT;
	file_put(self, file);
	return result;
}

long sys_recvfrom(struct task *self, struct user_frame *f)
{
	void *to = user_target(self, arg(f, 1), arg(f, 2));
	struct file *file;
	long result = socket_get(self, arg(f, 0), &file);

	if (result)
		return result;
	if (arg(f, 3) & FLAG_PEEK)
		result = -EOPNOTSUPP;
	else
		result = to ? socket_receive(self, file, to, arg(f, 2), !(arg(f, 3) & FLAG_DONTWAIT)) : -EFAULT;
	file_put(self, file);
	return result;
}

long sys_shutdown(struct task *self, struct user_frame *f)
{
	u64 how = arg(f, 1);
	struct socket *socket;
	struct file *file;
	long result = socket_get(self, arg(f, 0), &file);

	if (result)
		return result;
	socket = file->data;
	if (how > 2)
		result = -EINVAL;
	else if (how != 1)
		close_half(socket->in, &socket->in_closed, true);
	if (!result && how != 0)
		close_half(socket->out, &socket->out_closed, false);
	file_put(self, file);
	return result;
}

/* UNIX sockets as files, and their life. */
#include "services/linux/clock.h"
#include "services/linux/event/event.h"
#include "services/linux/net/socket.h"

#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/in.h>
#include <linux/sockios.h>
#include <linux/stat.h>
#include <linux/uio.h>

#include "services/linux/syscall.h"
#include "services/runtime/heap.h"
#include "services/linux/send_signal.h"

struct socket *socket_new(struct task *self, unsigned type)
{
	struct socket *socket = heap_zalloc(sizeof(*socket));

	if (!socket)
		return NULL;
	socket->refs = 1;
	socket->family = AF_UNIX;
	socket->type = (u8)type;
	socket->owner = credentials_of(self);
	socket->send_buffer = socket->receive_buffer = BUFFER_DEFAULT;
	wait_queue_init(&socket->can_read);
	wait_queue_init(&socket->can_write);
	wait_queue_init(&socket->room);
	stream_init(&socket->in);
	list_init(&socket->messages);
	list_init(&socket->senders);
	list_init(&socket->of_senders);
	list_init(&socket->pending);
	list_init(&socket->of_pending);
	list_init(&socket->cookies);
	list_init(&socket->of_flying);
	return socket;
}

struct socket *socket_get(struct socket *socket)
{
	socket->refs++;
	return socket;
}

void socket_put(struct socket *socket)
{
	if (!socket || --socket->refs)
		return;
	socket_name_put(socket->name);
	heap_free(socket);
}

void socket_wake(struct socket *socket)
{
	wake_up(&socket->can_read);
	wake_up(&socket->can_write);
}

/* The peer of a connection has been closed. */
static void peer_closed(struct socket *peer, bool lost)
{
	peer->in_shut = peer->out_shut = true;
	if (lost)
		peer->error = ECONNRESET;
	socket_wake(peer);
}

void socket_close(struct task *self, struct socket *socket)
{
	struct socket *peer = socket->peer;
	bool waiting = !list_is_empty(&socket->of_pending);

	socket->closed = true;
	list_remove(&socket->of_pending);
	if (socket->name)
		socket_name_unbind(socket);
	while (!list_is_empty(&socket->pending)) {
		struct socket *early = container_of(list_first(&socket->pending), struct socket, of_pending);

		socket_close(self, early);
		socket_put(early);
	}
	if (peer && socket->type == SOCK_DGRAM)
		datagram_connect(socket, NULL);
	else if (peer && !peer->closed)
		peer_closed(peer, waiting || socket->in.count || socket->message_count);
	stream_clear(self, &socket->in);
	datagrams_clear(self, socket);
	wake_up(&socket->room);
	list_for_each(node, &socket->senders)
		wake_up(&container_of(node, struct socket, of_senders)->can_write);
	if (socket->type != SOCK_DGRAM) {
		socket->peer = NULL;
		socket_put(peer);
	}
}

/* --- transfers --- */

u64 socket_deadline(const struct transfer *transfer, u64 timeout)
{
	if (transfer->flags & MSG_DONTWAIT)
		return 1;
	return timeout ? deadline_after(timeout) : 0;
}

long socket_wait(struct task *self, struct wait_queue *list, u64 deadline)
{
	int error;

	if (deadline == 1)
		return -EAGAIN;
	error = wait_on(self, list, deadline);
	if (error == -ETIMEDOUT)
		return -EAGAIN;
	/* A call with a timeout is not started again. */
	return error && deadline ? -EINTR : error;
}

int socket_error(struct socket *socket)
{
	int error = socket->error;

	socket->error = 0;
	return -error;
}

long socket_send(struct task *self, struct socket *socket, struct transfer *transfer)
{
	long result = socket->type == SOCK_STREAM ? stream_send(self, socket, transfer)
						  : datagram_send(self, socket, transfer);

	if (result == -EPIPE && socket->type == SOCK_STREAM && !(transfer->flags & MSG_NOSIGNAL))
		signal_send(self, SIGPIPE);
	return result;
}

long socket_receive(struct task *self, struct socket *socket, struct transfer *transfer)
{
	if (socket->type == SOCK_STREAM)
		return stream_receive(self, socket, transfer);
	return datagram_receive(self, socket, transfer);
}

/* --- as a file --- */

static long socket_readv_writev(struct task *self, struct file *file, struct iovec *pieces, u64 count, u64 bytes,
	bool write)
{
	struct transfer transfer = { .pieces = pieces, .count = count, .bytes = bytes };
	long result;

	transfer.flags = file->flags & O_NONBLOCK ? MSG_DONTWAIT : 0;
	if (write)
		return socket_send(self, file->data, &transfer);
	if (!bytes)
		return 0;
	result = socket_receive(self, file->data, &transfer);
	scm_destroy(self, transfer.attached);
	socket_name_put(transfer.name);
	return result;
}

static long socket_read(struct task *self, struct file *file, void *to, size_t bytes, u64 *pos)
{
	struct iovec piece = { to, bytes };

	(void)pos;
	return socket_readv_writev(self, file, &piece, 1, bytes, false);
}

static long socket_write(struct task *self, struct file *file, const void *from, size_t bytes, u64 *pos)
{
	struct iovec piece = { (void *)from, bytes };

	(void)pos;
	return socket_readv_writev(self, file, &piece, 1, bytes, true);
}

static unsigned socket_poll(struct file *file, struct poll_table *wait)
{
	struct socket *socket = file->data;
	bool stream = socket->type == SOCK_STREAM;
	unsigned ready = 0;

	poll_wait(wait, &socket->can_read);
	poll_wait(wait, &socket->can_write);
	if (socket->error)
		ready |= EPOLLERR;
	if (socket->in_shut)
		ready |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (socket->in_shut && socket->out_shut)
		ready |= EPOLLHUP;
	if (socket->in.count || socket->message_count || socket->pending_count)
		ready |= EPOLLIN | EPOLLRDNORM;
	if (socket->type != SOCK_DGRAM && socket->state == SOCKET_OPEN)
		ready |= EPOLLHUP;
	if (socket->state != SOCKET_LISTENING && (stream ? stream_writable(socket) : datagram_writable(socket)))
		ready |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return ready;
}

static long socket_ioctl(struct task *self, struct file *file, unsigned command, u64 argument)
{
	const struct socket *socket = file->data;
	u32 in = socket->type == SOCK_STREAM ? socket->in.count : socket->message_bytes;
	u32 out = socket->charged;

	if (command != FIONREAD && command != SIOCOUTQ)
		return -ENOTTY;
	if (socket->state == SOCKET_LISTENING && command == FIONREAD)
		return -EINVAL;
	if (socket->type == SOCK_DGRAM)
		in = datagram_first(socket);
	if (socket->type == SOCK_STREAM)
		out = socket->peer ? socket->peer->in.count : 0;
	return user_put_u32(self, argument, command == FIONREAD ? in : out);
}

static void socket_release(struct task *self, struct file *file)
{
	struct socket *socket = file->data;

	if (!socket)
		return;
	socket_close(self, socket);
	socket_put(socket);
}

/* A descriptor is closed, and the file stays: perhaps all other references are in queues of sockets that nobody can reach. */
static void socket_closed(struct task *self, struct file *file)
{
	const struct socket *socket = file->data;

	if (socket && socket->in_flight)
		scm_collect(self);
}

static const struct file_ops socket_ops = {
	.read = socket_read,
	.write = socket_write,
	.readv_writev = socket_readv_writev,
	.poll = socket_poll,
	.ioctl = socket_ioctl,
	.release = socket_release,
	.close = socket_closed,
};

int socket_open(struct task *self, struct socket *socket, u32 flags)
{
	struct inode *inode = anonymous_inode(S_IFSOCK | 0777);
	struct file *file = inode ? file_new(&socket_ops, inode, NULL, O_RDWR | (flags & O_NONBLOCK)) : NULL;

	if (!file) {
		socket_close(self, socket);
		socket_put(socket);
		return -ENOMEM;
	}
	inode->uid = self->process->cred.fsuid;
	inode->gid = self->process->cred.fsgid;
	file->data = socket;
	socket->file = file;
	return descriptor_add(self, file, 0, flags & O_CLOEXEC);
}

struct socket *socket_of_file(const struct file *file)
{
	return file->ops == &socket_ops ? file->data : NULL;
}

long sockfd_lookup(struct task *self, u64 fd, struct file **file, struct socket **socket)
{
	*file = descriptor_peek(self->files, fd);
	if (!*file || (*file)->flags & O_PATH)
		return -EBADF;
	if ((*file)->ops != &socket_ops)
		return -ENOTSOCK;
	file_get(*file);
	*socket = (*file)->data;
	return 0;
}

/* --- calls --- */

long sys_socket(struct task *self, struct user_frame *f)
{
	u32 flags = (u32)arg(f, 1) & ~(u32)SOCK_TYPE_MASK;
	u32 type = (u32)arg(f, 1) & SOCK_TYPE_MASK, family = (u32)arg(f, 0), protocol = (u32)arg(f, 2);
	struct socket *socket;

	if (flags & ~(u32)(O_NONBLOCK | O_CLOEXEC))
		return -EINVAL;
	if (family != AF_UNIX && family != AF_INET)
		return -EAFNOSUPPORT;
	if (family == AF_UNIX ? protocol > AF_UNIX : protocol && protocol != IPPROTO_TCP)
		return -EPROTONOSUPPORT;
	if (family == AF_INET && type != SOCK_STREAM)
		return -ESOCKTNOSUPPORT;
	/* Linux takes raw sockets for datagrams. */
	if (type == SOCK_RAW)
		type = SOCK_DGRAM;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	socket = socket_new(self, type);
	if (!socket)
		return -ENOMEM;
	socket->family = (u8)family;
	return socket_open(self, socket, flags);
}

long sys_shutdown(struct task *self, struct user_frame *f)
{
	unsigned how = (unsigned)arg(f, 1) + 1;
	struct socket *socket, *peer;
	struct file *file;
	long result = sockfd_lookup(self, arg(f, 0), &file, &socket);

	if (result)
		return result;
	if (how < RCV_SHUTDOWN || how > (RCV_SHUTDOWN | SEND_SHUTDOWN)) {
		file_put(self, file);
		return -EINVAL;
	}
	if (socket->family == AF_INET && socket->state == SOCKET_OPEN) {
		file_put(self, file);
		return -ENOTCONN;
	}
	peer = socket->type == SOCK_DGRAM ? NULL : socket->peer;
	if (how & RCV_SHUTDOWN)
		socket->in_shut = true;
	if (how & SEND_SHUTDOWN)
		socket->out_shut = true;
	wake_up(&socket->room);
	socket_wake(socket);
	if (peer) {
		peer->in_shut |= (how & SEND_SHUTDOWN) != 0;
		/* TCP does not tell the peer that this end does not read any more. */
		peer->out_shut |= how & RCV_SHUTDOWN && socket->family == AF_UNIX;
		socket_wake(peer);
	}
	file_put(self, file);
	return 0;
}
